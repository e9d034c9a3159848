"""Histories for ``bench past``: a city of many things, of which some are at work, and a day of those that are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from bench._load import PREFIX
from twin.archive.exchange import midnight
from twin.archive.models import ArchivedDay
from twin.archive.stores import archive_store
from twin.batch import MICROSECOND
from twin.copying import Column, copy_columns
from twin.history import ensure_partitions, partition_name
from twin.kinds import MACHINE, VEHICLE, AssetKind
from twin.summaries import summarize

CITY_MINUTES = 130
WORK_EVERY_S = 20
DAY_AGO = 3
# A thing drives at some 8 m/s round a circle of three kilometres, somewhere in 80 by 65 km.
_TURN = "(a.id + extract(epoch FROM at)::float8 / 375)"
_PLACE = f"""121.1 + (a.id * 7919 %% 10007) / 10007.0 * 0.8 + 0.03 * sin{_TURN},
             30.9 + (a.id * 104729 %% 10009) / 10009.0 * 0.6 + 0.026 * cos{_TURN}"""
_INSERT = """INSERT INTO twin_track (kind, asset_id, device_id, seq, ts, received_at, lon, lat, speed_m_s,
                                     heading_deg, status)"""


def fill_city(things: int, working: int) -> tuple[float, float]:
    """Machines of which ``working`` report often for two hours, the others once; returns first and last second."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    start = end - timedelta(minutes=CITY_MINUTES)
    turns = CITY_MINUTES * 60 // WORK_EVERY_S
    with connection.cursor() as cursor:
        _register(cursor, "machine", "CITY-", things)
        ensure_partitions(cursor, {MACHINE: {start.date(), end.date()}})
        cursor.execute(
            f"""{_INSERT} SELECT 1, a.id, a.id, 1, at, at, {_PLACE}, 0, 0, 0
                FROM twin_asset a CROSS JOIN LATERAL (SELECT %s + a.id %% 300 * interval '1 second' AS at) AS t
                WHERE a.code LIKE %s ORDER BY at""",  # noqa: S608
            [start, f"{PREFIX}CITY-%"],
        )
        for first in range(0, turns, 100):
            cursor.execute(
                f"""{_INSERT} SELECT 1, a.id, a.id, 2 + turn, at, at, {_PLACE}, 8, 90, 1
                    FROM generate_series(%s::int, %s::int) AS turn
                    CROSS JOIN (SELECT id FROM twin_asset WHERE code LIKE %s ORDER BY id LIMIT %s) AS a
                    CROSS JOIN LATERAL (
                        SELECT %s + (turn * %s + a.id %% %s) * interval '1 second' AS at) AS t
                    WHERE at > %s AND at <= %s""",  # noqa: S608
                [
                    first, min(first + 100, turns) - 1, f"{PREFIX}CITY-%", working, start, WORK_EVERY_S, WORK_EVERY_S,
                    start + timedelta(seconds=300), end,
                ],
            )  # fmt: skip
        cursor.execute(
            """INSERT INTO twin_state (asset_id, ts, received_at, lon, lat, status, attrs)
               SELECT a.id, n.ts, n.ts, n.lon, n.lat, n.status, '{}' FROM twin_asset a CROSS JOIN LATERAL (
                   SELECT ts, lon, lat, status FROM twin_track t WHERE t.kind = 1 AND t.asset_id = a.id
                   AND t.ts >= %s ORDER BY ts DESC LIMIT 1) AS n
               WHERE a.code LIKE %s""",
            [start, f"{PREFIX}CITY-%"],
        )
    mark(MACHINE, start, end)
    sum_up()
    return start.timestamp(), end.timestamp()


def fill_day(things: int, every_s: int) -> date:
    """A whole day of vehicles that never stand still, some days ago; returns the day."""
    (day,) = fill_days(VEHICLE, "DAY-", things, every_s, 1)
    return day


