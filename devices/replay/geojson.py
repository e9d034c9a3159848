"""Positions out of GeoJSON (RFC 7946): points with times, lines with a time for every vertex, OGC MF-JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from devices.replay.words import TrackFileError, gettext_noop

TIME_LISTS = ("coordTimes", "times", "datetimes", "timestamps", "coordinateTimes")
DEGREES = ("4326", "4979", "4490", "CRS84")


def geojson_rows(document: dict[str, Any]) -> tuple[list[dict[str, Any]], Counter[str]]:
    """One dictionary a position: the feature's properties, and ``@lon``, ``@lat``, where known ``@alt``, ``@time``,
    ``@id`` (the feature's number, of lines).

    Returns
    -------
    list of dict
    Counter
        What was left out, by reason.

    Raises
    ------
    TrackFileError
        It is no GeoJSON of degrees.
    """
    crs = str(document.get("crs") or "")
    if crs and not any(name in crs for name in DEGREES):
        raise TrackFileError(gettext_noop("GeoJSON 的坐标不是经纬度：%(crs)s"), crs=crs[:100])
    kind = document.get("type")
    features = document.get("features") if kind == "FeatureCollection" else [document]
    if not isinstance(features, list):
        raise TrackFileError(gettext_noop("GeoJSON 里没有要素"))
    rows: list[dict[str, Any]] = []
    refused: Counter[str] = Counter()
    for number, feature in enumerate(features):
        found = list(_feature_rows(feature, number)) if isinstance(feature, dict) else []
        if not found:
            refused["no_time_or_coordinate"] += 1
        rows += found
    return rows, refused


def _feature_rows(feature: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    properties = feature.get("properties")
    properties = {k: v for k, v in properties.items() if _plain(v)} if isinstance(properties, dict) else {}
    moving = feature.get("temporalGeometry")
    if isinstance(moving, dict):
        yield from _line(moving.get("coordinates"), moving.get("datetimes"), properties, feature, number)
        return
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        return
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point" and isinstance(coordinates, list) and len(coordinates) >= 2:
        yield properties | _vertex(coordinates)
    elif kind in ("LineString", "MultiLineString") and isinstance(coordinates, list):
        times = _times_of(feature)
        if kind == "MultiLineString":
            flat = [vertex for part in coordinates if isinstance(part, list) for vertex in part]
            nested = isinstance(times, list) and any(isinstance(part, list) for part in times)
            times = [t for part in times for t in part] if nested and times is not None else times
            coordinates = flat
        yield from _line(coordinates, times, properties, feature, number)


def _line(
    coordinates: Any, times: Any, properties: dict[str, Any], feature: dict[str, Any], number: int
) -> Iterator[dict[str, Any]]:
    """Rows of a line's vertices; nothing where not every vertex has its time (a list, or a fourth coordinate)."""
    if not isinstance(coordinates, list):
        return
    vertices = [v for v in coordinates if isinstance(v, list) and len(v) >= 2]
    if times is None and vertices and all(len(v) >= 4 for v in vertices):
        times = [v[3] for v in vertices]
    if not isinstance(times, list) or not (len(times) == len(coordinates) == len(vertices)):
        return
    name = feature.get("id", properties.get("id", properties.get("name", number + 1)))
    for vertex, at in zip(vertices, times, strict=True):
        yield properties | _vertex(vertex) | {"@time": at, "@id": str(name)}


def _times_of(feature: dict[str, Any]) -> Any:
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    inner = properties.get("coordinateProperties")
    for place in (properties, inner if isinstance(inner, dict) else {}, feature):
        for name in TIME_LISTS:
            if isinstance(place.get(name), list):
                return place[name]
    return None


def _vertex(vertex: list[Any]) -> dict[str, Any]:
    out = {"@lon": vertex[0], "@lat": vertex[1]}
    return out | {"@alt": vertex[2]} if len(vertex) > 2 else out


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)
