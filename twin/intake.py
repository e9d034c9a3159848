"""Where a batch of positions meets the twin: history, present state, enter and exit, in one transaction.

The history takes every row. Only rows newer than the asset's present state move it and cross area borders: the
present never goes back in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from gis.fences import FenceIndex, Transitions, transitions
from twin.batch import MICROSECOND, UNSAID, PositionBatch
from twin.copying import Column, copy_columns
from twin.history import write_tracks
from twin.kinds import Status
from twin.observers import Heard, Message, Moved, Observer
from twin.present import Current, read_current
from twin.still import Rest

NOWHERE = -1


@dataclass(frozen=True)
class Outcome:
    """What became of a batch."""

    stored: int
    """Rows new to the history."""
    late: int
    """Rows that were stored but left the present as it was."""
    current: Current
    crossings: int
    """Enter and exit events written."""
    messages: list[Message] = field(default_factory=list)
    """What observers want published once the transaction is committed."""


@dataclass
class _Known:
    """What is known of one asset's present."""

    time_us: int
    status: int
    status_us: int = 0
    """When its status was last said; positions may come without one, and words about power in any order with them."""
    inside: dict[int, int] = field(default_factory=dict)
    """Areas it is in, and since when (microseconds)."""
    rest: Rest | None = None


@dataclass(frozen=True)
class _Stays:
    """Which rows of a batch are in which areas, since when, and who entered and left."""

    row: NDArray[np.int64]
    area: NDArray[np.int64]
    since_us: NDArray[np.int64]
    change: Transitions

    def follow(self, moving: PositionBatch, before: dict[int, dict[int, int]]) -> dict[int, dict[int, int]]:
        """Fill in since when; returns who is where, since when, after the batch."""
        asset, time_us = moving.asset.tolist(), moving.time_us.tolist()
        change = self.change
        entered = set(
            zip(change.point_index[change.entered].tolist(), change.fence_id[change.entered].tolist(), strict=True)
        )
        since: dict[tuple[int, int], int] = {}
        for k, pair in enumerate(zip(self.row.tolist(), self.area.tolist(), strict=True)):
            row, area = pair
            stay = (asset[row], area)
            if pair in entered or stay not in since:
                since[stay] = time_us[row] if pair in entered else before[asset[row]].get(area, time_us[row])
            self.since_us[k] = since[stay]
        after: dict[int, dict[int, int]] = {a: {} for a in before}
        for a, area in zip(change.present_asset.tolist(), change.present_fence.tolist(), strict=True):
            after[a][area] = since[a, area]
        return after

    def of(self, moving: PositionBatch, current: Current, still_since_us: NDArray[np.int64]) -> Moved:
        """What observers are shown."""
        return Moved(
            moving,
            current.region[np.searchsorted(current.batch.asset, moving.asset)],
            still_since_us,
            self.row,
            self.area,
            self.since_us,
            self.change.point_index,
            self.change.fence_id,
            self.change.entered,
        )


