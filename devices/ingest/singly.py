"""A batch that the database will not take: which of its rows it is, and the others stored."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import psycopg

from devices.ingest.decode import Decoded, Refused
from devices.ingest.registry import KnownDevice
from twin.intake import Intake, Outcome


def store_singly(cursor: psycopg.Cursor, intake: Intake, decoded: Decoded, devices: Iterable[KnownDevice]) -> Outcome:
    """Find the rows that the database will not take, refuse those, and store the others."""
    intake.forget()
    good = []
    by_id = {device.id: device for device in devices}
    for i in range(len(decoded.batch)):
        row = decoded.batch.take(np.array([i]))
        try:
            with cursor.connection.transaction(force_rollback=True):
                intake.store(cursor, row)
            good.append(i)
        except psycopg.DataError as refusal:
            device = by_id[int(row.device[0])]
            detail = str(refusal)[:500]
            decoded.refused.append(
                Refused(int(row.received_us[0]), "storage_refused", detail, device.identifier, "", row.attrs[0])
            )
            if device.numbered:
                decoded.faults.setdefault(device.identifier, []).append((int(row.seq[0]), "storage_refused"))
        intake.forget()
    decoded.batch = decoded.batch.take(np.array(good, np.int64))
    return intake.store(cursor, decoded.batch)
