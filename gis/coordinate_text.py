"""Coordinates as people type them (坐标录入), in any datum, and back. Pure.

One point a line: ``121.473701, 31.230416``; ``31°13'49.5"N 121°28'25.3"E``; ``13521.5 -2034.8`` in metres of a grid.
What separates two numbers may be a comma, a semicolon, a tab or blanks; a number or a name before them may be left in
(``J1 121.47 31.23``). An empty line begins another ring or line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.crs import find_datum, from_wgs84, to_wgs84
from gis.exceptions import EditError

MOST_LINES = 20_000
_SIGNS = str.maketrans("，；、　（）°º˚′’＇″”＂", ",;, ()ddd'''\"\"\"")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_ANGLE = re.compile(
    r"""(?P<before>[NSEW东西南北])?\s*(?P<d>[+-]?\d+(?:\.\d+)?)\s*d\s*
        (?:(?P<m>\d+(?:\.\d+)?)\s*'\s*)?(?:(?P<s>\d+(?:\.\d+)?)\s*(?:"|'')\s*)?(?P<after>[NSEW东西南北])?""",
    re.IGNORECASE | re.VERBOSE,
)
_LATITUDES, _NEGATIVE = "NS南北", "SW南西"


def read_coordinates(text: str, datum: str, sort: str) -> BaseGeometry:
    """A shape in EPSG:4326 from lines of coordinates.

    Parameters
    ----------
    text : str
        See the module.
    datum : str
        Name of the datum in which they are (:mod:`gis.crs`).
    sort : str
        ``point``, ``line`` or ``polygon``; of several rings one inside another is a hole.

    Raises
    ------
    EditError
        A line cannot be read; says which.
    UnknownDatumError, OutOfRangeError
        As :func:`gis.crs.to_wgs84`.
    """
    geographic = find_datum(datum).geographic
    groups = [np.array(group) for group in _groups(text, geographic)]
    if not groups:
        raise EditError(_("请输入坐标，每行一个点。"))
    groups = [np.c_[to_wgs84(points[:, 0], points[:, 1], datum)] for points in groups]
    if sort == "point":
        return _one_or_many(shapely.points(np.concatenate(groups)), shapely.MultiPoint)
    fewest, what = (2, _("一条线至少两个点。")) if sort == "line" else (3, _("一个面至少三个点。"))
    if any(len(np.unique(points, axis=0)) < fewest for points in groups):
        raise EditError(what)
    if sort == "line":
        return _one_or_many([shapely.LineString(points) for points in groups], shapely.MultiLineString)
    return _polygons(groups)


def write_coordinates(shape: BaseGeometry, datum: str) -> str:
    """A shape's points as lines of text in a datum; :func:`read_coordinates` reads them back.

    Raises
    ------
    UnknownDatumError, OutOfRangeError
        As :func:`gis.crs.from_wgs84`.
    """
    digits = 8 if find_datum(datum).geographic else 4
    blocks = []
    for points in _rings(shape):
        x, y = from_wgs84(points[:, 0], points[:, 1], datum)
        blocks.append("\n".join(f"{a:.{digits}f}, {b:.{digits}f}" for a, b in zip(x, y, strict=True)))
    return "\n\n".join(blocks)


def _rings(shape: BaseGeometry) -> list[NDArray[np.float64]]:
    """Points of each ring (without its last) or line; of single points all together."""
    if "Point" in shape.geom_type:
        return [shapely.get_coordinates(shape)]
    found = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            found += [shapely.get_coordinates(ring)[:-1] for ring in (part.exterior, *part.interiors)]
        else:
            found.append(shapely.get_coordinates(part))
    return found


def _groups(text: str, geographic: bool) -> list[list[tuple[float, float]]]:
    lines = text.translate(_SIGNS).splitlines()
    if len(lines) > MOST_LINES:
        raise EditError(_("坐标太多：最多 %d 行。") % MOST_LINES)
    groups: list[list[tuple[float, float]]] = [[]]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            if groups[-1]:
                groups.append([])
            continue
        point = _angles(line) if "d" in line.lower() and _ANGLE.search(line) else _numbers(line)
        if point is None or (geographic and not (abs(point[0]) <= 360 and abs(point[1]) <= 360)):
            raise EditError(_("第 %(number)d 行读不出坐标：%(line)s") % {"number": number, "line": line.strip()[:60]})
        groups[-1].append(point)
    return [group for group in groups if group]


def _numbers(line: str) -> tuple[float, float] | None:
    # The last two: before them a number of the point, or its name, may stand.
    words = [word for word in re.split(r"[\s,;()]+", line) if word]
    found = [float(word) for word in words if _NUMBER.fullmatch(word)]
    return (found[-2], found[-1]) if len(found) in (2, 3) else None


def _angles(line: str) -> tuple[float, float] | None:
    found = list(_ANGLE.finditer(line))
    if len(found) != 2:
        return None
    values, is_latitude = [], []
    for angle in found:
        letter = (angle["before"] or angle["after"] or "").upper()
        degrees = float(angle["d"])
        more = float(angle["m"] or 0) / 60 + float(angle["s"] or 0) / 3600
        value = degrees - more if degrees < 0 else degrees + more
        values.append(-value if letter and letter in _NEGATIVE else value)
        is_latitude.append(bool(letter) and letter in _LATITUDES)
    return (values[1], values[0]) if is_latitude == [True, False] else (values[0], values[1])


def _polygons(rings: Sequence[NDArray[np.float64]]) -> BaseGeometry:
    shells: list[tuple[shapely.Polygon, list[NDArray[np.float64]]]] = []
    for ring in rings:
        face = shapely.Polygon(ring)
        around = next((holes for shell, holes in shells if shell.is_valid and shell.contains(face)), None)
        if around is None:
            shells.append((face, []))
        else:
            around.append(ring)
    return _one_or_many([shapely.Polygon(shell.exterior, holes) for shell, holes in shells], shapely.MultiPolygon)


def _one_or_many(parts: Sequence[BaseGeometry] | NDArray[np.object_], many: type) -> BaseGeometry:
    return parts[0] if len(parts) == 1 else many(list(parts))
