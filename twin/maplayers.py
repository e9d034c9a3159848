"""Map layers that the twin brings."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from gis.numbered_cells import cells_within
from gis.tiles import TileLayer
from twin.kinds import AssetKind

_SCOPED = """LEFT JOIN access_organization AS o ON o.id = a.owner_id
             LEFT JOIN geo_region AS home ON home.id = o.region_id LEFT JOIN geo_region AS r ON r.id = a.region_id"""

AREAS = TileLayer(
    name="areas",
    title=_("区域"),
    source=f"twin_area AS a {_SCOPED}",
    geometry="a.boundary",
    properties=(("id", "a.id"), ("name", "a.name"), ("kind", "a.kind"), ("version", "a.version")),
    topics=("areas", "organizations", "regions"),
    feature_id="a.id",
    where="a.active",
    scope_organization="o.path",
    scope_regions=("home.path", "r.path"),
    min_zoom=9,
    max_zoom=15,
    past_source=f"""(
        SELECT area_id AS id, version, name, kind, boundary, z_min_m, z_max_m, owner_id, region_id, active,
               valid_from, valid_to FROM twin_areaversion) AS a {_SCOPED}""",  # noqa: S608 - a developer's text
    past_span=("a.valid_from", "a.valid_to"),
)

LIVE_LIFETIME_S = 2.0
"""What moves is drawn from the live socket; a tile of it is for programs that have none, and a moment old."""


def live_layer(kind: AssetKind, name: str) -> TileLayer:
    """Things of one kind where they were last heard of, those in use; what was never heard of is nowhere."""
    return TileLayer(
        name=name,
        title=kind.name,
        source="""twin_state AS s JOIN twin_asset AS a ON a.id = s.asset_id
                  LEFT JOIN access_organization AS o ON o.id = a.owner_id
                  LEFT JOIN geo_region AS home ON home.id = o.region_id
                  LEFT JOIN geo_region AS r ON r.id = s.region_id""",
        geometry="ST_SetSRID(ST_MakePoint(s.lon, s.lat), 4326)",
        point=("s.lon", "s.lat"),
        properties=(
            ("code", "a.code"),
            ("name", "a.name"),
            ("owner", "o.name"),
            ("region", "r.code"),
            ("status", "s.status"),
            ("time", "s.ts"),
            ("alt_m", "s.alt_m"),
            ("speed_m_s", "s.speed_m_s"),
            ("heading_deg", "s.heading_deg"),
        ),
        topics=(),
        feature_id="a.id",
        where=f"a.active AND a.kind = '{kind.key}'",
        scope_organization="o.path",
        scope_regions=("home.path", "r.path"),
        max_zoom=16,
        drop_below_px=0,
        within=partial(cells_within, "s.cell"),
        lifetime_s=LIVE_LIFETIME_S,
    )
