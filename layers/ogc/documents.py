"""The documents that describe this interface and its collections (OGC 17-069r4, 18-058r1, 19-079r2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from access.scope import Scope
from gis.exceptions import UnknownRegionError
from gis.regions import city_region
from layers.ogc import crs as systems
from layers.ogc.collections import LINE, POINT, Collection, Property
from layers.ogc.features import GEOMETRY_NAME, extent_of, queryables
from layers.ogc.negotiation import GEOJSON, HTML, OPENAPI, PLAIN_JSON, SCHEMA, Asked, Link, link

_SPEC = "http://www.opengis.net/spec"
REL = "http://www.opengis.net/def/rel/ogc/1.0"
CONFORMANCE = tuple(
    f"{_SPEC}/{standard}/conf/{name}"
    for standard, names in {
        "ogcapi-common-1/1.0": ("core", "landing-page", "html", "json", "oas30"),
        "ogcapi-common-2/1.0": ("collections", "html", "json"),
        "ogcapi-features-1/1.0": ("core", "oas30", "html", "geojson"),
        "ogcapi-features-2/1.0": ("crs",),
        "ogcapi-features-3/1.0": ("queryables", "queryables-query-parameters", "filter", "features-filter"),
        "cql2/1.0": (
            *("cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators"),
            *("case-insensitive-comparison", "accent-insensitive-comparison", "basic-spatial-functions"),
            *("basic-spatial-functions-plus", "spatial-functions", "temporal-functions"),
            *("property-property", "arithmetic"),
        ),
        "ogcapi-tiles-1/1.0": ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt", "oas30"),
        "tms/2.0": ("tilematrixset", "json-tilematrixset"),
    }.items()
    for name in names
)
_JSON_TYPES = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "object": {"type": "object"},
}
_GEOMETRY_FORMATS = {POINT: "geometry-point", LINE: "geometry-multilinestring"}


def landing(asked: Asked) -> dict[str, Any]:
    """The first page: what there is and where."""
    at = asked.address
    return {
        "title": _("沙盘开放接口"),
        "description": _(
            "按 OGC API 标准提供本平台的地图图层：要素、过滤、坐标系与矢量瓦片，均在登录用户的数据范围内。"
        ),
        "links": [
            *asked.own_links(),
            link(at(path="/api", f="json"), "service-desc", OPENAPI, _("接口定义（OpenAPI 3.0）")),
            link(at(path="/api", f="html"), "service-doc", HTML, _("接口说明")),
            link(at(path="/conformance"), "conformance", PLAIN_JSON, _("符合的标准")),
            link(at(path="/conformance"), f"{REL}/conformance", PLAIN_JSON, _("符合的标准")),
            link(at(path="/collections"), "data", PLAIN_JSON, _("数据集")),
            link(at(path="/collections"), f"{REL}/data", PLAIN_JSON, _("数据集")),
            link(at(path="/tileMatrixSets"), f"{REL}/tiling-schemes", PLAIN_JSON, _("瓦片方案")),
        ],
    }


def conformance(asked: Asked) -> dict[str, Any]:
    """The conformance classes of the standards that hold here."""
    return {"links": asked.own_links(), "conformsTo": list(CONFORMANCE)}


def collection_list(asked: Asked, found: list[Collection], scope: Scope) -> dict[str, Any]:
    """Every collection with the systems its coordinates may be had in."""
    return {
        "links": asked.own_links(),
        "crs": list(systems.known(asked.root)),
        "collections": [described(asked, collection, scope, whole=False) for collection in found],
    }


def described(asked: Asked, collection: Collection, scope: Scope, *, whole: bool) -> dict[str, Any]:
    """One collection; ``whole``: as a document of its own, else one of the list, with the list's systems."""
    path = f"/collections/{collection.id}"
    at = asked.address
    own = asked.own_links() if whole else [
        link(at(path=path, f="json"), "self", PLAIN_JSON, collection.title),
        link(at(path=path, f="html"), "alternate", HTML, collection.title),
    ]  # fmt: skip
    return {
        "id": collection.id,
        "title": collection.title,
        "description": collection.description,
        "itemType": "feature",
        "extent": _extent(collection, scope),
        "crs": list(systems.known(asked.root)) if whole else ["#/crs"],
        "storageCrs": systems.CRS84,
        "links": [
            *own,
            link(at(path=f"{path}/items", f="json"), "items", GEOJSON, _("要素（GeoJSON）")),
            link(at(path=f"{path}/items", f="html"), "items", HTML, _("要素（网页）")),
            link(at(path=f"{path}/queryables", f="json"), f"{REL}/queryables", SCHEMA, _("可查询属性")),
            link(at(path=f"{path}/tiles"), f"{REL}/tilesets-vector", PLAIN_JSON, _("矢量瓦片")),
        ],
    }


def _extent(collection: Collection, scope: Scope) -> dict[str, Any]:
    found = extent_of(collection, scope)
    bounds = found.bounds
    if bounds is None:
        try:
            bounds = city_region().boundary.extent
        except UnknownRegionError:
            bounds = (-180.0, -90.0, 180.0, 90.0)
    extent: dict[str, Any] = {"spatial": {"bbox": [list(bounds)], "crs": systems.CRS84}}
    if collection.instant:
        extent["temporal"] = {
            "interval": [[rfc3339(found.first), rfc3339(found.last)]],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        }
    return extent


def rfc3339(moment: datetime | None) -> str | None:
    """A moment as the standards write it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def queryables_schema(asked: Asked, collection: Collection) -> dict[str, Any]:
    """What filters may ask for, as a JSON Schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": asked.address(path=f"/collections/{collection.id}/queryables"),
        "type": "object",
        "title": collection.title,
        "properties": {
            GEOMETRY_NAME: {
                "title": _("图形"),
                "x-ogc-role": "primary-geometry",
                "format": _GEOMETRY_FORMATS.get(collection.shape, "geometry-multipolygon"),
            },
            **{name: {"title": each.title, **json_type(each)} for name, each in queryables(collection).items()},
        },
        "additionalProperties": False,
    }


def json_type(each: Property) -> dict[str, str]:
    """A property's type in JSON Schema."""
    return dict(_JSON_TYPES[each.kind])


def page_links(asked: Asked, collection: Collection, limit: int, offset: int, more: bool) -> list[Link]:
    """Links of a page of items: itself, its other form, its neighbours, its collection."""
    links = asked.own_links(GEOJSON)
    media_type = HTML if asked.is_page else GEOJSON
    if more:
        links.append(link(asked.address(offset=offset + limit), "next", media_type, _("下一页")))
    if offset:
        before = max(offset - limit, 0)
        links.append(link(asked.address(offset=before or None), "prev", media_type, _("上一页")))
    links.append(link(asked.address(path=f"/collections/{collection.id}"), "collection", PLAIN_JSON, collection.title))
    return links


def item_links(asked: Asked, collection: Collection) -> list[Link]:
    """Links of a single feature."""
    whole = link(asked.address(path=f"/collections/{collection.id}"), "collection", PLAIN_JSON, collection.title)
    return [*asked.own_links(GEOJSON), whole]
