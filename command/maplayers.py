"""Map layers of this floor: alerts where they happened."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gis.tiles import TileLayer

ALERTS = TileLayer(
    name="alerts",
    title=_("预警"),
    source="""command_alert AS c LEFT JOIN access_organization AS o ON o.id = c.owner_id
              LEFT JOIN geo_region AS home ON home.id = o.region_id LEFT JOIN geo_region AS r ON r.id = c.region_id""",
    geometry="ST_SetSRID(ST_MakePoint(c.lon, c.lat), 4326)",
    properties=(
        ("rule", "c.rule"),
        ("grade", "c.grade"),
        ("state", "c.state"),
        ("subject", "c.subject"),
        ("owner", "o.name"),
        ("region", "r.code"),
        ("raised_at", "c.raised_at"),
        ("cause_ended_at", "c.cause_ended_at"),
        ("acknowledged_at", "c.acknowledged_at"),
        ("disposed_at", "c.disposed_at"),
        ("closed_at", "c.closed_at"),
    ),
    topics=(),
    feature_id="c.id",
    scope_organization="o.path",
    scope_regions=("home.path", "r.path"),
    max_zoom=16,
    drop_below_px=0,
    lifetime_s=2.0,
)
