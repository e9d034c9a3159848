"""Map layers that the twin brings."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gis.tiles import TileLayer

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
