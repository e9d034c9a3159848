"""JT/T 808-2013 and 808-2019: what bodies of messages mean. Pure: no socket, no clock.

Source: JT/T 808-2013 and JT/T 808-2019 (道路运输车辆卫星定位系统 终端通讯协议及数据格式), chapter on bodies; reference:
``docs/protocols/jt808.md``. Numbers are big-endian, texts GBK, times BCD in UTC+8. How messages are framed:
:mod:`devices.protocols.jt808_frames`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from devices.exceptions import RefusedError
from devices.protocols.jt808_frames import MOST_BODY, Message

GENERAL, HEARTBEAT, LOGOUT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0003, 0x0100, 0x0102
LOCATION, LOCATION_ANSWER, LOCATIONS = 0x0200, 0x0201, 0x0704
ANSWER, REGISTERED, PARAMETERS, CONTROL, QUERY, TEXT = 0x8001, 0x8100, 0x8103, 0x8105, 0x8201, 0x8300

OK, FAILED, WRONG, UNSUPPORTED = range(4)
"""Results of a general answer, either way."""
NEW, TERMINAL_TAKEN, NO_TERMINAL = 0, 3, 4
"""Results of a registration."""

MOST_LOCATIONS = 500
REPORT_INTERVAL = 0x0029
RESTART = 4
BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Location:
    """A position report; units are the platform's. ``located``: whether the receiver had a fix."""

    located: bool
    sos: bool
    time_ms: int
    lon: float
    lat: float
    alt_m: float
    speed_m_s: float
    heading_deg: float
    engine_on: bool
    attrs: dict[str, Any]


def read_authentication(message: Message) -> str:
    """The authentication code that a terminal shows.

    Raises
    ------
    RefusedError
        ``bad_frame``.
    """
    body = message.body
    if message.edition == 2019:
        if not body or len(body) < 1 + body[0]:
            raise RefusedError("bad_frame", "the authentication code is cut off")
        body = body[1 : 1 + body[0]]
    return _text(body)


_LOCATION = struct.Struct(">IIIIhHH6s")
# Additional items that are kept: name, form, and what one of it is.
_ITEMS: dict[int, tuple[str, str, float]] = {
    0x01: ("mileage_km", ">I", 0.1),
    0x02: ("fuel_l", ">H", 0.1),
    0x03: ("recorder_speed_km_h", ">H", 0.1),
    0x04: ("alarm_event", ">H", 1),
    0x25: ("vehicle_signals", ">I", 1),
    0x2A: ("io_status", ">H", 1),
    0x2B: ("analog", ">I", 1),
    0x30: ("signal", ">B", 1),
    0x31: ("satellites", ">B", 1),
}


def read_location(body: bytes) -> Location:
    """A position report (0x0200); items that are not known are passed over.

    Raises
    ------
    RefusedError
        ``bad_frame``: cut off, or no time.
    """
    if len(body) < _LOCATION.size:
        raise RefusedError("bad_frame", f"a position of {len(body)} bytes; at least {_LOCATION.size}")
    alarm, status, lat, lon, alt, speed, heading, stamp = _LOCATION.unpack_from(body)
    attrs: dict[str, Any] = {"alarm": alarm} if alarm else {}
    at = _LOCATION.size
    while at < len(body):
        if len(body) < at + 2 or len(body) < at + 2 + body[at + 1]:
            raise RefusedError("bad_frame", "an additional item is cut off")
        name, form, unit = _ITEMS.get(body[at], ("", "", 0))
        if name and struct.calcsize(form) == body[at + 1]:
            (value,) = struct.unpack_from(form, body, at + 2)
            attrs[name] = round(value * unit, 1) if unit != 1 else value
        at += 2 + body[at + 1]
    return Location(
        located=bool(status & 2),
        sos=bool(alarm & 1),
        time_ms=_time_ms(stamp),
        lon=(-lon if status & 8 else lon) / 1e6,
        lat=(-lat if status & 4 else lat) / 1e6,
        alt_m=float(alt),
        speed_m_s=round(speed / 36, 3),
        heading_deg=float(heading),
        engine_on=bool(status & 1),
        attrs=attrs,
    )


def read_locations(message: Message) -> list[Location]:
    """The positions of 0x0200, 0x0201 (an answer to a query) or 0x0704 (several at once).

    Raises
    ------
    RefusedError
        ``bad_frame``: none of them is taken.
    """
    body = message.body
    if message.id == LOCATION:
        return [read_location(body)]
    if message.id == LOCATION_ANSWER:
        return [read_location(body[2:])]
    if len(body) < 3:
        raise RefusedError("bad_frame", "positions without their number")
    (count,) = struct.unpack_from(">H", body)
    if not 1 <= count <= MOST_LOCATIONS:
        raise RefusedError("bad_frame", f"{count} positions; 1 to {MOST_LOCATIONS}")
    found, at = [], 3
    for _ in range(count):
        length = int.from_bytes(body[at : at + 2], "big")
        if not length or len(body) < at + 2 + length:
            raise RefusedError("bad_frame", "positions are cut off")
        found.append(read_location(body[at + 2 : at + 2 + length]))
        at += 2 + length
    return found


def read_result(message: Message) -> tuple[int, int]:
    """Serial number that a terminal answers to, and the result (0x0001; 0x0201 has none and means success).

    Raises
    ------
    RefusedError
        ``bad_frame``.
    """
    if len(message.body) < (5 if message.id == GENERAL else 2):
        raise RefusedError("bad_frame", "an answer that is cut off")
    (serial,) = struct.unpack_from(">H", message.body)
    return serial, message.body[4] if message.id == GENERAL else OK


def general_answer(to: Message, result: int) -> bytes:
    """Body of 0x8001."""
    return struct.pack(">HHB", to.serial, to.id, result)


def registration_answer(to: Message, result: int, code: str = "") -> bytes:
    """Body of 0x8100."""
    return struct.pack(">HB", to.serial, result) + code.encode("gbk")


def command_of(name: str, args: dict[str, Any], edition: int) -> tuple[int, bytes]:
    """Message and body that ask a terminal for what a command of the platform says.

    Raises
    ------
    ValueError
        The protocol has nothing of the kind, or not with these arguments.
    """
    if name == "locate":
        return QUERY, b""
    if name == "interval":
        seconds = round(float(args["seconds"]))
        if not 1 <= seconds <= 3600:
            raise ValueError("seconds must be 1 to 3600")
        return PARAMETERS, struct.pack(">BIBI", 1, REPORT_INTERVAL, 4, seconds)
    if name == "restart":
        return CONTROL, bytes([RESTART])
    if name == "text":
        # 0x04: to be shown on the terminal's display; 2019 adds what kind of text it is: 1 a notice.
        head = b"\x04\x01" if edition == 2019 else b"\x04"
        return TEXT, (head + str(args["text"]).encode("gbk", "replace"))[:MOST_BODY]
    raise ValueError(f"JT/T 808 has no command {name}")


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("gbk", "replace").strip()


def _time_ms(stamp: bytes) -> int:
    digits = stamp.hex()
    try:
        at = datetime.strptime(digits, "%y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError:
        raise RefusedError("bad_frame", f"{digits} is no time") from None
    return int(at.astimezone(UTC).timestamp() * 1000)
