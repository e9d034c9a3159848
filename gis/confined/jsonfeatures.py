"""GeoJSON (RFC 7946, and the older kind with a ``crs`` member), read feature by feature."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.confined.raw import Job, Problem, RawLayer, Refused, decode, empty_shapes, row_numbers
from gis.confined.shapes import Bad, Builder

_SPREAD_POSITION = re.compile(rb"\[\s+[-0-9]")
GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
MOST_NESTED = 8


def read_geojson(job: Job) -> list[RawLayer]:
    """The file's only layer."""
    name, path = job.files[0]
    content = path.read_bytes()
    job.check_vertices(_positions(content, job.most_vertices))
    document, encoding = _parse(content, job.encoding)
    features = _features(document)
    job.check_rows(len(features))
    crs = _crs(document)
    layer = RawLayer(
        name,
        empty_shapes(len(features)),
        {},
        row_numbers(len(features)),
        crs=crs or "OGC:CRS84",
        crs_by_standard=crs is None,
        encoding=encoding,
    )
    columns: dict[str, list[Any]] = {}
    for i, feature in enumerate(features):
        _take(layer, columns, i, feature, len(features))
        # Looked at while they grow: a file where each feature has names of its own would fill the memory.
        job.check_columns(len(columns))
    layer.fields = dict(columns)
    return [layer]


def _positions(content: bytes, enough: int) -> int:
    """Positions in the text, before anything is unpacked: each opens one bracket. Not counted below ``enough``."""
    if content.count(b"[") <= enough:
        return 0
    text = np.frombuffer(content, np.uint8)
    opening, after = text[:-1] == ord("["), text[1:]
    numbers = opening & (((after >= ord("0")) & (after <= ord("9"))) | (after == ord("-")))
    return int(numbers.sum()) + sum(1 for _match in _SPREAD_POSITION.finditer(content))


def _parse(content: bytes, encoding: str | None) -> tuple[Any, str]:
    try:
        try:
            if not encoding:
                return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf")), "utf-8"
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        # The standard library's reader takes NaN as well, so that the row can be named which has it.
        text, found = decode(content, encoding)
        return json.loads(text), found
    except RecursionError:
        raise Refused("nested_too_deep") from None
    except ValueError as error:
        if isinstance(error, Refused):
            raise
        line = getattr(error, "lineno", 0)
        raise Refused("broken_json", line=line) from None


def _features(document: Any) -> list[Any]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection":
        features = document.get("features")
        if isinstance(features, list):
            return features
    elif kind == "Feature":
        return [document]
    elif kind in GEOMETRIES:
        return [{"type": "Feature", "geometry": document, "properties": {}}]
    elif kind == "Topology":
        raise Refused("topojson")
    raise Refused("no_geojson")


def _crs(document: dict[str, Any]) -> str | None:
    """The ``crs`` member's name, or the ``datum`` that our own export writes where there is no such name."""
    member = document.get("crs")
    if not isinstance(member, dict):
        datum = document.get("datum")
        return f"datum:{datum}" if isinstance(datum, str) and datum else None
    properties = member.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) and name else None


def _take(layer: RawLayer, columns: dict[str, list[Any]], i: int, feature: Any, count: int) -> None:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        layer.problems[i] = Problem("no_feature")
        return
    properties = feature.get("properties")
    if isinstance(properties, dict):
        for name, value in properties.items():
            if name not in columns:
                columns[name] = [None] * count
            columns[name][i] = _plain(value)
    if (given := feature.get("geometry")) is None:
        return
    builder = Builder()
    try:
        shape = _geometry(builder, given, 0)
    except Bad as bad:
        layer.problems[i] = bad.problem
        return
    if builder.unclosed:
        layer.problems[i] = Problem("unclosed_ring", {"rings": builder.unclosed}, shape, ("close_ring",))
    else:
        layer.shapes[i] = shape


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _geometry(builder: Builder, given: Any, depth: int) -> BaseGeometry:
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in GEOMETRIES or depth > MOST_NESTED:
        raise Bad("unknown_geometry", type=str(kind)[:40])
    if kind == "GeometryCollection":
        parts = given.get("geometries")
        if not isinstance(parts, list):
            raise Bad("coordinates_unreadable")
        return shapely.GeometryCollection([_geometry(builder, part, depth + 1) for part in parts])
    coordinates = given.get("coordinates")
    if kind == "Point":
        return builder.point(coordinates)
    if kind == "LineString":
        return builder.line(coordinates)
    if kind == "Polygon":
        return builder.polygon(coordinates)
    if kind == "MultiPoint":
        return builder.many(builder.point, shapely.MultiPoint, coordinates)
    if kind == "MultiLineString":
        return builder.many(builder.line, shapely.MultiLineString, coordinates)
    return builder.many(builder.polygon, shapely.MultiPolygon, coordinates)
