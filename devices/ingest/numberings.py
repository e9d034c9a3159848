"""Which numbers of a device are settled, from the database and back into it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import psycopg

from devices.numbering import Numbering

# Sorted, so that neighbours on a page are met one after the other.
_UPSERT = """
INSERT INTO devices_numbering AS n (device_id, epoch, acked, ahead)
SELECT u.id, u.epoch, u.acked, u.ahead
FROM unnest(%s::int8[], %s::int8[], %s::int8[], %s::jsonb[]) AS u (id, epoch, acked, ahead)
WHERE EXISTS (SELECT 1 FROM devices_device d WHERE d.id = u.id)
ON CONFLICT (device_id) DO UPDATE SET epoch = excluded.epoch, acked = excluded.acked, ahead = excluded.ahead"""


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
    rows = sorted(numberings.items())
    cursor.execute(
        _UPSERT,
        [
            _array(str(device) for device, _ in rows),
            _array(str(n.epoch) for _, n in rows),
            _array(str(n.acked) for _, n in rows),
            _array(f'"{msgspec.json.encode(n.ahead).decode()}"' if n.ahead else "[]" for _, n in rows),
        ],
    )


def _array(values: Iterable[str]) -> str:
    """An array as PostgreSQL reads it from text, which is made much faster than value by value."""
    return "{" + ",".join(values) + "}"
