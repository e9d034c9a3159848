"""What the intake knows of the present of assets, as columns: last time, status, where they came to rest, where inside.

Everything here is a copy of what the database holds; :meth:`Known.forget` after a failure makes it be read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from gis.fences import Transitions
from twin.batch import UNSAID, PositionBatch
from twin.kinds import Status
from twin.presences import Presences
from twin.still import left_rest

Whole = NDArray[np.int64]

_ROOM = 1024
_NEVER = -1


class Stays(NamedTuple):
    """Which rows are in which areas (int64[k], ordered by row), and since when (microseconds since 1970)."""

    row: Whole
    area: Whole
    since_us: Whole


class Known:
    """The present of the assets that this process has met."""

    def __init__(self) -> None:
        self._presences = Presences()
        self._slot: dict[int, int] = {}
        self._columns = _columns(_ROOM)

    def __getitem__(self, name: str) -> NDArray:
        """A column by its name, one value a slot; only the slots of :meth:`slots` mean something."""
        return self._columns[name]

    def slots(self, assets: Whole) -> Whole:
        """Where the columns speak of ``assets``, all of them recalled before."""
        slot = self._slot
        return np.array([slot[asset] for asset in assets.tolist()], np.int64)

    def forget(self) -> None:
        """Know nothing any more."""
        self._slot.clear()

    def recall(self, cursor: psycopg.Cursor, assets: Iterable[int]) -> None:
        """Read the present of assets not yet known."""
        unknown = self.meet(assets)
        if not unknown:
            return
        cursor.execute(
            """SELECT asset_id, (extract(epoch FROM ts) * 1000000)::int8, status,
                      coalesce((extract(epoch FROM status_ts) * 1000000)::int8, 0),
                      CASE WHEN still_lon IS NULL OR still_lat IS NULL OR still_since IS NULL THEN %s
                           ELSE (extract(epoch FROM still_since) * 1000000)::int8 END, still_lon, still_lat
               FROM twin_state WHERE asset_id = ANY(%s)""",
            [_NEVER, unknown],
        )
        if rows := cursor.fetchall():
            asset, *columns = zip(*rows, strict=True)
            slots = self.slots(np.array(asset, np.int64))
            for name, column in zip(self._columns, columns, strict=True):
                self._columns[name][slots] = np.array(column, self._columns[name].dtype)
        cursor.execute(
            """SELECT asset_id, area_id, (extract(epoch FROM since) * 1000000)::int8 FROM twin_presence
               WHERE asset_id = ANY(%s)""",
            [unknown],
        )
        if rows := cursor.fetchall():
            inside, area, since_us = (np.array(column, np.int64) for column in zip(*rows, strict=True))
            slots = self.slots(inside)
            self._presences.replace(np.unique(slots), slots, area, since_us)

    def drop_areas(self, kept: Collection[int]) -> None:
        """Nobody is in areas that are not among ``kept`` any more."""
        self._presences.keep_areas(kept)

    def meet(self, assets: Iterable[int]) -> list[int]:
        """Make room for assets not yet known, of whom nothing is known so far; returns those."""
        unknown = list({asset for asset in assets if asset not in self._slot})
        first = len(self._slot)
        self._make_room(first + len(unknown))
        self._slot.update(zip(unknown, range(first, first + len(unknown)), strict=True))
        for name, values in _columns(len(unknown)).items():
            self._columns[name][first : first + len(unknown)] = values
        self._presences.empty(slice(first, first + len(unknown)))
        return unknown

    def follow(self, moving: PositionBatch, slots: Whole) -> Whole:
        """Go along with rows sorted by asset and time, all newer than what is known.

        Fills in what rows did not say of the status.

        Parameters
        ----------
        slots : int64[n]
            :meth:`slots` of the rows.

        Returns
        -------
        int64[n]
            Since when each row's asset stands still, microseconds since 1970.
        """
        n = len(moving)
        still_since_us = np.empty(n, np.int64)
        first = np.flatnonzero(np.r_[True, moving.asset[1:] != moving.asset[:-1]][:n])
        left = np.diff(np.r_[first, n])
        row = first
        # The first row of every asset, then the second of those that have one, and so on.
        while len(row):
            self._step(moving, row, slots[row], still_since_us)
            more = left > 1
            row, left = row[more] + 1, left[more] - 1
        return still_since_us

    def _step(self, moving: PositionBatch, row: Whole, slot: Whole, still_since_us: Whole) -> None:
        columns = self._columns
        time_us, lon, lat = moving.time_us[row], moving.lon[row], moving.lat[row]
        columns["time_us"][slot] = time_us
        says = (moving.status[row] != UNSAID) & (time_us >= columns["status_us"][slot])
        columns["status"][slot[says]] = moving.status[row[says]]
        columns["status_us"][slot[says]] = time_us[says]
        status = columns["status"][slot]
        moving.status[row] = np.where(status == UNSAID, Status.IDLE, status)
        left = (columns["rest_us"][slot] == _NEVER) | left_rest(
            columns["rest_lon"][slot], columns["rest_lat"][slot], lon, lat
        )
        at = slot[left]
        columns["rest_us"][at], columns["rest_lon"][at], columns["rest_lat"][at] = time_us[left], lon[left], lat[left]
        still_since_us[row] = columns["rest_us"][slot]

    def presences(self, assets: Whole, slots: Whole) -> tuple[Whole, Whole]:
        """Who is inside what, of ``assets`` in their ``slots``: keys of assets and of areas, int64[p] each."""
        at, area = self._presences.of(slots)
        return assets[at], area

    def insiders(self) -> Whole:
        """Keys of all assets that are inside anything, ascending."""
        assets = np.fromiter(self._slot, np.int64, len(self._slot))  # in the order of their slots
        at, _area = self._presences.of(np.arange(len(assets)))
        return np.unique(assets[at])

    def stay(self, moving: PositionBatch, slots: Whole, row: Whole, area: Whole, change: Transitions) -> Stays:
        """Go along with rows that are in areas (ordered by row); remembers who is where afterwards.

        Parameters
        ----------
        slots : int64[n]
            :meth:`slots` of all of ``moving``.
        """
        order = np.lexsort((row, area, moving.asset[row]))
        areas, rows = area[order], row[order]
        assets = moving.asset[rows]
        width = max(int(area.max(initial=0)), int(change.fence_id.max(initial=0))) + 1
        entry = change.point_index[change.entered] * width + change.fence_id[change.entered]
        times = moving.time_us[rows]
        # A stay begins where its row entered; the first of a pair that did not was there before.
        begins = np.isin(rows * width + areas, entry)
        first = np.r_[True, (assets[1:] != assets[:-1]) | (areas[1:] != areas[:-1])][: len(rows)]
        since = np.where(begins, times, 0)
        goes_on = np.flatnonzero(first & ~begins)
        before = self._presences.since(slots[rows[goes_on]], areas[goes_on])
        since[goes_on] = np.where(before > 0, before, times[goes_on])
        start = np.maximum.accumulate(np.where(begins | first, np.arange(len(rows)), 0))
        since = since[start]
        since_us = np.empty(len(row), np.int64)
        since_us[order] = since
        last = np.flatnonzero(np.r_[first[1:], True][: len(rows)])
        self._remember(moving.asset, slots, change, assets[last], areas[last], since[last])
        return Stays(row, area, since_us)

    def _remember(
        self, moving: Whole, slots: Whole, change: Transitions, assets: Whole, areas: Whole, since_us: Whole
    ) -> None:
        """Of pairs (ordered by asset and area) those that are present now stay so, since when they are."""
        head = np.flatnonzero(np.r_[True, moving[1:] != moving[:-1]][: len(moving)])
        width = max(int(areas.max(initial=0)), int(change.present_fence.max(initial=0))) + 1
        rank = np.searchsorted(moving[head], change.present_asset)
        pair = np.searchsorted(moving[head], assets) * width + areas
        at = np.searchsorted(pair, rank * width + change.present_fence)
        self._presences.replace(slots[head], slots[head][rank], change.present_fence, since_us[at])

    def _make_room(self, count: int) -> None:
        have = len(self._columns["time_us"])
        if count > have:
            more = _columns(max(count, 2 * have) - have)
            self._columns = {name: np.r_[values, more[name]] for name, values in self._columns.items()}
        self._presences.make_room(count)


def _columns(n: int) -> dict[str, NDArray]:
    """Columns of ``n`` assets of which nothing is known, in the order in which they are read."""
    return {
        "time_us": np.zeros(n, np.int64),
        "status": np.full(n, UNSAID, np.int16),
        "status_us": np.zeros(n, np.int64),  # positions may come without one, words about power in any order with them
        "rest_us": np.full(n, _NEVER, np.int64),
        "rest_lon": np.full(n, np.nan),
        "rest_lat": np.full(n, np.nan),
    }
