"""Fields of view as sectors on the ground, and whether one covers a place. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gis.plane import M_PER_DEG

ASSUMED_DEG, ASSUMED_M = 60.0, 80.0
"""Of a camera whose direction is known and nothing else: a common bullet camera in a street."""


@dataclass(frozen=True)
class Sight:
    """A sector: degrees of EPSG:4326, degrees from north, metres.

    Attributes
    ----------
    heading_deg : float
        Azimuth of its middle.
    view_deg : float
        From edge to edge; 360 is all around.
    assumed : bool
        Opening or range are not known, but taken to be usual ones.
    """

    lon: float
    lat: float
    heading_deg: float
    view_deg: float
    view_m: float
    assumed: bool = False

    def covers(self, lon: float, lat: float) -> bool:
        """Whether a place lies in the sector; walls and trees are not known."""
        distance_m, bearing_deg = way(self.lon, self.lat, lon, lat)
        aside_deg = abs((bearing_deg - self.heading_deg + 180) % 360 - 180)
        return distance_m <= self.view_m and (aside_deg <= self.view_deg / 2 or distance_m < 1)


def way(lon: float, lat: float, to_lon: float, to_lat: float) -> tuple[float, float]:
    """Metres and azimuth (degrees from north) from one place to another, a few kilometres away at most."""
    east_m = (to_lon - lon) * M_PER_DEG * math.cos(math.radians((lat + to_lat) / 2))
    north_m = (to_lat - lat) * M_PER_DEG
    return math.hypot(east_m, north_m), math.degrees(math.atan2(east_m, north_m)) % 360


def around(lon: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of what lies within a radius."""
    north = radius_m / M_PER_DEG
    east = north / max(0.01, math.cos(math.radians(lat)))
    return lon - east, lat - north, lon + east, lat + north
