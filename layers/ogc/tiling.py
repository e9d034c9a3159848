"""Tiles of a collection and the one scheme they are cut by (OGC 20-057, 17-083r4): WebMercatorQuad."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from access.scope import Scope
from gis.tiles import MAX_ZOOM
from layers.ogc.collections import LINE, POINT, Collection
from layers.ogc.crs import CRS84, WEB_MERCATOR
from layers.ogc.documents import REL, json_type
from layers.ogc.exceptions import NotFoundError
from layers.ogc.features import extent_of
from layers.ogc.negotiation import HTML, MVT, PLAIN_JSON, Asked, link

SCHEME = "WebMercatorQuad"
SCHEME_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
TILEJSON = "application/json"
_EDGE_M = 20037508.342789244
_PIXEL_M = 0.00028
"""The standard's pixel, by which a scale becomes a denominator."""
_DIMENSIONS = {POINT: 0, LINE: 1}


def check_scheme(name: str) -> None:
    """Refuse every scheme but the one there is.

    Raises
    ------
    NotFoundError
        Naming it.
    """
    if name != SCHEME:
        raise NotFoundError(_("没有名为“%(name)s”的瓦片方案，可用：%(known)s") % {"name": name[:80], "known": SCHEME})


def scheme_list(asked: Asked) -> dict[str, Any]:
    """The schemes there are."""
    where = asked.address(path=f"/tileMatrixSets/{SCHEME}")
    return {
        "links": asked.own_links(),
        "tileMatrixSets": [
            {
                "id": SCHEME,
                "title": "Google Maps Compatible for the World",
                "uri": SCHEME_URI,
                "crs": WEB_MERCATOR,
                "links": [link(where, "self", PLAIN_JSON, SCHEME)],
            }
        ],
    }


def scheme(asked: Asked) -> dict[str, Any]:
    """The scheme with all its zooms: tiles of 256 pixels, row 0 in the north."""
    matrices = []
    for zoom in range(MAX_ZOOM + 1):
        size_m = 2 * _EDGE_M / (256 << zoom)
        matrices.append(
            {
                "id": str(zoom),
                "scaleDenominator": size_m / _PIXEL_M,
                "cellSize": size_m,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-_EDGE_M, _EDGE_M],
                "tileWidth": 256,
                "tileHeight": 256,
                "matrixWidth": 1 << zoom,
                "matrixHeight": 1 << zoom,
            }
        )
    return {
        "id": SCHEME,
        "title": "Google Maps Compatible for the World",
        "uri": SCHEME_URI,
        "crs": WEB_MERCATOR,
        "orderedAxes": ["E", "N"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": matrices,
        "links": asked.own_links(),
    }


def tileset_list(asked: Asked, collection: Collection) -> dict[str, Any]:
    """The sets of tiles of a collection: one."""
    return {"links": asked.own_links(), "tilesets": [_tileset(asked, collection)]}


def _tileset(asked: Asked, collection: Collection) -> dict[str, Any]:
    path = f"/collections/{collection.id}/tiles/{SCHEME}"
    template = f"{asked.address(path=path)}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}?f=mvt"
    return {
        "title": collection.title,
        "dataType": "vector",
        "crs": WEB_MERCATOR,
        "tileMatrixSetURI": SCHEME_URI,
        "links": [
            link(asked.address(path=path, f="json"), "self", PLAIN_JSON, collection.title),
            link(asked.address(path=path, f="html"), "alternate", HTML, collection.title),
            link(asked.address(path=path, f="tilejson"), "describedby", TILEJSON, "TileJSON"),
            link(asked.address(path=f"/tileMatrixSets/{SCHEME}"), f"{REL}/tiling-scheme", PLAIN_JSON, SCHEME),
            link(template, "item", MVT, _("矢量瓦片"), templated=True),
        ],
    }


def tileset(asked: Asked, collection: Collection, scope: Scope) -> dict[str, Any]:
    """All that is to be known of a collection's tiles before asking for one."""
    layer = collection.layer
    zooms = range(layer.min_zoom, layer.max_zoom + 1)
    bounds = extent_of(collection, scope).bounds
    document = _tileset(asked, collection) | {
        "description": generalisation(collection),
        "tileMatrixSetLimits": [
            {
                "tileMatrix": str(zoom),
                "minTileRow": 0,
                "maxTileRow": (1 << zoom) - 1,
                "minTileCol": 0,
                "maxTileCol": (1 << zoom) - 1,
            }
            for zoom in zooms
        ],
        "layers": [
            {
                "id": layer.name,
                "title": collection.title,
                "dataType": "vector",
                "geometryDimension": _DIMENSIONS.get(collection.shape, 2),
                "minTileMatrix": str(layer.min_zoom),
                "maxTileMatrix": str(layer.max_zoom),
                "propertiesSchema": {
                    "type": "object",
                    "properties": {
                        each.name: {"title": each.title, **json_type(each)} for each in collection.properties()
                    },
                },
            }
        ],
    }
    if bounds is not None:
        west, south, east, north = bounds
        document["boundingBox"] = {"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84}
    return document


def generalisation(collection: Collection) -> str:
    """What is simplified where, in words."""
    return _(
        "第 %(low)d 至 %(high)d 级；小于第 %(high)d 级时图形简化到半个像素。要素过密处合并为点，"
        "带 generalised=true 与所代表的要素数 point_count，不会悄悄丢弃。"
    ) % {"low": collection.layer.min_zoom, "high": collection.layer.max_zoom}


def tilejson(asked: Asked, collection: Collection, scope: Scope) -> dict[str, Any]:
    """The same for map libraries (TileJSON 3.0)."""
    layer = collection.layer
    where = asked.address(path=f"/collections/{collection.id}/tiles/{SCHEME}")
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": collection.title,
        "description": generalisation(collection),
        "scheme": "xyz",
        "tiles": [f"{where}/{{z}}/{{y}}/{{x}}?f=mvt"],
        "minzoom": layer.min_zoom,
        "maxzoom": layer.max_zoom,
        "vector_layers": [
            {
                "id": layer.name,
                "description": collection.title,
                "minzoom": layer.min_zoom,
                "maxzoom": layer.max_zoom,
                "fields": {each.name: each.title for each in collection.properties()},
            }
        ],
    }
    bounds = extent_of(collection, scope).bounds
    if bounds is not None:
        document["bounds"] = list(bounds)
    return document
