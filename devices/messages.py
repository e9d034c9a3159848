"""Messages of the MQTT protocol, version 1: their shape, and how a payload becomes rows or refusals.

The field reference for makers of devices is ``docs/protocols/mqtt.md``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from devices.exceptions import RefusedError

MOST_BYTES = 256 * 1024
MOST_ROWS = 1000
MOST_ATTRS_BYTES = 4096
MOST_ATTRS_DEPTH = 32
MOST_NUMBER = 2**53

Number = Annotated[int, Meta(ge=1, le=MOST_NUMBER)]
Epoch = Annotated[int, Meta(ge=0, le=MOST_NUMBER)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e14)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
AltM = Annotated[float, Meta(ge=-1000, le=100_000)]
SpeedMS = Annotated[float, Meta(ge=0, le=400)]
HeadingDeg = Annotated[float, Meta(ge=0, le=360)]
AccuracyM = Annotated[float, Meta(ge=0, le=100_000)]


class Position(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One position: degrees in the device's registered datum, metres, seconds."""

    time: str | Milliseconds
    lon: Lon
    lat: Lat
    seq: Number | None = None
    epoch: Epoch = 0
    oldest: Number | None = None
    alt_m: AltM | None = None
    speed_m_s: SpeedMS | None = None
    heading_deg: HeadingDeg | None = None
    accuracy_m: AccuracyM | None = None
    working: bool | None = None
    attrs: dict[str, Any] | None = None


class PowerStatus(Struct, forbid_unknown_fields=True, frozen=True):
    """The device was switched on or off."""

    time: str | Milliseconds
    power: Literal["on", "off"]
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    firmware: Annotated[str, Meta(max_length=64)] | None = None


class Event(Struct, forbid_unknown_fields=True, frozen=True):
    """Something happened that is no position."""

    time: str | Milliseconds
    code: Annotated[str, Meta(min_length=1, max_length=64)]
    text: Annotated[str, Meta(max_length=512)] | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    attrs: dict[str, Any] | None = None


class Reply(Struct, forbid_unknown_fields=True, frozen=True):
    """Answer to a command."""

    id: Number
    result: Literal["ok", "refused", "failed"]
    text: Annotated[str, Meta(max_length=512)] | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be taken. ``seq`` is None where not even its number could be read."""

    refusal: RefusedError
    seq: int | None
    epoch: int
    oldest: int | None


_position = msgspec.json.Decoder(Position)
_decoders: dict[str, msgspec.json.Decoder] = {
    "status": msgspec.json.Decoder(PowerStatus),
    "event": msgspec.json.Decoder(Event),
    "reply": msgspec.json.Decoder(Reply),
}
# Only the field: what lies deeper is the device's own, and a reason is a name out of a short list.
_FIELD = re.compile(r" - at `\$\.?(?P<field>\w*)[^`]*`$")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def read_position(payload: bytes) -> Position | BadRow:
    """Read the payload of ``pos``, or one row of ``batch``: a position, or why it is none that can be taken."""
    try:
        if len(payload) <= MOST_BYTES:
            row = _position.decode(payload)
            if row.attrs is None:
                return row
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return _read_carefully(payload)


def read_batch(payload: bytes) -> list[Position | BadRow]:
    """Read the payload of ``batch``: each row stands for itself, a bad one leaves the others whole.

    Raises
    ------
    RefusedError
        The payload as a whole cannot be read.
    """
    raw = decode_json(payload, _BATCH)
    if len(raw.rows) > MOST_ROWS:
        raise RefusedError("batch_too_long", f"{len(raw.rows)} rows; at most {MOST_ROWS}")
    return [read_position(bytes(row)) for row in raw.rows]


def read_other(channel: str, payload: bytes) -> PowerStatus | Event | Reply:
    """Read the payload of ``status``, ``event`` or ``reply``.

    Raises
    ------
    RefusedError
        It cannot be taken.
    """
    message = decode_json(payload, _decoders[channel])
    check_attrs(getattr(message, "attrs", None))
    _check_text(*(getattr(message, name, None) for name in ("text", "code", "firmware")))
    return message


def time_us(value: str | float) -> int:
    """Microseconds since 1970-01-01 UTC of a message's ``time``.

    Raises
    ------
    RefusedError
        It is no time, or one without a zone.
    """
    if isinstance(value, str):
        try:
            stamp = datetime.fromisoformat(value)
        except ValueError:
            raise RefusedError("wrong_type", f"time: {value[:40]!r} is no RFC 3339 time") from None
        if stamp.tzinfo is None:
            raise RefusedError("wrong_type", f"time: {value[:40]!r} has no zone; end it with Z or +08:00")
        try:
            return round(stamp.timestamp() * 1_000_000)
        except (OverflowError, ValueError):
            raise RefusedError("wrong_type", f"time: {value[:40]!r} is out of range") from None
    return round(value * 1000)


class _Batch(Struct, forbid_unknown_fields=True):
    rows: list[msgspec.Raw]


_BATCH = msgspec.json.Decoder(_Batch)


def decode_json(payload: bytes, decoder: msgspec.json.Decoder) -> Any:
    """Decode a payload of the size that one message may have.

    Raises
    ------
    RefusedError
        It cannot be taken; says which field is to blame.
    """
    if len(payload) > MOST_BYTES:
        raise RefusedError("payload_too_large", f"more than {MOST_BYTES} bytes")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(*_not_json(payload, str(error))) from None


def _read_carefully(payload: bytes) -> Position | BadRow:
    """As :func:`read_position`, and says what is wrong."""
    try:
        row = decode_json(payload, _position)
        check_attrs(row.attrs)
    except RefusedError as refusal:
        return BadRow(refusal, *_salvage_number(payload))
    return row


def _refusal(text: str) -> RefusedError:
    """Reason and detail from msgspec's words."""
    place = _FIELD.search(text)
    field = place["field"] if place else ""
    if text.startswith("Object missing required field"):
        return RefusedError("missing_field", text)
    if text.startswith("Object contains unknown field"):
        return RefusedError("unknown_field", text)
    if text.startswith("Number out of range") or re.search(r"Expected `[^`]+` (>=|<=|>|<)", text):
        return RefusedError(f"out_of_range_{field}" if field else "out_of_range", text)
    return RefusedError("wrong_type", text)


