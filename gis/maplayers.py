"""The map layer of this floor."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gis.tiles import TileLayer

# Boundaries are no secret: whoever is signed in sees them all.
REGIONS = TileLayer(
    name="regions",
    title=_("行政区"),
    source="geo_region AS r",
    geometry="r.boundary",
    properties=(("code", "r.code"), ("name", "r.name"), ("name_en", "r.name_en"), ("level", "r.level")),
    topics=("regions",),
    feature_id="r.id",
    open_to_all=True,
)
