"""The one place where coordinates change their datum (坐标系).

Every source declares its datum by name; everything inside is EPSG:4326, longitude first. Nothing is guessed and nothing
is shifted unless the name says so. Names:

========================== =========================================================================================
``wgs84``                  WGS 84 in degrees
``cgcs2000``               CGCS2000 in degrees. The two agree to some centimetres and EPSG's transformation is null
``cgcs2000-gk3-40``        CGCS2000 Gauss-Krüger, 3-degree zone 40 (25 to 45), zone number before the easting
``cgcs2000-gk3-cm120``     the same by central meridian (75 to 135), no zone number
``cgcs2000-gk6-21``        6-degree zone 21 (13 to 23), zone number before the easting
``cgcs2000-gk6-cm123``     the same by central meridian (75 to 135), no zone number
``gcj02`` ``bd09``         web maps' shifted degrees (:mod:`gis.china_datums`)
``bd09mc``                 Baidu's Mercator in metres
``epsg:4549``              EPSG code of one of the above
a city's own               as registered in the setting ``SANDTABLE_CITY_GRIDS = {"shanghai2000": "+proj=tmerc …"}``
``proj:+proj=tmerc …``     a PROJ string given in place of a name
========================== =========================================================================================

Axis order is always longitude or easting first, whatever a standard says (Gauss-Krüger's X is the northing).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import numpy as np
import shapely
from django.conf import settings
from django.utils.translation import gettext as _
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from gis import china_datums
from gis.exceptions import OutOfRangeError, UnknownDatumError

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]
Conversion = Callable[[Floats, Floats], Pair]

DEGREES = ((-180.0, 180.0), (-90.0, 90.0))
WEB_MERCATOR_M = 20037508.342789244
# The pole lies at 10,002 km of northing; eastings stay within 500 km of the central meridian, over five degrees.
NORTHING_M = (0.0, 10_003_000.0)


@dataclass(frozen=True)
class Datum:
    """A datum with its two conversions.

    Attributes
    ----------
    name : str
        Canonical name.
    geographic : bool
        True: coordinates are degrees. False: metres.
    x_range, y_range : tuple of float
        What its coordinates can be, edges included.
    forward, inverse : callable
        From and to EPSG:4326, on float64 arrays of shape (n,), without any check.
    """

    name: str
    geographic: bool
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    forward: Conversion
    inverse: Conversion

    def contains(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether each coordinate pair is finite and within the ranges."""
        return (x >= self.x_range[0]) & (x <= self.x_range[1]) & (y >= self.y_range[0]) & (y <= self.y_range[1])


def _same(x: Floats, y: Floats) -> Pair:
    return x.copy(), y.copy()


_BUILT_IN = {
    datum.name: datum
    for datum in (
        Datum("wgs84", True, *DEGREES, _same, _same),
        Datum("cgcs2000", True, *DEGREES, _same, _same),
        Datum("gcj02", True, *DEGREES, china_datums.wgs84_to_gcj02, china_datums.gcj02_to_wgs84),
        Datum("bd09", True, *DEGREES, china_datums.wgs84_to_bd09, china_datums.bd09_to_wgs84),
        Datum(
            "bd09mc",
            False,
            (-WEB_MERCATOR_M * 1.01, WEB_MERCATOR_M * 1.01),
            (-12.6e6, 12.6e6),
            china_datums.wgs84_to_bd09mc,
            china_datums.bd09mc_to_wgs84,
        ),
    )
}
WGS84 = _BUILT_IN["wgs84"]


def _gauss_krueger_names() -> dict[str, tuple[int, float]]:
    """EPSG code and false easting in metres by name: the codes run in blocks of zones and of central meridians."""
    names = {}
    for width, first_zone, last_zone, zoned_code, plain_code in ((6, 13, 23, 4491, 4502), (3, 25, 45, 4513, 4534)):
        for step, zone in enumerate(range(first_zone, last_zone + 1)):
            meridian = 75 + width * step
            names[f"cgcs2000-gk{width}-{zone}"] = (zoned_code + step, zone * 1e6 + 500_000.0)
            names[f"cgcs2000-gk{width}-cm{meridian}"] = (plain_code + step, 500_000.0)
    return names


