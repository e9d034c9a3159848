"""Which numbers of a device are settled, from the database and back into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from devices.numbering import Numbering
from gis.references import hold
from twin.later import later

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
    """Have numberings by device key stored as they are now, in the caller's transaction.

    A device deleted meanwhile is left out.
    """
    if not numberings:
        return
    devices = np.sort(np.fromiter(numberings, np.int64, len(numberings)))  # neighbours on a page, one after the other
    keys = devices.tolist()
    rows = [numberings[key] for key in keys]
    columns = [
        [*map(str, keys)],
        [str(n.epoch) for n in rows],
        [str(n.acked) for n in rows],
        [f'"{msgspec.json.encode(n.ahead).decode()}"' if n.ahead else "[]" for n in rows],
    ]
    # Who is at its first number was hardly ever here before.
    are_new = 2 * columns[2].count("1") > len(rows)
    later(cursor, partial(_write, devices=devices, columns=columns, are_new=are_new))


def _write(cursor: psycopg.Cursor, devices: NDArray[np.int64], columns: Sequence[Sequence[str]], are_new: bool) -> None:
    if are_new:
        if _insert(cursor, devices, columns) < len(devices):
            cursor.execute(_UPDATE, _arrays(columns))
    else:
        cursor.execute(_UPDATE, _arrays(columns))
        if cursor.rowcount < len(devices):
            _insert(cursor, devices, columns)


def _insert(cursor: psycopg.Cursor, devices: NDArray[np.int64], columns: Sequence[Sequence[str]]) -> int:
    """Numberings of devices that have none; returns how many."""
    there = np.flatnonzero(hold(cursor, "devices_device", devices)).tolist()
    cursor.execute(_INSERT, _arrays([[column[i] for i in there] for column in columns]))
    return cursor.rowcount


def _arrays(columns: Sequence[Iterable[str]]) -> list[str]:
    """Arrays as PostgreSQL reads them from text, which is made much faster than value by value."""
    return ["{" + ",".join(column) + "}" for column in columns]
