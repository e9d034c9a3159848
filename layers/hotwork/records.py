"""Keeps the control records (管控记录) of work in key areas and important periods, while positions are stored.

It works inside the transaction that stores the batch, so a record and the history it speaks of are committed together.
A record is open while the work goes on; welding comes in bursts, so it ends only after a pause of :data:`PAUSE_US`
without work, and then at the last moment of work, or at once when the machine leaves or the period ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from layers.hotwork.attributes import TOPIC, Forbidden, read_important_periods
from twin.kinds import MACHINE, Status
from twin.models import Area
from twin.observers import Heard, Message, Moved
from twin.periods import Period, in_force, read_periods

PAUSE_US = 300 * 1_000_000


class Spot(NamedTuple):
    """Where work is recorded: an area, an important period, or a period's area; 0 for none."""

    area: int
    period: int


@dataclass
class _Open:
    """An open record and when the machine last worked (microseconds; 0: unknown)."""

    record: int
    worked_us: int


@dataclass(frozen=True)
class _Row:
    """One position of one machine."""

    asset: int
    time_us: int
    lon: float
    lat: float
    region: int
    working: bool


class WorkRecorder:
    """Observer of what machines do (:class:`twin.observers.Observer`)."""

    topics = frozenset({TOPIC, "areas", "regions"})

    def __init__(self) -> None:
        self._key_areas: dict[int, tuple[Period, ...]] = {}
        self._periods: dict[int, Forbidden] = {}
        self._open: dict[int, dict[Spot, _Open]] = {}
        self._recalled: set[int] = set()

    def reload(self, cursor: psycopg.Cursor, topics: frozenset[str]) -> None:
        """Read key areas and important periods again."""
        cursor.execute("SELECT id, periods::text FROM twin_area WHERE active AND kind = %s", [Area.Kind.KEY_AREA.value])
        self._key_areas = {area: read_periods(json.loads(periods)) for area, periods in cursor.fetchall()}
        self._periods = {period.key: period for period in read_important_periods(cursor)}

    def forget(self) -> None:
        """See :class:`twin.observers.Observer`."""
        self._open.clear()
        self._recalled.clear()

    def heard(self, cursor: psycopg.Cursor, events: list[Heard]) -> list[Message]:
        """Events of devices are no work."""
        return []

    def moved(self, cursor: psycopg.Cursor, moved: Moved) -> list[Message]:
        """Begin and end records."""
        batch = moved.batch
        machines = np.flatnonzero(batch.kind == MACHINE.code)
        if not len(machines):
            return []
        self._recall(cursor, np.unique(batch.asset[machines]).tolist())
        controlled = np.isin(moved.inside_area, [*self._key_areas, *(p.area for p in self._periods.values() if p.area)])
        inside_row, inside_area = moved.inside_row[controlled], moved.inside_area[controlled]
        areas: dict[int, set[int]] = {}
        for row, area in zip(inside_row.tolist(), inside_area.tolist(), strict=True):
            areas.setdefault(row, set()).add(area)
        working = batch.status == Status.WORKING
        for i in machines[self._concerned(moved, working, inside_row)[machines]].tolist():
            asset = int(batch.asset[i])
            if not working[i] and asset not in self._open:
                continue
            row = _Row(
                asset,
                int(batch.time_us[i]),
                float(batch.lon[i]),
                float(batch.lat[i]),
                int(moved.region[i]),
                bool(working[i]),
            )
            self._follow(cursor, row, set(self._spots(row, areas.get(i, set()))))
        return []

    def _concerned(self, moved: Moved, working: NDArray[np.bool_], inside_row: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Rows of machines that have a record, or may get one here: most work where nothing is controlled."""
        regions = {region for period in self._periods.values() if not period.area for region in period.regions}
        controlled = np.isin(moved.region, list(regions))
        controlled[inside_row] = True
        asset = moved.batch.asset
        return np.isin(asset, [*self._open, *asset[working & controlled].tolist()])

    def _spots(self, row: _Row, areas: set[int]) -> Iterable[Spot]:
        at = _stamp(row.time_us)
        yield from (Spot(area, 0) for area in areas if area in self._key_areas and in_force(self._key_areas[area], at))
        for key, period in self._periods.items():
            here = period.area in areas if period.area else row.region in period.regions
            if here and period.start_us <= row.time_us < period.end_us:
                yield Spot(period.area, key)

    def _follow(self, cursor: psycopg.Cursor, row: _Row, here: set[Spot]) -> None:
        known = self._open.setdefault(row.asset, {})
        for spot, work in list(known.items()):
            if spot not in here:
                self._end(cursor, work, row.time_us)
                del known[spot]
            elif row.working or not work.worked_us:
                work.worked_us = row.time_us
            elif row.time_us - work.worked_us >= PAUSE_US:
                self._end(cursor, work, work.worked_us)
                del known[spot]
        if row.working:
            for spot in sorted(here - set(known)):
                record = self._begin(cursor, row, spot)
                if record is not None:
                    known[spot] = _Open(record, row.time_us)
        if not known:
            del self._open[row.asset]

    def _begin(self, cursor: psycopg.Cursor, row: _Row, spot: Spot) -> int | None:
        """A new record; None where its place was taken away a moment ago."""
        cursor.execute(
            """INSERT INTO hotwork_controlrecord
                   (asset_id, area_id, period_id, place_name, welder_id, region_id, started_at, lon, lat)
               SELECT a.id, k.id, p.id, coalesce(k.name, r.name), m.welder_id, now_in.id, %(at)s, %(lon)s, %(lat)s
               FROM twin_asset AS a
               LEFT JOIN hotwork_machine AS m ON m.asset_id = a.id
               LEFT JOIN twin_area AS k ON k.id = %(area)s
               LEFT JOIN hotwork_importantperiod AS p ON p.id = %(period)s
               LEFT JOIN geo_region AS r ON r.id = p.region_id
               LEFT JOIN geo_region AS now_in ON now_in.id = %(region)s
               WHERE a.id = %(asset)s AND (k.id IS NOT NULL OR %(area)s = 0) AND (p.id IS NOT NULL OR %(period)s = 0)
               RETURNING id""",
            {
                "at": _stamp(row.time_us),
                "lon": row.lon,
                "lat": row.lat,
                "area": spot.area,
                "period": spot.period,
                "region": row.region,
                "asset": row.asset,
            },
        )
        found = cursor.fetchone()
        return found[0] if found else None

    def _end(self, cursor: psycopg.Cursor, work: _Open, time_us: int) -> None:
        cursor.execute(
            "UPDATE hotwork_controlrecord SET ended_at = greatest(started_at, %s) WHERE id = %s AND ended_at IS NULL",
            [_stamp(time_us), work.record],
        )

    def _recall(self, cursor: psycopg.Cursor, assets: list[int]) -> None:
        """Read the open records of machines not met since the last :meth:`forget`."""
        unknown = [asset for asset in assets if asset not in self._recalled]
        if not unknown:
            return
        self._recalled.update(unknown)
        cursor.execute(
            """SELECT id, asset_id, coalesce(area_id, 0), coalesce(period_id, 0)
               FROM hotwork_controlrecord WHERE ended_at IS NULL AND asset_id = ANY(%s)""",
            [unknown],
        )
        for record, asset, area, period in cursor.fetchall():
            # When it last worked is not stored: a pause is counted anew from here, never cut short.
            work = _Open(record, 0)
            self._open.setdefault(asset, {})[Spot(area, period)] = work


def _stamp(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
