"""Walls and roofs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.tileset.buildings import Buildings
from gis.tileset.earth import Floats, LocalFrame, to_ecef, up_vectors

# A wall shorter than this has no direction.
SHORTEST_WALL_M = 1e-3


@dataclass(frozen=True)
class Mesh:
    """Triangles in a local frame (east, north, up).

    Attributes
    ----------
    position, normal : array of float64, shape (n, 3)
        Metres and unit vectors, outward.
    feature : array of int64, shape (n,)
        Number of the building a vertex belongs to.
    triangle : array of int64, shape (m, 3)
        Vertex numbers, counter-clockwise seen from outside.
    """

    position: Floats
    normal: Floats
    feature: NDArray[np.int64]
    triangle: NDArray[np.int64]


def extrude(buildings: Buildings, frame: LocalFrame, base_m: float) -> Mesh:
    """Walls around every ring, courtyards included, and a flat roof; nothing below, as nobody looks from there.

    Parameters
    ----------
    buildings : Buildings
    frame : LocalFrame
        Where the mesh's coordinates count from.
    base_m : float
        Height of the ground above the ellipsoid in metres.
    """
    parts, owner = shapely.get_parts(buildings.footprint, return_index=True)
    parts = shapely.orient_polygons(parts)
    return _joined(
        _walls(parts, owner, buildings.height_m, frame, base_m), _roofs(parts, owner, buildings.height_m, frame, base_m)
    )


def _walls(
    parts: NDArray[np.object_], owner: NDArray[np.int64], height_m: Floats, frame: LocalFrame, base_m: float
) -> Mesh:
    rings, part_of = shapely.get_rings(parts, return_index=True)
    lonlat, ring_of = shapely.get_coordinates(rings, return_index=True)
    feature = owner[part_of[ring_of]]
    lower = frame.points(to_ecef(lonlat[:, 0], lonlat[:, 1], base_m))
    upper = frame.points(to_ecef(lonlat[:, 0], lonlat[:, 1], base_m + height_m[feature]))
    up = frame.vectors(up_vectors(lonlat[:, 0], lonlat[:, 1]))
    # An edge joins neighbouring points of one ring. The ground lies to its left: outer rings run counter-clockwise,
    # courtyards clockwise.
    start = np.flatnonzero(ring_of[:-1] == ring_of[1:])
    along = lower[start + 1] - lower[start]
    length = np.linalg.norm(along, axis=1)
    start, along = start[length > SHORTEST_WALL_M], along[length > SHORTEST_WALL_M]
    outward = np.cross(along, up[start])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    corner = np.stack([lower[start], lower[start + 1], upper[start + 1], upper[start]], axis=1)
    first = np.arange(len(start))[:, None] * 4
    return Mesh(
        corner.reshape(-1, 3),
        np.repeat(outward, 4, axis=0),
        np.repeat(feature[start], 4),
        np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])]),
    )


def _roofs(
    parts: NDArray[np.object_], owner: NDArray[np.int64], height_m: Floats, frame: LocalFrame, base_m: float
) -> Mesh:
    triangles, part_of = shapely.get_parts(shapely.constrained_delaunay_triangles(parts), return_index=True)
    lonlat = shapely.get_coordinates(shapely.orient_polygons(triangles)).reshape(-1, 4, 2)[:, :3]
    # Corners that triangles of one building share become one vertex.
    feature = np.repeat(owner[part_of], 3)
    keys = np.column_stack([feature, lonlat.reshape(-1, 2)])
    corner, number = np.unique(keys, axis=0, return_inverse=True)
    feature = corner[:, 0].astype(np.int64)
    position = frame.points(to_ecef(corner[:, 1], corner[:, 2], base_m + height_m[feature]))
    return Mesh(position, frame.vectors(up_vectors(corner[:, 1], corner[:, 2])), feature, number.reshape(-1, 3))


def _joined(first: Mesh, second: Mesh) -> Mesh:
    return Mesh(
        np.concatenate([first.position, second.position]),
        np.concatenate([first.normal, second.normal]),
        np.concatenate([first.feature, second.feature]),
        np.concatenate([first.triangle, second.triangle + len(first.position)]),
    )
