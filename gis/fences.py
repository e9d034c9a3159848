"""Which fences a batch of positions lies in, and who entered and who left: pure functions on columns.

Conventions
-----------
- The boundary belongs to the fence, in the plane and in height (closed sets): a machine *on* the line of a forbidden
  zone is inside it. Neighbours that share a boundary both contain its points; :meth:`FenceIndex.locate_one` then
  answers with the lower id.
- A position without an altitude counts as inside a fence with a height range, whatever the range: not knowing must
  not silence an alert.
- A position without longitude or latitude (NaN, infinite) is inside nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.plane import PlaneShapes

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
MAX_KEY = 1 << 62
_FEW = 4
"""So many fences are compared with every point; more have a tree."""


class FenceIndex:
    """Polygons with optional height ranges, ready to be asked about many points at once.

    Immutable once built, and safe to ask from several threads. Build it with :meth:`build`.
    """

    def __init__(self, ids: Ids, polygons: NDArray[np.object_], z_min_m: Floats, z_max_m: Floats) -> None:
        self.ids = ids
        self.polygons = polygons
        # NaN stands for an open end; infinity compares as one.
        self._z_min_m = np.where(np.isnan(z_min_m), -np.inf, z_min_m)
        self._z_max_m = np.where(np.isnan(z_max_m), np.inf, z_max_m)
        self._has_heights = bool(np.isfinite(self._z_min_m).any() or np.isfinite(self._z_max_m).any())
        self._tree = shapely.STRtree(polygons)
        self._bounds = shapely.bounds(polygons)
        self._plane = PlaneShapes(polygons)
        self._by_id = np.argsort(ids)
        # NumPy sorts 16-bit integers by radix, ten times as fast as wider ones.
        self._order_type = np.uint16 if len(ids) <= 1 << 16 else np.uint32

    @classmethod
    def build(
        cls,
        ids: ArrayLike,
        polygons: ArrayLike,
        z_min_m: ArrayLike | None = None,
        z_max_m: ArrayLike | None = None,
    ) -> Self:
        """Index fences.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            Distinct numbers of the fences, 0 or above.
        polygons : array_like of shapely Polygon or MultiPolygon, shape (n,)
            In the coordinates that will be asked about. A missing or empty one contains nothing; in one that crosses
            itself, places wound an odd number of times are inside.
        z_min_m, z_max_m : array_like of float, shape (n,), optional
            Height range in metres, NaN where it is open. A range the wrong way round contains no known altitude.

        Raises
        ------
        ValueError
            Lengths differ, ids repeat or are negative, or something is not a polygon.
        """
        ids = np.array(ids, dtype=np.int64).reshape(-1)
        shapes = np.array(polygons, dtype=object).reshape(-1)
        n = len(ids)
        low = np.full(n, np.nan) if z_min_m is None else np.array(z_min_m, dtype=np.float64).reshape(-1)
        high = np.full(n, np.nan) if z_max_m is None else np.array(z_max_m, dtype=np.float64).reshape(-1)
        if not len(shapes) == len(low) == len(high) == n:
            raise ValueError(f"{n} ids, {len(shapes)} polygons, {len(low)} and {len(high)} heights")
        if n and ids.min() < 0:
            raise ValueError(f"fence id {ids.min()} is negative")
        if len(np.unique(ids)) != n:
            raise ValueError("fence ids repeat")
        kinds = shapely.get_type_id(shapes)
        allowed = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.MISSING)
        if not np.isin(kinds, allowed).all():
            raise ValueError(f"fence {ids[~np.isin(kinds, allowed)][0]} is no polygon")
        shapely.prepare(shapes)
        # The first question makes a prepared polygon build its own index: better now than during a batch, and
        # before several threads ask at once.
        bounds = shapely.bounds(shapes)
        shapely.intersects_xy(shapes, (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)
        return cls(ids, shapes, low, high)

    def __len__(self) -> int:
        return len(self.ids)

    def locate(self, lon: ArrayLike, lat: ArrayLike, alt_m: ArrayLike | None = None) -> tuple[Ids, Ids]:
        """Find every fence that contains each point.

        Parameters
        ----------
        lon, lat : array_like of float, shape (n,)
            Points in the coordinates of the polygons (degrees of EPSG:4326).
        alt_m : array_like of float, shape (n,), optional
            Altitude in metres, NaN where unknown; all unknown when left out.

        Returns
        -------
        point_index, fence_id : arrays of int64, shape (k,)
            One pair for each point in a fence, ordered by point.

        Notes
        -----
        A tree of the fences' boxes gives candidates; the exact test runs fence by fence on prepared polygons, which
        keeps each polygon's own index in the processor's cache. The tree is never given a predicate: it would test
        points against unprepared polygons, ruinous for districts of thousands of vertices.
        """
        x = np.asarray(lon, dtype=np.float64)
        y = np.asarray(lat, dtype=np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"lon has shape {x.shape}, lat {y.shape}; both must be (n,)")
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if not len(self) or not len(known):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if len(known) < len(x):
            x, y = x[known], y[known]
        point, fence = self._candidates(x, y)
        by_fence = np.argsort(fence.astype(self._order_type), kind="stable")
        at = point[by_fence]
        inside = np.empty(len(point), dtype=bool)
        inside[by_fence] = shapely.intersects_xy(self.polygons[fence[by_fence]], x[at], y[at])
        point, fence = known[point[inside]], fence[inside]
        if self._has_heights and alt_m is not None:
            z = np.asarray(alt_m, dtype=np.float64)[point]
            fits = np.isnan(z) | ((z >= self._z_min_m[fence]) & (z <= self._z_max_m[fence]))
            point, fence = point[fits], fence[fits]
        return point, self.ids[fence]

    def _candidates(self, x: Floats, y: Floats) -> tuple[Ids, Ids]:
        """Points and places of fences whose boxes hold them, by point."""
        if len(self) > _FEW:
            found: tuple[Ids, Ids] = self._tree.query(shapely.points(x, y))
            return found
        # Making points to be asked about would take longer than anything else.
        west, south, east, north = self._bounds.T[:, :, None]
        fence, point = np.nonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        by_point = np.argsort(point, kind="stable") if len(self) > 1 else slice(None)
        return point[by_point], fence[by_point]

    def near(self, fence_id: Ids, lon: Floats, lat: Floats, alt_m: Floats, margin_m: Floats) -> NDArray[np.bool_]:
        """Whether points are in a fence or no further outside it than a margin.

        Parameters
        ----------
        fence_id : int64[k]
            The fence that each point is compared with; one that is not here has nothing near it.
        lon, lat, alt_m : float64[k]
            Degrees of EPSG:4326, finite; metres, NaN where unknown: that is near every height.
        margin_m : float64[k]
            Metres, in the plane and in height, inclusive.
        """
        near = np.zeros(len(fence_id), bool)
        if not len(self):
            return near
        at = self._by_id[np.searchsorted(self.ids, fence_id, sorter=self._by_id).clip(max=len(self) - 1)]
        fits = (alt_m >= self._z_min_m[at] - margin_m) & (alt_m <= self._z_max_m[at] + margin_m)
        asked = np.flatnonzero((self.ids[at] == fence_id) & (np.isnan(alt_m) | fits))
        near[asked] = self._plane.within(at[asked], lon[asked], lat[asked], margin_m[asked])
        return near

    def locate_one(self, lon: ArrayLike, lat: ArrayLike) -> Ids:
        """Find the one polygon of a coverage (districts, grid cells) that contains each point.

        Parameters
        ----------
        lon, lat : array_like of float, shape (n,)
            As for :meth:`locate`.

        Returns
        -------
        array of int64, shape (n,)
            Its id; the lowest where several contain the point; -1 where none does.
        """
        point, fence_id = self.locate(lon, lat)
        found = np.full(np.shape(lon), -1, dtype=np.int64)
        if len(point):
            first = np.flatnonzero(np.r_[True, point[1:] != point[:-1]])
            found[point[first]] = np.minimum.reduceat(fence_id, first)
        return found


@dataclass(frozen=True)
class Transitions:
    """What a batch did to presence.

    Attributes
    ----------
    point_index, fence_id : arrays of int64, shape (k,)
        Events, ordered by point; at one point exits come before entries, each by fence.
    entered : array of bool, shape (k,)
        True: the asset entered; False: it left.
    present_asset, present_fence : arrays of int64, shape (m,)
        Presence after the batch, in no particular order.
    """

    point_index: Ids
    fence_id: Ids
    entered: NDArray[np.bool_]
    present_asset: Ids
    present_fence: Ids


def transitions(
    asset: ArrayLike,
    point_index: ArrayLike,
    fence_id: ArrayLike,
    present_asset: ArrayLike,
    present_fence: ArrayLike,
) -> Transitions:
    """Compare each position with the one before it: which fences were entered, which were left.

    Several positions of one asset in a batch are followed one by one, so a fence crossed between two of them is
    entered and left. A fence that no longer exists is left at the asset's next position.

    Parameters
    ----------
    asset : array_like of int, shape (n,)
        Asset of each position, sorted by asset and, for one asset, by time.
    point_index, fence_id : array_like of int, shape (k,)
        The fences each position is in, as :meth:`FenceIndex.locate` returns them (any order).
    present_asset, present_fence : array_like of int, shape (p,)
        Presence before the batch. Pairs of assets that do not occur in the batch stay as they are.

    Raises
    ------
    ValueError
        ``asset`` is not sorted, a pair names a position outside the batch, or a fence id is negative or so large that
        id times positions leaves 62 bits.
    """
    assets = np.asarray(asset, dtype=np.int64)
    at_point = np.asarray(point_index, dtype=np.int64)
    at_fence = np.asarray(fence_id, dtype=np.int64)
    was_asset = np.asarray(present_asset, dtype=np.int64)
    was_fence = np.asarray(present_fence, dtype=np.int64)
    n = len(assets)
    if (assets[1:] < assets[:-1]).any():
        raise ValueError("positions must be sorted by asset")
    if len(at_point) and (at_point.min() < 0 or at_point.max() >= n):
        raise ValueError(f"point_index must be within 0..{n - 1}")

    highest = max(at_fence.max(initial=0), was_fence.max(initial=0))
    if min(at_fence.min(initial=0), was_fence.min(initial=0)) < 0 or highest >= MAX_KEY // (2 * n + 2):
        raise ValueError(f"fence ids must be within 0..{MAX_KEY // (2 * n + 2) - 1} for a batch of {n}")

    first = np.ones(n, dtype=bool)
    first[1:] = assets[1:] != assets[:-1]
    rank = np.cumsum(first)
    moved = assets[first]
    was_rank = np.searchsorted(moved, was_asset)
    concerned = was_rank < len(moved)
    concerned[concerned] = moved[was_rank[concerned]] == was_asset[concerned]

    # Every asset gets one step for its presence before the batch, then one for each of its positions. Sorted by
    # fence and step, a stay in a fence is a run of consecutive numbers: it begins with an entry and ends with an exit.
    steps = n + len(moved)
    step_of_point = np.arange(n) + rank
    point_of_step = np.full(steps, -1, dtype=np.int64)
    point_of_step[step_of_point] = np.arange(n)
    before_batch = point_of_step < 0
    ends = np.ones(steps, dtype=bool)
    ends[:-1] = before_batch[1:]

    keys = np.sort(
        np.r_[
            at_fence * steps + step_of_point[at_point],
            was_fence[concerned] * steps + np.flatnonzero(before_batch)[was_rank[concerned]],
        ]
    )
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
    fence, step = np.divmod(keys, max(steps, 1))
    follows = keys[1:] == keys[:-1] + 1
    entered, left = ~before_batch[step], ~ends[step]
    last = ends[step] & ~before_batch[step]
    entered[1:] &= ~follows
    left[:-1] &= ~follows

    width = int(highest) + 1
    events = np.sort(
        np.r_[
            (point_of_step[step[left] + 1] * 2) * width + fence[left],
            (point_of_step[step[entered]] * 2 + 1) * width + fence[entered],
        ]
    )
    moment, event_fence = np.divmod(events, width)
    return Transitions(
        moment // 2,
        event_fence,
        moment % 2 == 1,
        np.r_[assets[point_of_step[step[last]]], was_asset[~concerned]],
        np.r_[fence[last], was_fence[~concerned]],
    )