_GAUSS_KRUEGER = _gauss_krueger_names()
RESERVED_NAMES = frozenset({*_BUILT_IN, *_GAUSS_KRUEGER})
_BY_EPSG = {4326: "wgs84", 4490: "cgcs2000"} | {code: name for name, (code, _easting) in _GAUSS_KRUEGER.items()}


def _by_transformer(geographic: CRS, projected: CRS) -> tuple[Conversion, Conversion]:
    """Conversions by PROJ; what it cannot convert becomes infinite."""
    forward = Transformer.from_crs(geographic, projected, always_xy=True)
    inverse = Transformer.from_crs(projected, geographic, always_xy=True)
    return forward.transform, inverse.transform


@lru_cache(maxsize=128)
def _gauss_krueger(name: str) -> Datum:
    code, false_easting_m = _GAUSS_KRUEGER[name]
    forward, inverse = _by_transformer(CRS.from_epsg(4490), CRS.from_epsg(code))
    eastings = (false_easting_m - 500_000.0, false_easting_m + 500_000.0)
    return Datum(name, False, eastings, NORTHING_M, forward, inverse)


@lru_cache(maxsize=128)
def _from_proj(name: str, definition: str) -> Datum:
    """Datum of a PROJ string.

    Parameters that make PROJ read files or networks are refused: the string may come from a form.
    """
    if re.search(r"\+?\b(nadgrids|geoidgrids|grids|init|step|file|multipoint_file)\b", definition) or not re.search(
        r"(^|\s)\+?proj=[a-z]", definition
    ):
        raise UnknownDatumError(_("不能使用的 PROJ 定义：%(text)s") % {"text": definition})
    try:
        crs = CRS.from_proj4(definition)
        if not (crs.is_projected or crs.is_geographic):
            raise UnknownDatumError(_("PROJ 定义不是平面或经纬度坐标系：%(text)s") % {"text": definition})
        forward, inverse = _by_transformer(CRS.from_epsg(4326), crs)
    except CRSError as error:
        raise UnknownDatumError(
            _("PROJ 定义有误：%(text)s（%(error)s）") % {"text": definition, "error": error}
        ) from error
    anything = (-np.finfo(float).max, np.finfo(float).max)
    return Datum(name, crs.is_geographic, anything, anything, forward, inverse)


def city_grids() -> Mapping[str, str]:
    """The city's own grids: PROJ strings by lower-case name, from the setting ``SANDTABLE_CITY_GRIDS``."""
    return {name.strip().lower(): text for name, text in getattr(settings, "SANDTABLE_CITY_GRIDS", {}).items()}


def datum_names() -> list[str]:
    """Every datum that has a name here, the usual ones first."""
    return [*_BUILT_IN, *city_grids(), *_GAUSS_KRUEGER]


def find_datum(name: str) -> Datum:
    """Look a datum up by name (letter case does not matter).

    Raises
    ------
    UnknownDatumError
        No such name, or a PROJ string that cannot be used.
    """
    text = name.strip()
    key = text.lower()
    if key.startswith("proj:"):
        return _from_proj(text, text[5:].strip())
    if match := re.fullmatch(r"epsg:(\d{4,5})", key):
        key = _BY_EPSG.get(int(match[1]), key)
    if key in _BUILT_IN:
        return _BUILT_IN[key]
    if key in _GAUSS_KRUEGER:
        return _gauss_krueger(key)
    if definition := city_grids().get(key):
        return _from_proj(key, definition)
    near = difflib.get_close_matches(key, datum_names(), n=3, cutoff=0.5)
    hint = _("，是否指 %(names)s？") % {"names": "、".join(near)} if near else ""
    raise UnknownDatumError(_("未知的坐标系“%(name)s”") % {"name": name} + hint)


