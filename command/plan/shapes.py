"""Shapes as pages send them: GeoJSON, or a figure that numbers describe; and whether they make an area."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiLineString, MultiPolygon
from django.utils.translation import gettext
from shapely.geometry.base import BaseGeometry

from command.plan.exceptions import DraftFaultError
from gis import editing
from gis.exceptions import EditError
from twin.boundaries import boundary_fault, line_fault
from twin.models import Area

MOST_POINTS = 200_000
Numbers = Mapping[str, float]


def read_shape(value: Any) -> BaseGeometry:
    """A GeoJSON geometry (degrees, longitude first) as a shape, without heights.

    Raises
    ------
    DraftFaultError
        It is none, has too many points, or is not on the globe.
    """
    try:
        shape = shapely.from_geojson(json.dumps(value))
        if shape.geom_type == "GeometryCollection":
            raise ValueError
    except (ValueError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError):
        raise DraftFaultError(gettext("无法识别图形：应为 GeoJSON 的点、线或面，面的首尾两点相同。")) from None
    if shape.is_empty:
        raise DraftFaultError(gettext("图形是空的：请在地图上画出来，或输入坐标。"))
    if shapely.get_num_coordinates(shape) > MOST_POINTS:
        raise DraftFaultError(gettext("图形的点太多：最多 %d 个。请先简化。") % MOST_POINTS)
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        swapped = gettext("，经纬度是否颠倒？") if west >= -90 and east <= 90 and south >= -180 and north <= 180 else ""
        raise DraftFaultError(gettext("坐标不是经纬度：经度须在 ±180、纬度须在 ±90 之内") + (swapped or "。"))
    return shapely.force_2d(shape)


def write_shape(shape: BaseGeometry | GEOSGeometry) -> dict[str, Any]:
    """A shape as GeoJSON."""
    if isinstance(shape, GEOSGeometry):
        shape = shapely.from_wkb(bytes(shape.wkb))
    return json.loads(shapely.to_geojson(shape))


def as_stored(shape: BaseGeometry) -> GEOSGeometry:
    """A shape as models take it."""
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)


def of_stored(shape: GEOSGeometry) -> BaseGeometry:
    """A model's shape as shapely has it."""
    return shapely.from_wkb(bytes(shape.wkb))


def _line_of(shape: BaseGeometry | None) -> BaseGeometry:
    if shape is None:
        return shapely.Point()  # which :func:`gis.editing.corridor` refuses in words
    return shape


_FIGURES: dict[str, tuple[tuple[str, ...], Callable[[Numbers, BaseGeometry | None], BaseGeometry]]] = {
    "circle": (("lon", "lat", "radius_m"), lambda n, _: editing.circle(n["lon"], n["lat"], n["radius_m"])),
    "sector": (
        ("lon", "lat", "radius_m", "from_deg", "to_deg", "inner_m"),
        lambda n, _: editing.sector(n["lon"], n["lat"], n["radius_m"], n["from_deg"], n["to_deg"], n["inner_m"]),
    ),
    "rectangle": (
        ("lon", "lat", "width_m", "height_m", "bearing_deg"),
        lambda n, _: editing.rectangle(n["lon"], n["lat"], n["width_m"], n["height_m"], n["bearing_deg"]),
    ),
    "corridor": (("width_m",), lambda n, line: editing.corridor(_line_of(line), n["width_m"])),
}
FIGURES = tuple(_FIGURES)


def settled_figure(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """How a shape was drawn, checked: ``{"type": "circle", "lon", "lat", "radius_m"}`` and the like; {}: by its points.

    Raises
    ------
    DraftFaultError
        There is no such figure, or a number is missing.
    """
    if not value:
        return {}
    kind = value.get("type")
    if kind not in _FIGURES:
        raise DraftFaultError(gettext("没有这种画法：%s") % str(kind)[:40])
    numbers = {key: value.get(key) for key in _FIGURES[kind][0]}
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers.values()):
        raise DraftFaultError(gettext("画法的数据不全：请填写每一项数字。"))
    line = {"line": value["line"]} if kind == "corridor" and "line" in value else {}
    return {"type": kind, **numbers, **line}


def shape_of(figure: Mapping[str, Any]) -> BaseGeometry:
    """The shape that a settled figure describes.

    Raises
    ------
    DraftFaultError
        It describes none.
    """
    line = read_shape(figure["line"]) if "line" in figure else None
    try:
        return _FIGURES[figure["type"]][1](figure, line)
    except EditError as error:
        raise DraftFaultError(str(error)) from error


def shape_fault(kind: str, shape: BaseGeometry) -> str:
    """Why a shape cannot be an area of a kind, for people; empty where it can."""
    is_line = "LineString" in shape.geom_type
    if "Point" in shape.geom_type:
        return gettext("点还不是区域：请给出半径画成圆，或用“缓冲”。")
    if kind == Area.Kind.LINE:
        if not is_line:
            return gettext("警戒线必须是线：请改画线，或改选其他类别。")
        return line_fault(as_lines(shape))
    if is_line:
        return gettext("线还不是区域：请给出宽度成为走廊，或把类别改为警戒线。")
    return boundary_fault(as_boundary(shape))


def as_boundary(shape: BaseGeometry) -> MultiPolygon:
    """Polygons as an area stores them."""
    stored = as_stored(shapely.MultiPolygon(list(shapely.get_parts(shape))))
    assert isinstance(stored, MultiPolygon)
    return stored


def as_lines(shape: BaseGeometry) -> MultiLineString:
    """Lines as an area stores them."""
    stored = as_stored(shapely.MultiLineString(list(shapely.get_parts(shape))))
    assert isinstance(stored, MultiLineString)
    return stored
