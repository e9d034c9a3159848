"""Track history (轨迹): partitioned by kind, then by day (UTC), written and read as columns.

Every partition carries a unique index on (asset, time, device, number), so that nothing is stored twice whatever
happens above; it serves the question "one asset over time", too.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray
from psycopg import sql

from twin.batch import MICROSECOND, PositionBatch
from twin.copying import Column, copy_columns
from twin.kinds import AssetKind, kinds

DAYS_AHEAD = 3
LONGEST_WAIT_S = 2
SLOT_US = 300 * MICROSECOND
LATE_AFTER_US = 60 * MICROSECOND
_DAY_US = 86_400 * MICROSECOND
# Serialises those who make or drop partitions; any constant of our own does.
_PARTITION_LOCK = 0x5A4D


def partition_name(kind: AssetKind, day: date) -> str:
    """Name of the table that holds ``kind``'s positions of ``day`` (UTC)."""
    return f"twin_track_{kind.code:03d}_{day:%Y%m%d}"


def ensure_partitions(cursor: Any, days: dict[AssetKind, set[date]]) -> None:
    """Make the partitions that are missing; safe to call from several processes at once.

    A table is made first and attached then: that lets others read and write the history meanwhile, where
    ``CREATE TABLE … PARTITION OF`` would make the whole road wait behind whoever reads it (a backup, say).
    """
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PARTITION_LOCK])
    cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'twin\\_track\\_%%' AND relkind IN ('r', 'p')")
    existing = {row[0] for row in cursor.fetchall()}
    for kind, wanted in days.items():
        parent = f"twin_track_{kind.code:03d}"
        if parent not in existing:
            cursor.execute(
                sql.SQL("CREATE TABLE {} (LIKE twin_track) PARTITION BY RANGE (ts)").format(sql.Identifier(parent))
            )
            _attach(cursor, "twin_track", parent, sql.SQL("IN ({})").format(sql.Literal(kind.code)))
        for day in sorted(wanted):
            name = partition_name(kind, day)
            if name in existing:
                continue
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            cursor.execute(sql.SQL("CREATE TABLE {} (LIKE twin_track)").format(sql.Identifier(name)))
            cursor.execute(
                sql.SQL("CREATE UNIQUE INDEX ON {} (asset_id, ts, device_id, seq)").format(sql.Identifier(name))
            )
            cursor.execute(sql.SQL("CREATE INDEX ON {} USING brin (ts)").format(sql.Identifier(name)))
            span = sql.SQL("FROM ({}) TO ({})").format(sql.Literal(start), sql.Literal(start + timedelta(1)))
            _attach(cursor, parent, name, span)


def _attach(cursor: Any, parent: str, name: str, values: sql.Composed) -> None:
    cursor.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES {}").format(
            sql.Identifier(parent), sql.Identifier(name), values
        )
    )


def upcoming_days(today: date) -> set[date]:
    """Yesterday, today and the days for which partitions are made ahead."""
    return {today + timedelta(days=offset) for offset in range(-1, DAYS_AHEAD + 1)}


def lock_partitions(cursor: Any) -> None:
    """Be the only one who makes or drops partitions, until the end of the transaction; wait for readers but briefly."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PARTITION_LOCK])
    cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LONGEST_WAIT_S}s")))


def drop_expired(cursor: Any, today: date) -> list[str]:
    """Drop the partitions whose every position is older than its kind's retention, in the caller's transaction.

    Whoever reads the history at the moment is waited for, but not for long: new positions wait behind this.

    Returns
    -------
    list of str
        Names of the dropped tables.

    Raises
    ------
    django.db.OperationalError, psycopg.errors.LockNotAvailable
        Somebody reads it for longer than :data:`LONGEST_WAIT_S`.
    """
    lock_partitions(cursor)
    dropped = []
    for kind in kinds():
        oldest = partition_name(kind, today - timedelta(days=kind.retention_days))
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE %s AND relname < %s ORDER BY relname",
            [f"twin\\_track\\_{kind.code:03d}\\_%", oldest],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
            dropped.append(name)
        kept_from = datetime(today.year, today.month, today.day, tzinfo=UTC) - timedelta(days=kind.retention_days)
        for table, moment in (("twin_digest", "slot"), ("twin_keyframe", "at"), ("twin_late", "slot")):
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE kind = %s AND {} < %s").format(
                    sql.Identifier(table), sql.Identifier(moment)
                ),
                [kind.code, kept_from],
            )
    return dropped


def ensure_partitions_after_migrate(**_kwargs: object) -> None:
    """Leave a freshly migrated database ready to take positions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('twin_track')")
        if cursor.fetchone()[0] is None:
            return
        days = upcoming_days(datetime.now(UTC).date())
        ensure_partitions(cursor, dict.fromkeys(kinds(), days))


