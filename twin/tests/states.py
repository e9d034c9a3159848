"""States by the column, for tests."""

from __future__ import annotations

import numpy as np

from twin.batch import PositionBatch
from twin.present import Current


def states(asset, **columns):
    """States of ``asset``; what is not given has a plain value."""
    n = len(asset)

    def column(name, default, dtype):
        return np.array(columns.pop(name, [default] * n), dtype)

    time_us = (column("time_ms", 1000, float) * 1000).astype(np.int64)
    batch = PositionBatch(
        asset=np.array(asset, np.int64),
        device=column("device", 1, np.int64),
        kind=column("kind", 1, np.uint8),
        owner=column("owner", 0, np.int64),
        seq=column("seq", 0, np.int64),
        time_us=time_us,
        received_us=time_us,
        lon=column("lon", 121.5, float),
        lat=column("lat", 31.2, float),
        alt_m=column("alt_m", np.nan, np.float32),
        speed_m_s=column("speed_m_s", np.nan, np.float32),
        heading_deg=column("heading_deg", np.nan, np.float32),
        accuracy_m=column("accuracy_m", np.nan, np.float32),
        status=column("status", 0, np.int16),
        source_x=np.full(n, np.nan),
        source_y=np.full(n, np.nan),
        datum=[""] * n,
        attrs=[""] * n,
    )
    region = column("region", 0, np.int64)
    assert not columns, f"no such columns: {sorted(columns)}"
    return Current(batch, region)
