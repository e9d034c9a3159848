"""The time machine: the map as it was, for whoever may have seen it (docs/protocols/past.md).

Scope is decided here and nowhere else, row by row, as the live world decides it: a thing is shown to those whose scope
covers its owner, and to those whose scope covers the district where it *was*. The owner is the one of today, for the
platform keeps no history of owners. An asset out of use is shown where it was while it was in use; of one that was
deleted nobody knows any more whose it was, so nobody is shown it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.cells import CellMap
from gis.coverage import Coverage
from gis.notices import stamp_of
from gis.regions import district_index
from twin import past_store
from twin.batch import MICROSECOND, UNSAID
from twin.kinds import Status
from twin.live.viewer import Sight, Window, look_up
from twin.past_rows import Assets, Rows
from twin.past_sql import read_assets

LOOK_BACK_S = 24 * 3600
"""A thing that was not heard from for so long before a moment is not on the map of that moment."""
LONGEST_SPAN_S = 3600
MOST_ROWS = 100_000
"""Rows of one answer; beyond, each asset keeps its last row of each time cell."""
CELLS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
"""Sizes of time cells."""

_LOOK_BACK_US = LOOK_BACK_S * MICROSECOND
_lock = threading.Lock()
_districts: tuple[int, Coverage] | None = None


def districts() -> Coverage:
    """The districts, read anew when a region has changed since."""
    global _districts
    version = stamp_of(["regions"])
    with _lock:
        if _districts is None or _districts[0] != version:
            _districts = (version, Coverage(district_index()))
        return _districts[1]


@dataclass(frozen=True)
class Look:
    """Whose eyes, and at which part of the map.

    Attributes
    ----------
    sight : Sight
        What the scope covers.
    window : Window, optional
        Only what was inside.
    regions : bool[n], optional
        Only what was in a region of which this table, by key, says yes.
    """

    sight: Sight
    window: Window | None = None
    regions: NDArray[np.bool_] | None = None

    def owns(self, owner: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which things are seen wherever they are: bool[n]."""
        if self.window is not None or self.regions is not None:
            return np.zeros(len(owner), bool)
        return self.sight.covers(owner, np.zeros(len(owner), np.int64))

    @cached_property
    def may_meet(self) -> bool:
        """Whether things of others can come into sight."""
        return self.sight.everything or bool(self.sight.regions.any())

    def cells_seen(self) -> CellMap | None:
        """Where things of others are seen, by cells: 1 where they are; None where cells cannot tell."""
        if self.sight.everything or self.regions is not None:
            return None
        return districts().cells.of(self.sight.regions)

    def covers(self, owner: NDArray[np.int64], lon: NDArray, lat: NDArray) -> NDArray[np.bool_]:
        """Which positions are seen: bool[n]."""
        seen = np.ones(len(owner), bool) if self.window is None else self.window.holds(lon, lat)
        if self.sight.everything and self.regions is None:
            return seen
        region = np.zeros(len(owner), np.int64)
        region[seen] = np.maximum(districts().locate_one(lon[seen], lat[seen]), 0)
        seen &= self.sight.covers(owner, region)
        if self.regions is not None:
            seen &= look_up(self.regions, region)
        return seen


@dataclass(frozen=True)
class Span:
    """Rows of a span of time, by time.

    Attributes
    ----------
    rows : Rows
        What was seen, with the row that went out of sight after each stay.
    left : bool[n]
        Which rows say that the thing left what this viewer may see or looks at.
    cell_s : int
        Each asset's last row of each cell of so many seconds was kept; 0: every row there is.
    """

    rows: Rows
    left: NDArray[np.bool_]
    cell_s: int


def state_at(cursor: Any, look: Look, at_us: int) -> Rows:
    """Everything in sight as it was at a moment: of each asset the newest row at or before it, by asset.

    Raises
    ------
    PastTooSlowError
    """
    assets = candidates(cursor, look)
    rows = past_store.newest_before(cursor, assets, at_us, _LOOK_BACK_US, look.window)
    rows = rows.take(_seen(look, assets, rows))
    rows = rows.take(np.argsort(rows["asset"]))
    _say_status(cursor, assets, rows, at_us)
    return rows


