"""City blocks, parks, the green belt and the outline of what is built up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.cityplan.features import Features, Shapes, features, joined
from gis.cityplan.frame import Floats, SoftNoise
from gis.cityplan.lattice import BUILT_UP, Lattice, Mask
from gis.cityplan.water import polygons_of

STREET_M = 11.0
PARK_SHARE = 0.05


@dataclass(frozen=True)
class Cells:
    """What becomes of the lattice's cells; masks of shape (n - 1, m - 1).

    ``great`` marks all four cells of a great block (500 m), ``built`` every cell with streets around.
    """

    built: Mask
    park: Mask
    great: Mask
    density: Floats


def sort_cells(lattice: Lattice, rng: np.random.Generator) -> Cells:
    """Decide which cells are built up, and which are parks or parts of great blocks."""
    d = lattice.density
    density = (d[:-1, :-1] + d[1:, :-1] + d[1:, 1:] + d[:-1, 1:]) / 4
    lowest = np.minimum(np.minimum(d[:-1, :-1], d[1:, :-1]), np.minimum(d[1:, 1:], d[:-1, 1:]))
    built = lattice.cells() & (lowest > BUILT_UP)
    park = built & (rng.random(built.shape) < PARK_SHARE)
    # Every second cell may begin a great block: away from the middle many do.
    rows, columns = (built.shape[0] // 2) * 2, (built.shape[1] // 2) * 2
    four = built[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2)
    whole = four.all(axis=(1, 3)) & (rng.random((rows // 2, columns // 2)) < 0.55)
    whole &= density[:rows:2, :columns:2] < 0.62
    great = np.zeros_like(built)
    great[:rows, :columns] = np.repeat(np.repeat(whole, 2, axis=0), 2, axis=1)
    return Cells(built, park & ~great, great, density)


def draw_blocks(lattice: Lattice, cells: Cells, rivers: shapely.Geometry, rng: np.random.Generator) -> Features:
    """Blocks and parks between the streets."""
    industry = SoftNoise(rng, 3_000.0, 12_000.0)
    parts = []
    for span, mask in ((1, cells.built & ~cells.great), (2, _corner_of_great(cells.great))):
        i, j = np.nonzero(mask)
        corners = lattice.corners(i, j, span)
        density = cells.density[i, j]
        middle = corners.mean(axis=1)
        category = np.where(density > 0.86, "commercial", "residential").astype(object)
        category[(industry(middle[:, 0], middle[:, 1]) > 0.45) & (density < 0.7)] = "industrial"
        # Shops along the middle of towns, too.
        category[(category == "residential") & (rng.random(len(i)) < 0.06)] = "commercial"
        park = cells.park[i, j] if span == 1 else rng.random(len(i)) < PARK_SHARE / 2
        shapes = _dry(shapely.polygons(inset(corners, STREET_M)), rivers)
        parts.append(features("block", category[~park], shapes[~park], min_zoom=12))
        parts.append(features("green", "park", shapes[park], min_zoom=12 if span == 1 else 11))
    return joined(parts)


def _corner_of_great(great: Mask) -> Mask:
    corner = np.zeros_like(great)
    corner[::2, ::2] = great[::2, ::2]
    return corner


def inset(corners: Floats, by_m: float | Floats) -> Floats:
    """Quadrilaterals drawn in from all sides, near enough: each corner moves along both its edges.

    Parameters
    ----------
    corners : array of float64, shape (n, 4, 2)
    by_m : float, or array of shape (n, 1)
    """
    ahead, behind = np.roll(corners, -1, axis=1) - corners, np.roll(corners, 1, axis=1) - corners
    step = np.broadcast_to(np.asarray(by_m), (len(corners), 1))[..., None]
    return corners + step * (_unit(ahead) + _unit(behind))


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _dry(shapes: Shapes, rivers: shapely.Geometry) -> Shapes:
    """The shapes without their part under water (with a bank); only the few that touch it are cut."""
    banks = rivers.buffer(18.0, quad_segs=2)
    shapely.prepare(banks)
    wet = shapely.intersects(banks, shapes)
    shapes[wet] = shapely.difference(shapes[wet], banks)
    # A corner of a few square metres is not a block.
    shapes[wet & (shapely.area(shapes) < 1_500.0)] = shapely.Polygon()
    several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON
    shapes[several] = [max(polygons_of(shape), key=lambda part: part.area) for shape in shapes[several]]
    return shapes


def draw_urban_outline(lattice: Lattice, cells: Cells) -> Features:
    """What is built up, in a few coarse pieces for far zooms; rivers are drawn over it."""
    i, j = np.nonzero(cells.built)
    if not len(i):
        return features("block", "urban", [], min_zoom=6)
    together = shapely.coverage_union_all(shapely.polygons(lattice.corners(i, j)))
    smooth = together.buffer(160.0, quad_segs=2).buffer(-160.0, quad_segs=2).simplify(60.0)
    pieces = np.array(polygons_of(smooth), dtype=object)
    return features("block", "urban", pieces[shapely.area(pieces) > 60_000.0], min_zoom=6)


def draw_belt(rings: NDArray[np.object_], city: shapely.Geometry, wet: shapely.Geometry) -> Features:
    """A green belt (绿带) along a ring road."""
    road = shapely.union_all(rings)
    belt = road.buffer(330.0, quad_segs=4).difference(road.buffer(45.0, quad_segs=4)).intersection(city).difference(wet)
    return features("green", "belt", polygons_of(belt.simplify(8.0)), min_zoom=8)
