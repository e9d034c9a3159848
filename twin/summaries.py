"""Making the digests and keyframes that are due: what a minutely job does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from twin import past_sql
from twin.archive.exchange import midnight
from twin.digests import READY_AFTER_US, stamp, sum_up, write_digest
from twin.history import SLOT_US, partition_name
from twin.keyframes import HOUR_US, LOOK_BACK_US, make_keyframe, write_keyframe
from twin.kinds import AssetKind, Status, kinds
from twin.past_store import newest_before, status_before
from twin.places import write_places

MOST_DIGESTS = 120
"""Of a kind, made in one go: the newest; more wait for the next."""


def summarize(now: datetime, most: int = MOST_DIGESTS) -> int:
    """Make anew the digests of which rows came late, and those and the keyframes that are missing.

    Returns
    -------
    int
        Digests made.
    """
    ready_us = (int(now.timestamp() * 1_000_000) - READY_AFTER_US) // SLOT_US * SLOT_US
    return sum(_summarize_kind(kind, now, ready_us, most) for kind in kinds())


def _summarize_kind(kind: AssetKind, now: datetime, ready_us: int, most: int) -> int:
    today = now.astimezone(UTC).date()
    hot = [today - timedelta(days=n) for n in range(kind.hot_days, -1, -1)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s)", [[partition_name(kind, day) for day in hot]]
        )
        there = {row[0] for row in cursor.fetchall()}
        days = [day for day in hot if partition_name(kind, day) in there]
        if not days:
            return 0
        from_us = int(midnight(days[0]).timestamp()) * 1_000_000
        slots = _late(cursor, kind, from_us, ready_us) | _missing(cursor, kind, from_us, ready_us)
    made = sorted(slots, reverse=True)[:most]
    for slot_us in made:
        _make(kind, slot_us)
    _make_keyframes(kind, -(-from_us // HOUR_US) * HOUR_US, ready_us)
    return len(made)


def _make(kind: AssetKind, slot_us: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # Marks that come while the rows are read stay, and the slot's turn comes again.
        cursor.execute("SELECT id FROM twin_late WHERE kind = %s AND slot = %s FOR UPDATE", [kind.code, stamp(slot_us)])
        marks = [row[0] for row in cursor.fetchall()]
        rows = past_sql.all_between(cursor, kind.code, slot_us - 1, slot_us + SLOT_US - 1)
        rows = rows.take(np.lexsort((rows["time_us"], rows["asset"])))
        boxes, last = sum_up(rows, slot_us)
        write_digest(cursor, kind.code, slot_us, boxes, last)
        write_places(cursor, kind.code, slot_us, rows, boxes)
        if marks:
            cursor.execute(
                "DELETE FROM twin_keyframe WHERE kind = %s AND at > %s AND at <= %s",
                [kind.code, stamp(slot_us), stamp(slot_us + SLOT_US + LOOK_BACK_US)],
            )
            cursor.execute("DELETE FROM twin_late WHERE id = ANY(%s)", [marks])


def _make_keyframes(kind: AssetKind, from_us: int, ready_us: int) -> None:
    """The missing keyframes, each from the one before; where there is none, one of them from rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM at)::int8 FROM twin_keyframe WHERE kind = %s AND at >= %s",
            [kind.code, stamp(from_us)],
        )
        there = {row[0] * 1_000_000 for row in cursor.fetchall()}
    from_rows = False
    for hour_us in range(from_us, ready_us + 1, HOUR_US):
        if hour_us in there:
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            if not make_keyframe(cursor, kind.code, hour_us) and not from_rows:
                from_rows = True
                _from_rows(cursor, kind, hour_us)


def _from_rows(cursor: Any, kind: AssetKind, hour_us: int) -> None:
    assets = past_sql.read_assets(cursor)
    assets = assets.take(assets.kind == kind.code)
    rows = newest_before(cursor, assets, hour_us, LOOK_BACK_US)
    rows = rows.take(np.argsort(rows["asset"]))
    said = status_before(cursor, assets.take(np.isin(assets.id, rows["asset"])), hour_us, LOOK_BACK_US)
    spoken = np.array([said.get(asset, (Status.IDLE, 0)) for asset in rows["asset"].tolist()], np.int64).reshape(-1, 2)
    state = {**rows.columns, "status": spoken[:, 0], "said_us": spoken[:, 1]}
    write_keyframe(cursor, kind.code, hour_us, state)


def _late(cursor: Any, kind: AssetKind, from_us: int, ready_us: int) -> set[int]:
    cursor.execute(
        "SELECT DISTINCT extract(epoch FROM slot)::int8 FROM twin_late WHERE kind = %s AND slot >= %s AND slot < %s",
        [kind.code, stamp(from_us), stamp(ready_us)],
    )
    return {row[0] * 1_000_000 for row in cursor.fetchall()}


def _missing(cursor: Any, kind: AssetKind, from_us: int, ready_us: int) -> set[int]:
    cursor.execute(
        "SELECT extract(epoch FROM slot)::int8 FROM twin_digest WHERE kind = %s AND slot >= %s",
        [kind.code, stamp(from_us)],
    )
    return set(range(from_us, ready_us, SLOT_US)) - {row[0] * 1_000_000 for row in cursor.fetchall()}
