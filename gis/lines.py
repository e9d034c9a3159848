"""Which lines a step from one place to the next crosses, and which way: pure functions on columns.

A line runs from its first point to its last. Its right-hand side, as seen by who walks along it, is its inner side and
the line itself belongs to it, as a boundary belongs to its fence: stepping onto the line from the left crosses it.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.plane import PlaneShapes

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


class LineIndex:
    """Lines, ready to be asked about many steps at once. Immutable once built; build it with :meth:`build`."""

    def __init__(self, ids: Ids, lines: NDArray[np.object_], z_min_m: Floats, z_max_m: Floats) -> None:
        self.ids = ids
        self._plane = PlaneShapes(lines)
        self._z_min_m = np.where(np.isnan(z_min_m), -np.inf, z_min_m)
        self._z_max_m = np.where(np.isnan(z_max_m), np.inf, z_max_m)
        parts, of_part = shapely.get_parts(lines, return_index=True)
        points, of_point = shapely.get_coordinates(parts, return_index=True)
        joined = np.flatnonzero(of_point[1:] == of_point[:-1])
        self._from, self._to = points[joined], points[joined + 1]
        self._line = of_part[of_point[joined]]
        self._tree = shapely.STRtree(shapely.linestrings(np.stack([self._from, self._to], axis=1)))

    @classmethod
    def build(cls, ids: ArrayLike, lines: ArrayLike, z_min_m: ArrayLike, z_max_m: ArrayLike) -> Self:
        """Index lines.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            Distinct numbers, ascending.
        lines : array_like of shapely LineString or MultiLineString, shape (n,)
            In the coordinates of the steps (degrees of EPSG:4326).
        z_min_m, z_max_m : array_like of float, shape (n,)
            Height range in metres, NaN where it is open: a step that ends outside it passes above or below.

        Raises
        ------
        ValueError
            Something is not a line, or the ids do not ascend.
        """
        keys = np.array(ids, np.int64).reshape(-1)
        shapes = np.array(lines, object).reshape(-1)
        kinds = shapely.get_type_id(shapes)
        allowed = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
        if not np.isin(kinds, allowed).all():
            raise ValueError(f"{keys[~np.isin(kinds, allowed)][0]} is no line")
        if (keys[1:] <= keys[:-1]).any():
            raise ValueError("line ids must ascend")
        return cls(keys, shapes, np.array(z_min_m, float).reshape(-1), np.array(z_max_m, float).reshape(-1))

    def __len__(self) -> int:
        return len(self.ids)

    def crossed(self, start: Floats, end: Floats, alt_m: Floats) -> tuple[Ids, Ids, Ids]:
        """Find the lines that steps cross.

        Parameters
        ----------
        start, end : float64[n, 2]
            Where each step begins and ends, longitude first. One with a coordinate that is not finite crosses nothing.
        alt_m : float64[n]
            Altitude at its end, NaN where unknown: that counts as within every height range.

        Returns
        -------
        step, line : int64[k]
            Pairs ordered by step; a line crossed there and back within one step is not among them.
        inward : int64[k]
            1: from the left-hand side to the right-hand side; -1: the other way; more where the line winds around.

        Notes
        -----
        Of every two sides one is half-open, so a path that touches a line, or passes exactly through a corner of it,
        crosses it once or not at all, however it is cut into steps.
        """
        moving = np.flatnonzero(np.isfinite(start).all(1) & np.isfinite(end).all(1) & (start != end).any(1))
        none = np.zeros(0, np.int64)
        if not len(moving) or not len(self):
            return none, none, none
        step, piece = self._tree.query(shapely.linestrings(np.stack([start[moving], end[moving]], axis=1)))
        if not len(step):
            return none, none, none
        step = moving[step]
        p, q, a, b = start[step], end[step], self._from[piece], self._to[piece]
        was_left, is_left = _is_left(a, b, p), _is_left(a, b, q)
        met = (was_left != is_left) & (_is_left(p, q, a) != _is_left(p, q, b))
        line = self._line[piece]
        z = alt_m[step]
        met &= np.isnan(z) | ((z >= self._z_min_m[line]) & (z <= self._z_max_m[line]))
        pair, of = np.unique(step[met] * len(self) + line[met], return_inverse=True)
        net = np.zeros(len(pair), np.int64)
        np.add.at(net, of, np.where(was_left[met], 1, -1))
        step, line = np.divmod(pair[net != 0], len(self))
        return step, self.ids[line], net[net != 0]

    def within(self, line_id: Ids, lon: Floats, lat: Floats, margin_m: Floats) -> NDArray[np.bool_]:
        """Whether each point (degrees, float64[k]) is within so many metres of a line; false where there is none."""
        known, at = found_in(self.ids, line_id)
        near = np.zeros(len(line_id), bool)
        near[known] = self._plane.within(at[known], lon[known], lat[known], margin_m[known])
        return near


def found_in(ascending: Ids, wanted: Ids) -> tuple[NDArray[np.bool_], Ids]:
    """Which of ``wanted`` are among ``ascending``, and where: bool[k], int64[k] (meaningless where they are not)."""
    if not len(ascending):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
    at = np.searchsorted(ascending, wanted).clip(max=len(ascending) - 1)
    return ascending[at] == wanted, at


def _is_left(a: Floats, b: Floats, p: Floats) -> NDArray[np.bool_]:
    return (b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[:, 0] - a[:, 0]) > 0
