"""Rivers, canals and lakes; and woods, which are drawn like lakes."""

from __future__ import annotations

import math

import numpy as np
import shapely

from gis.cityplan.features import Features, features, joined
from gis.cityplan.frame import Floats
from gis.cityplan.lattice import Lattice, Mask, strings
from gis.cityplan.sketches import Sketch, river_line

# Very large cities get no more lakes and woods than this area would.
MOST_KM2 = 16_000.0


def draw_rivers(sketch: Sketch, city: shapely.Geometry) -> Features:
    """The sketch's rivers as surfaces, cut to the city; the narrow ones give way to the broad."""
    drawn: list[Features] = []
    broad: shapely.Geometry = shapely.Polygon()
    for river in sorted(sketch.rivers, key=lambda river: -river.width_m):
        surface = river_line(river).buffer(river.width_m / 2, quad_segs=4)
        surface = shapely.difference(surface, broad).intersection(city).simplify(2.0)
        broad = shapely.union(broad, surface)
        pieces = polygons_of(surface)
        drawn.append(features("water", "river", pieces, name=river.name, min_zoom=5 if river.width_m > 150 else 10))
    return joined(drawn)


def draw_canals(lattice: Lattice, rivers: shapely.Geometry, rng: np.random.Generator) -> Features:
    """Canals (河道) between the roads, through fields and suburbs."""
    parts = []
    for x, y, inside, density in (
        (lattice.x, lattice.y, lattice.inside, lattice.density),
        (lattice.x.T, lattice.y.T, lattice.inside.T, lattice.density.T),
    ):
        lines = np.arange(x.shape[0])[:, None] % 12 == 6
        # Long stretches: whether there is a canal is decided for eight kilometres at a time.
        stretch = np.repeat(rng.random((x.shape[0], x.shape[1] // 32 + 1)) < 0.7, 32, axis=1)[:, : x.shape[1] - 1]
        kept = lines & stretch & inside[:, :-1] & inside[:, 1:] & (density[:, 1:] < 0.55)
        shift = 0.45 * (x[1:, :] - x[:-1, :]), 0.45 * (y[1:, :] - y[:-1, :])
        beside_x, beside_y = x[:-1] + shift[0], y[:-1] + shift[1]
        canals, _rows = strings(beside_x, beside_y, kept[:-1])
        parts.append(canals)
    canals = np.concatenate(parts)
    shapely.prepare(rivers)
    crossing = shapely.intersects(rivers, canals)
    canals[crossing] = shapely.difference(canals[crossing], rivers)
    return features("water", "canal", canals, min_zoom=10)


def blobs(count: int, lattice: Lattice, where: Mask, radius_m: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Round outlines with soft bays at random knots of ``where``; shape (k, 28, 2), k at most ``count``."""
    i, j = np.nonzero(where)
    if not len(i) or not count:
        return np.empty((0, 28, 2))
    chosen = rng.choice(len(i), min(count, len(i)), replace=False)
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    size_m = np.exp(rng.uniform(math.log(radius_m[0]), math.log(radius_m[1]), len(chosen)))[:, None]
    shape = np.ones((len(chosen), 28))
    for waves in (2, 3, 5):
        shape += rng.uniform(0.05, 0.5 / waves, (len(chosen), 1)) * np.sin(
            waves * angle + rng.uniform(0, 6.28, (len(chosen), 1))
        )
    ring = size_m[..., None] * shape[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.stack([lattice.x[i, j], lattice.y[i, j]], axis=-1)[chosen][:, None, :] + ring


def draw_lakes_and_woods(
    lattice: Lattice, city: shapely.Geometry, rivers: shapely.Geometry, rng: np.random.Generator
) -> Features:
    """Lakes and woods among the fields, one of each for some tens of square kilometres."""
    fields = lattice.inside & (lattice.density < 0.12)
    area_km2 = min(city.area / 1e6, MOST_KM2)
    lakes = shapely.polygons(blobs(int(area_km2 / 90) + 3, lattice, fields, (180.0, 1100.0), rng))
    woods = shapely.polygons(blobs(int(area_km2 / 25) + 6, lattice, fields, (150.0, 900.0), rng))
    lakes, woods = shapely.intersection(lakes, city), shapely.intersection(woods, city)
    wet = shapely.union_all([rivers, *lakes])
    return joined(
        (
            features(
                "water", "lake", np.array(polygons_of(shapely.difference(shapely.union_all(lakes), rivers))), min_zoom=8
            ),
            features(
                "green", "wood", np.array(polygons_of(shapely.difference(shapely.union_all(woods), wet))), min_zoom=9
            ),
        )
    )


def polygons_of(shape: shapely.Geometry) -> list[shapely.Polygon]:
    """The polygons within a geometry of any kind."""
    return [part for part in shapely.get_parts(shape, return_index=False) if isinstance(part, shapely.Polygon)]