def _not_json(payload: bytes, said: str) -> tuple[str, str]:
    """Tell NaN and infinities, which JSON does not have, from plain rubbish."""
    strangers: list[str] = []
    try:
        json.loads(payload, parse_constant=strangers.append)
    except (ValueError, RecursionError):
        return "not_json", said
    return ("not_finite", f"{strangers[0]} is no number in JSON") if strangers else ("not_json", said)


def _salvage_number(payload: bytes) -> tuple[int | None, int, int | None]:
    """Number, epoch and oldest of a row that is refused, so that its device need not send it for ever."""
    if len(payload) > MOST_BYTES:
        return None, 0, None
    try:
        row = json.loads(payload)
    except (ValueError, RecursionError):
        return None, 0, None
    if not isinstance(row, dict):
        return None, 0, None

    def whole(name: str, least: int) -> int | None:
        value = row.get(name)
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST_NUMBER
        return value if good else None

    epoch = whole("epoch", 0) if "epoch" in row else 0
    return (None, 0, None) if epoch is None else (whole("seq", 1), epoch, whole("oldest", 1))


def check_attrs(attrs: dict[str, Any] | None) -> None:
    """Refuse ``attrs`` that are too large, too deep, or that the database cannot store.

    Raises
    ------
    RefusedError
        ``out_of_range_attrs``.
    """
    if attrs is None:
        return
    text = msgspec.json.encode(attrs)
    if len(text) > MOST_ATTRS_BYTES:
        raise RefusedError("out_of_range_attrs", f"attrs: {len(text)} bytes; at most {MOST_ATTRS_BYTES}")
    _check_depth(attrs, MOST_ATTRS_DEPTH)
    if _NUL.search(text):
        raise RefusedError("out_of_range_attrs", "attrs: the character U+0000 cannot be stored")


def _check_text(*values: str | None) -> None:
    if any(value and "\x00" in value for value in values):
        raise RefusedError("wrong_type", "the character U+0000 cannot be stored")


def _check_depth(value: Any, left: int) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not left:
        raise RefusedError("out_of_range_attrs", f"attrs: at most {MOST_ATTRS_DEPTH} levels")
    for item in inner:
        _check_depth(item, left - 1)
