"""What sources mean to cells: their weight, fading with distance (距离衰减), summed, or averaged as readings are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.crs import from_wgs84
from gis.exceptions import GridError
from gis.grids.lattice import Cells, on_plane

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

_PAIRS_AT_ONCE = 2_000_000
"""Some 100 MB of working memory."""


class Decay(StrEnum):
    """How a source's weight fades from it (1) to its reach (0); ``t`` is the distance over the reach.

    Constant: 1 as far as it reaches. Linear: ``1 - t``. Quartic: ``(1 - t²)²``, as kernel densities have it
    (Silverman, B. W. (1986), Density Estimation for Statistics and Data Analysis, eq. 4.5, without its factor).
    """

    CONSTANT = "constant"
    LINEAR = "linear"
    QUARTIC = "quartic"


class Combine(StrEnum):
    """What several sources mean to one cell.

    Sum: their weights together, 0 where none reaches. Mean: their weights' mean, the nearer the more it counts (for
    readings of stations and scores), NaN where none reaches.
    """

    SUM = "sum"
    MEAN = "mean"


_KERNELS: Mapping[Decay, Callable[[Floats], Floats]] = MappingProxyType(
    {
        Decay.CONSTANT: np.ones_like,
        Decay.LINEAR: lambda t: 1 - t,
        Decay.QUARTIC: lambda t: (1 - t * t) ** 2,
    }
)


@dataclass(frozen=True)
class Spread:
    """How sources are spread over cells.

    Attributes
    ----------
    reach_m : float
        Metres from the source, beyond which it means nothing. At least half a cell, or a source could fall between
        the cells' centres.
    decay : Decay
        How it fades.
    combine : Combine
        What several mean.

    Raises
    ------
    GridError
        The reach is not a positive number of metres.
    """

    reach_m: float
    decay: Decay = Decay.QUARTIC
    combine: Combine = Combine.SUM

    def __post_init__(self) -> None:
        if not (np.isfinite(self.reach_m) and 0 < self.reach_m <= 100_000):
            raise GridError(f"a reach of {self.reach_m} m: give one above 0, at most 100 km")


@dataclass(frozen=True)
class Sources:
    """Sources as columns.

    Attributes
    ----------
    key : int64[n]
        Which is which, each once, ascending.
    lon, lat : float64[n]
        Degrees of EPSG:4326; of shapes without meaning.
    weight : float64[n]
        What it means where it is.
    shape : object[n] of shapely geometries, or None
        Lines and polygons, degrees; None: all are points.
    """

    key: Ids
    lon: Floats
    lat: Floats
    weight: Floats
    shape: NDArray[np.object_] | None = None

    @classmethod
    def points(cls, key: ArrayLike, lon: ArrayLike, lat: ArrayLike, weight: ArrayLike) -> Self:
        """Points, in any order; those whose place or weight is not finite are left out."""
        keys, x, y, w = np.asarray(key, np.int64), *(np.asarray(each, float) for each in (lon, lat, weight))
        good = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(w))
        good = good[np.argsort(keys[good], kind="stable")]
        return cls(keys[good], x[good], y[good], w[good])

    @classmethod
    def shapes(cls, key: ArrayLike, shape: ArrayLike, weight: ArrayLike) -> Self:
        """Shapes, in any order; empty ones and those whose weight is not finite are left out."""
        keys, w = np.asarray(key, np.int64), np.asarray(weight, float)
        shapes = np.asarray(shape, object)
        good = np.flatnonzero(np.isfinite(w) & ~shapely.is_empty(shapes) & ~shapely.is_missing(shapes))
        good = good[np.argsort(keys[good], kind="stable")]
        nowhere = np.full(len(good), np.nan)
        return cls(keys[good], nowhere, nowhere, w[good], shapes[good])

    def __len__(self) -> int:
        return len(self.key)

    def take(self, at: NDArray) -> Sources:
        """Some of them, by place or mask."""
        shape = None if self.shape is None else self.shape[at]
        return Sources(self.key[at], self.lon[at], self.lat[at], self.weight[at], shape)

    def differing(self, other: Sources) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of these the ``other`` has not as they are, and which of the other these have not: bool[n], bool[m]."""
        _both, here, there = np.intersect1d(self.key, other.key, assume_unique=True, return_indices=True)
        mine, theirs = np.ones(len(self), bool), np.ones(len(other), bool)
        same = self.weight[here] == other.weight[there]
        if self.shape is None and other.shape is None:
            same &= (self.lon[here] == other.lon[there]) & (self.lat[here] == other.lat[there])
        elif self.shape is not None and other.shape is not None:
            same &= shapely.equals_identical(self.shape[here], other.shape[there])
        else:
            same[:] = False
        mine[here[same]] = theirs[there[same]] = False
        return mine, theirs


