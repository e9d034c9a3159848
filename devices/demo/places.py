"""Plausible places inside a district: sites, spots, rounds. Pure: shapes and a random generator in, shapes out."""

from __future__ import annotations

import math
from random import Random

import shapely
from shapely import MultiPolygon, Point, Polygon
from shapely.affinity import rotate, scale, translate

M_PER_DEG = math.radians(6_371_008.8)
"""Metres of a degree of latitude (mean radius, IUGG)."""
TRIES = 300


class Ground:
    """A district as somewhere to build: plane metres around its middle, its largest part only.

    Parameters
    ----------
    boundary : MultiPolygon or Polygon
        EPSG:4326.

    Raises
    ------
    ValueError
        The boundary is empty.
    """

    def __init__(self, boundary: Polygon | MultiPolygon) -> None:
        if boundary.is_empty:
            raise ValueError("a district without a boundary has no place for anything")
        part = max(shapely.get_parts(boundary), key=lambda p: p.area)
        middle = part.representative_point()
        self._lon, self._lat = middle.x, middle.y
        self._shrink = math.cos(math.radians(middle.y))
        self.shape = shapely.make_valid(self._to_plane(part))
        self.reach_m = math.sqrt(self.shape.area)
        self._taken: list[Polygon] = []

    def site(self, rng: Random, least_m: float = 100, most_m: float = 600) -> Polygon:
        """A block with sides of ``least_m`` to ``most_m`` metres that touches no other; EPSG:4326.

        In a district too small for it, it gets smaller.

        Raises
        ------
        ValueError
            There is no room even for a small one.
        """
        for attempt in range(TRIES):
            shrink = 0.98**attempt
            width, depth = rng.uniform(least_m, most_m) * shrink, rng.uniform(least_m, most_m) * shrink
            block = rotate(_cut_corner(shapely.box(-width / 2, -depth / 2, width / 2, depth / 2), rng), rng.gauss(8, 4))
            spot = _spot(self.shape, rng)
            block = translate(block, spot.x, spot.y)
            if self.shape.contains(block.buffer(1)) and not any(block.intersects(other) for other in self._taken):
                self._taken.append(block.buffer(20))
                return self._to_degrees(block)
        raise ValueError("no room for a site")

    def quarters(self, site: Polygon) -> list[Polygon]:
        """The four parts of a site, cut along its middle lines; EPSG:4326."""
        plane = self._to_plane(site)
        west, south, east, north = plane.bounds
        x, y = plane.centroid.x, plane.centroid.y
        cells = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
        return [self._to_degrees(plane.intersection(shapely.box(*cell))) for cell in cells]

    def disc(self, rng: Random, least_m: float, most_m: float) -> MultiPolygon:
        """A roundish quarter of town with such a radius, cut at the district's border; EPSG:4326."""
        spot = _spot(self.shape, rng)
        round_ = spot.buffer(rng.uniform(least_m, most_m), quad_segs=6).intersection(self.shape)
        return MultiPolygon([p for p in shapely.get_parts(self._to_degrees(round_)) if isinstance(p, Polygon)])

    def round_trip(self, rng: Random, points: int, radius_m: float) -> list[tuple[float, float]]:
        """Corners of a round of about that radius, every one inside the district; degrees."""
        centre = _spot(self.shape, rng)
        corners: list[tuple[float, float]] = []
        for n in range(points):
            angle = 2 * math.pi * n / points
            far = radius_m * rng.uniform(0.5, 1.2)
            for _ in range(20):
                corner = Point(centre.x + far * math.cos(angle), centre.y + far * math.sin(angle))
                if self.shape.contains(corner):
                    break
                far *= 0.8
            else:
                corner = centre
            corners.append(self._degrees(corner.x, corner.y))
        return corners

    def _degrees(self, x_m: float, y_m: float) -> tuple[float, float]:
        return round(self._lon + x_m / (M_PER_DEG * self._shrink), 7), round(self._lat + y_m / M_PER_DEG, 7)

    def _to_plane(self, shape: Polygon) -> Polygon:
        moved = translate(shape, -self._lon, -self._lat)
        return scale(moved, M_PER_DEG * self._shrink, M_PER_DEG, origin=(0, 0))

    def _to_degrees(self, shape: Polygon) -> Polygon:
        out = scale(shape, 1 / (M_PER_DEG * self._shrink), 1 / M_PER_DEG, origin=(0, 0))
        return shapely.set_precision(translate(out, self._lon, self._lat), 1e-7)


def _spot(shape: Polygon, rng: Random) -> Point:
    """A random spot, drawn towards the middle: borders run through rivers and along coasts."""
    west, south, east, north = shape.bounds
    middle = shape.representative_point()
    for _ in range(TRIES):
        spot = Point(rng.uniform(west, east), rng.uniform(south, north))
        if shape.contains(spot):
            drawn = Point(middle.x + (spot.x - middle.x) * 0.7, middle.y + (spot.y - middle.y) * 0.7)
            return drawn if shape.contains(drawn) else spot
    return middle


def _cut_corner(box: Polygon, rng: Random) -> Polygon:
    """Not every site is a rectangle: half of them lack a corner."""
    if rng.random() < 0.5:
        return box
    west, south, east, north = box.bounds
    cut = rng.uniform(0.15, 0.4)
    x, y = east - (east - west) * cut, north - (north - south) * cut
    return Polygon([(west, south), (east, south), (east, y), (x, north), (west, north)])
