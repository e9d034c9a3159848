"""Shapes of annotations as pages send them, and where they lie."""

from __future__ import annotations

import json
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.utils.translation import gettext
from shapely.geometry.base import BaseGeometry

from gis import editing
from gis.models import Region
from twin.annotations.exceptions import AnnotationFaultError
from twin.annotations.symbols import SYMBOLS, Sort, Symbol

MOST_POINTS = 2000
_TYPES = {Sort.POINT: "Point", Sort.LINE: "LineString", Sort.POLYGON: "Polygon"}


def symbol_of(kind: str) -> Symbol:
    """The symbol of this key.

    Raises
    ------
    AnnotationFaultError
        There is none.
    """
    if kind not in SYMBOLS:
        raise AnnotationFaultError(gettext("没有这种标绘符号：%s。请从符号表中选择。") % kind[:32])
    return SYMBOLS[kind]


def read_shape(symbol: Symbol, value: Any) -> BaseGeometry:
    """A GeoJSON geometry (degrees, longitude first) as the shape of a symbol, without heights.

    Raises
    ------
    AnnotationFaultError
        It is none, or not one that this symbol is drawn with, or not on the globe.
    """
    shape = _parsed(value)
    if shape is None or shape.is_empty or shape.geom_type != _TYPES[symbol.sort]:
        wanted = {Sort.POINT: gettext("一个点"), Sort.LINE: gettext("一条线"), Sort.POLYGON: gettext("一个面")}
        raise AnnotationFaultError(
            gettext("“%(name)s”要画成%(wanted)s，请重新画。") % {"name": symbol.name, "wanted": wanted[symbol.sort]}
        )
    if shapely.get_num_coordinates(shape) > MOST_POINTS:
        raise AnnotationFaultError(gettext("图形的点太多，最多 %d 个，请画得简单些。") % MOST_POINTS)
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise AnnotationFaultError(gettext("坐标不是经纬度：经度须在 ±180、纬度须在 ±90 之内，经度在前。"))
    shape = shapely.force_2d(shape)
    if symbol.sort is Sort.LINE and shape.length == 0:
        raise AnnotationFaultError(gettext("这条线没有长度，请至少画两个不同的点。"))
    if symbol.sort is Sort.POLYGON and (not shape.is_valid or shape.area == 0):
        raise AnnotationFaultError(gettext("这个面自己相交或围不成面，请拖开交叉的边再保存。"))
    return shape


def any_shape(value: Any) -> BaseGeometry:
    """Any geometry of GeoJSON that has points.

    Raises
    ------
    AnnotationFaultError
        It is none.
    """
    shape = _parsed(value)
    if shape is None or shape.is_empty:
        raise AnnotationFaultError(gettext("没有图形：请先在图上画，或输入坐标。"))
    return shapely.force_2d(shape)


def _parsed(value: Any) -> BaseGeometry | None:
    try:
        return shapely.from_geojson(json.dumps(value))
    except (ValueError, TypeError, RecursionError, shapely.errors.ShapelyError):
        return None


def write_shape(shape: GEOSGeometry) -> dict[str, Any]:
    """A stored shape as GeoJSON."""
    return json.loads(shapely.to_geojson(shapely.from_wkb(bytes(shape.wkb))))


def stored(shape: BaseGeometry) -> GEOSGeometry:
    """A shape as a model takes it."""
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)


def measured(shape: BaseGeometry) -> tuple[float | None, float | None]:
    """Metres along a line or boundary, and square metres of a polygon; None where there is none."""
    if shape.geom_type == "Point":
        return None, None
    found = editing.measure(shape)
    return found["length_m"], found["area_m2"] if shape.geom_type == "Polygon" else None


def regions_of(shape: GEOSGeometry) -> list[int]:
    """Keys of the districts, and of the regions below them, that a shape touches; ascending."""
    below = Region.objects.exclude(level__in=(Region.Level.PROVINCE, Region.Level.CITY))
    return sorted(below.filter(boundary__intersects=shape).values_list("pk", flat=True))