@dataclass(frozen=True)
class Placed:
    """Sources on the plane of some cells, with the boxes of what they reach: ``bounds`` float64[n, 4] in metres."""

    sources: Sources
    x: Floats
    y: Floats
    shape: NDArray[np.object_] | None
    bounds: Floats

    def take(self, at: NDArray) -> Placed:
        """Some of them."""
        shape = None if self.shape is None else self.shape[at]
        return Placed(self.sources.take(at), self.x[at], self.y[at], shape, self.bounds[at])


def place(cells: Cells, sources: Sources, reach_m: float) -> Placed:
    """Put sources on the cells' plane; those the plane cannot hold reach nothing."""
    reach_m += cells.inner_m
    if sources.shape is None:
        x, y = from_wgs84(sources.lon, sources.lat, f"epsg:{cells.epsg}", strict=False)
        shape, bounds = None, np.stack([x, y, x, y], 1)
    else:
        shape = on_plane(sources.shape, cells.epsg)
        shapely.prepare(shape)
        bounds = shapely.bounds(shape)
        x = y = np.full(len(sources), np.nan)
    bounds += np.array([-reach_m, -reach_m, reach_m, reach_m])
    # A box that holds nothing, in place of one that is nowhere.
    bounds[~np.isfinite(bounds).all(1)] = [0, 0, -1, -1]
    return Placed(sources, x, y, shape, bounds)


def spread(cells: Cells, sources: Sources, how: Spread, only: NDArray[np.bool_] | None = None) -> Floats:
    """What sources mean to each cell.

    Parameters
    ----------
    cells : Cells
        Of n.
    sources : Sources
        Of any number.
    how : Spread
        Reach, decay, combination.
    only : bool[n], optional
        Cells that are wanted; the others get what nothing means.

    Returns
    -------
    float64[n]
        0 (sum) or NaN (mean) where no source reaches.

    Notes
    -----
    The distance is that from the source to the circle inside the cell: a source in the middle of a cell, or a polygon
    over it, is at none. Work grows with the cells that sources reach, not with the city.
    """
    return spread_placed(cells, place(cells, sources, how.reach_m), how, only)


def spread_placed(cells: Cells, placed: Placed, how: Spread, only: NDArray[np.bool_] | None = None) -> Floats:
    """As :func:`spread`, for sources that are on the cells' plane already."""
    total, share = np.zeros(len(cells)), np.zeros(len(cells))
    weight = placed.sources.weight
    for first, end in _portions(cells, placed.bounds):
        source, cell = cells.near(placed.bounds[first:end])
        source += first
        if only is not None:
            wanted = only[cell]
            source, cell = source[wanted], cell[wanted]
        if placed.shape is None:
            distance = np.hypot(cells.x[cell] - placed.x[source], cells.y[cell] - placed.y[source])
        else:
            distance = shapely.distance(placed.shape[source], shapely.points(cells.x[cell], cells.y[cell]))
        t = np.maximum(distance - cells.inner_m, 0) / how.reach_m
        near = t < 1
        source, cell = source[near], cell[near]
        part = _KERNELS[how.decay](t[near])
        # In place, source after source: the same sum whatever the portions are.
        np.add.at(total, cell, part * weight[source])
        if how.combine is Combine.MEAN:
            np.add.at(share, cell, part)
    if how.combine is Combine.SUM:
        return total
    return np.divide(total, share, out=np.full(len(cells), np.nan), where=share > 0)


def _portions(cells: Cells, bounds: Floats) -> list[tuple[int, int]]:
    """Runs of sources that meet no more than :data:`_PAIRS_AT_ONCE` cells together, a single larger one excepted."""
    wide = np.maximum(bounds[:, 2:] - bounds[:, :2], 0) / (2 * cells.inner_m) + 1
    pairs = np.cumsum(np.minimum(wide.prod(1), len(cells)))
    portion = (pairs / _PAIRS_AT_ONCE).astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(portion)) + 1).tolist(), len(bounds)]
    return [(first, end) for first, end in pairwise(edges) if end > first]
