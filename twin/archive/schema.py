"""What an archived day looks like inside: GeoParquet 1.1 with points in their native encoding.

Rows stand in blocks of time, in each block by asset, then time (then device and number). A day of a million rows or
fewer is one block; the more rows, the shorter the blocks, down to a minute. No row group reaches over two blocks. So
both questions read little: one asset over time finds its rows side by side in each block, a moment finds its block.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FORMAT = "1"
ROWS_A_GROUP = 1 << 16
MOST_BLOCK_ROWS = 1_000_000
BLOCKS_S = (86_400, 43_200, 21_600, 10_800, 3_600, 1_800, 600, 300, 60)
SORTED_BY = ("asset_id", "time", "device_id", "seq")

_MOMENT = pa.timestamp("us", "UTC")
POINT = pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)])
SCHEMA = pa.schema(
    [
        pa.field("asset_id", pa.int64(), nullable=False),
        pa.field("time", _MOMENT, nullable=False),
        pa.field("geometry", POINT, nullable=False),
        pa.field("alt_m", pa.float32()),
        pa.field("speed_m_s", pa.float32()),
        pa.field("heading_deg", pa.float32()),
        pa.field("accuracy_m", pa.float32()),
        pa.field("status", pa.int16()),
        pa.field("device_id", pa.int64(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("received_at", _MOMENT, nullable=False),
        pa.field("source_x", pa.float64()),
        pa.field("source_y", pa.float64()),
        pa.field("datum", pa.string()),
        pa.field("attrs", pa.string()),
    ]
)
"""Units as in the names; degrees of WGS 84; ``source_x``, ``source_y`` and ``datum`` as delivered, where storage
changed them; ``attrs`` JSON."""

_INTEGERS = ("asset_id", "time", "device_id", "seq", "received_at")
_FLOATS = ("geometry.x", "geometry.y", "alt_m", "speed_m_s", "heading_deg", "accuracy_m", "source_x", "source_y")


def writer(sink: Any) -> pq.ParquetWriter:
    """A writer of such a file: numbers that grow as differences, others byte by byte, each page with a checksum."""
    return pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=["status", "datum", "attrs"],
        column_encoding=dict.fromkeys(_INTEGERS, "DELTA_BINARY_PACKED") | dict.fromkeys(_FLOATS, "BYTE_STREAM_SPLIT"),
        write_page_checksum=True,
    )


def geo_metadata(bounds: tuple[float, float, float, float]) -> dict[str, str]:
    """GeoParquet's own entry in the file's footer; longitude before latitude, WGS 84 where no system is named."""
    column = {"encoding": "point", "geometry_types": ["Point"], "bbox": list(bounds)}
    return {
        "geo": json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}),
        "sandtable": FORMAT,
    }


def block_length_s(busiest_hour: int, rows: int) -> int:
    """How long blocks of a day are whose busiest hour has so many rows, seconds."""
    if rows <= MOST_BLOCK_ROWS:
        return BLOCKS_S[0]
    return next((s for s in BLOCKS_S if busiest_hour * max(s, 60) / 3600 <= MOST_BLOCK_ROWS), BLOCKS_S[-1])


def in_order(table: pa.Table) -> pa.Table:
    """Rows of one block in the order in which they are stored, each once."""
    keys = [as_int64(table[name]) for name in SORTED_BY]
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(order) - 1, 0), bool)
    for key in keys:
        same &= np.diff(key[order]) == 0
    return table.take(order[np.append(True, ~same)[: len(order)]])


def as_int64(column: pa.ChunkedArray) -> np.ndarray:
    """Whole numbers or moments (microseconds since 1970 UTC) as numbers: int64[n]."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy())
