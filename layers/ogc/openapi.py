"""The interface's definition in OpenAPI 3.0, made from what there is: collections, their properties, the systems."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from layers.ogc import crs as systems
from layers.ogc import filters
from layers.ogc.collections import Collection, Property, collections
from layers.ogc.documents import json_type
from layers.ogc.features import queryables
from layers.ogc.negotiation import GEOJSON, HTML, MVT, OPENAPI, PLAIN_JSON, SCHEMA
from layers.ogc.parameters import DEFAULT_LIMIT, MOST_LIMIT, MOST_OFFSET, RESERVED
from layers.ogc.tiling import SCHEME

VERSION = "1.0.0"
PROBLEM = "application/problem+json"
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}


def definition(root: str) -> dict[str, Any]:
    """The whole document; ``root``: address of this interface."""
    paths: dict[str, Any] = {
        "/": _get("getLandingPage", _("首页"), "server", _json("landingPage")),
        "/conformance": _get("getConformance", _("符合的标准"), "server", _json("confClasses")),
        "/api": _get("getApi", _("接口定义"), "server", {OPENAPI: {"schema": {"type": "object"}}, HTML: _page()}),
        "/collections": _get("getCollections", _("全部数据集"), "data", _json("collections")),
    }
    for collection in collections().values():
        paths |= _of(collection)
    paths |= _tiles()
    return {
        "openapi": "3.0.3",
        "info": {
            "title": _("沙盘开放接口"),
            "version": VERSION,
            "description": _(
                "OGC API Features（核心、坐标系、过滤）与 OGC API Tiles（矢量瓦片）。内容限于登录用户的数据范围。"
            ),
        },
        "servers": [{"url": root}],
        "tags": [
            {"name": "server", "description": _("接口本身")},
            {"name": "data", "description": _("要素")},
            {"name": "tiles", "description": _("瓦片")},
        ],
        "security": [{"basic": []}, {"bearer": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": _("平台账号和密码")},
                "bearer": {"type": "http", "scheme": "bearer", "description": _("管理台签发的访问令牌")},
                "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            },
            "parameters": _parameters(root),
            "responses": _errors(),
            "schemas": _schemas(),
        },
    }


def _of(collection: Collection) -> dict[str, Any]:
    """Paths of one collection: its properties are parameters of its items alone."""
    path, name = f"/collections/{collection.id}", _operation(collection.id)
    features, feature = _geojson("featureCollectionGeoJSON"), _geojson("featureGeoJSON")
    asked = [_reference(each) for each in RESERVED]
    asked += [_property(each) for title, each in queryables(collection).items() if title not in RESERVED]
    crs_header = {"Content-Crs": {"schema": {"type": "string"}, "description": _("坐标所用的坐标系")}}
    item = _get(
        f"{name}.getFeature",
        collection.title,
        "data",
        feature,
        _reference("featureId"),
        _reference("crs"),
        headers=crs_header,
    )
    items = _get(f"{name}.getFeatures", collection.title, "data", features, headers=crs_header)
    items["get"]["parameters"] = asked
    schema = {SCHEMA: {"schema": {"type": "object"}}, HTML: _page()}
    return {
        path: _get(f"{name}.describe", collection.title, "data", _json("collection")),
        f"{path}/queryables": _get(f"{name}.getQueryables", collection.title, "data", schema),
        f"{path}/items": items,
        f"{path}/items/{{featureId}}": item,
    }


def _tiles() -> dict[str, Any]:
    base, name = "/collections/{collectionId}/tiles", "collection.vector"
    which = _reference("collectionId")
    scheme = _reference("tileMatrixSetId")
    tile = {MVT: {"schema": {"type": "string", "format": "binary"}}}
    numbers = [_reference(each) for each in ("tileMatrix", "tileRow", "tileCol")]
    tiled = _get(f"{name}.getTile", _("一块瓦片"), "tiles", tile, which, scheme, *numbers)
    tiled["get"]["parameters"][-1] = _format(["mvt"])
    tileset = _get(f"{name}.getTileSet", _("瓦片集"), "tiles", _json("object"), which, scheme)
    tileset["get"]["parameters"][-1] = _format(["json", "html", "tilejson"])
    return {
        base: _get(f"{name}.getTileSetsList", _("瓦片集列表"), "tiles", _json("object"), which),
        f"{base}/{{tileMatrixSetId}}": tileset,
        f"{base}/{{tileMatrixSetId}}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": tiled,
        "/tileMatrixSets": _get("getTileMatrixSetsList", _("瓦片方案列表"), "tiles", _json("object")),
        "/tileMatrixSets/{tileMatrixSetId}": _get("getTileMatrixSet", _("瓦片方案"), "tiles", _json("object"), scheme),
    }


def _get(
    operation: str, title: str, tag: str, content: dict[str, Any], *parameters: dict[str, Any], headers: Any = None
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": _("成功"), "content": content}
    if headers:
        success["headers"] = headers
    answers = {"200": success}
    answers |= {code: {"$ref": f"#/components/responses/{code}"} for code in ("400", "401", "404", "406", "429", "503")}
    return {
        "get": {
            "operationId": operation,
            "summary": title,
            "tags": [tag],
            "parameters": [*parameters, _reference("f")],
            "responses": answers,
        }
    }


def _operation(name: str) -> str:
    return name.replace(".", "_")


def _json(schema: str) -> dict[str, Any]:
    return {PLAIN_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}, HTML: _page()}


def _geojson(schema: str) -> dict[str, Any]:
    return {GEOJSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}, HTML: _page()}


def _page() -> dict[str, Any]:
    return {"schema": {"type": "string"}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}


def _format(names: list[str]) -> dict[str, Any]:
    return _query("f", _("格式；不写则按 Accept 头"), {"type": "string", "enum": names})


def _property(each: Property) -> dict[str, Any]:
    return _query(each.name, _("只要属性“%(name)s”等于此值的") % {"name": each.title}, json_type(each))


def _query(name: str, text: str, schema: dict[str, Any], *, explode: bool = False) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": False, "description": text, "schema": schema, "style": "form",
        "explode": explode,
    }  # fmt: skip


def _in_path(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _parameters(root: str) -> dict[str, Any]:
    system = {"type": "string", "format": "uri", "enum": list(systems.known(root)), "default": systems.CRS84}
    number = {"type": "integer", "minimum": 0}
    box = {"type": "array", "items": {"type": "number"}, "oneOf": [{"minItems": n, "maxItems": n} for n in (4, 6)]}
    return {
        "f": _format(["json", "html"]),
        "limit": _query(
            "limit",
            _("每页要素数"),
            {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT},
        ),
        "offset": _query(
            "offset", _("跳过的要素数"), {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0}
        ),
        "bbox": _query("bbox", _("范围：西,南,东,北（轴序按 bbox-crs）"), box),
        "bbox-crs": _query("bbox-crs", _("bbox 的坐标系"), system),
        "datetime": _query("datetime", _("时间或时间段（RFC 3339，.. 表示不限）"), {"type": "string"}),
        "crs": _query("crs", _("返回坐标的坐标系"), system),
        "filter": _query("filter", _("CQL2 过滤条件"), {"type": "string", "maxLength": filters.LONGEST}),
        "filter-lang": _query(
            "filter-lang",
            _("过滤条件的写法"),
            {"type": "string", "enum": list(filters.LANGUAGES), "default": filters.TEXT},
        ),
        "filter-crs": _query("filter-crs", _("过滤条件中坐标的坐标系"), system),
        "featureId": _in_path("featureId", _("要素编号"), {"type": "string"}),
        "collectionId": _in_path("collectionId", _("数据集"), {"type": "string", "enum": list(collections())}),
        "tileMatrixSetId": _in_path("tileMatrixSetId", _("瓦片方案"), {"type": "string", "enum": [SCHEME]}),
        "tileMatrix": _in_path("tileMatrix", _("级别"), {"type": "string"}),
        "tileRow": _in_path("tileRow", _("行，自北向南"), number),
        "tileCol": _in_path("tileCol", _("列，自西向东"), number),
    }


def _errors() -> dict[str, Any]:
    texts = {
        "400": _("参数有误"), "401": _("没有登录"), "404": _("没有这个资源"), "406": _("没有这种格式"),
        "429": _("登录尝试过多"), "503": _("暂时无法读取"),
    }  # fmt: skip
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {code: {"description": text, "content": content} for code, text in texts.items()}


def _schemas() -> dict[str, Any]:
    text, names = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    feature = {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "integer"},
            "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object", "nullable": True},
            "links": _LINKS,
        },
    }
    return {
        "object": {"type": "object"},
        "link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": {"href": text, "rel": text, "type": text, "title": text, "templated": {"type": "boolean"}},
        },
        "problem": {
            "type": "object",
            "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
        },
        "landingPage": {
            "type": "object",
            "required": ["links"],
            "properties": {"title": text, "description": text, "links": _LINKS},
        },
        "confClasses": {"type": "object", "required": ["conformsTo"], "properties": {"conformsTo": names}},
        "collections": {
            "type": "object",
            "required": ["links", "collections"],
            "properties": {
                "links": _LINKS,
                "crs": names,
                "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
            },
        },
        "collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {
                "id": text, "title": text, "description": text, "links": _LINKS, "extent": {"type": "object"},
                "itemType": text, "crs": names, "storageCrs": text,
            },
        },
        "featureGeoJSON": feature,
        "featureCollectionGeoJSON": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "features": {"type": "array", "items": {"$ref": "#/components/schemas/featureGeoJSON"}},
                "links": _LINKS,
                "timeStamp": {"type": "string", "format": "date-time"},
                "numberMatched": {"type": "integer", "minimum": 0},
                "numberReturned": {"type": "integer", "minimum": 0},
            },
        },
    }  # fmt: skip
