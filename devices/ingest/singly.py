"""A batch that the database will not take: which of its rows it is, and the others stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import psycopg
from numpy.typing import NDArray

from devices.ingest.decode import Decoded, Refused
from devices.ingest.registry import KnownDevice
from twin.batch import PositionBatch
from twin.intake import Intake, Outcome


def store_singly(cursor: psycopg.Cursor, intake: Intake, decoded: Decoded, devices: Iterable[KnownDevice]) -> Outcome:
    """Find the rows that the database will not take, refuse those, and store the others."""
    batch = decoded.batch
    by_id = {device.id: device for device in devices}
    good = np.ones(len(batch), bool)
    for i, detail in _refused(cursor, intake, batch, np.arange(len(batch))):
        good[i] = False
        device = by_id[int(batch.device[i])]
        decoded.refused.append(
            Refused(int(batch.received_us[i]), "storage_refused", detail, device.identifier, "", batch.attrs[i])
        )
        if device.numbered:
            decoded.faults.setdefault(device.identifier, []).append((int(batch.seq[i]), "storage_refused"))
    decoded.batch = batch.take(np.flatnonzero(good))
    return intake.store(cursor, decoded.batch)


def _refused(
    cursor: psycopg.Cursor, intake: Intake, batch: PositionBatch, rows: NDArray[np.int64]
) -> Iterator[tuple[int, str]]:
    """Which of these rows are refused, and why; halved until it is known: of thousands it is one or two."""
    if not len(rows):
        return
    try:
        with cursor.connection.transaction(force_rollback=True):
            intake.store(cursor, batch.take(rows))
    except psycopg.DataError as refusal:
        intake.forget()
        if len(rows) == 1:
            yield int(rows[0]), str(refusal)[:500]
            return
        for half in np.array_split(rows, 2):
            yield from _refused(cursor, intake, batch, half)
    else:
        intake.forget()