def days_of(batch: PositionBatch) -> dict[AssetKind, set[date]]:
    """The partitions that ``batch`` needs."""
    pairs = np.unique(np.stack([batch.kind.astype(np.int64), batch.time_us // _DAY_US]), axis=1)
    by_code = {kind.code: kind for kind in kinds()}
    wanted: dict[AssetKind, set[date]] = {}
    for code, day in pairs.T.tolist():
        wanted.setdefault(by_code[code], set()).add((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date())
    return wanted


def _columns(batch: PositionBatch) -> dict[str, Column]:
    return {
        "kind": ("int2", batch.kind),
        "asset_id": ("int8", batch.asset),
        "device_id": ("int8", batch.device),
        "seq": ("int8", batch.seq),
        "ts": ("timestamptz", batch.time_us),
        "received_at": ("timestamptz", batch.received_us),
        "lon": ("float8", batch.lon),
        "lat": ("float8", batch.lat),
        "alt_m": ("float4", batch.alt_m),
        "speed_m_s": ("float4", batch.speed_m_s),
        "heading_deg": ("float4", batch.heading_deg),
        "accuracy_m": ("float4", batch.accuracy_m),
        "status": ("int2", np.ma.masked_less(batch.status, 0)),
        "source_x": ("float8", batch.source_x),
        "source_y": ("float8", batch.source_y),
        "datum": ("text", [value or None for value in batch.datum]),
        "attrs": ("jsonb", [value or None for value in batch.attrs]),
    }


def write_tracks(cursor: psycopg.Cursor, batch: PositionBatch) -> int:
    """Store a batch in the history inside the caller's transaction.

    Plain COPY first; where a row is there already (a message delivered again), the same rows by a staging table that
    leaves out what is known.

    Returns
    -------
    int
        Rows stored; the rest was there already.
    """
    if not len(batch):
        return 0
    mark_late(cursor, batch.kind, batch.time_us, time.time_ns() // 1000)
    try:
        with cursor.connection.transaction():
            return _write(cursor, batch)
    except psycopg.errors.CheckViolation:  # no partition for a row: it is late, or the job that makes them was
        with cursor.connection.transaction():
            ensure_partitions(cursor, days_of(batch))
        return _write(cursor, batch)


def mark_late(cursor: psycopg.Cursor, kind: NDArray[np.uint8], time_us: NDArray[np.int64], now_us: int) -> None:
    """Say of which slots of time rows come after those may have been summed up (:mod:`twin.digests`, archives)."""
    late = time_us < (now_us - LATE_AFTER_US) // SLOT_US * SLOT_US
    if late.any():
        slots = np.unique(np.stack([kind[late].astype(np.int64), time_us[late] // SLOT_US * SLOT_US]), axis=1)
        columns: dict[str, Column] = {"kind": ("int2", slots[0]), "slot": ("timestamptz", slots[1])}
        copy_columns(cursor, "twin_late", columns)


def _write(cursor: psycopg.Cursor, batch: PositionBatch) -> int:
    try:
        with cursor.connection.transaction():
            copy_columns(cursor, "twin_track", _columns(batch))
        return len(batch)
    except psycopg.errors.UniqueViolation:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS twin_track_staging (LIKE twin_track) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE twin_track_staging")
        copy_columns(cursor, "twin_track_staging", _columns(batch))
        cursor.execute("INSERT INTO twin_track SELECT * FROM twin_track_staging ON CONFLICT DO NOTHING")
        return cursor.rowcount
