"""Boundaries and lines as people paste them: GeoJSON or WKT in, shapes that can be tested against out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from django.contrib.gis.gdal import GDALException
from django.contrib.gis.geos import (
    GEOSException,
    GEOSGeometry,
    LineString,
    MultiLineString,
    MultiPolygon,
    Polygon,
    WKBWriter,
)
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from gis.plane import from_plane, to_plane

MOST_CHARACTERS = 5_000_000
TEETH = 40
"""How often a line's length is the size of one of the teeth that maps show along it, within :data:`TOOTH_M`."""
TOOTH_M = (4.0, 100.0)

_SHAPES = {
    "Point": _("点"),
    "MultiPoint": _("点"),
    "LineString": _("线"),
    "LinearRing": _("线"),
    "MultiLineString": _("线"),
    "GeometryCollection": _("几种图形的集合"),
}
# What GEOS says of an invalid shape (its TopologyValidationError), by how it begins.
_FAULTS: dict[str, str | Promise] = {
    "Self-intersection": _("边界自相交"),
    "Ring Self-intersection": _("边界在一点碰到自己"),
    "Duplicate Rings": _("有重复的环"),
    "Hole lies outside shell": _("有洞落在外圈之外"),
    "Holes are nested": _("洞里套着洞"),
    "Nested holes": _("洞里套着洞"),
    "Nested shells": _("各块互相重叠"),
    "Interior is disconnected": _("内部被洞隔断"),
    "Too few points": _("点数太少，围不成面"),
    "Invalid Coordinate": _("坐标不是数"),
}
_PLACE = re.compile(r"\[(\S+) (\S+)\]\s*\Z")


def read_boundary(text: str) -> MultiPolygon:
    """Read a boundary that somebody typed or pasted.

    Parameters
    ----------
    text : str
        GeoJSON (a Polygon or MultiPolygon, or features of these) or WKT; degrees, longitude first, EPSG:4326. Heights
        of points are dropped: an area has one range of heights.

    Raises
    ------
    ValidationError
        It is no boundary, or one that nothing can be tested against; says where and what to do.
    """
    polygons: list[Polygon] = []
    for shape in _shapes(text):
        if isinstance(shape, Polygon):
            polygons.append(shape)
        elif isinstance(shape, MultiPolygon):
            polygons.extend(part for part in shape if isinstance(part, Polygon))
        else:
            kind = _SHAPES.get(shape.geom_type, shape.geom_type)
            raise ValidationError(gettext("范围必须是面，现在是%s。请粘贴 Polygon 或 MultiPolygon。") % kind)
    boundary = MultiPolygon(polygons, srid=4326)
    if fault := boundary_fault(boundary):
        raise ValidationError(fault)
    return boundary


def read_line(text: str) -> MultiLineString:
    """Read a line that somebody typed or pasted, as :func:`read_boundary` does: a LineString or MultiLineString.

    Raises
    ------
    ValidationError
        It is no line, or one that nothing can pass.
    """
    lines: list[LineString] = []
    for shape in _shapes(text):
        if isinstance(shape, LineString):
            lines.append(shape)
        elif isinstance(shape, MultiLineString):
            lines.extend(part for part in shape if isinstance(part, LineString))
        else:
            raise ValidationError(gettext("警戒线必须是线。请粘贴 LineString 或 MultiLineString。"))
    line = MultiLineString(lines, srid=4326)
    if fault := line_fault(line):
        raise ValidationError(fault)
    return line


def line_fault(line: MultiLineString | None) -> str:
    """What is wrong with a line, for people; empty if nothing is."""
    if line is None or line.empty or not all(part.length for part in line):
        return gettext("警戒线没有长度：请给出至少两个不同的点。")
    return _place_fault(line)


