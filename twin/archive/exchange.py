"""A partition's rows as Arrow tables, and back: every column, every bit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql

from twin.archive.schema import POINT, SCHEMA, as_int64
from twin.copying import Column, copy_columns

# In the order of the schema; the point's two numbers stand where it does.
_QUERY = """COPY (SELECT asset_id, ts, lon, lat, alt_m, speed_m_s, heading_deg, accuracy_m, status, device_id, seq,
                         received_at, source_x, source_y, datum, attrs
                  FROM {table} WHERE ts >= {start} AND ts < {end}) TO STDOUT (FORMAT csv)"""
_POINT_AT = SCHEMA.get_field_index("geometry")
_FIELDS = [
    *list(SCHEMA)[:_POINT_AT],
    pa.field("lon", pa.float64()),
    pa.field("lat", pa.float64()),
    *list(SCHEMA)[_POINT_AT + 1 :],
]


def midnight(day: date) -> datetime:
    """Its beginning, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows_by_hour(cursor: psycopg.Cursor, table: str) -> list[int]:
    """How many rows a partition has in each hour that has any."""
    cursor.execute(sql.SQL("SELECT count(*) FROM {} GROUP BY date_trunc('hour', ts)").format(sql.Identifier(table)))
    return [row[0] for row in cursor.fetchall()]


def read_block(cursor: psycopg.Cursor, table: str, start: datetime, end: datetime) -> pa.Table:
    """Rows from ``start`` until before ``end``, in no order.

    As text, which PostgreSQL writes with every digit that matters: that keeps missing values and texts apart without
    a Python object for each.
    """
    cursor.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1")
    query = sql.SQL(_QUERY).format(table=sql.Identifier(table), start=sql.Literal(start), end=sql.Literal(end))
    with cursor.copy(query) as copy:
        text = b"".join(copy)
    if not text:
        return SCHEMA.empty_table()
    read = pacsv.read_csv(
        pa.BufferReader(text),
        pacsv.ReadOptions(column_names=[field.name for field in _FIELDS]),
        # A datum or a text in attrs may hold a line's end.
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types={field.name: field.type for field in _FIELDS},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    point = pa.StructArray.from_arrays(
        [read[name].combine_chunks().cast(pa.float64()) for name in ("lon", "lat")], fields=list(POINT)
    )
    columns = [point if field.name == "geometry" else read[field.name] for field in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def blocks(day: date, length_s: int) -> list[tuple[datetime, datetime]]:
    """A day cut in equal pieces: first moment and the first after it."""
    start = midnight(day)
    return [
        (start + timedelta(seconds=s), start + timedelta(seconds=min(s + length_s, 86_400)))
        for s in range(0, 86_400, length_s)
    ]


def copy_back(cursor: psycopg.Cursor, code: int, table: pa.Table) -> None:
    """Append archived rows to the history, in the caller's transaction.

    Raises
    ------
    psycopg.Error
    """

    def floats(name: str, kind: str) -> Column:
        return kind, np.asarray(table[name].to_numpy())  # null becomes NaN

    def texts(name: str) -> list[str | None]:
        return table[name].to_pylist()

    point = table["geometry"].combine_chunks()
    columns: dict[str, Column] = {
        "kind": ("int2", np.full(len(table), code, np.int16)),
        "asset_id": ("int8", as_int64(table["asset_id"])),
        "device_id": ("int8", as_int64(table["device_id"])),
        "seq": ("int8", as_int64(table["seq"])),
        "ts": ("timestamptz", as_int64(table["time"])),
        "received_at": ("timestamptz", as_int64(table["received_at"])),
        "lon": ("float8", _leaf(point, "x")),
        "lat": ("float8", _leaf(point, "y")),
        "alt_m": floats("alt_m", "float4"),
        "speed_m_s": floats("speed_m_s", "float4"),
        "heading_deg": floats("heading_deg", "float4"),
        "accuracy_m": floats("accuracy_m", "float4"),
        "status": ("int2", np.ma.masked_less(np.asarray(table["status"].fill_null(-1).to_numpy()), 0)),
        "source_x": floats("source_x", "float8"),
        "source_y": floats("source_y", "float8"),
        "datum": ("text", texts("datum")),
        "attrs": ("jsonb", texts("attrs")),
    }
    copy_columns(cursor, "twin_track", columns)


def _leaf(point: Any, name: str) -> np.ndarray:
    return np.asarray(point.field(name).to_numpy(zero_copy_only=False))
