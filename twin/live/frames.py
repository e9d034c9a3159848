"""Arrow frames: what ingest workers tell web workers, and web workers tell browsers.

Between workers a frame is a sequence number (8 bytes, little endian, one series a worker) and one Arrow IPC stream;
a frame without rows is a sign of life. A browser gets the schema once and then bare record batches, each piece behind
one byte that says what it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin.batch import MICROSECOND
from twin.present import Current

ASSETS_SCHEMA, ASSETS_BATCH, CELLS_SCHEMA, CELLS_BATCH = 1, 2, 3, 4

_IDENTITY_FIELDS = [("id", pa.uint32()), ("kind", pa.uint8()), ("status", pa.uint8())]
_STATE_FIELDS = [
    ("lon", pa.float64()),
    ("lat", pa.float64()),
    ("alt_m", pa.float32()),
    ("speed_m_s", pa.float32()),
    ("heading_deg", pa.float32()),
    ("time_ms", pa.float64()),
]
UPDATE = pa.schema([*_IDENTITY_FIELDS, ("owner", pa.int64()), ("region", pa.int64()), *_STATE_FIELDS])
ASSETS = pa.schema([*_IDENTITY_FIELDS, ("left", pa.bool_()), *_STATE_FIELDS])
CELLS = pa.schema(
    [("lon", pa.float64()), ("lat", pa.float64()), ("kind", pa.uint8())]
    + [(name, pa.uint32()) for name in ("total", "working", "alert", "silent", "off")]
)


@dataclass(frozen=True)
class Update:
    """States that changed, decoded. Columns as in :data:`UPDATE`; ``columns[name]`` has shape (n,)."""

    number: int
    columns: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.columns["id"])


def columns_of(current: Current) -> dict[str, NDArray]:
    """The columns of :data:`UPDATE` from states."""
    batch = current.batch
    return {
        "id": batch.asset.astype(np.uint32),
        "kind": batch.kind,
        "status": batch.status.astype(np.uint8),
        "owner": batch.owner,
        "region": current.region,
        "lon": batch.lon,
        "lat": batch.lat,
        "alt_m": batch.alt_m,
        "speed_m_s": batch.speed_m_s,
        "heading_deg": batch.heading_deg,
        "time_ms": batch.time_us / (MICROSECOND / 1000),
    }


def _record_batch(schema: pa.Schema, columns: dict[str, NDArray]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def encode_update(number: int, current: Current | None) -> bytes:
    """One frame between workers; ``None`` makes a sign of life."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, UPDATE) as writer:
        if current is not None and len(current):
            writer.write_batch(_record_batch(UPDATE, columns_of(current)))
    return struct.pack("<Q", number) + sink.getvalue().to_pybytes()


def decode_update(payload: bytes) -> Update:
    """Read a frame between workers.

    Raises
    ------
    ValueError
        It is none.
    """
    if len(payload) < 8:
        raise ValueError("frame too short")
    (number,) = struct.unpack_from("<Q", payload)
    try:
        table = pa.ipc.open_stream(payload[8:]).read_all()
    except pa.ArrowException as error:
        raise ValueError(f"not an Arrow stream: {error}") from error
    if not table.schema.equals(UPDATE):
        raise ValueError("a frame of another version")
    return Update(number, {name: table.column(name).to_numpy() for name in UPDATE.names})


def schema_piece(kind: int, schema: pa.Schema) -> bytes:
    """The piece that a browser needs once before batches of ``schema``."""
    return bytes([kind]) + schema.serialize().to_pybytes()


def batch_piece(kind: int, schema: pa.Schema, columns: dict[str, NDArray]) -> bytes:
    """One batch for a browser."""
    return bytes([kind]) + _record_batch(schema, columns).serialize().to_pybytes()


def whole_stream(schema: pa.Schema, columns: dict[str, NDArray]) -> bytes:
    """One batch with its schema as a complete Arrow IPC stream: what a browser gets over HTTP."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(_record_batch(schema, columns))
    return sink.getvalue().to_pybytes()
