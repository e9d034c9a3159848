"""Plane geometry for things that move a few kilometres: metres on a sphere, paths, spots in polygons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

EARTH_M = 6_371_008.8
"""Mean radius of the earth (IUGG)."""
M_PER_DEG = math.radians(EARTH_M)

Point = tuple[float, float]
"""Longitude and latitude in degrees."""


def offset(point: Point, east_m: float, north_m: float) -> Point:
    """The point so many metres east and north; good for distances of kilometres, not near the poles."""
    lon, lat = point
    return lon + east_m / (M_PER_DEG * math.cos(math.radians(lat))), lat + north_m / M_PER_DEG


def metres_between(a: Point, b: Point) -> tuple[float, float]:
    """Metres east and north from ``a`` to ``b``."""
    scale = M_PER_DEG * math.cos(math.radians((a[1] + b[1]) / 2))
    return (b[0] - a[0]) * scale, (b[1] - a[1]) * M_PER_DEG


def distance_m(a: Point, b: Point) -> float:
    """Metres from ``a`` to ``b``."""
    return math.hypot(*metres_between(a, b))


def heading_deg(a: Point, b: Point) -> float:
    """Direction from ``a`` to ``b``, degrees clockwise from north, 0 ≤ heading < 360."""
    return math.degrees(math.atan2(*metres_between(a, b))) % 360


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Whether the point is inside the ring (even-odd rule)."""
    x, y = point
    found = False
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            found = not found
    return found


def spot_in(ring: Sequence[Point], rng: Random, shrink: float = 0.85) -> Point:
    """A random spot inside the ring, drawn towards its middle so that the noise of positioning stays inside too."""
    lons, lats = [p[0] for p in ring], [p[1] for p in ring]
    middle = (sum(lons) / len(lons), sum(lats) / len(lats))
    for _ in range(100):
        spot = rng.uniform(min(lons), max(lons)), rng.uniform(min(lats), max(lats))
        if inside(spot, ring):
            drawn = tuple(m + (s - m) * shrink for m, s in zip(middle, spot, strict=True))
            return (drawn[0], drawn[1]) if inside((drawn[0], drawn[1]), ring) else spot
    return middle


def streets(a: Point, b: Point, rng: Random, grid_deg: float = 8.0) -> list[Point]:
    """A way from ``a`` to ``b`` as along a grid of streets turned by ``grid_deg``: blocks of 150 to 500 m, corners."""
    east, north = metres_between(a, b)
    cos, sin = math.cos(math.radians(grid_deg)), math.sin(math.radians(grid_deg))
    left = [east * cos + north * sin, -east * sin + north * cos]
    way, here = [a], a
    axis = 0 if abs(left[0]) > abs(left[1]) else 1
    while max(abs(left[0]), abs(left[1])) > 1:
        block = min(abs(left[axis]), rng.uniform(150, 500))
        step = math.copysign(block, left[axis])
        left[axis] -= step
        across, along = (step, 0.0) if axis == 0 else (0.0, step)
        here = offset(here, across * cos - along * sin, across * sin + along * cos)
        if block > 0:
            way.append(here)
        axis = 1 - axis
    way.append(b)
    return way


class Walk:
    """A polyline travelled by distance."""

    def __init__(self, way: Sequence[Point]) -> None:
        self._way = list(way)
        self._leg = 0
        self._on_leg_m = 0.0
        self.heading_deg = heading_deg(self._way[0], self._way[1]) if len(self._way) > 1 else 0.0

    @property
    def done(self) -> bool:
        """Whether the end is reached."""
        return self._leg >= len(self._way) - 1

    def advance(self, metres: float) -> Point:
        """Go on so many metres (or to the end) and say where that is."""
        self._on_leg_m += metres
        while not self.done:
            a, b = self._way[self._leg], self._way[self._leg + 1]
            length = distance_m(a, b)
            if length > 0:
                self.heading_deg = heading_deg(a, b)
            if self._on_leg_m < length:
                share = self._on_leg_m / length
                return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
            self._on_leg_m -= length
            self._leg += 1
        return self._way[-1]
