"""A grid over some shapes that answers most questions about where points and boxes lie without asking the shapes.

Of each cell it knows whether one shape holds all of it, or none meets it; the rest, along the boundaries, are unsure
and for the shapes themselves to decide. Whatever the number of vertices, a point costs one look into an array.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
import shapely
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

OUTSIDE = -1
UNSURE = -2
_COARSEST = 3
_HALF = 32
_UNSURE_ONE = 1 << _HALF
_EDGE = 1e-9
"""Cells are taken to be larger by so much of their coordinates' unit: a point on an edge belongs to both sides."""


class CellMap:
    """Cells over the bounds of some shapes. Immutable; build it with :meth:`build`.

    Attributes
    ----------
    value : int64[2**depth, 2**depth]
        By row (south to north) and column: the id of the one shape that holds all of the cell and is the only one to
        meet it, :data:`OUTSIDE` or :data:`UNSURE`.
    met : (int64[m], int64[m])
        Of the unsure cells: place in the flattened ``value``, and the id of a shape that meets it.
    """

    def __init__(
        self,
        value: NDArray[np.int64],
        bounds: tuple[float, float, float, float],
        met: tuple[Ids, Ids] = (np.empty(0, np.int64), np.empty(0, np.int64)),
    ) -> None:
        self.value = value
        self.met = met
        self.bounds = bounds
        self._n = len(value)

    @classmethod
    def build(cls, ids: Ids, shapes: NDArray[np.object_], depth: int) -> Self:
        """Sort cells, the large ones first: only those along boundaries are divided further.

        Parameters
        ----------
        ids : int64[k]
            Of the shapes; 0 or above.
        shapes : object[k] of shapely geometries
            Prepared ones answer faster.
        depth : int
            The finest cells are the bounds divided so many times by two, each way.
        """
        n = 1 << depth
        value = np.full((n, n), OUTSIDE, np.int64)
        known = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        ids, shapes = ids[known], shapes[known]
        if not len(shapes):
            return cls(value, (0.0, 0.0, 0.0, 0.0))
        west, south, east, north = shapely.total_bounds(shapes)
        tree = shapely.STRtree(shapes)
        level = min(_COARSEST, depth)
        row, column = np.divmod(np.arange(1 << 2 * level), 1 << level)
        while True:
            width, height = (east - west) / (1 << level), (north - south) / (1 << level)
            left, low = west + column * width - _EDGE, south + row * height - _EDGE
            found, cell, shape = _sorted_out(tree, ids, shapes, left, low, width + 2 * _EDGE, height + 2 * _EDGE)
            side = n >> level
            blocks = value.reshape(1 << level, side, 1 << level, side)
            blocks[row, :, column, :] = found[:, None, None]
            again = np.flatnonzero(found == UNSURE)
            if level == depth or not len(again):
                unsure = found[cell] == UNSURE
                met = (row * n + column)[cell[unsure]], ids[shape[unsure]]
                return cls(value, (west, south, east, north), met)
            level += 1
            row = (row[again, None] * 2 + np.array([0, 0, 1, 1])).ravel()
            column = (column[again, None] * 2 + np.array([0, 1, 0, 1])).ravel()

    def of(self, wanted: NDArray[np.bool_]) -> Self:
        """The cells of some of the shapes, by a table of ids: 1 where one of them is, unsure where one may be."""
        flat = self.value.ravel()
        known = (flat >= 0) & (flat < len(wanted))
        value = np.where(known & wanted[np.where(known, flat, 0)], 1, OUTSIDE)
        cell, shape = self.met
        value[cell[(shape < len(wanted)) & wanted[np.minimum(shape, len(wanted) - 1)]]] = UNSURE
        return type(self)(value.reshape(self.value.shape), self.bounds)

    def at(self, x: Floats, y: Floats) -> Ids:
        """The id of the shape at each point, :data:`OUTSIDE` or :data:`UNSURE`: int64[n]."""
        west, south, east, north = self.bounds
        found = np.full(len(x), OUTSIDE, np.int64)
        # Written so that NaN is outside.
        within = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        found[within] = self.value[self._cell(y[within], south, north), self._cell(x[within], west, east)]
        return found

    def over(self, west: Floats, south: Floats, east: Floats, north: Floats) -> Ids:
        """Of boxes: the one shape's id where it holds all of the box, :data:`OUTSIDE` or :data:`UNSURE`: int64[n]."""
        edges = self.bounds
        found = np.full(len(west), OUTSIDE, np.int64)
        meets = (west <= edges[2]) & (east >= edges[0]) & (south <= edges[3]) & (north >= edges[1])
        near = np.flatnonzero(meets)
        first_column, last_column = (self._cell(side[near], edges[0], edges[2]) for side in (west, east))
        first_row, last_row = (self._cell(side[near], edges[1], edges[3]) for side in (south, north))

        sums = self._sums
        both = (
            sums[last_row + 1, last_column + 1] - sums[first_row, last_column + 1]
            - sums[last_row + 1, first_column] + sums[first_row, first_column]
        )  # fmt: skip
        outside, unsure = both & (_UNSURE_ONE - 1), both >> _HALF
        cells = (last_row - first_row + 1) * (last_column - first_column + 1)
        beyond = (west[near] < edges[0]) | (east[near] > edges[2]) | (south[near] < edges[1]) | (north[near] > edges[3])
        answer = np.where((outside == 0) & (unsure == 0) & ~beyond, self.value[first_row, first_column], UNSURE)
        answer[outside == cells] = OUTSIDE
        found[near] = answer
        return found

    @cached_property
    def _sums(self) -> NDArray[np.int64]:
        """Over everything south-west of each corner: cells outside, and in the upper half of the number unsure ones.

        One table, for looking numbers up in it is most of the work.
        """
        each = np.where(self.value == OUTSIDE, 1, np.where(self.value == UNSURE, _UNSURE_ONE, 0))
        sums = np.zeros((self._n + 1, self._n + 1), np.int64)
        np.cumsum(np.cumsum(each, axis=0, dtype=np.int64), axis=1, out=sums[1:, 1:])
        return sums

    def reach(self) -> tuple[float, float, float, float] | None:
        """West, south, east and north of all cells that are not outside; None where all are."""
        rows, columns = (np.flatnonzero((self.value != OUTSIDE).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        west, south, east, north = self.bounds
        width, height = (east - west) / self._n, (north - south) / self._n
        return (
            west + float(columns[0]) * width, south + float(rows[0]) * height,
            west + float(columns[-1] + 1) * width, south + float(rows[-1] + 1) * height,
        )  # fmt: skip

    def _cell(self, value: Floats, low: float, high: float) -> Ids:
        if high <= low:
            return np.zeros(len(value), np.int64)
        return np.clip((value - low) * (self._n / (high - low)), 0, self._n - 1).astype(np.int64)


def _sorted_out(
    tree: shapely.STRtree, ids: Ids, shapes: NDArray[np.object_], left: Floats, low: Floats, width: float, height: float
) -> tuple[Ids, Ids, Ids]:
    """What is known of cells that begin at ``left`` and ``low``; and which cell meets which shape."""
    cells = shapely.box(left, low, left + width, low + height)
    cell, shape = tree.query(cells)
    by_shape = np.argsort(shape, kind="stable")
    cell, shape = cell[by_shape], shape[by_shape]
    meets = shapely.intersects(shapes[shape], cells[cell])
    cell, shape = cell[meets], shape[meets]
    found = np.full(len(cells), OUTSIDE, np.int64)
    found[cell] = UNSURE
    alone = np.flatnonzero(np.bincount(cell, minlength=len(cells))[cell] == 1)
    holds = alone[shapely.contains(shapes[shape[alone]], cells[cell[alone]])]
    found[cell[holds]] = ids[shape[holds]]
    return found, cell, shape
