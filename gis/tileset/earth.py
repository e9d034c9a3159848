"""From degrees to the Earth's own metres (ECEF, EPSG:4978) and to a plane that touches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# WGS 84 (NGA.STND.0036): semi-major axis in metres, flattening.
AXIS_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)


def to_ecef(lon: Floats, lat: Floats, height_m: Floats | float) -> Floats:
    """Earth-centred metres, shape (n, 3), of degrees and heights above the ellipsoid."""
    across, up = np.radians(lon), np.radians(lat)
    normal = AXIS_M / np.sqrt(1 - ECCENTRICITY2 * np.sin(up) ** 2)
    level = (normal + height_m) * np.cos(up)
    return np.column_stack(
        [level * np.cos(across), level * np.sin(across), (normal * (1 - ECCENTRICITY2) + height_m) * np.sin(up)]
    )


def up_vectors(lon: Floats, lat: Floats) -> Floats:
    """Unit normals of the ellipsoid, shape (n, 3), Earth-centred."""
    across, up = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)])


@dataclass(frozen=True)
class LocalFrame:
    """East, north and up at one place.

    Attributes
    ----------
    origin : array of float64, shape (3,)
        Earth-centred metres.
    axes : array of float64, shape (3, 3)
        Rows: the unit vectors east, north and up.
    """

    origin: Floats
    axes: Floats

    @classmethod
    def at(cls, lon: float, lat: float) -> LocalFrame:
        """The frame on the ellipsoid at these degrees."""
        one_lon, one_lat = np.array([lon]), np.array([lat])
        up = up_vectors(one_lon, one_lat)[0]
        east = np.array([-np.sin(np.radians(lon)), np.cos(np.radians(lon)), 0.0])
        return cls(to_ecef(one_lon, one_lat, 0.0)[0], np.stack([east, np.cross(up, east), up]))

    def points(self, ecef: Floats) -> Floats:
        """Metres east, north and up of Earth-centred points."""
        return (ecef - self.origin) @ self.axes.T

    def vectors(self, ecef: Floats) -> Floats:
        """Earth-centred directions in this frame."""
        return ecef @ self.axes.T

    def transform(self) -> list[float]:
        """The 4 × 4 matrix to Earth-centred metres, column by column, as ``tileset.json`` wants it."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes.T
        matrix[:3, 3] = self.origin
        return matrix.T.ravel().tolist()
