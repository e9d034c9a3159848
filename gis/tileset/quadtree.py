"""Which building is in which tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.tileset.earth import Floats

# What one tile may hold, and what an inner tile keeps for itself: its largest.
MOST = 500
KEPT = 160
DEEPEST = 18


@dataclass(frozen=True)
class Node:
    """A tile.

    Attributes
    ----------
    name : str
        ``r`` for the root, then one digit (0 to 3) a level.
    rows : array of int64
        Its own buildings; those of its children are others (refinement ADD).
    error_m : float
        Geometric error: size of the largest building that only its descendants have; 0 for a leaf.
    children : tuple of Node
    """

    name: str
    rows: NDArray[np.int64]
    error_m: float
    children: tuple[Node, ...]


def grow(point: Floats, size_m: Floats) -> Node:
    """Sort buildings into a quadtree: the largest near the root, so that they are seen from afar.

    Parameters
    ----------
    point : array of float64, shape (n, 2)
        Middles of the buildings.
    size_m : array of float64, shape (n,)
    """
    rows = np.arange(len(point))
    low, high = point.min(axis=0), point.max(axis=0)
    return _grow("r", rows, point, size_m, low, high)


def _grow(name: str, rows: NDArray[np.int64], point: Floats, size_m: Floats, low: Floats, high: Floats) -> Node:
    if len(rows) <= MOST or len(name) > DEEPEST:
        return Node(name, rows, 0.0, ())
    order = rows[np.argsort(-size_m[rows], kind="stable")]
    own, rest = np.sort(order[:KEPT]), np.sort(order[KEPT:])
    middle = (low + high) / 2
    east, north = (point[rest] >= middle).T
    children = []
    for digit in range(4):
        right, upper = bool(digit & 1), bool(digit & 2)
        inside = rest[(east == right) & (north == upper)]
        if len(inside):
            below = np.where([right, upper], middle, low), np.where([right, upper], high, middle)
            children.append(_grow(f"{name}{digit}", inside, point, size_m, *below))
    return Node(name, own, float(size_m[rest].max()), tuple(children))
