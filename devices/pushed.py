"""What a way in hands to the ingest workers: heaps of positions of many devices, answered when they are stored.

The internal road (``docs/adr/0022-more-ways-in.md``): a heap is published once, every worker hears it and takes the
rows of its own shards; each answers with the rows it has settled. Positions on this road carry no numbers: a device
and the time of the fix name one, so a heap that comes twice is stored once.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from devices.exceptions import RefusedError
from devices.messages import (
    MOST_NUMBER,
    AccuracyM,
    AltM,
    HeadingDeg,
    Lat,
    Lon,
    Milliseconds,
    SpeedMS,
    check_attrs,
    decode_json,
)

TOPIC = "st/pushed"
ANSWERS = "st/pushed/answers"
MOST_ROWS = 5000
"""Rows of one heap."""
MOST_BYTES = 3 << 20
"""Bytes of one heap, names and all; the broker takes 4 MiB."""
SIGNED_IN = 0
"""Source of a heap whose devices each showed their own key to the way in; any other is the key of a platform."""


class PushedRow(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One position of one device: degrees in the device's registered datum, metres, seconds."""

    device: Annotated[str, Meta(max_length=64)]
    time: str | Milliseconds
    lon: Lon
    lat: Lat
    alt_m: AltM | None = None
    speed_m_s: SpeedMS | None = None
    heading_deg: HeadingDeg | None = None
    accuracy_m: AccuracyM | None = None
    working: bool | None = None
    attrs: dict[str, Any] | None = None


class Heap(Struct, frozen=True):
    """Positions on their way to the workers; ``rows`` are not read yet."""

    id: Annotated[int, Meta(ge=0, le=MOST_NUMBER)]
    sender: str
    source: int
    rows: list[msgspec.Raw]


class RowRefused(Struct, frozen=True, array_like=True):
    """A row that was not taken, by its place in the heap, counted from 0."""

    row: int
    reason: str
    detail: str = ""


class Answer(Struct, frozen=True):
    """What one worker says of a heap: ``settled`` is a bit a row in hexadecimal, the lowest for the first."""

    id: int
    settled: str
    refused: list[RowRefused] = []


class _WholeHeap(Struct, frozen=True):
    rows: list[PushedRow]


class _Named(Struct, frozen=True):
    device: str = ""


_rows_at_once = msgspec.json.Decoder(_WholeHeap)
_row = msgspec.json.Decoder(PushedRow)
_named = msgspec.json.Decoder(_Named)
_heap = msgspec.json.Decoder(Heap)


def read_heap(payload: bytes) -> tuple[Heap, list[PushedRow | RefusedError]]:
    """Read a heap and its rows; a bad row leaves the others whole.

    Raises
    ------
    msgspec.MsgspecError
        It was not written by a way in.
    """
    heap = _heap.decode(payload)
    try:
        rows: list[PushedRow | RefusedError] = list(_rows_at_once.decode(payload).rows)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        rows = [_read_row(bytes(row)) for row in heap.rows]
    for i, row in enumerate(rows):
        if isinstance(row, PushedRow) and row.attrs:
            try:
                check_attrs(row.attrs)
            except RefusedError as refusal:
                rows[i] = refusal
    return heap, rows


def device_of(row: msgspec.Raw) -> str:
    """Device that a row names which could not be read; empty where even that cannot be."""
    try:
        return _named.decode(row).device[:64]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _read_row(payload: bytes) -> PushedRow | RefusedError:
    try:
        return decode_json(payload, _row)
    except RefusedError as refusal:
        return refusal
