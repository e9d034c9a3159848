"""What a planner does to shapes (几何编辑), exact in metres: circles, corridors, buffers, joining, cutting. Pure.

Shapes are degrees of EPSG:4326, longitude first. Circles and sectors are laid out on the ellipsoid. Everything that
measures along the ground happens on a transverse Mercator around the shape itself: within 30 km of its middle a length
is right to a hundred-thousandth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _
from pyproj import CRS, Geod, Transformer
from shapely.geometry.base import BaseGeometry
from shapely.ops import split as split_by

from gis.exceptions import EditError
from gis.geodesy import area_m2

POINTS_OF_A_CIRCLE = 96
QUARTER_SEGMENTS = 16
LONGEST_M = 200_000.0
_POLYGONAL = ("Polygon", "MultiPolygon")


@cache
def _geod() -> Geod:
    return Geod(ellps="WGS84")


def circle(lon: float, lat: float, radius_m: float, points: int = POINTS_OF_A_CIRCLE) -> shapely.Polygon:
    """A circle as a polygon whose corners lie on it.

    Raises
    ------
    EditError
        The radius is no length between 0.1 m and :data:`LONGEST_M`.
    """
    _check_length(radius_m)
    azimuth_deg = np.linspace(0, 360, points, endpoint=False)
    return shapely.Polygon(_around(lon, lat, azimuth_deg, radius_m))


def sector(
    lon: float, lat: float, radius_m: float, from_deg: float, to_deg: float, inner_m: float = 0.0
) -> shapely.Polygon:
    """The part of a circle that is seen turning clockwise from one bearing to another; without its inner part.

    Parameters
    ----------
    from_deg, to_deg : float
        Bearings, clockwise from north. Equal ones make the whole circle.
    inner_m : float
        Radius of what is left out around the centre.

    Raises
    ------
    EditError
        A radius cannot be.
    """
    _check_length(radius_m)
    if not 0 <= inner_m < radius_m:
        raise EditError(_("内半径须小于外半径。"))
    sweep_deg = (to_deg - from_deg) % 360 or 360.0
    if sweep_deg == 360:
        whole = circle(lon, lat, radius_m)
        return whole if not inner_m else shapely.Polygon(whole.exterior, [circle(lon, lat, inner_m).exterior.coords])
    count = max(3, int(np.ceil(sweep_deg / 360 * POINTS_OF_A_CIRCLE)) + 1)
    azimuth_deg = from_deg + np.linspace(0, sweep_deg, count)
    outer = _around(lon, lat, azimuth_deg, radius_m)
    inner = _around(lon, lat, azimuth_deg[::-1], inner_m) if inner_m else np.array([[lon, lat]])
    return shapely.Polygon(np.r_[outer, inner])


def rectangle(lon: float, lat: float, width_m: float, height_m: float, bearing_deg: float = 0.0) -> shapely.Polygon:
    """A rectangle around its middle; its height runs along the bearing (clockwise from north).

    Raises
    ------
    EditError
        A side is no length.
    """
    _check_length(width_m)
    _check_length(height_m)
    east, north = (np.array([-1, 1, 1, -1]) * width_m / 2, np.array([-1, -1, 1, 1]) * height_m / 2)
    turn = np.radians(bearing_deg)
    corners = np.c_[east * np.cos(turn) + north * np.sin(turn), north * np.cos(turn) - east * np.sin(turn)]
    forward, back = _plane_at(lon, lat)
    middle = forward(np.array([[lon, lat]]))
    return shapely.Polygon(back(middle + corners))


def corridor(line: BaseGeometry, width_m: float) -> BaseGeometry:
    """The ground along a line (走廊), so wide in all; its ends are straight.

    Raises
    ------
    EditError
        It is no line, or the width is no length.
    """
    if line.geom_type not in ("LineString", "MultiLineString") or line.length == 0:
        raise EditError(_("走廊要沿一条线：请先画线。"))
    _check_length(width_m)
    return _on_plane(
        lambda plane: shapely.buffer(plane, width_m / 2, quad_segs=QUARTER_SEGMENTS, cap_style="flat"), line
    )


def buffer(shape: BaseGeometry, distance_m: float) -> BaseGeometry:
    """Everything within a distance (缓冲); negative: what is further inside than that.

    Raises
    ------
    EditError
        Nothing is left, or the distance is no length.
    """
    _check_length(abs(distance_m))
    grown = _on_plane(lambda plane: shapely.buffer(plane, distance_m, quad_segs=QUARTER_SEGMENTS), shape)
    return _filled(grown, _("向内缩 %g 米后什么也不剩，请减小距离。") % abs(distance_m))


def merge(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """Shapes as one (合并).

    Raises
    ------
    EditError
        There are fewer than two, or polygons among others.
    """
    if len(shapes) < 2:
        raise EditError(_("合并至少需要两个图形。"))
    if len({shape.geom_type in _POLYGONAL for shape in shapes}) > 1:
        raise EditError(_("面只能与面合并，线只能与线合并。"))
    return shapely.union_all(np.array(shapes, object))


def split(shape: BaseGeometry, knife: BaseGeometry) -> list[BaseGeometry]:
    """The pieces into which a line cuts a polygon or a line (分割), the largest first.

    Raises
    ------
    EditError
        The line does not cut it through.
    """
    if knife.geom_type not in ("LineString", "MultiLineString"):
        raise EditError(_("请画一条贯穿图形的线来分割。"))
    pieces: list[BaseGeometry] = []
    for part in shapely.get_parts(shape):
        cut = shapely.get_parts(split_by(part, shapely.unary_union(knife)))
        pieces.extend(piece for piece in cut if not piece.is_empty)
    if len(pieces) <= shapely.get_num_geometries(shape):
        raise EditError(_("线没有贯穿图形，分不开：请让线的两端都伸到图形外面。"))
    return sorted(pieces, key=lambda piece: piece.area or piece.length, reverse=True)


def cut(shape: BaseGeometry, hole: BaseGeometry) -> BaseGeometry:
    """A shape without another (挖洞): a hole where that lies inside, a bite where it does not.

    Raises
    ------
    EditError
        Nothing is left, nothing changes, or one of the two is no polygon.
    """
    if shape.geom_type not in _POLYGONAL or hole.geom_type not in _POLYGONAL:
        raise EditError(_("只能从面里挖去面。"))
    if not shape.intersects(hole):
        raise EditError(_("要挖去的部分不在图形内。"))
    return _filled(shapely.difference(shape, hole), _("挖去后什么也不剩。"))


def changes(was: BaseGeometry, now: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """What of one shape is gone in another, and what has come: polygons, perhaps without any ground."""
    return _polygonal(shapely.difference(was, now)), _polygonal(shapely.difference(now, was))


def snap(shape: BaseGeometry, others: Sequence[BaseGeometry], within_m: float) -> BaseGeometry:
    """A shape whose corners lie on those corners and edges of others that were within a distance (吸附).

    Raises
    ------
    EditError
        The distance is no length, or what comes out encloses nothing.
    """
    _check_length(within_m)
    if not others:
        return shape
    forward, back = _plane_at(*_middle(shape))
    plane = shapely.transform(shape, forward)
    for other in others:
        plane = shapely.snap(plane, shapely.transform(other, forward), within_m)
    snapped = shapely.transform(plane, back)
    if shape.geom_type in _POLYGONAL:
        snapped = _polygonal(shapely.make_valid(snapped))
    return _filled(snapped, _("吸附后图形塌缩了，请减小吸附距离。"))


def mend(shape: BaseGeometry) -> BaseGeometry:
    """The same ground as a valid polygon: crossings become corners, repeated points one.

    Raises
    ------
    EditError
        It encloses nothing.
    """
    valid = shapely.make_valid(shapely.remove_repeated_points(shape))
    return _filled(_polygonal(valid) if shape.geom_type in _POLYGONAL else valid, _("图形围不成面。"))


def measure(shape: BaseGeometry) -> dict[str, float]:
    """Square metres (of polygons), metres along its lines or boundary, and how many points it has.

    A ring's point of return is its beginning: nobody counts it twice.
    """
    parts = shapely.get_parts(shape)
    rings = shapely.get_num_interior_rings(parts)[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON] + 1
    length_m = sum(_geod().geometry_length(line) for line in shapely.get_parts(_outlines(shape)))
    return {
        "area_m2": area_m2(shape) if shape.geom_type in _POLYGONAL else 0.0,
        "length_m": float(length_m),
        "points": int(shapely.get_num_coordinates(shape) - rings.sum()),
    }


def _outlines(shape: BaseGeometry) -> BaseGeometry:
    if shape.geom_type in _POLYGONAL:
        return shape.boundary
    return shape if "LineString" in shape.geom_type else shapely.MultiLineString()


def _polygonal(shape: BaseGeometry) -> BaseGeometry:
    """The polygons in whatever a repair made."""
    return shapely.union_all(
        [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type in _POLYGONAL]
    )


def _filled(shape: BaseGeometry, otherwise: str) -> BaseGeometry:
    if shape.is_empty:
        raise EditError(otherwise)
    return shape


def _check_length(length_m: float) -> None:
    if not 0.1 <= length_m <= LONGEST_M:
        raise EditError(_("长度须在 0.1 米至 %d 千米之间。") % (LONGEST_M / 1000))


def _around(lon: float, lat: float, azimuth_deg: np.ndarray, radius_m: float) -> np.ndarray:
    ones = np.ones(len(azimuth_deg))
    east, north, _back = _geod().fwd(lon * ones, lat * ones, azimuth_deg, radius_m * ones)
    return np.c_[east, north]


def _middle(shape: BaseGeometry) -> tuple[float, float]:
    west, south, east, north = shape.bounds
    return (west + east) / 2, (south + north) / 2


def _plane_at(lon: float, lat: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """To metres around a place, and back: functions of float64[n, 2]."""
    # A whole tenth of a degree: so that a planner at work makes few of them.
    there, back = _transformers(round(lon, 1), round(lat, 1))
    return (
        lambda points: np.c_[there.transform(points[:, 0], points[:, 1])],
        lambda points: np.c_[back.transform(points[:, 0], points[:, 1])],
    )


@lru_cache(256)
def _transformers(lon: float, lat: float) -> tuple[Transformer, Transformer]:
    plane = CRS.from_proj4(f"+proj=tmerc +lat_0={lat} +lon_0={lon} +k=1 +ellps=WGS84 +units=m")
    degrees = CRS.from_epsg(4326)
    return Transformer.from_crs(degrees, plane, always_xy=True), Transformer.from_crs(plane, degrees, always_xy=True)


def _on_plane(work: Callable[[BaseGeometry], BaseGeometry], shape: BaseGeometry) -> BaseGeometry:
    forward, back = _plane_at(*_middle(shape))
    return shapely.transform(work(shapely.transform(shape, forward)), back)
