"""Map layers that the twin brings."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gis.tiles import TileLayer

AREAS = TileLayer(
    name="areas",
    title=_("区域"),
    source="""twin_area AS a LEFT JOIN access_organization AS o ON o.id = a.owner_id
              LEFT JOIN geo_region AS home ON home.id = o.region_id LEFT JOIN geo_region AS r ON r.id = a.region_id""",
    geometry="a.boundary",
    properties=(("id", "a.id"), ("name", "a.name"), ("kind", "a.kind"), ("version", "a.version")),
    topics=("areas", "organizations", "regions"),
    feature_id="a.id",
    where="a.active",
    scope_organization="o.path",
    scope_regions=("home.path", "r.path"),
    min_zoom=9,
    max_zoom=15,
)
