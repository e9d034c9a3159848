"""What each thing did in each five minutes, summed up in columns: the index of place over time, and the deltas between
keyframes (:mod:`twin.keyframes`).

A digest is made once its slot is over and what was on its way has arrived; rows that come later leave a mark
(:func:`twin.history.mark_late`), and until the digest is made anew, readers do without. It holds for every thing that
reported in the slot the box around its positions, and its last row. A slot in which nothing reported has one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from twin.past_columns import moment, read_pieces
from twin.past_rows import Rows

Columns = dict[str, NDArray[Any]]
Layout = Sequence[tuple[str, str]]

BOXES: Layout = [
    ("asset", "<i8"), ("first", "<u4"), ("last", "<u4"), ("count", "<u4"),
    ("west", "<f4"), ("south", "<f4"), ("east", "<f4"), ("north", "<f4"),
]  # fmt: skip
"""``first`` and ``last`` in microseconds since the slot's beginning; the box is rounded outward."""
LAST: Layout = [
    ("time_us", "<i8"), ("lon", "<f8"), ("lat", "<f8"),
    ("alt_m", "<f4"), ("speed_m_s", "<f4"), ("heading_deg", "<f4"), ("status", "<i2"), ("said_us", "<i8"),
]  # fmt: skip
"""The last row of each thing of ``BOXES``, the last status that a row of the slot says (-1: none does), and when."""
READY_AFTER_US = 120_000_000
"""A slot is summed up so long after its end: a minute after its rows begin to be marked late, so that none that was
in time is still uncommitted."""
_CODEC = pa.Codec("zstd", 1)


def pack(columns: Columns, layout: Layout) -> bytes:
    """Columns of equal length as one compressed piece."""
    raw = b"".join(np.ascontiguousarray(columns[name], kind).tobytes() for name, kind in layout)
    return len(raw).to_bytes(8, "little") + _CODEC.compress(raw, asbytes=True)


def unpack(data: bytes, layout: Layout) -> Columns:
    """What :func:`pack` made; the arrays may not be written to."""
    size = int.from_bytes(data[:8], "little")
    raw = _CODEC.decompress(data[8:], size, asbytes=True) if size else b""
    n = size // sum(np.dtype(kind).itemsize for _name, kind in layout)
    columns, at = {}, 0
    for name, kind in layout:
        columns[name] = np.frombuffer(raw, kind, n, at)
        at += n * np.dtype(kind).itemsize
    return columns


def sum_up(rows: Rows, slot_us: int) -> tuple[Columns, Columns]:
    """Boxes and last rows of the things in some rows of one slot.

    Parameters
    ----------
    rows : Rows
        By asset and time.
    slot_us : int
        The slot's beginning.

    Returns
    -------
    boxes, last : dict of arrays
        As :data:`BOXES` and :data:`LAST`, by ascending asset.
    """
    asset, time_us = rows["asset"], rows["time_us"]
    first = np.flatnonzero(np.append(True, asset[1:] != asset[:-1])[: len(asset)])
    last = np.append(first[1:], len(asset))[: len(first)] - 1
    spoken = np.where(rows["status"] >= 0, np.arange(len(asset)), -1)
    speaker = np.maximum.reduceat(spoken, first) if len(first) else spoken

    def extreme(function: np.ufunc, name: str, outward: float) -> NDArray[np.float32]:
        found = function.reduceat(rows[name], first) if len(first) else rows[name]
        return np.nextafter(found.astype(np.float32), np.float32(outward))

    boxes = {
        "asset": asset[first], "first": time_us[first] - slot_us, "last": time_us[last] - slot_us,
        "count": last - first + 1,
        "west": extreme(np.minimum, "lon", -np.inf), "south": extreme(np.minimum, "lat", -np.inf),
        "east": extreme(np.maximum, "lon", np.inf), "north": extreme(np.maximum, "lat", np.inf),
    }  # fmt: skip
    speaker = np.where(speaker >= 0, speaker, last)  # a row that says nothing says -1
    said = {"status": rows["status"][speaker], "said_us": time_us[speaker]}
    return boxes, {name: rows[name][last] for name, _kind in LAST if name not in said} | said


def write_digest(cursor: Any, code: int, slot_us: int, boxes: Columns, last: Columns) -> None:
    """Keep what a slot sums up to, instead of what was kept before."""
    cursor.execute(
        """INSERT INTO twin_digest (kind, slot, things, boxes, last) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (kind, slot) DO UPDATE
           SET things = excluded.things, boxes = excluded.boxes, last = excluded.last""",
        [code, stamp(slot_us), len(boxes["asset"]), pack(boxes, BOXES), pack(last, LAST)],
    )


def digested_slots(cursor: Any, code: int, from_us: int, to_us: int) -> NDArray[np.int64]:
    """Beginnings of the slots, from one moment to another, that are summed up; ascending."""
    return _slots(cursor, "twin_digest", code, from_us, to_us)


def read_boxes(cursor: Any, code: int, from_us: int, to_us: int) -> dict[int, Columns]:
    """Boxes of the slots that begin from ``from_us`` until before ``to_us``, by the slot's beginning."""
    return {
        slot_us: unpack(data, BOXES) for slot_us, (data,) in _read(cursor, ("boxes",), code, from_us, to_us).items()
    }


def read_digests(cursor: Any, code: int, from_us: int, to_us: int) -> dict[int, tuple[Columns, Columns]]:
    """Boxes and last rows of the slots that begin from ``from_us`` until before ``to_us``."""
    return {
        slot_us: (unpack(boxes, BOXES), unpack(last, LAST))
        for slot_us, (boxes, last) in _read(cursor, ("boxes", "last"), code, from_us, to_us).items()
    }


def _read(cursor: Any, names: Sequence[str], code: int, from_us: int, to_us: int) -> dict[int, list[bytes]]:
    wanted = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL(
        "SELECT extract(epoch FROM slot)::int8, {} FROM twin_digest WHERE kind = {} AND slot >= {} AND slot < {}"
    ).format(wanted, sql.Literal(code), moment(from_us), moment(to_us))
    return {at_s * 1_000_000: pieces for at_s, pieces in read_pieces(cursor, query, len(names))}


def late_slots(cursor: Any, code: int, from_us: int, to_us: int) -> NDArray[np.int64]:
    """Beginnings of the slots, from one moment to another, of which rows came after they were summed up."""
    return _slots(cursor, "twin_late", code, from_us, to_us)


def _slots(cursor: Any, table: str, code: int, from_us: int, to_us: int) -> NDArray[np.int64]:
    cursor.execute(
        sql.SQL(
            "SELECT DISTINCT extract(epoch FROM slot)::int8 FROM {} WHERE kind = %s AND slot >= %s AND slot <= %s"
        ).format(sql.Identifier(table)),
        [code, stamp(from_us), stamp(to_us)],
    )
    return np.array(sorted(row[0] for row in cursor.fetchall()), np.int64) * 1_000_000


def stamp(us: int) -> datetime:
    """A moment for a parameter of a query."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)
