"""Which numbers of a device are settled, from the database and back into it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import psycopg

from devices.numbering import Numbering
from gis.references import hold

# Nearly all are there: changing a row costs half of trying to insert one first.
_UPDATE = """
UPDATE devices_numbering AS n SET epoch = u.epoch, acked = u.acked, ahead = u.ahead
FROM unnest(%s::int8[], %s::int8[], %s::int8[], %s::jsonb[]) AS u (id, epoch, acked, ahead)
WHERE n.device_id = u.id"""
_INSERT = """
INSERT INTO devices_numbering (device_id, epoch, acked, ahead)
SELECT u.* FROM unnest(%s::int8[], %s::int8[], %s::int8[], %s::jsonb[]) AS u (id, epoch, acked, ahead)
ON CONFLICT (device_id) DO NOTHING"""


def read_numberings(cursor: psycopg.Cursor, devices: Iterable[int]) -> dict[int, Numbering]:
    """The numberings of these devices, by device key; those that never numbered are left out."""
    cursor.execute(
        "SELECT device_id, epoch, acked, ahead FROM devices_numbering WHERE device_id = ANY(%s)", [list(devices)]
    )
    return {device: Numbering(epoch, acked, ahead) for device, epoch, acked, ahead in cursor.fetchall()}


def write_numberings(cursor: psycopg.Cursor, numberings: dict[int, Numbering]) -> None:
    """Store numberings by device key, inside the caller's transaction; a device deleted meanwhile is left out."""
    if not numberings:
        return
    rows = sorted(numberings.items())  # neighbours on a page one after the other
    # Who is at its first number was hardly ever here before.
    if 2 * sum(n.acked == 1 for _, n in rows) > len(rows):
        if _insert(cursor, rows) < len(rows):
            cursor.execute(_UPDATE, _columns(rows))
    else:
        cursor.execute(_UPDATE, _columns(rows))
        if cursor.rowcount < len(rows):
            _insert(cursor, rows)


def _insert(cursor: psycopg.Cursor, rows: list[tuple[int, Numbering]]) -> int:
    """Numberings of devices that have none; returns how many."""
    held = hold(cursor, "devices_device", np.array([device for device, _ in rows], np.int64))
    cursor.execute(_INSERT, _columns([row for row, there in zip(rows, held.tolist(), strict=True) if there]))
    return cursor.rowcount


def _columns(rows: list[tuple[int, Numbering]]) -> list[str]:
    return [
        _array(str(device) for device, _ in rows),
        _array(str(n.epoch) for _, n in rows),
        _array(str(n.acked) for _, n in rows),
        _array(f'"{msgspec.json.encode(n.ahead).decode()}"' if n.ahead else "[]" for _, n in rows),
    ]


def _array(values: Iterable[str]) -> str:
    """An array as PostgreSQL reads it from text, which is made much faster than value by value."""
    return "{" + ",".join(values) + "}"
