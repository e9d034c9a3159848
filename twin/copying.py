"""Columns into a table by PostgreSQL's binary COPY, without touching each value in Python.

Rows with the same values missing have the same length, so that each such group is one structured array; only texts
are joined row by row, and where a row has none its tail is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

TYPES: dict[str, np.dtype] = {
    "int2": np.dtype(">i2"),
    "int4": np.dtype(">i4"),
    "int8": np.dtype(">i8"),
    "float4": np.dtype(">f4"),
    "float8": np.dtype(">f8"),
    "bool": np.dtype("u1"),
    "timestamptz": np.dtype(">i8"),
}
TEXTS = ("text", "jsonb")
Texts = Sequence[str | None]
Column = tuple[str, NDArray[Any] | Texts]
"""Type's name in PostgreSQL, and the values: an array (NaN and masked values are missing, ``timestamptz`` are
microseconds since 1970; the values must fit their type), or texts (None is missing)."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_MISSING = np.array(-1, ">i4").tobytes()
_EPOCH_US = 946_684_800_000_000
"""PostgreSQL counts from 2000-01-01 UTC."""


def copy_columns(cursor: psycopg.Cursor, table: str, columns: Mapping[str, Column]) -> None:
    """Append rows to a table.

    Parameters
    ----------
    columns : mapping
        By name; texts after all others. Each of length n.

    Raises
    ------
    psycopg.Error
        What PostgreSQL has against them; none is appended.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    with cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for block in _blocks(list(columns.values())):
            copy.write(block)
        copy.write(_TRAILER)


def _blocks(columns: list[Column]) -> list[bytes]:
    fixed = [(TYPES[kind], _plain(kind, values)) for kind, values in columns if kind not in TEXTS]
    texts = [(kind == "jsonb", values) for kind, values in columns if kind in TEXTS]
    missing = np.stack([_missing(values) for _kind, values in columns[: len(fixed)]])
    tails = _tails(texts)
    # A bit a column: whole numbers are sorted much faster than rows of a matrix.
    pattern_of = (1 << np.arange(len(fixed))) @ missing
    blocks = []
    for pattern in np.unique(pattern_of).tolist():
        rows = np.flatnonzero(pattern_of == pattern)
        blocks.append(_group(fixed, missing[:, rows[0]], len(columns), rows, tails))
    return blocks


def _plain(kind: str, values: Any) -> NDArray[Any]:
    plain = np.ma.getdata(values)
    return plain - _EPOCH_US if kind == "timestamptz" else plain


def _missing(values: Any) -> NDArray[np.bool_]:
    mask = np.ma.getmaskarray(values)
    return mask | np.isnan(np.ma.getdata(values)) if np.ma.getdata(values).dtype.kind == "f" else mask


def _tails(texts: list[tuple[bool, Any]]) -> list[bytes] | bytes:
    """What stands behind a row's numbers: the same for all where no text differs."""
    if all(len(set(values)) <= 1 for _is_json, values in texts):
        return b"".join(_fields(is_json, values[:1] if len(values) else [None])[0] for is_json, values in texts)
    return [b"".join(fields) for fields in zip(*(_fields(*column) for column in texts), strict=True)]


def _fields(is_json: bool, values: Texts) -> list[bytes]:
    mark = b"\x01" if is_json else b""  # jsonb's version
    made: dict[str | None, bytes] = {None: _MISSING}
    fields = []
    for value in values:
        field = made.get(value)
        if field is None:
            assert value is not None
            data = mark + value.encode()
            field = made[value] = len(data).to_bytes(4, "big") + data
        fields.append(field)
    return fields


def _group(
    fixed: list[tuple[np.dtype, NDArray[Any]]],
    missing: NDArray[np.bool_],
    count: int,
    rows: NDArray[np.int64],
    tails: list[bytes] | bytes,
) -> bytes:
    layout: list[tuple[str, Any]] = [("count", ">i2")]
    for i, (kind, _values) in enumerate(fixed):
        layout.append((f"length{i}", ">i4"))
        if not missing[i]:
            layout.append((f"value{i}", kind))
    if isinstance(tails, bytes) and tails:
        layout.append(("tail", f"S{len(tails)}"))
    records = np.zeros(len(rows), np.dtype(layout))
    records["count"] = count
    for i, (kind, values) in enumerate(fixed):
        records[f"length{i}"] = -1 if missing[i] else kind.itemsize
        if not missing[i]:
            records[f"value{i}"] = values[rows]
    if isinstance(tails, bytes):
        if tails:
            records["tail"] = tails
        return records.tobytes()
    size = records.itemsize
    data = records.tobytes()
    return b"".join(
        part for at, row in enumerate(rows.tolist()) for part in (data[at * size : (at + 1) * size], tails[row])
    )
