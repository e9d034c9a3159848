"""Measures on the ellipsoid."""

from __future__ import annotations

from functools import cache

import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry


@cache
def _wgs84_ellipsoid() -> Geod:
    return Geod(ellps="WGS84")


def area_m2(geometry: BaseGeometry | bytes | memoryview) -> float:
    """Area in square metres of a polygon or multipolygon in degrees of EPSG:4326.

    Parameters
    ----------
    geometry : shapely geometry or WKB
        Rings may run either way round.

    Notes
    -----
    Karney, C. F. F. (2013), "Algorithms for geodesics", Journal of Geodesy 87, 43-55 (as PROJ implements it).
    """
    shape = geometry if isinstance(geometry, BaseGeometry) else shapely.from_wkb(bytes(geometry))
    return abs(_wgs84_ellipsoid().geometry_area_perimeter(shapely.orient_polygons(shape))[0])
