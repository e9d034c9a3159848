"""Buildings of the centre clusters: towers, slabs, courtyards; higher and denser towards the middle."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.cityplan.blocks import inset
from gis.cityplan.features import Features, features, joined
from gis.cityplan.frame import Floats
from gis.cityplan.sketches import Cluster

LOTS = 4
MOST = 8_000
FLOOR_M = 3.6
TALL_M = 90.0


def draw_buildings(
    blocks: NDArray[np.object_],
    corners: Floats,
    clusters: tuple[Cluster, ...],
    kept_free: shapely.Geometry,
    rng: np.random.Generator,
) -> Features:
    """Fill the blocks around each cluster's middle.

    Parameters
    ----------
    blocks : array of Polygon, shape (n,)
        Blocks, in metres; a building stands wholly within one.
    corners : array of float64, shape (n, 4, 2)
        Their four corners, counter-clockwise.
    clusters : tuple of Cluster
    kept_free : shapely geometry
        Where nothing may stand: motorways, water.
    rng : numpy Generator
    """
    middle = corners.mean(axis=1)
    taken = np.zeros(len(blocks), dtype=bool)
    parts = []
    for cluster in clusters:
        distance_m = np.hypot(*(middle - cluster.point).T)
        chosen = np.flatnonzero((distance_m < cluster.radius_m) & ~taken)
        taken[chosen] = True
        if len(chosen):
            parts.append(_fill(blocks[chosen], corners[chosen], cluster, rng))
    if not parts:
        return features("building", "house", [], min_zoom=14)
    drawn = joined(parts)
    shapely.prepare(kept_free)
    drawn = drawn.only(~shapely.intersects(kept_free, drawn.geometry))
    # Too many: the lowest are left out.
    highest = np.sort(np.argsort(-drawn.height_m, kind="stable")[:MOST])
    return drawn.only(highest)


def _fill(blocks: NDArray[np.object_], corners: Floats, cluster: Cluster, rng: np.random.Generator) -> Features:
    lots, block = _lots(corners)
    middle = lots.mean(axis=1)
    distance = np.hypot(*(middle - cluster.point).T) / cluster.radius_m
    height_m = 14.0 + (cluster.height_m - 14.0) * np.exp(-((distance / 0.62) ** 2)) * rng.beta(1.5, 2.2, len(lots))
    # Blocks have a character of their own: some low, some high throughout.
    height_m *= rng.uniform(0.55, 1.25, len(corners))[block]
    height_m = np.maximum(np.round(height_m / FLOOR_M), 2) * FLOOR_M
    vacant = rng.random(len(lots)) < 0.12 + 0.22 * np.clip(distance, 0, 1)
    side = np.linalg.norm(lots[:, 1] - lots[:, 0], axis=1)
    margin = side[:, None] * rng.uniform(0.10, 0.26, (len(lots), 1))
    outline = inset(lots, margin)
    luck = rng.random(len(lots))
    shape = np.where(height_m > TALL_M, np.where(luck < 0.45, "octagon", "box"), "slab")
    shape[(height_m < 45.0) & (luck < 0.22)] = "court"
    shape[(height_m < 60.0) & (luck > 0.75)] = "corner"
    category = np.where(height_m > TALL_M, "tower", np.where(height_m > 24.0, "midrise", "house")).astype(object)
    found = [_outlines(outline[shape == name], name) for name in ("box", "octagon", "slab", "court", "corner")]
    order = np.concatenate([np.flatnonzero(shape == name) for name in ("box", "octagon", "slab", "court", "corner")])
    shapes = np.concatenate(found)
    shapely.prepare(blocks)
    fits = shapely.contains(blocks[block[order]], shapes) & ~vacant[order]
    order, shapes = order[fits], shapes[fits]
    zoom = np.where(height_m[order] > TALL_M, 13, 14)
    built = features("building", category[order], shapes, height_m=height_m[order], min_zoom=zoom)
    landmarks = _landmarks(cluster, lots, order, middle)
    return joined([built.only(~_under(built.geometry, landmarks.geometry)), landmarks])


def _lots(corners: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Cut each quadrilateral into 16: corners of shape (16 n, 4, 2), and each lot's block."""
    at = np.linspace(0, 1, LOTS + 1)
    u, v = np.meshgrid(at, at, indexing="ij")
    a, b, c, d = (corners[:, k, None, None, :] for k in range(4))
    u, v = u[None, ..., None], v[None, ..., None]
    knots = (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d
    lots = np.stack([knots[:, :-1, :-1], knots[:, 1:, :-1], knots[:, 1:, 1:], knots[:, :-1, 1:]], axis=3)
    return lots.reshape(-1, 4, 2), np.repeat(np.arange(len(corners)), LOTS * LOTS)


def _outlines(quads: Floats, shape: str) -> NDArray[np.object_]:
    """Footprints within quadrilaterals, given as points in the quadrilateral's own two directions."""
    if not len(quads):
        return np.empty(0, dtype=object)
    if shape == "court":
        return shapely.polygons(_ring(quads, BOX), holes=_ring(quads, HOLE)[:, None])
    return shapely.polygons(_ring(quads, OUTLINES[shape]))


BOX = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
HOLE = np.array([(0.3, 0.3), (0.3, 0.7), (0.7, 0.7), (0.7, 0.3)])
_CUT = 0.29
OUTLINES = {
    "box": BOX,
    "octagon": np.array(
        [(_CUT, 0), (1 - _CUT, 0), (1, _CUT), (1, 1 - _CUT), (1 - _CUT, 1), (_CUT, 1), (0, 1 - _CUT), (0, _CUT)]
    ),
    "slab": np.array([(0, 0.2), (1, 0.2), (1, 0.75), (0, 0.75)]),
    "corner": np.array([(0, 0), (1, 0), (1, 0.42), (0.45, 0.42), (0.45, 1), (0, 1)]),
}


def _ring(quads: Floats, points: Floats) -> Floats:
    a, b, c, d = (quads[:, k, None, :] for k in range(4))
    u, v = points[None, :, :1], points[None, :, 1:]
    return (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d


def _landmarks(cluster: Cluster, lots: Floats, standing: NDArray[np.int64], middle: Floats) -> Features:
    """The few that stand out: three steps each, narrower upwards, near the cluster's middle."""
    distance_m = np.hypot(*(middle - cluster.point).T)
    near = standing[np.argsort(distance_m[standing], kind="stable")]
    shapes, heights = [], []
    used: list[Floats] = []
    for height_m in cluster.landmarks_m:
        free = (lot for lot in near if all(np.hypot(*(middle[lot] - other)) > 120.0 for other in used))
        lot = next(free, None)
        if lot is None:
            break
        used.append(middle[lot])
        for part, size_m in ((0.62, 30.0), (0.88, 23.0), (1.0, 15.0)):
            angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
            shapes.append(shapely.Polygon(middle[lot] + size_m * np.column_stack([np.cos(angle), np.sin(angle)])))
            heights.append(part * height_m)
    return features("building", "landmark", shapes, height_m=np.array(heights), min_zoom=13)


def _under(shapes: NDArray[np.object_], others: NDArray[np.object_]) -> NDArray[np.bool_]:
    if not len(others):
        return np.zeros(len(shapes), dtype=bool)
    return shapely.intersects(shapes, shapely.union_all(others))