def fill_days(kind: AssetKind, letters: str, things: int, every_s: int, count: int) -> list[date]:
    """So many whole days of things that never stand still, the last :data:`DAY_AGO` days ago; returns the days."""
    last = datetime.now(UTC).date() - timedelta(days=DAY_AGO)
    days = [last - timedelta(days=n) for n in reversed(range(count))]
    with connection.cursor() as cursor:
        _register(cursor, kind.key, letters, things)
        ensure_partitions(cursor, {kind: set(days)})
        cursor.execute("SELECT id FROM twin_asset WHERE code LIKE %s ORDER BY id", [f"{PREFIX}{letters}%"])
        ids = np.array([row[0] for row in cursor.fetchall()], np.int64)
        for day in days:
            for first_s in range(0, 86_400, 1_200):
                _copy(cursor, kind, ids, midnight(day), np.arange(first_s, first_s + 1_200, every_s), every_s)
    for day in days:
        mark(kind, midnight(day), midnight(day) + timedelta(seconds=86_399))
    sum_up()
    return days


def _copy(
    cursor: Any, kind: AssetKind, ids: NDArray[np.int64], start: datetime, turns_s: NDArray[np.int64], every_s: int
) -> None:
    """Some minutes of everybody, by time as they would have come: COPY takes a third of what INSERT does."""
    at_s = (turns_s[:, None] + ids % every_s + int(start.timestamp())).ravel()
    asset = np.tile(ids, len(turns_s))
    angle = asset + at_s / 375
    columns: dict[str, Column] = {
        "kind": ("int2", np.full(len(asset), kind.code)),
        "asset_id": ("int8", asset),
        "device_id": ("int8", asset),
        "seq": ("int8", at_s),
        "ts": ("timestamptz", at_s * MICROSECOND),
        "received_at": ("timestamptz", at_s * MICROSECOND),
        "lon": ("float8", 121.1 + asset * 7919 % 10007 / 10007 * 0.8 + 0.03 * np.sin(angle)),
        "lat": ("float8", 30.9 + asset * 104729 % 10009 / 10009 * 0.6 + 0.026 * np.cos(angle)),
        "speed_m_s": ("float4", np.full(len(asset), 8.0)),
        "heading_deg": ("float4", np.full(len(asset), 90.0)),
        "status": ("int2", np.ones(len(asset), np.int64)),
    }
    copy_columns(cursor, "twin_track", columns)


def mark(kind: AssetKind, start: datetime, end: datetime) -> None:
    """Say, as the intake does of what comes late, of which time rows were written."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO twin_late (kind, slot)
               SELECT %s, slot
               FROM generate_series(date_trunc('hour', %s::timestamptz), %s, interval '5 minutes') AS slot""",
            [kind.code, start, end],
        )


def sum_up() -> None:
    """Bring digests and keyframes to the present, as the minutely job would have."""
    while summarize(datetime.now(UTC)):
        pass


def partition_bytes(day: date) -> int:
    """What the day takes in the database, index included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [partition_name(VEHICLE, day)])
        return int(cursor.fetchone()[0])


def clear() -> None:
    """Take everything away again."""
    store = archive_store()
    for archived in ArchivedDay.objects.filter(day__lte=datetime.now(UTC).date() - timedelta(days=DAY_AGO)):
        archived.delete()
        store.delete(archived.name)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM twin_track WHERE asset_id IN (SELECT id FROM twin_asset WHERE code LIKE %s)", [f"{PREFIX}%"]
        )
        cursor.execute(
            "DELETE FROM twin_state WHERE asset_id IN (SELECT id FROM twin_asset WHERE code LIKE %s)", [f"{PREFIX}%"]
        )
        cursor.execute("DELETE FROM twin_asset WHERE code LIKE %s", [f"{PREFIX}%"])
        cursor.execute("TRUNCATE twin_place, twin_digest, twin_keyframe, twin_late")  # made again by the minutely job


def _register(cursor: Any, kind: str, letters: str, count: int) -> None:
    cursor.execute(
        """INSERT INTO twin_asset (kind, code, name, active, created_at)
           SELECT %s, %s || lpad(n::text, 6, '0'), %s || n, true, now() FROM generate_series(1, %s) AS n""",
        [kind, PREFIX + letters, letters, count],
    )
    cursor.execute("ANALYZE twin_asset")
