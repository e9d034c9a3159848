"""The present: the latest state of things, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.batch import PositionBatch
from twin.kinds import kind_of


@dataclass(frozen=True)
class Current:
    """States that changed, as columns: what browsers are told. ``region``: int64, 0 where in none."""

    batch: PositionBatch
    region: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.batch)


def read_current(cursor: Any, assets: list[int] | None = None) -> Current:
    """Present states from the database: of ``assets``, or of every active asset."""
    cursor.execute(
        """SELECT a.id, a.kind, coalesce(a.owner_id, 0), (extract(epoch FROM s.ts) * 1000000)::int8, s.lon, s.lat,
                  s.alt_m, s.speed_m_s, s.heading_deg, s.status, coalesce(s.region_id, 0)
           FROM twin_state s JOIN twin_asset a ON a.id = s.asset_id
           WHERE a.active AND (%s::int8[] IS NULL OR a.id = ANY(%s)) ORDER BY a.id""",
        [assets, assets],
    )
    rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 11
    return Current(*_current_columns(columns))


def _current_columns(columns: list[tuple]) -> tuple[PositionBatch, NDArray[np.int64]]:
    n = len(columns[0])
    codes = {key: kind_of(key).code for key in set(columns[1])}

    def floats(values: tuple) -> NDArray[np.float32]:
        return np.array([np.nan if value is None else value for value in values], np.float32)

    time_us = np.array(columns[3], np.int64)
    batch = PositionBatch(
        asset=np.array(columns[0], np.int64),
        device=np.zeros(n, np.int64),
        kind=np.array([codes[key] for key in columns[1]], np.uint8),
        owner=np.array(columns[2], np.int64),
        seq=np.zeros(n, np.int64),
        time_us=time_us,
        received_us=time_us,
        lon=np.array(columns[4], np.float64),
        lat=np.array(columns[5], np.float64),
        alt_m=floats(columns[6]),
        speed_m_s=floats(columns[7]),
        heading_deg=floats(columns[8]),
        accuracy_m=np.full(n, np.nan, np.float32),
        status=np.array(columns[9], np.int16),
        source_x=np.full(n, np.nan),
        source_y=np.full(n, np.nan),
        datum=[""] * n,
        attrs=[""] * n,
    )
    return batch, np.array(columns[10], np.int64)
