"""Rows that devices sent, whatever the way in, to columns; and what no row may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from devices.exceptions import RefusedError
from devices.ingest.registry import KnownDevice
from devices.messages import BadRow, Position, time_us
from devices.pushed import PushedRow
from gis.crs import to_wgs84
from gis.exceptions import OutOfRangeError
from twin.batch import UNSAID, PositionBatch
from twin.kinds import Status

FUTURE_TOLERANCE_US = 120 * 1_000_000
UNCHANGED_DATUMS = frozenset({"wgs84", "cgcs2000"})
# No datum shifts by more than a small part of a degree.
SURELY_LON, SURELY_LAT = 179.0, 89.0
_STATUS = {None: UNSAID, True: Status.WORKING, False: Status.IDLE}


def check_time(at_us: int, received_us: int, device: KnownDevice) -> None:
    """Refuse what is ahead of the platform's clock, or older than the history of the device's asset goes back.

    Raises
    ------
    RefusedError
        ``time_in_future`` or ``time_too_old``.
    """
    if at_us > received_us + FUTURE_TOLERANCE_US:
        raise RefusedError("time_in_future", f"{(at_us - received_us) // 1_000_000} s ahead of the platform's clock")
    if at_us < received_us - device.retention_us:
        raise RefusedError(
            "time_too_old", f"history of {device.kind} goes back {device.retention_us // 86_400_000_000} days"
        )


def check_place(row: Position | PushedRow, device: KnownDevice) -> None:
    """Refuse what only turns out not to be on the globe when it is converted: a shifted datum ends within its edge.

    Raises
    ------
    RefusedError
        ``out_of_range_lon`` or ``out_of_range_lat``.
    """
    if device.datum in UNCHANGED_DATUMS or (abs(row.lon) < SURELY_LON and abs(row.lat) < SURELY_LAT):
        return
    try:
        to_wgs84(row.lon, row.lat, device.datum)
    except OutOfRangeError as error:
        name = "lat" if abs(row.lat) >= SURELY_LAT else "lon"
        raise RefusedError(f"out_of_range_{name}", str(error)) from None


def check_rows(
    rows: Sequence[Position | BadRow], devices: Sequence[KnownDevice], received_us: Sequence[int]
) -> tuple[NDArray[np.int64], dict[int, RefusedError]]:
    """Times of all rows (int64[n], 0 for those without), and what is wrong with which."""
    at_us = np.zeros(len(rows), np.int64)
    refusals: dict[int, RefusedError] = {}
    good = []
    millis = []
    for i, row in enumerate(rows):
        if isinstance(row, BadRow):
            refusals[i] = row.refusal
        elif isinstance(row.time, float):
            good.append(i)
            millis.append(row.time)
        else:
            try:
                at_us[i] = time_us(row.time)
                good.append(i)
                millis.append(np.nan)
            except RefusedError as error:
                refusals[i] = error
    index, said_ms = np.array(good, np.int64), np.array(millis, np.float64)
    in_ms = ~np.isnan(said_ms)
    at_us[index[in_ms]] = np.rint(said_ms[in_ms] * 1000).astype(np.int64)
    for i in _doubtful(index, at_us[index], devices, received_us).tolist():
        row, device = rows[i], devices[i]
        try:
            check_time(int(at_us[i]), received_us[i], device)
            if isinstance(row, Position):
                check_place(row, device)
        except RefusedError as error:
            refusals[i] = error
    return at_us, refusals


def _doubtful(
    index: NDArray[np.int64], at_us: NDArray[np.int64], devices: Sequence[KnownDevice], received_us: Sequence[int]
) -> NDArray[np.int64]:
    """Of the rows ``index``, those whose time or place must be looked at."""
    rows = index.tolist()
    came_us = np.array([received_us[i] for i in rows], np.int64)
    oldest_us = came_us - np.array([devices[i].retention_us for i in rows], np.int64)
    doubtful = (at_us > came_us + FUTURE_TOLERANCE_US) | (at_us < oldest_us)
    shifted = [k for k, i in enumerate(rows) if devices[i].datum not in UNCHANGED_DATUMS]
    doubtful[shifted] = True
    return index[doubtful]


def as_columns(
    rows: Sequence[Any],
    devices: Sequence[KnownDevice],
    seq: NDArray[np.int64],
    at_us: NDArray[np.int64],
    received_us: NDArray[np.int64],
) -> PositionBatch:
    """A batch of good rows, in EPSG:4326; what a shifted datum said is kept beside.

    Parameters
    ----------
    rows : sequence of Position or PushedRow
        ``n`` of them, each of the device at its place in ``devices``, which has an asset.
    seq, at_us, received_us : int64[n]
        As in :class:`twin.batch.PositionBatch`.
    """
    n = len(rows)
    x, y = np.array([r.lon for r in rows], np.float64), np.array([r.lat for r in rows], np.float64)
    source_x, source_y = np.full(n, np.nan), np.full(n, np.nan)
    datums = ["" if d.datum in UNCHANGED_DATUMS else d.datum for d in devices]
    for datum in set(datums) - {""}:
        at = np.flatnonzero(np.array(datums) == datum)
        source_x[at], source_y[at] = x[at], y[at]
        x[at], y[at] = to_wgs84(source_x[at], source_y[at], datum)
    return PositionBatch(
        asset=np.array([d.asset for d in devices], np.int64),
        device=np.array([d.id for d in devices], np.int64),
        kind=np.array([d.kind_code for d in devices], np.uint8),
        owner=np.array([d.owner for d in devices], np.int64),
        seq=seq,
        time_us=at_us,
        received_us=received_us,
        lon=x,
        lat=y,
        # What is None becomes NaN.
        alt_m=np.array([r.alt_m for r in rows], np.float32),
        speed_m_s=np.array([r.speed_m_s for r in rows], np.float32),
        heading_deg=np.array([r.heading_deg for r in rows], np.float32),
        accuracy_m=np.array([r.accuracy_m for r in rows], np.float32),
        status=np.array([_STATUS[r.working] for r in rows], np.int16),
        source_x=source_x,
        source_y=source_y,
        datum=datums,
        attrs=[msgspec.json.encode(r.attrs).decode() if r.attrs else "" for r in rows],
    )
