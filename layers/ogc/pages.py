"""What the pages need besides the documents: the small map."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from gis.exceptions import UnknownRegionError
from gis.regions import city_region
from layers.ogc.collections import Collection
from layers.ogc.crs import CRS84, Crs
from layers.ogc.negotiation import Asked
from twin.bundle import entry

ENTRY = "src/ogc/main.ts"


def drawn(asked: Asked, collection: Collection, features: list[dict[str, Any]], crs: Crs) -> dict[str, Any]:
    """The map of a page's features, as the page's context.

    In degrees only: coordinates in another system are shown as figures. No map either where the bundle was not built.
    """
    titles = {each.name: each.title for each in collection.properties()}
    context: dict[str, Any] = {"titles": titles, "rows": [_row(feature, titles) for feature in features]}
    if crs.uri != CRS84:
        return context
    try:
        bundle = entry(ENTRY)
        bounds = list(city_region().boundary.extent)
    except (ImproperlyConfigured, UnknownRegionError):
        return context
    boot = {
        "bounds": bounds,
        "tiles": reverse("tile-catalog").removesuffix("/catalog.json"),
        "data": {"type": "FeatureCollection", "features": features},
        "items": asked.address(path=f"/collections/{collection.id}/items"),
    }
    return {**context, "bundle": bundle, "boot": boot}


def _row(feature: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    values = [(titles[name], feature["properties"][name]) for name in titles]
    return {"id": feature["id"], "values": values, "geometry": feature["geometry"]}
