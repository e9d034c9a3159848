"""Which numbers of a device are settled, from the database and back into it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import psycopg

from devices.numbering import Numbering
from twin.copying import copy_columns

_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS devices_numbering_staging (id int8, epoch int8, acked int8, ahead jsonb)
ON COMMIT DELETE ROWS"""
_UPSERT = """
INSERT INTO devices_numbering AS n (device_id, epoch, acked, ahead)
SELECT u.* FROM devices_numbering_staging AS u WHERE EXISTS (SELECT 1 FROM devices_device d WHERE d.id = u.id)
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
    cursor.execute(_STAGING)
    cursor.execute("DELETE FROM devices_numbering_staging")  # of an earlier try in this transaction
    copy_columns(
        cursor,
        "devices_numbering_staging",
        {
            "id": ("int8", np.fromiter(numberings, np.int64, len(numberings))),
            "epoch": ("int8", np.array([n.epoch for n in numberings.values()], np.int64)),
            "acked": ("int8", np.array([n.acked for n in numberings.values()], np.int64)),
            "ahead": (
                "jsonb",
                [msgspec.json.encode(n.ahead).decode() if n.ahead else "[]" for n in numberings.values()],
            ),
        },
    )
    cursor.execute(_UPSERT)
