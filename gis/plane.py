"""Distances of a few kilometres in metres, from degrees of EPSG:4326. Pure.

Everything is equirectangular: a degree of longitude is shortened by the cosine of one latitude near by. Over a
kilometre at middle latitudes the error stays below a tenth of a metre. Places on either side of the antimeridian are
far apart.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

M_PER_DEG = math.radians(6_371_008.8)
"""Metres of a degree of latitude (mean radius, IUGG)."""

Floats = NDArray[np.float64]


class PlaneShapes:
    """Shapes that can be asked which points are within so many metres of them.

    The copies on a plane are made when a shape is first asked about: of ten thousand fences, a few are left at a time.
    Safe to ask from several threads: two may make the same copy.

    Parameters
    ----------
    shapes : array of shapely geometries, shape (n,)
        Degrees of EPSG:4326; a missing or empty one is near nothing.
    """

    def __init__(self, shapes: NDArray[np.object_]) -> None:
        self._shapes = shapes
        self._planes = np.full(len(shapes), None, object)
        self._east_m = np.full(len(shapes), np.nan)

    def within(self, at: NDArray[np.int64], lon: Floats, lat: Floats, margin_m: Floats) -> NDArray[np.bool_]:
        """Whether each point is within a distance of a shape.

        Parameters
        ----------
        at : int64[k]
            Which shape each point is compared with.
        lon, lat : float64[k]
            Degrees, finite.
        margin_m : float64[k]
            Metres, inclusive.
        """
        wanted = np.unique(at)
        self._prepare(wanted[np.isnan(self._east_m[wanted])])
        points = shapely.points(lon * self._east_m[at], lat * M_PER_DEG)
        return np.asarray(shapely.dwithin(self._planes[at], points, margin_m), bool)

    def _prepare(self, new: NDArray[np.int64]) -> None:
        if len(new):
            planes, self._east_m[new] = to_plane(self._shapes[new])
            shapely.prepare(planes)
            self._planes[new] = planes


def to_plane(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], Floats]:
    """Shapes (object[n], degrees) on planes of metres, and the metres of a degree of longitude on each: float64[n]."""
    bounds = shapely.bounds(shapes)
    east_m = np.nan_to_num(np.cos(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))) * M_PER_DEG
    return _scaled(shapes, east_m, M_PER_DEG), east_m


def from_plane(shapes: NDArray[np.object_], east_m: Floats) -> NDArray[np.object_]:
    """The way back from :func:`to_plane`."""
    return _scaled(shapes, 1 / east_m, 1 / M_PER_DEG)


def _scaled(shapes: NDArray[np.object_], east: Floats, north: float) -> NDArray[np.object_]:
    points, of = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(shapely.set_coordinates(shapes.copy(), points * np.c_[east[of], np.full(len(of), north)]))


def distances_m(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> Floats:
    """Metres between points, pair by pair: float64[k] each, degrees."""
    east = (lon - other_lon) * np.cos(np.radians((lat + other_lat) / 2))
    return np.hypot(east, lat - other_lat) * M_PER_DEG
