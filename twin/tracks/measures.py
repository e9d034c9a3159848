"""Lengths on the ellipsoid between neighbours of a track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_A_M = 6_378_137.0
_E2 = 6.694379990141316e-3


def metres_a_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Metres a degree of longitude and of latitude have at these latitudes, WGS 84.

    Notes
    -----
    Radii of curvature in the prime vertical and in the meridian (Snyder, J. P. (1987), "Map Projections: A Working
    Manual", USGS Professional Paper 1395, p. 25). Between points up to some tens of kilometres apart the length taken
    from them is right to a ten-thousandth.
    """
    phi = np.radians(lat)
    w2 = 1 - _E2 * np.sin(phi) ** 2
    return np.radians(_A_M / np.sqrt(w2)) * np.cos(phi), np.radians(_A_M * (1 - _E2) / w2**1.5)


def offsets_m(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> tuple[Floats, Floats]:
    """How far east and north second points lie of first ones, metres; across the date line, too."""
    per_lon, per_lat = metres_a_degree((lat1 + lat2) / 2)
    east = (lon2 - lon1 + 180) % 360 - 180
    return east * per_lon, (lat2 - lat1) * per_lat


def distances_m(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """Distances between pairs of points, metres."""
    return np.hypot(*offsets_m(lon1, lat1, lon2, lat2))
