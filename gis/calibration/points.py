"""Control points, and the two planes that a transformation between them is estimated on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

Floats = NDArray[np.float64]
MOST_POINTS = 2_000


@dataclass(frozen=True)
class ControlPoints:
    """Places known in both coordinate systems.

    Attributes
    ----------
    names : tuple of str, n
    source : array of float64, shape (n, 2)
        Easting and northing in metres, or longitude and latitude in degrees, of the system to be calibrated.
    target : array of float64, shape (n, 2)
        Longitude and latitude in degrees, EPSG:4326.
    source_height_m, target_height_m : array of float64, shape (n,)
        Above the ellipsoid (大地高); NaN where unknown.
    """

    names: tuple[str, ...]
    source: Floats
    target: Floats
    source_height_m: Floats
    target_height_m: Floats

    def __len__(self) -> int:
        return len(self.names)

    def only(self, kept: NDArray[np.bool_]) -> ControlPoints:
        """Those that the mask of shape (n,) keeps."""
        return ControlPoints(
            tuple(name for name, keep in zip(self.names, kept, strict=True) if keep),
            self.source[kept],
            self.target[kept],
            self.source_height_m[kept],
            self.target_height_m[kept],
        )

    @cached_property
    def has_heights(self) -> bool:
        """Whether every point has both heights."""
        return bool(np.isfinite(self.source_height_m).all() and np.isfinite(self.target_height_m).all())


@dataclass(frozen=True)
class Plane:
    """A transverse Mercator plane on GRS 80 with its central meridian amid the points.

    A city's own grid (城市独立坐标系) is such a plane, too, turned and moved; on a plane with another meridian its
    scale would change from one side of the city to the other, and a similarity would not fit.

    Attributes
    ----------
    central_meridian_deg : float
    """

    central_meridian_deg: float

    @classmethod
    def amid(cls, lon: Floats) -> Plane:
        """The plane of these longitudes (degrees, shape (n,)): their middle, rounded to a minute of arc."""
        middle = (float(np.min(lon)) + float(np.max(lon))) / 2
        return cls(round(middle * 60) / 60)

    @property
    def definition(self) -> str:
        """The projection as PROJ has it, from degrees of longitude and latitude."""
        meridian = float(self.central_meridian_deg)
        return f"+proj=tmerc +lat_0=0 +lon_0={meridian!r} +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m"

    def from_degrees(self, lon: Floats, lat: Floats) -> Floats:
        """Easting and northing in metres, shape (n, 2)."""
        east, north = Transformer.from_pipeline(
            f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step {self.definition}"
        ).transform(lon, lat)
        return np.column_stack([east, north])
