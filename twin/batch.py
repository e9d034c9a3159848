"""A batch of positions as columns, from decoding to the database and the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROSECOND = 1_000_000
UNSAID = -1


@dataclass
class PositionBatch:
    """``n`` positions, one array a column.

    Attributes
    ----------
    asset, device : int64[n]
        Keys of the asset that is somewhere and of the device that says so.
    kind : uint8[n]
        Code of the asset's kind.
    owner : int64[n]
        Key of the organization that owns the asset; 0 for none.
    seq : int64[n]
        The device's number of the message; 0 where it does not number.
    time_us, received_us : int64[n]
        Microseconds since 1970-01-01 UTC.
    lon, lat : float64[n]
        Degrees, EPSG:4326.
    alt_m, speed_m_s, heading_deg, accuracy_m : float32[n]
        NaN where unknown.
    status : int16[n]
        A :class:`twin.kinds.Status`, or :data:`UNSAID` where the message did not say.
    source_x, source_y : float64[n]
        As delivered; NaN where storage changed nothing.
    datum : list of str
        Datum as delivered, ``""`` where storage changed nothing.
    attrs : list of str
        JSON objects, ``""`` where there are none.
    """

    asset: NDArray[np.int64]
    device: NDArray[np.int64]
    kind: NDArray[np.uint8]
    owner: NDArray[np.int64]
    seq: NDArray[np.int64]
    time_us: NDArray[np.int64]
    received_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    alt_m: NDArray[np.float32]
    speed_m_s: NDArray[np.float32]
    heading_deg: NDArray[np.float32]
    accuracy_m: NDArray[np.float32]
    status: NDArray[np.int16]
    source_x: NDArray[np.float64]
    source_y: NDArray[np.float64]
    datum: list[str]
    attrs: list[str]

    def __len__(self) -> int:
        return len(self.asset)

    def take(self, index: NDArray[np.int64]) -> PositionBatch:
        """The rows ``index`` (int64[k]), in that order."""
        columns: dict[str, Any] = {}
        rows = index.tolist()
        for field in fields(self):
            column = getattr(self, field.name)
            columns[field.name] = [column[i] for i in rows] if isinstance(column, list) else column[index]
        return PositionBatch(**columns)


def concatenate(batches: Sequence[PositionBatch]) -> PositionBatch:
    """One batch of several (at least one), in their order."""
    columns: dict[str, Any] = {}
    for field in fields(PositionBatch):
        parts = [getattr(batch, field.name) for batch in batches]
        columns[field.name] = list(chain(*parts)) if isinstance(parts[0], list) else np.concatenate(parts)
    return PositionBatch(**columns)


def nothing() -> PositionBatch:
    """A batch without rows."""
    whole, real, small = np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.float32)
    return PositionBatch(
        whole, whole, np.empty(0, np.uint8), whole, whole, whole, whole, real, real, small, small, small, small,
        np.empty(0, np.int16), real, real, [], [],
    )  # fmt: skip
