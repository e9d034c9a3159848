"""Reading features: pages of a collection's rows, within scope, box, time and filter."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext as _

from access.scope import Scope
from layers.exceptions import LayerFailedError
from layers.ogc.collections import Collection, Property
from layers.ogc.conditions import GEOMETRY, Translator
from layers.ogc.crs import CRS84, Crs, reproject
from layers.ogc.exceptions import BadFilterError, BusyError
from layers.ogc.parameters import ItemsQuery
from layers.queries import limited

logger = logging.getLogger(__name__)

GEOMETRY_NAME = "geometry"
EXTENT_S = 60
"""How long the extent of a collection is remembered."""
_DATA_FAULT = "22"
"""First two signs of SQLSTATE of what is the question's own fault: a division by zero, a number out of range."""
_DECIMALS_DEG, _DECIMALS_M = 9, 4


@dataclass(frozen=True)
class Page:
    """Features of one page as GeoJSON, how many there are in all, and whether more follow."""

    features: list[dict[str, Any]]
    matched: int
    more: bool


@dataclass(frozen=True)
class Extent:
    """Where the features are (west, south, east, north in degrees) and of when; None: there are none."""

    bounds: tuple[float, float, float, float] | None
    first: datetime | None
    last: datetime | None


def read_page(collection: Collection, scope: Scope, query: ItemsQuery) -> Page:
    """Features that match, in the order of their ids.

    Raises
    ------
    BadFilterError
        The filter asks for what is not there, or cannot be worked out.
    BusyError
        The database needed too long.
    """
    properties = collection.properties()
    condition, values = _condition(collection, scope, query, properties)
    source = f"FROM {_fixed(collection.layer.source)} WHERE {condition}"
    [(matched,)] = _rows(collection, f"SELECT count(*) {source}", values)
    tail = f"ORDER BY {_fixed(collection.layer.feature_id)} LIMIT %s OFFSET %s"
    rows = _rows(
        collection,
        f"SELECT {_columns(collection, properties)} {source} {tail}",
        [*values, query.limit + 1, query.offset],
    )
    features = _features(rows[: query.limit], properties, query.crs)
    return Page(features, matched, len(rows) > query.limit)


def read_one(collection: Collection, scope: Scope, feature_id: int, crs: Crs) -> dict[str, Any] | None:
    """One feature, or None where there is none of that id in the scope."""
    properties = collection.properties()
    clause, values = collection.layer.scope_clause(scope)
    rows = _rows(
        collection,
        f"SELECT {_columns(collection, properties)} FROM {_fixed(collection.layer.source)} "  # noqa: S608
        f"WHERE ({_fixed(collection.layer.where)}) AND ({clause}) AND {_fixed(collection.layer.feature_id)} = %s",
        [*values, feature_id],
    )
    found = _features(rows, properties, crs)
    return found[0] if found else None


def extent_of(collection: Collection, scope: Scope) -> Extent:
    """Extent in space and time of what the scope shows; up to a minute old."""
    key = f"ogc.extent/{collection.id}/{collection.layer.digest}/{scope.key}"
    found: Extent | None = cache.get(key)
    if found is None:
        clause, values = collection.layer.scope_clause(scope)
        shape, when = _fixed(collection.layer.geometry), collection.instant or "NULL::timestamptz"
        [(box, first, last)] = _rows(
            collection,
            f"SELECT ST_Extent({shape})::box2d::geometry, min({when}), max({when}) "  # noqa: S608
            f"FROM {_fixed(collection.layer.source)} WHERE ({_fixed(collection.layer.where)}) AND ({clause})",
            values,
        )
        bounds = tuple(shapely.from_wkb(box).bounds) if box else None
        found = Extent(bounds, first, last)  # type: ignore[arg-type]
        cache.set(key, found, EXTENT_S)
    return found


def queryables(collection: Collection) -> dict[str, Property]:
    """Properties that filters may ask for, by name."""
    return {each.name: each for each in collection.properties() if each.queryable}


