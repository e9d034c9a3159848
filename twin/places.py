"""The positions of each five minutes by place: what a question about a polygon reads instead of rows.

Beside each digest (:mod:`twin.digests`) its things stand once more, neighbours together, in pieces of
:data:`THINGS_A_PIECE`: of each thing its box and the span of its positions, and apart from that the positions
themselves, and what was said with each. A piece whose box is not near the polygon is not read, one that is inside it
needs no positions. They come and go with the digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from twin.digests import BOXES, Columns, Layout, stamp
from twin.past_columns import moment, read_pieces
from twin.past_rows import Rows

THINGS_A_PIECE = 256
MOST_PIECES = 30_000
"""Of one slot; a slot of more things has larger pieces."""
Bounds = tuple[float, float, float, float]
_THING = np.dtype(list(BOXES))
_POSITION = np.dtype([("at", "<u4"), ("lon", "<f8"), ("lat", "<f8")])
_SAID = np.dtype([("alt_m", "<f4"), ("speed_m_s", "<f4"), ("status", "<i2")])
_HEAD: Layout = [(name, ">i8") for name in ("slot_s", "number")] + [
    (name, ">f8") for name in ("west", "south", "east", "north")
]
_TURN: Layout = [("n", ">i8")]
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
    columns : dict of arrays
        As :data:`twin.digests.BOXES`.
    """

    piece: NDArray[np.int64]
    columns: Columns


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
    order = _by_place((boxes["west"] + boxes["east"]) / 2, (boxes["south"] + boxes["north"]) / 2)
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
    size = max(THINGS_A_PIECE, -(-len(order) // MOST_PIECES))
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
        """SELECT extract(epoch FROM slot)::int8 AS slot_s, piece::int8 AS number, west, south, east, north,
                  ''::bytea AS data
           FROM twin_place WHERE kind = {} AND slot >= {} AND slot < {}
           AND west <= {} AND east >= {} AND south <= {} AND north >= {}"""
    ).format(sql.Literal(code), moment(from_us), moment(to_us), east, west, north, south)
    head, _raw = _read(cursor, query, _HEAD)
    box = np.stack([head[side].astype(np.float64) for side in ("west", "south", "east", "north")], axis=1)
    return Pieces(head["slot_s"].astype(np.int64) * 1_000_000, head["number"].astype(np.int64), box)


def read_things(cursor: Any, code: int, pieces: Pieces) -> Things:
    """What is in some pieces, without the positions."""
    parts = [_planes(data) for data in _data_of(cursor, code, pieces, "things")]
    count = np.array([len(part) // _THING.itemsize for part in parts], np.int64)
    return Things(np.repeat(np.arange(len(parts)), count), _columns(parts, count))


def read_paths(cursor: Any, code: int, pieces: Pieces) -> NDArray[Any]:
    """The positions of some pieces, one piece after the other in the order in which they are asked for.

    Returns
    -------
    structured array
        ``at`` (microseconds since the slot's beginning), ``lon``, ``lat``; of each thing of a piece in turn as many as
        its ``count`` says, by time.
    """
    return _turned(_data_of(cursor, code, pieces, "path"), _POSITION)


def read_said(cursor: Any, code: int, pieces: Pieces) -> NDArray[Any]:
    """What was said with each position of :func:`read_paths`.

    Returns
    -------
    structured array
        ``alt_m`` and ``speed_m_s`` (NaN unknown), ``status`` (-1 unsaid).
    """
    return _turned(_data_of(cursor, code, pieces, "said"), _SAID)


def _turned(parts: list[bytes], record: np.dtype[Any]) -> NDArray[Any]:
    """Rows of pieces that :func:`_packed` made."""
    rows = [np.frombuffer(_planes(data), np.uint8).reshape(record.itemsize, -1).T.tobytes() for data in parts]
    return np.frombuffer(b"".join(rows), record)


def _data_of(cursor: Any, code: int, pieces: Pieces, column: str) -> list[bytes]:
    """One column of some pieces, in the order in which they are asked for."""
    if not len(pieces):
        return []
    query = sql.SQL(
        """SELECT q.n, p.{} AS data FROM unnest({}, {}) WITH ORDINALITY AS q(slot_s, piece, n) JOIN twin_place p
           ON p.kind = {} AND p.slot = to_timestamp(q.slot_s) AND p.piece = q.piece"""
    ).format(sql.Identifier(column), _array(pieces.slot_us // 1_000_000), _array(pieces.number), sql.Literal(code))
    head, raw = _read(cursor, query, _TURN)
    parts = [b""] * len(pieces)
    for n, data in zip(head["n"].tolist(), raw, strict=True):
        parts[n - 1] = data
    return parts


def _read(cursor: Any, query: sql.Composable, fields: Layout) -> tuple[NDArray[Any], list[bytes]]:
    """Rows of whole and floating numbers, as ``fields`` names them, and each one's ``data``.

    PostgreSQL strings them together: handed over one by one, each would cost as much as its contents.
    """
    kinds = {">i8": "int8send", ">f8": "float8send"}
    sent = [sql.SQL("{}({})").format(sql.Identifier(kinds[kind]), sql.Identifier(name)) for name, kind in fields]
    strung = sql.SQL(
        """SELECT 0::int8, coalesce(string_agg({} || int8send(length(data)::int8), ''::bytea), ''),
                  coalesce(string_agg(data, ''::bytea), '') FROM ({}) AS r"""
    ).format(sql.SQL(" || ").join(sent), query)
    ((_zero, (heads, data)),) = read_pieces(cursor, strung, 2)
    head = np.frombuffer(heads, np.dtype([*fields, ("length", ">i8")]))
    ends = np.cumsum(head["length"].astype(np.int64)).tolist()
    return head, [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _by_place(x: NDArray, y: NDArray) -> NDArray[np.int64]:
    """Order in which neighbours stand together: along a Z-curve over all of them."""
    code = np.zeros(len(x), np.uint64)
    for part, shift in ((x, 0), (y, 1)):
        wide = float(part.max() - part.min()) or 1.0
        cell = ((part - part.min()) / wide * 65_535).astype(np.uint64)
        for bit in range(16):
            code |= ((cell >> np.uint64(bit)) & np.uint64(1)) << np.uint64(2 * bit + shift)
    return np.argsort(code, kind="stable")


def _packed(rows: NDArray[Any]) -> bytes:
    """Rows compressed; the first bytes of all of them, then the second, for which like stands beside like."""
    turned = np.ascontiguousarray(rows.view(np.uint8).reshape(len(rows), -1).T)
    return turned.nbytes.to_bytes(8, "little") + _CODEC.compress(turned.tobytes(), asbytes=True)


def _planes(data: bytes) -> bytes:
    """What :func:`_packed` made before it was compressed; nothing of nothing."""
    return _CODEC.decompress(data[8:], int.from_bytes(data[:8], "little"), asbytes=True) if data else b""


def _columns(parts: list[bytes], count: NDArray[np.int64]) -> Columns:
    """The columns of things in their planes of bytes, ``count`` of them in each part.

    Nearly all pieces are of one size: their planes are turned round all at once, for one by one it takes three times
    as long as everything else about them.
    """
    size = int(np.bincount(count).argmax()) if len(count) else 0
    alike = count == size
    block = np.frombuffer(b"".join(part for part, same in zip(parts, alike, strict=True) if same), np.uint8)
    block = block.reshape(-1, _THING.itemsize, size) if size else block.reshape(0, _THING.itemsize, 0)
    begin = np.cumsum(count) - count
    many = np.repeat(alike, count)
    columns: Columns = {}
    for name, kind in BOXES:
        offset, width = _THING.fields[name][1], np.dtype(kind).itemsize  # type: ignore[index]
        planes = slice(offset, offset + width)
        column = np.empty(int(count.sum()), kind)
        column[many] = np.ascontiguousarray(block[:, planes].transpose(0, 2, 1)).view(kind).ravel()
        for i in np.flatnonzero(~alike & (count > 0)).tolist():
            turned = np.frombuffer(parts[i], np.uint8).reshape(_THING.itemsize, -1)[planes].T
            column[begin[i] : begin[i] + count[i]] = np.ascontiguousarray(turned).view(kind).ravel()
        columns[name] = column
    return columns


def _array(values: Iterable[int]) -> sql.Composed:
    return sql.SQL("'{{{}}}'::int8[]").format(sql.SQL(",".join(str(int(value)) for value in values)))
