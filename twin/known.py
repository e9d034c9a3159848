"""What the intake knows of the present of assets, as columns: last time, status, where they came to rest, where inside.

Everything here is a copy of what the database holds; :meth:`Known.forget` after a failure makes it be read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from gis.fences import Transitions
from twin.batch import UNSAID, PositionBatch
from twin.kinds import Status
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
    """The present of the assets that this process has met.

    Attributes
    ----------
    inside : dict
        By asset: the areas it is in, and since when (microseconds since 1970). Assets inside none are left out.
    """

    def __init__(self) -> None:
        self.inside: dict[int, dict[int, int]] = {}
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
        self.inside.clear()
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
        for asset_id, area, since_us in cursor.fetchall():
            self.inside.setdefault(asset_id, {})[area] = since_us

    def drop_areas(self, kept: Collection[int]) -> None:
        """Nobody is in areas that are not among ``kept`` any more."""
        gone = {area for areas in self.inside.values() for area in areas}.difference(kept)
        if gone:
            inside = {
                asset: {area: since for area, since in areas.items() if area not in gone}
                for asset, areas in self.inside.items()
            }
            self.inside = {asset: areas for asset, areas in inside.items() if areas}

    def meet(self, assets: Iterable[int]) -> list[int]:
        """Make room for assets not yet known, of whom nothing is known so far; returns those."""
        unknown = list({asset for asset in assets if asset not in self._slot})
        first = len(self._slot)
        self._make_room(first + len(unknown))
        self._slot.update(zip(unknown, range(first, first + len(unknown)), strict=True))
        for name, values in _columns(len(unknown)).items():
            self._columns[name][first : first + len(unknown)] = values
        return unknown

    def follow(self, moving: PositionBatch, slots: Whole | None = None) -> Whole:
        """Go along with rows sorted by asset and time, all newer than what is known.

        Fills in what rows did not say of the status.

        Parameters
        ----------
        slots : int64[n], optional
            :meth:`slots` of the rows, where they are known already.

        Returns
        -------
        int64[n]
            Since when each row's asset stands still, microseconds since 1970.
        """
        n = len(moving)
        still_since_us = np.empty(n, np.int64)
        slots = self.slots(moving.asset) if slots is None else slots
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

    def presences(self, assets: Whole) -> tuple[Whole, Whole]:
        """Who is inside what, of ``assets``: keys of assets and of areas, int64[p] each."""
        inside = self.inside
        pairs = [(asset, area) for asset in assets.tolist() if asset in inside for area in inside[asset]]
        asset_of, area_of = np.array(pairs, np.int64).reshape(-1, 2).T
        return asset_of, area_of

    def stay(self, moving: PositionBatch, row: Whole, area: Whole, change: Transitions) -> Stays:
        """Go along with rows that are in areas (ordered by row); remembers who is where afterwards."""
        assets = moving.asset[row]
        order = np.lexsort((row, area, assets))
        assets, areas, rows = assets[order], area[order], row[order]
        width = max(int(area.max(initial=0)), int(change.fence_id.max(initial=0))) + 1
        entry = change.point_index[change.entered] * width + change.fence_id[change.entered]
        times = moving.time_us[rows]
        # A stay begins where its row entered; the first of a pair that did not was there before.
        begins = np.isin(rows * width + areas, entry)
        first = np.r_[True, (assets[1:] != assets[:-1]) | (areas[1:] != areas[:-1])][: len(rows)]
        since = np.where(begins, times, 0)
        goes_on = np.flatnonzero(first & ~begins)
        pairs = zip(*(column[goes_on].tolist() for column in (assets, areas, times)), strict=True)
        nowhere: dict[int, int] = {}
        inside = self.inside
        since[goes_on] = [inside.get(asset, nowhere).get(at, time_us) for asset, at, time_us in pairs]
        start = np.maximum.accumulate(np.where(begins | first, np.arange(len(rows)), 0))
        since = since[start]
        since_us = np.empty(len(row), np.int64)
        since_us[order] = since
        last = np.r_[first[1:], True][: len(rows)]
        self._remember(
            moving.asset,
            change,
            dict(zip(zip(assets[last].tolist(), areas[last].tolist(), strict=True), since[last].tolist(), strict=True)),
        )
        return Stays(row, area, since_us)

    def _remember(self, assets: Whole, change: Transitions, since: Mapping[tuple[int, int], int]) -> None:
        for asset in self.inside.keys() & set(assets.tolist()):
            del self.inside[asset]
        for pair in zip(change.present_asset.tolist(), change.present_fence.tolist(), strict=True):
            self.inside.setdefault(pair[0], {})[pair[1]] = since[pair]

    def _make_room(self, count: int) -> None:
        have = len(self._columns["time_us"])
        if count > have:
            more = _columns(max(count, 2 * have) - have)
            self._columns = {name: np.r_[values, more[name]] for name, values in self._columns.items()}


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