class Intake:
    """Stores batches for the assets whose shards this process holds.

    It keeps their last time, status and presences in memory; :meth:`forget` after a failed transaction or a lost
    shard makes it read them again.

    Parameters
    ----------
    observers : iterable of Observer
        Look on inside the transaction (:mod:`twin.observers`).
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self.topics = frozenset[str]().union(*(observer.topics for observer in self._observers))
        """Change notices that observers want to hear of: :meth:`reload_observers`."""
        self._known: dict[int, _Known] = {}
        self._areas = FenceIndex.build([], [])
        self._regions = self._areas
        self._versions: dict[int, int] = {}

    def load_areas(self, cursor: psycopg.Cursor) -> int:
        """Read the active areas afresh; returns how many there are."""
        cursor.execute(
            """SELECT id, ST_AsBinary(boundary), coalesce(z_min_m, 'NaN'), coalesce(z_max_m, 'NaN')
               FROM twin_area WHERE active ORDER BY id"""
        )
        rows = cursor.fetchall()
        self._areas = FenceIndex.build(
            [row[0] for row in rows],
            shapely.from_wkb([bytes(row[1]) for row in rows]),
            [row[2] for row in rows],
            [row[3] for row in rows],
        )
        # Of all areas: one put out of force is still left by whoever is inside.
        cursor.execute("SELECT id, version FROM twin_area")
        self._versions = dict(cursor.fetchall())
        # Presences in areas that are gone went with them (or are about to be left): read them again.
        self.forget()
        return len(rows)

    def use_regions(self, districts: FenceIndex) -> None:
        """Say from now on with ``districts`` in whose district a thing is (:func:`gis.regions.district_index`)."""
        self._regions = districts

    def forget(self) -> None:
        """Drop what is known of assets; it is read again when they next report."""
        self._known.clear()
        for observer in self._observers:
            observer.forget()

    def reload_observers(self, cursor: psycopg.Cursor, topics: set[str]) -> None:
        """Let observers read again what changed."""
        for observer in self._observers:
            if stale := observer.topics & topics:
                observer.reload(cursor, stale)

    def heard(self, cursor: psycopg.Cursor, events: list[Heard]) -> list[Message]:
        """Tell observers of new events, inside the caller's transaction; returns what to publish after it."""
        return [message for observer in self._observers for message in observer.heard(cursor, events)]

    def store(self, cursor: psycopg.Cursor, batch: PositionBatch) -> Outcome:
        """Store a batch inside the caller's transaction.

        Raises
        ------
        psycopg.Error
            Nothing of the batch is stored; roll back and call :meth:`forget`.
        """
        batch = batch.take(np.lexsort((batch.time_us, batch.asset)))
        stored = write_tracks(cursor, batch)
        self._recall(cursor, batch.asset)
        last = np.fromiter((self._known[a].time_us for a in batch.asset.tolist()), np.int64, len(batch))
        fresh = batch.time_us > last
        fresh[1:] &= (batch.asset[1:] != batch.asset[:-1]) | (batch.time_us[1:] > batch.time_us[:-1])
        moving = batch.take(np.flatnonzero(fresh))
        still_since_us = self._follow(moving)
        stays = self._cross(cursor, moving)
        current = self._advance(cursor, moving)
        messages: list[Message] = []
        if self._observers and len(moving):
            moved = stays.of(moving, current, still_since_us)
            messages = [message for observer in self._observers for message in observer.moved(cursor, moved)]
        return Outcome(stored, len(batch) - len(moving), current, len(stays.change.point_index), messages)

    def switch(self, cursor: psycopg.Cursor, asset: int, time_us: int, on: bool) -> Current | None:
        """Record that an asset was switched on or off, unless something newer was said of its status.

        Its position, and the time of that, stay as they are.
        """
        self._recall(cursor, np.array([asset]))
        known = self._known[asset]
        if time_us < known.status_us or known.time_us == 0:
            return None
        known.status = int(Status.IDLE if on else Status.OFF)
        known.status_us = time_us
        cursor.execute(
            "UPDATE twin_state SET status = %s, status_ts = %s WHERE asset_id = %s",
            [known.status, _stamp(time_us), asset],
        )
        return read_current(cursor, [asset])

    def _recall(self, cursor: psycopg.Cursor, assets: NDArray[np.int64]) -> None:
        unknown = [a for a in np.unique(assets).tolist() if a not in self._known]
        if not unknown:
            return
        for asset in unknown:
            self._known[asset] = _Known(0, UNSAID)
        cursor.execute(
            """SELECT asset_id, (extract(epoch FROM ts) * 1000000)::int8, status,
                      coalesce((extract(epoch FROM status_ts) * 1000000)::int8, 0),
                      (extract(epoch FROM still_since) * 1000000)::int8, still_lon, still_lat
               FROM twin_state WHERE asset_id = ANY(%s)""",
            [unknown],
        )
        for asset, time_us, status, status_us, *rest in cursor.fetchall():
            known_rest = Rest(*rest) if None not in rest else None
            self._known[asset] = _Known(time_us, status, status_us, rest=known_rest)
        cursor.execute(
            """SELECT asset_id, area_id, (extract(epoch FROM since) * 1000000)::int8 FROM twin_presence
               WHERE asset_id = ANY(%s)""",
            [unknown],
        )
        for asset, area, since_us in cursor.fetchall():
            self._known[asset].inside[area] = since_us

    def _follow(self, moving: PositionBatch) -> NDArray[np.int64]:
        """Fill in what rows did not say of the status; returns since when each row's asset stands still."""
        still_since_us = np.empty(len(moving), np.int64)
        rows = zip(*(c.tolist() for c in (moving.asset, moving.time_us, moving.lon, moving.lat)), strict=True)
        for i, (asset, time_us, lon, lat) in enumerate(rows):
            known = self._known[asset]
            if moving.status[i] != UNSAID and time_us >= known.status_us:
                known.status, known.status_us = int(moving.status[i]), time_us
            moving.status[i] = Status.IDLE if known.status == UNSAID else known.status
            known.rest = known.rest.after(time_us, lon, lat) if known.rest else Rest(time_us, lon, lat)
            still_since_us[i] = known.rest.since_us
        return still_since_us

    def _cross(self, cursor: psycopg.Cursor, moving: PositionBatch) -> _Stays:
        """Write enter and exit events of rows sorted by asset and time, and the presences that follow."""
        assets = np.unique(moving.asset).tolist()
        before = [(a, area) for a in assets for area in self._known[a].inside]
        before_asset, before_area = np.array(before, np.int64).reshape(-1, 2).T
        point, area = self._areas.locate(moving.lon, moving.lat, moving.alt_m.astype(np.float64))
        change = transitions(moving.asset, point, area, before_asset, before_area)
        stays = _Stays(point, area, np.empty(len(point), np.int64), change)
        for a, inside in stays.follow(moving, {a: self._known[a].inside for a in assets}).items():
            self._known[a].inside = inside
        if len(change.point_index):
            self._write_crossings(cursor, moving, change)
        return stays

    def _write_crossings(self, cursor: psycopg.Cursor, moving: PositionBatch, change: Transitions) -> None:
        at, area, entered = change.point_index, change.fence_id, change.entered
        asset = moving.asset[at]
        times = [_stamp(us) for us in moving.time_us[at].tolist()]
        # An area deleted a moment ago has no row to refer to: its events have no subject any more.
        cursor.execute(
            """INSERT INTO twin_areaevent (asset_id, area_id, area_version, entered, ts, lon, lat)
               SELECT v.* FROM unnest(%s::int8[], %s::int8[], %s::int4[], %s::bool[], %s::timestamptz[], %s::float8[],
               %s::float8[]) AS v(asset, area, version, entered, ts, lon, lat)
               WHERE EXISTS (SELECT 1 FROM twin_area WHERE id = v.area)""",
            [
                asset.tolist(),
                area.tolist(),
                [self._versions.get(f, 0) for f in area.tolist()],
                entered.tolist(),
                times,
                moving.lon[at].tolist(),
                moving.lat[at].tolist(),
            ],
        )
        # Events are in the order of time: the last one of a pair tells whether the asset is inside.
        last = dict(zip(zip(asset.tolist(), area.tolist(), strict=True), range(len(at)), strict=True))
        came = {pair: times[k] for pair, k in last.items() if entered[k]}
        left = [pair for pair, k in last.items() if not entered[k]]
        if left:
            cursor.execute(
                """DELETE FROM twin_presence AS p USING unnest(%s::int8[], %s::int8[]) AS v(asset, area)
                   WHERE p.asset_id = v.asset AND p.area_id = v.area""",
                [list(column) for column in zip(*left, strict=True)],
            )
        if came:
            cursor.execute(
                """INSERT INTO twin_presence (asset_id, area_id, since)
                   SELECT v.asset, a.id, v.since FROM unnest(%s::int8[], %s::int8[], %s::timestamptz[])
                   AS v(asset, area, since) JOIN twin_area AS a ON a.id = v.area
                   ON CONFLICT (asset_id, area_id) DO UPDATE SET since = excluded.since""",
                [*([pair[i] for pair in came] for i in (0, 1)), list(came.values())],
            )

    def _advance(self, cursor: psycopg.Cursor, moving: PositionBatch) -> Current:
        """Make the newest row of every asset its present state."""
        last = np.append(moving.asset[1:] != moving.asset[:-1], True)[: len(moving)]
        batch = moving.take(np.flatnonzero(last))
        region = self._regions.locate_one(batch.lon, batch.lat)
        region[region == NOWHERE] = 0
        rests: list[Rest] = []
        for asset, time_us in zip(batch.asset.tolist(), batch.time_us.tolist(), strict=True):
            known = self._known[asset]
            known.time_us = time_us
            assert known.rest is not None  # _follow saw every row
            rests.append(known.rest)
        if len(batch):
            status_us = [self._known[asset].status_us for asset in batch.asset.tolist()]
            _write_states(cursor, batch, region, status_us, rests)
        return Current(batch, region)