def _condition(
    collection: Collection, scope: Scope, query: ItemsQuery, properties: Iterable[Property]
) -> tuple[str, list[Any]]:
    layer = collection.layer
    clause, scoped = layer.scope_clause(scope)
    conditions, values = [f"({_fixed(layer.where)})", f"({clause})"], list(scoped)
    if query.box is not None:
        if layer.within is not None:
            conditions.append(f"({layer.within(query.box.bounds)})")
        conditions.append(f"ST_Intersects({_fixed(layer.geometry)}, ST_GeomFromWKB(%s, 4326))")
        values.append(shapely.to_wkb(query.box))
    if query.span is not None and collection.instant:
        for end, sign in zip(query.span, (">=", "<="), strict=True):
            if end is not None:
                conditions.append(f"({collection.instant} IS NULL OR {collection.instant} {sign} %s)")
                values.append(end)
    columns = {each.name: (each.sql, each.kind) for each in properties if each.queryable}
    translator = Translator({**columns, GEOMETRY_NAME: (layer.geometry, GEOMETRY)}, query.filter_crs)
    trees = [] if query.tree is None else [query.tree]
    trees += [
        {"op": "=", "args": [{"property": name}, _typed(columns[name][1], text, name)]} for name, text in query.equal
    ]
    for tree in trees:
        text, more = translator.condition(tree)
        conditions.append(text)
        values += more
    return " AND ".join(conditions), values


def _typed(kind: str, text: str, name: str) -> Any:
    """A parameter's text as the property's sort of value."""
    try:
        if kind in ("integer", "number"):
            return float(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise BadFilterError(_("参数“%(name)s”的值“%(text)s”类型不对") % {"name": name, "text": text[:40]}) from None
    return text


def _columns(collection: Collection, properties: Iterable[Property]) -> str:
    shape = f"ST_AsBinary(ST_ForcePolygonCCW({_fixed(collection.layer.geometry)}))"
    return ", ".join((_fixed(collection.layer.feature_id), shape, *(_fixed(each.sql) for each in properties)))


def _rows(collection: Collection, sql: str, values: list[Any]) -> list[tuple]:
    try:
        with limited(collection.layer), connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()
    except LayerFailedError as error:
        state = getattr(getattr(error.__cause__, "__cause__", None), "sqlstate", None) or ""
        if state.startswith(_DATA_FAULT):
            raise BadFilterError(_("过滤条件无法计算：除以零，或数超出范围")) from error
        raise BusyError(str(error)) from error


def _features(rows: list[tuple], properties: tuple[Property, ...], crs: Crs) -> list[dict[str, Any]]:
    shapes = shapely.from_wkb(np.array([None if row[1] is None else bytes(row[1]) for row in rows], dtype=object))
    there = ~shapely.is_missing(shapes)
    shapes[there] = reproject(shapes[there], crs)
    metres = there.any() and float(np.abs(shapely.get_coordinates(shapes[there])).max(initial=0)) > 360
    decimals = _DECIMALS_M if metres and crs.uri != CRS84 else _DECIMALS_DEG
    rounded = shapely.transform(shapes[there], lambda points: points.round(decimals))
    texts = np.full(len(rows), "null", dtype=object)
    texts[there] = shapely.to_geojson(rounded)
    return [
        {
            "type": "Feature",
            "id": row[0],
            "geometry": json.loads(text),
            "properties": {each.name: _plain(value, each) for each, value in zip(properties, row[2:], strict=True)},
        }
        for row, text in zip(rows, texts, strict=True)
    ]


def _plain(value: Any, about: Property) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if about.kind == "object" and isinstance(value, str):
        return json.loads(value)
    if about.kind == "number" and value is not None:
        return float(value)
    return value if isinstance(value, str | int | float | bool | dict | list | type(None)) else str(value)


def _fixed(text: str) -> str:
    """A declaration's SQL among places for values: a percent sign in it means itself."""
    return text.replace("%", "%%")