def rows_between(cursor: Any, look: Look, from_us: int, to_us: int, cell_s: int = 0) -> Span:
    """What happened in sight after one moment, up to another.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    look : Look
        Whose.
    from_us, to_us : int
        Microseconds since 1970 UTC; no further apart than :data:`LONGEST_SPAN_S`.
    cell_s : int
        Finer than this many seconds is not wanted; 0: as fine as there is and :data:`MOST_ROWS` allows.

    Raises
    ------
    PastTooSlowError
    """
    assets = candidates(cursor, look)
    may_part = not look.owns(assets.owner).all()
    in_sight = np.empty(0, np.int64)
    if may_part:
        before = past_store.newest_before(cursor, assets, from_us, _LOOK_BACK_US)
        in_sight = before["asset"][_seen(look, assets, before)]
    rows, thinned_s = _read(cursor, assets, from_us, to_us, cell_s)
    if may_part and thinned_s > cell_s:
        # Too much for all: read once more, finer, those alone that were in sight at all.
        seen = np.union1d(in_sight, rows["asset"][_seen(look, assets, rows)])
        nearer = assets.take(np.isin(assets.id, seen))
        if _cell_for(len(nearer), to_us - from_us, cell_s) < thinned_s:
            assets = nearer
            rows, thinned_s = _read(cursor, assets, from_us, to_us, cell_s)
    rows, left = _with_partings(look, assets, in_sight, rows)
    _say_status(cursor, assets, rows, from_us)
    order = np.lexsort((rows["asset"], rows["time_us"]))
    return Span(rows.take(order), left[order], thinned_s)


def oldest_kept(cursor: Any, look: Look) -> int | None:
    """The oldest moment kept of what this viewer may look at, microseconds since 1970 UTC; None where there is none.

    For a viewer who sees districts: of anything at all, for it may have been there.
    """
    return past_store.oldest(cursor, candidates(cursor, look))


def asset_at(cursor: Any, look: Look, asset: int, at_us: int) -> tuple[bool, Rows]:
    """Whether one asset was in sight at a moment, and its state then (no row where it was not heard from)."""
    assets = read_assets(cursor, asset)
    rows = past_store.newest_before(cursor, assets, at_us, _LOOK_BACK_US)
    is_seen = bool(look.owns(assets.owner).any() or _seen(look, assets, rows).any())
    _say_status(cursor, assets, rows, at_us)
    return is_seen, rows


def candidates(cursor: Any, look: Look) -> Assets:
    """Assets of which a row can be in sight."""
    assets = read_assets(cursor)
    if look.may_meet:
        return assets
    return assets.take(look.sight.covers(assets.owner, np.zeros(len(assets), np.int64)))


def _read(cursor: Any, assets: Assets, from_us: int, to_us: int, cell_s: int) -> tuple[Rows, int]:
    """Rows of some assets, in no order, and the cells by which they were thinned (seconds; 0: not)."""
    if not cell_s:
        found = past_store.rows_between(cursor, assets, from_us, to_us, MOST_ROWS)
        if found is not None:
            return found, 0
    cell_s = _cell_for(len(assets), to_us - from_us, cell_s)
    return past_store.newest_by_cell(cursor, assets, from_us, to_us, cell_s * MICROSECOND), cell_s


def _cell_for(assets: int, span_us: int, wanted_s: int) -> int:
    """The smallest size of cells, no smaller than wanted, with which no answer can have too many rows."""
    span_s = span_us / MICROSECOND
    return next((s for s in CELLS_S if s >= wanted_s and assets * np.ceil(span_s / s) <= MOST_ROWS), CELLS_S[-1])


def _seen(look: Look, assets: Assets, rows: Rows) -> NDArray[np.bool_]:
    at, known = assets.find(rows["asset"])
    seen = np.zeros(len(rows), bool)
    seen[known] = look.covers(assets.owner[at[known]], rows["lon"][known], rows["lat"][known])
    return seen


def _with_partings(
    look: Look, assets: Assets, in_sight: NDArray[np.int64], rows: Rows
) -> tuple[Rows, NDArray[np.bool_]]:
    """The rows in sight, and after each stay the first that is not; by asset and time.

    ``in_sight``: who was before the first row.
    """
    _at, known = assets.find(rows["asset"])
    rows = rows.take(known)
    rows = rows.take(np.lexsort((rows["time_us"], rows["asset"])))
    seen = _seen(look, assets, rows)
    first = np.append(True, rows["asset"][1:] != rows["asset"][:-1])[: len(rows)]
    was_seen = np.append(False, seen[:-1])[: len(rows)]
    was_seen[first] = np.isin(rows["asset"][first], in_sight)
    left = was_seen & ~seen
    return rows.take(seen | left), left[seen | left]


def _say_status(cursor: Any, assets: Assets, rows: Rows, at_us: int) -> None:
    """Fill in, as the present does, the status of rows that do not say: what the asset said last, or idle.

    ``rows`` are by asset and time; in place.
    """
    status = rows["status"]
    if not (status == UNSAID).any():
        return
    first = np.append(True, rows["asset"][1:] != rows["asset"][:-1])[: len(rows)]
    silent = np.flatnonzero(first & (status == UNSAID))
    at, _known = assets.find(rows["asset"][silent])
    said = past_store.status_before(cursor, assets.take(np.sort(at)), at_us, _LOOK_BACK_US)
    status[silent] = [said.get(asset, (Status.IDLE,))[0] for asset in rows["asset"][silent].tolist()]
    # Each row that does not say takes the one before it; the first of each asset says by now.
    spoken = np.maximum.accumulate(np.where(status != UNSAID, np.arange(len(status)), 0))
    status[:] = status[spoken]