_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS twin_state_staging (
    asset_id int8, ts timestamptz, received_at timestamptz, lon float8, lat float8, alt_m float8, speed_m_s float8,
    heading_deg float8, accuracy_m float8, status int2, region_id int8, status_ts timestamptz, still_since timestamptz,
    still_lon float8, still_lat float8, attrs jsonb
) ON COMMIT DELETE ROWS"""
_UPSERT = """
INSERT INTO twin_state AS s (asset_id, ts, received_at, lon, lat, alt_m, speed_m_s, heading_deg, accuracy_m, status,
                             region_id, status_ts, still_since, still_lon, still_lat, attrs)
SELECT * FROM twin_state_staging
ON CONFLICT (asset_id) DO UPDATE SET ts = excluded.ts, received_at = excluded.received_at, lon = excluded.lon,
    lat = excluded.lat, alt_m = excluded.alt_m, speed_m_s = excluded.speed_m_s, heading_deg = excluded.heading_deg,
    accuracy_m = excluded.accuracy_m, status = excluded.status, attrs = excluded.attrs, region_id = excluded.region_id,
    status_ts = excluded.status_ts, still_since = excluded.still_since, still_lon = excluded.still_lon,
    still_lat = excluded.still_lat
WHERE s.ts < excluded.ts"""


def _write_states(
    cursor: psycopg.Cursor, batch: PositionBatch, region: NDArray[np.int64], status_us: list[int], rests: list[Rest]
) -> None:
    """Make these rows the present states of their assets, unless they are newer already."""
    columns: dict[str, Column] = {
        "asset_id": ("int8", batch.asset),
        "ts": ("timestamptz", batch.time_us),
        "received_at": ("timestamptz", batch.received_us),
        "lon": ("float8", batch.lon),
        "lat": ("float8", batch.lat),
        "alt_m": ("float8", batch.alt_m),
        "speed_m_s": ("float8", batch.speed_m_s),
        "heading_deg": ("float8", batch.heading_deg),
        "accuracy_m": ("float8", batch.accuracy_m),
        "status": ("int2", batch.status),
        "region_id": ("int8", np.ma.masked_equal(region, 0)),
        "status_ts": ("timestamptz", np.ma.masked_equal(np.array(status_us, np.int64), 0)),
        "still_since": ("timestamptz", np.array([rest.since_us for rest in rests], np.int64)),
        "still_lon": ("float8", np.array([rest.lon for rest in rests])),
        "still_lat": ("float8", np.array([rest.lat for rest in rests])),
        "attrs": ("jsonb", [value or "{}" for value in batch.attrs]),
    }
    cursor.execute(_STAGING)
    cursor.execute("DELETE FROM twin_state_staging")  # of an earlier try in this transaction
    copy_columns(cursor, "twin_state_staging", columns)
    cursor.execute(_UPSERT)


def _stamp(us: int) -> datetime:
    return datetime.fromtimestamp(us / MICROSECOND, UTC)