def inner_strip(line: MultiLineString) -> MultiPolygon:
    """The ground along a line on its right-hand side, with teeth that point inwards, in proportion to its length."""
    planes, east_m = to_plane(shapely.get_parts(shapely.from_wkb(bytes(line.wkb))))
    tooth_m = np.clip(shapely.length(planes).sum() / TEETH, *TOOTH_M)
    strips = shapely.buffer(planes, -tooth_m / 4, single_sided=True)
    # Where a line bends too sharply for one side alone, both are taken.
    strips = np.where(shapely.area(strips) > 0, strips, shapely.buffer(planes, tooth_m / 8))
    pieces = [shapely.union_all(np.r_[s, _teeth(p, tooth_m)]) for s, p in zip(strips, planes, strict=True)]
    ground = shapely.union_all(from_plane(shapely.make_valid(np.array(pieces, object)), east_m))
    polygons = [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon"]
    strip = GEOSGeometry(memoryview(shapely.to_wkb(shapely.MultiPolygon(polygons))), srid=4326)
    assert isinstance(strip, MultiPolygon)
    return strip


def _teeth(plane: shapely.LineString, tooth_m: float) -> NDArray[np.object_]:
    middles = np.arange(tooth_m / 2, plane.length, 2 * tooth_m)
    base = [shapely.get_coordinates(shapely.line_interpolate_point(plane, middles + d * tooth_m / 2)) for d in (-1, 1)]
    along = base[1] - base[0]
    apex = (base[0] + base[1]) / 2 + np.c_[along[:, 1], -along[:, 0]]
    return np.asarray(shapely.polygons(np.stack([*base, apex], axis=1)))


def boundary_fault(boundary: MultiPolygon) -> str:
    """What is wrong with a boundary, for people; empty if nothing is."""
    if boundary.empty:
        return gettext("范围是空的：没有一个面。")
    if not boundary.valid:
        reason = boundary.valid_reason
        said = next((words for begin, words in _FAULTS.items() if reason.startswith(begin)), reason)
        where = ""
        if place := _PLACE.search(reason):
            where = gettext("（经度 %(lon)s，纬度 %(lat)s 附近）") % {"lon": place[1], "lat": place[2]}
        return gettext("范围无效：%(said)s%(where)s。请修改边界后再保存。") % {"said": said, "where": where}
    return _place_fault(boundary)


def _place_fault(shape: GEOSGeometry) -> str:
    west, south, east, north = shape.extent
    if west < -180 or east > 180 or south < -90 or north > 90:
        return gettext("坐标不是经纬度：请用 WGS 84 的度，经度在前、纬度在后。")
    return ""


def _shapes(text: str) -> Iterator[GEOSGeometry]:
    if len(text) > MOST_CHARACTERS:
        raise ValidationError(gettext("范围太大：最多 %d 个字符。请先简化边界。") % MOST_CHARACTERS)
    text = text.strip()
    unreadable = ValidationError(
        gettext("无法识别范围：请粘贴 GeoJSON 的 Polygon / MultiPolygon（首尾两点相同），或 WKT 文本。")
    )
    try:
        pieces = [json.dumps(part) for part in _geometries(json.loads(text))] if text.startswith("{") else [text]
        for piece in pieces:
            yield _flat(GEOSGeometry(piece, srid=4326))
    except (KeyError, ValueError, TypeError, RecursionError, GEOSException, GDALException):
        raise unreadable from None


def _geometries(value: Any) -> Iterator[Any]:
    """Geometries of a GeoJSON object, wherever in it they are (RFC 7946)."""
    if not isinstance(value, dict):
        raise TypeError("no GeoJSON object")
    if value.get("type") == "FeatureCollection":
        for feature in value["features"]:
            yield from _geometries(feature)
    elif value.get("type") == "Feature":
        yield value["geometry"]
    else:
        yield value


def _flat(shape: GEOSGeometry) -> GEOSGeometry:
    return GEOSGeometry(WKBWriter(dim=2).write(shape), srid=4326) if shape.hasz else shape
