"""Distance from a polygon in metres, for polygons of a few kilometres. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import MultiPolygon, Polygon

M_PER_DEG = math.radians(6_371_008.8)
"""Metres of a degree of latitude (mean radius, IUGG)."""


@dataclass(frozen=True)
class Ground:
    """A polygon on a plane of metres around its middle (equirectangular: within 0.1 % over 10 km at middle latitudes).

    Make it with :meth:`of`.
    """

    shape: Polygon | MultiPolygon
    east_m_per_deg: float

    @classmethod
    def of(cls, boundary: Polygon | MultiPolygon) -> Ground:
        """From a polygon in degrees of EPSG:4326."""
        scale = np.array([M_PER_DEG * math.cos(math.radians(boundary.centroid.y)), M_PER_DEG])
        shape = shapely.transform(boundary, lambda points: points * scale)
        shapely.prepare(shape)
        return cls(shape, float(scale[0]))

    def distance_m(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
        """Metres from the points (degrees, float64[n]) to the polygon; 0 inside: float64[n]."""
        points = shapely.points(np.asarray(lon) * self.east_m_per_deg, np.asarray(lat) * M_PER_DEG)
        return np.asarray(shapely.distance(self.shape, points), np.float64)


def plane_m(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.object_]:
    """Points on one plane of metres, for distances among them: object[n] of shapely points."""
    east_m = M_PER_DEG * math.cos(math.radians(float(lat.mean()))) if len(lat) else 0.0
    return np.asarray(shapely.points(lon * east_m, lat * M_PER_DEG))
