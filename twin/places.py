"""The positions of each five minutes by place: what a question about a polygon reads instead of rows.

Beside each digest (:mod:`twin.digests`) its things stand once more, neighbours together, in pieces of
:data:`THINGS_A_PIECE`: of each thing its box and the span of its positions, and apart from that the positions
themselves, and what was said with each. A piece whose box is not near the polygon is not read, one that is inside it
needs no positions. They come and go with the digest.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from twin.digests import BOXES, Columns, Layout, stamp
from twin.past_columns import moment, read_pieces
from twin.past_rows import Rows

THINGS_A_PIECE = 128
"""At least; of many, as many as there are pieces."""
Bounds = tuple[float, float, float, float]
_THING = np.dtype(list(BOXES))
_POSITION = np.dtype([("at", "<u4"), ("lon", "<f8"), ("lat", "<f8")])
_SAID = np.dtype([("alt_m", "<f4"), ("speed_m_s", "<f4"), ("status", "<i2")])
_HEAD: Layout = [(name, ">i8") for name in ("slot_s", "number")] + [
    (name, ">f8") for name in ("west", "south", "east", "north")
]
_COPY_HEAD = 19
"""Bytes before the first row of a binary COPY."""
_ROW_HEAD = struct.Struct("!hiqi")
"""Of a row of a whole number and a piece of data: how many fields, and before each its length."""
_NOTHING = np.empty(0, np.uint8)
_CODEC = pa.Codec("zstd", 1)


@dataclass(frozen=True)
class Pieces:
    """``k`` pieces.

    Attributes
    ----------
    slot_us, number : int64[k]
        Which; with these :func:`read_things` and :func:`read_paths` find what is in them.
    box : float64[k, 4]
        West, south, east and north of all its positions.
    """

    slot_us: NDArray[np.int64]
    number: NDArray[np.int64]
    box: NDArray[np.float64]

    def __len__(self) -> int:
        """How many."""
        return len(self.number)

    def take(self, some: NDArray[Any]) -> Pieces:
        """Some of them, by place or mask."""
        return Pieces(self.slot_us[some], self.number[some], self.box[some])


@dataclass(frozen=True)
class Things:
    """The ``n`` things of some pieces.

    Attributes
    ----------
    piece : int64[n]
        Place of the thing's piece among those that were asked for, ascending.
    """

    piece: NDArray[np.int64]
    _parts: list[bytes]
    _made: Columns = field(default_factory=dict)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """One of the columns of :data:`twin.digests.BOXES`; made when it is first asked for."""
        if name not in self._made:
            self._made[name] = self._column(name)
        return self._made[name]

    @cached_property
    def _blocks(self) -> list[tuple[NDArray[np.bool_], NDArray[np.uint8]]]:
        """Pieces of equal size, nearly all of them, as one array: which things are in it, and their planes."""
        count = np.array([len(part) // _THING.itemsize for part in self._parts], np.int64)
        return [
            (
                np.repeat(count == size, count),
                np.frombuffer(b"".join(part for part in self._parts if len(part) == size * _THING.itemsize), np.uint8)
                .reshape(-1, _THING.itemsize, size),
            )
            for size in np.unique(count[count > 0]).tolist()
        ]  # fmt: skip

    def _column(self, name: str) -> NDArray[Any]:
        kind, offset = _THING.fields[name][:2]  # type: ignore[index]
        column = np.empty(len(self.piece), kind)
        for where, block in self._blocks:
            column[where] = _turned(block[:, offset : offset + kind.itemsize]).view(kind).ravel()
        return column


def write_places(cursor: Any, code: int, slot_us: int, rows: Rows, boxes: Columns) -> None:
    """Keep the positions of a slot by place, instead of those that were kept before.

    Parameters
    ----------
    rows : Rows
        All of the slot, by asset and time.
    boxes : dict of arrays
        Of the same rows (:func:`twin.digests.sum_up`).
    """
    cursor.execute("DELETE FROM twin_place WHERE kind = %s AND slot = %s", [code, stamp(slot_us)])
    count = boxes["count"].astype(np.int64)
    if not len(count):
        return
    begin = np.cumsum(count) - count
    size = max(THINGS_A_PIECE, math.isqrt(len(count)))
    order = _by_place((boxes["west"] + boxes["east"]) / 2, (boxes["south"] + boxes["north"]) / 2, size)
    things = np.empty(len(order), _THING)
    for name, _kind in BOXES:
        things[name] = boxes[name][order]
    count, begin = count[order], begin[order]
    # The rows of each thing in turn, things in the order of places.
    turn = np.repeat(begin - (np.cumsum(count) - count), count) + np.arange(count.sum())
    path = np.empty(len(turn), _POSITION)
    path["at"] = (rows["time_us"] - slot_us)[turn]
    path["lon"], path["lat"] = rows["lon"][turn], rows["lat"][turn]
    said = np.empty(len(turn), _SAID)
    for name in _SAID.names or ():
        said[name] = rows[name][turn]
    ends = np.append(0, np.cumsum(count))
    columns = "kind, slot, piece, west, south, east, north, things, path, said"
    with cursor.copy(f"COPY twin_place ({columns}) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int2", "timestamptz", "int2", *["float8"] * 4, *["bytea"] * 3])
        for number, first in enumerate(range(0, len(order), size)):
            some = things[first : first + size]
            span = slice(ends[first], ends[min(first + size, len(order))])
            edges = (some["west"].min(), some["south"].min(), some["east"].max(), some["north"].max())
            data = (_packed(some), _packed(path[span]), _packed(said[span]))
            copy.write_row((code, stamp(slot_us), number, *map(float, edges), *data))


def read_places(cursor: Any, code: int, from_us: int, to_us: int, bounds: Bounds) -> Pieces:
    """The pieces near some bounds of the slots that begin from ``from_us`` until before ``to_us``."""
    west, south, east, north = map(sql.Literal, bounds)
    query = sql.SQL(
        """SELECT extract(epoch FROM slot)::int8 AS slot_s, piece::int8 AS number, west, south, east, north
           FROM twin_place WHERE kind = {} AND slot >= {} AND slot < {}
           AND west <= {} AND east >= {} AND south <= {} AND north >= {}"""
    ).format(sql.Literal(code), moment(from_us), moment(to_us), east, west, north, south)
    head = _read(cursor, query, _HEAD)
    box = np.stack([head[side].astype(np.float64) for side in ("west", "south", "east", "north")], axis=1)
    return Pieces(head["slot_s"].astype(np.int64) * 1_000_000, head["number"].astype(np.int64), box)


def read_things(cursor: Any, code: int, pieces: Pieces) -> Things:
    """What is in some pieces, without the positions."""
    parts = [b""] * len(pieces)
    for n, data in _data_of(cursor, code, pieces, "things"):
        parts[n] = _planes(data)
    count = np.array([len(part) // _THING.itemsize for part in parts], np.int64)
    return Things(np.repeat(np.arange(len(parts)), count), parts)


def read_paths(cursor: Any, code: int, pieces: Pieces, wanted: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """Some positions of some pieces, one piece after the other in the order in which they are asked for.

    Parameters
    ----------
    wanted : sequence of int64[m]
        Of each piece, which of its positions: they are those of each of its things in turn, by time, as many as the
        thing's ``count`` says.

    Returns
    -------
    structured array
        ``at`` (microseconds since the slot's beginning), ``lon``, ``lat``.
    """
    return _positions_of(cursor, code, pieces, wanted, "path", _POSITION)


def read_said(cursor: Any, code: int, pieces: Pieces, wanted: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """What was said with each position that :func:`read_paths` gives.

    Returns
    -------
    structured array
        ``alt_m`` and ``speed_m_s`` (NaN unknown), ``status`` (-1 unsaid).
    """
    return _positions_of(cursor, code, pieces, wanted, "said", _SAID)


def by_piece(
    wanted: NDArray[np.bool_], piece: NDArray[np.int64], count: NDArray[np.int64], pieces: Pieces
) -> list[NDArray[np.int64]]:
    """What :func:`read_paths` wants to know.

    Parameters
    ----------
    wanted : bool[m]
        Of all positions of all things.
    piece, count : int64[n]
        Of each thing: the place of its piece, and how many positions it has.
    """
    ends = np.cumsum(np.bincount(piece, count, len(pieces)).astype(np.int64))
    return [np.flatnonzero(part) for part in np.split(wanted, ends[:-1])]


def _positions_of(
    cursor: Any, code: int, pieces: Pieces, wanted: Sequence[NDArray[np.int64]], column: str, record: np.dtype[Any]
) -> NDArray[Any]:
    parts = [_NOTHING.reshape(record.itemsize, 0)] * len(pieces)
    for n, data in _data_of(cursor, code, pieces, column):
        planes = np.frombuffer(_planes(data), np.uint8).reshape(record.itemsize, -1)
        parts[n] = planes.take(wanted[n], axis=1)
    if not parts:
        return np.empty(0, record)
    return _turned(np.concatenate(parts, axis=1)[None]).view(record).ravel()


def _data_of(cursor: Any, code: int, pieces: Pieces, column: str) -> Iterator[tuple[int, memoryview]]:
    """One column of some pieces, each with its place among those that are asked for; in any order.

    The rows of COPY are taken apart here, for they are alike: psycopg makes objects of each field.
    """
    if not len(pieces):
        return
    query = sql.SQL(
        """COPY (SELECT q.n, p.{} FROM unnest({}, {}) WITH ORDINALITY AS q(slot_s, piece, n) JOIN twin_place p
           ON p.kind = {} AND p.slot = to_timestamp(q.slot_s) AND p.piece = q.piece) TO STDOUT (FORMAT binary)"""
    ).format(sql.Identifier(column), _array(pieces.slot_us // 1_000_000), _array(pieces.number), sql.Literal(code))
    begin = _COPY_HEAD
    with cursor.copy(query) as copy:
        for message in copy:
            row = memoryview(message)[begin:]
            begin = 0
            if len(row) > _ROW_HEAD.size:
                _fields, _width, n, _length = _ROW_HEAD.unpack_from(row)
                yield n - 1, row[_ROW_HEAD.size :]


def _read(cursor: Any, query: sql.Composable, fields: Layout) -> NDArray[Any]:
    """Rows of whole and floating numbers, as ``fields`` names them.

    PostgreSQL strings them together: handed over one by one, each would cost as much as its contents.
    """
    kinds = {">i8": "int8send", ">f8": "float8send"}
    sent = [sql.SQL("{}({})").format(sql.Identifier(kinds[kind]), sql.Identifier(name)) for name, kind in fields]
    strung = sql.SQL("SELECT 0::int8, coalesce(string_agg({}, ''::bytea), '') FROM ({}) AS r").format(
        sql.SQL(" || ").join(sent), query
    )
    ((_zero, (heads,)),) = read_pieces(cursor, strung, 1)
    return np.frombuffer(heads, np.dtype(list(fields)))


def _by_place(x: NDArray, y: NDArray, size: int) -> NDArray[np.int64]:
    """Order in which neighbours stand together, ``size`` of them at a time (sort-tile-recursive).

    In strips from west to east, in each from south to north: the boxes around are as square as may be. Along a
    Z-curve, where many leap, a circle of 1.5 km met a fifth of them, and now a hundredth.
    """
    pieces = -(-len(x) // size)
    strip = -(-pieces // math.isqrt(pieces)) * size
    eastward = np.argsort(x, kind="stable")
    strips = [eastward[first : first + strip] for first in range(0, len(x), strip)]
    return np.concatenate([some[np.argsort(y[some], kind="stable")] for some in strips])


def _packed(rows: NDArray[Any]) -> bytes:
    """Rows compressed; the first bytes of all of them, then the second, for which like stands beside like."""
    turned = np.ascontiguousarray(rows.view(np.uint8).reshape(len(rows), -1).T)
    return turned.nbytes.to_bytes(8, "little") + _CODEC.compress(turned.tobytes(), asbytes=True)


def _planes(data: memoryview) -> bytes:
    """What :func:`_packed` made before it was compressed; nothing of nothing."""
    return _CODEC.decompress(data[8:], int.from_bytes(data[:8], "little"), asbytes=True) if data else b""


def _turned(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pieces of planes, the first bytes of all values and then the second, turned round: values, one by one."""
    values = np.empty((planes.shape[0], planes.shape[2], planes.shape[1]), np.uint8)
    for i in range(planes.shape[1]):  # a third of the time that one transposition takes
        values[:, :, i] = planes[:, i]
    return values


def _array(values: Iterable[int]) -> sql.Composed:
    return sql.SQL("'{{{}}}'::int8[]").format(sql.SQL(",".join(str(int(value)) for value in values)))
