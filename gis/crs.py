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

from typing import overload

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from gis.datums import (
    RESERVED_NAMES,
    WGS84,
    Conversion,
    Datum,
    Floats,
    Pair,
    city_grids,
    datum_names,
    definition_of,
    find_datum,
)
from gis.exceptions import OutOfRangeError

__all__ = [
    "RESERVED_NAMES",
    "WGS84",
    "Datum",
    "city_grids",
    "datum_names",
    "definition_of",
    "find_datum",
    "from_wgs84",
    "geometry_from_wgs84",
    "geometry_to_wgs84",
    "to_wgs84",
]


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