def _out_of_range(datum: Datum, x: Floats, y: Floats, bad: NDArray[np.bool_]) -> OutOfRangeError:
    """The error about the first bad pair, saying so where the axes look swapped."""
    first = int(np.argmax(bad))
    swapped = not datum.contains(x[first], y[first]) and bool(datum.contains(y[first], x[first]))
    return OutOfRangeError(
        _("坐标 (%(x)s, %(y)s) 超出坐标系 %(datum)s 的范围（第 %(row)d 个，共 %(count)d 个超出）")
        % {
            "x": f"{x[first]:.10g}",
            "y": f"{y[first]:.10g}",
            "datum": datum.name,
            "row": first + 1,
            "count": int(bad.sum()),
        }
        + (_("，两轴是否颠倒？") if swapped else "")
    )


def _convert(x: ArrayLike, y: ArrayLike, source: Datum, target: Datum, strict: bool) -> tuple:
    """Convert between EPSG:4326 (one of the two) and the other, checking what goes in and what comes out."""
    given_x, given_y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    shape = given_x.shape
    in_x, in_y = given_x.reshape(-1), given_y.reshape(-1)
    good = source.contains(in_x, in_y)
    if not good.all():
        if strict:
            raise _out_of_range(source, in_x, in_y, ~good)
        in_x, in_y = np.where(good, in_x, np.nan), np.where(good, in_y, np.nan)
    out_x, out_y = source.inverse(in_x, in_y) if target is WGS84 else target.forward(in_x, in_y)
    fits = target.contains(out_x, out_y)
    if not fits.all():
        if strict:
            raise _out_of_range(source if target is WGS84 else target, in_x, in_y, ~fits)
        out_x, out_y = np.where(fits, out_x, np.nan), np.where(fits, out_y, np.nan)
    if shape == ():
        return float(out_x[0]), float(out_y[0])
    return out_x.reshape(shape), out_y.reshape(shape)


@overload
def to_wgs84(x: float, y: float, datum: str, *, strict: bool = True) -> tuple[float, float]: ...
@overload
def to_wgs84(x: ArrayLike, y: ArrayLike, datum: str, *, strict: bool = True) -> Pair: ...
def to_wgs84(x, y, datum, *, strict=True):
    """Convert coordinates of ``datum`` to EPSG:4326.

    Parameters
    ----------
    x, y : float or array_like of float
        Longitude and latitude in degrees, or easting and northing in metres.
    datum : str
        Name of their datum (see the module).
    strict : bool
        False: a pair that the datum cannot contain becomes NaN instead of an error.

    Returns
    -------
    lon, lat : float, or arrays of float64 in the shape of ``x``
        Degrees.

    Raises
    ------
    UnknownDatumError
        No such datum.
    OutOfRangeError
        A pair is not finite or lies outside the datum (``strict`` only).
    """
    return _convert(x, y, find_datum(datum), WGS84, strict)


@overload
def from_wgs84(lon: float, lat: float, datum: str, *, strict: bool = True) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str, *, strict: bool = True) -> Pair: ...
def from_wgs84(lon, lat, datum, *, strict=True):
    """Convert EPSG:4326 degrees to coordinates of ``datum``; the reverse of :func:`to_wgs84`, with the same errors.

    A point too far from a Gauss-Krüger zone's central meridian (500 km) is out of its range.
    """
    return _convert(lon, lat, WGS84, find_datum(datum), strict)


def geometry_to_wgs84(geometry: BaseGeometry, datum: str) -> BaseGeometry:
    """The geometry in EPSG:4326; heights stay as they are.

    Parameters
    ----------
    geometry : shapely geometry
        In coordinates of ``datum``.

    Raises
    ------
    UnknownDatumError, OutOfRangeError
        As :func:`to_wgs84`.
    """
    return _transform(geometry, lambda x, y: to_wgs84(x, y, datum))


def geometry_from_wgs84(geometry: BaseGeometry, datum: str) -> BaseGeometry:
    """The EPSG:4326 geometry in coordinates of ``datum``; the reverse of :func:`geometry_to_wgs84`."""
    return _transform(geometry, lambda lon, lat: from_wgs84(lon, lat, datum))


def _transform(geometry: BaseGeometry, convert: Conversion) -> BaseGeometry:
    def columns(points: Floats) -> Floats:
        x, y = convert(points[:, 0], points[:, 1])
        return np.column_stack([x, y, *points[:, 2:].T])

    return shapely.transform(geometry, columns, include_z=bool(shapely.has_z(geometry)))
