"""JT/T 808-2013 and 808-2019: messages in frames, whole and in parts. Pure: no socket, no clock.

Source: JT/T 808-2013 and JT/T 808-2019 (道路运输车辆卫星定位系统 终端通讯协议及数据格式), chapters on frame and header.
A frame stands between two 0x7E; inside, 0x7E is written 7D 02 and 0x7D is 7D 01; the last byte is the exclusive or of
all before it. What bodies mean: :mod:`devices.protocols.jt808`.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from functools import reduce
from operator import xor
from typing import NamedTuple

from devices.exceptions import RefusedError

MOST_BODY = 1023
MOST_FRAME = 2 * (21 + MOST_BODY + 1)
"""Bytes between two flags, if every one of them were escaped."""


class Message(NamedTuple):
    """A message of either edition. ``phone``: digits without leading zeros; ``part``: total and number from 1."""

    id: int
    phone: str
    serial: int
    body: bytes
    edition: int
    part: tuple[int, int] | None = None


class Framer:
    """Cuts a stream of bytes into frames; rubbish between them is reported and skipped."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes | RefusedError]:
        """Frames that ``data`` completes, without flags and escapes; never holds more than :data:`MOST_FRAME`."""
        found: list[bytes | RefusedError] = []
        *whole, rest = data.split(b"\x7e")
        for piece in whole:
            if self._skipping:
                self._skipping = False
            elif self._rest or piece:
                found.append(self._cut(piece))
            self._rest.clear()
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > MOST_FRAME:
                found.append(RefusedError("bad_frame", f"more than {MOST_FRAME} bytes without an end"))
                self._rest.clear()
                self._skipping = True
        return found

    def _cut(self, piece: bytes) -> bytes | RefusedError:
        text = bytes(self._rest) + piece
        if len(text) > MOST_FRAME:
            return RefusedError("bad_frame", f"{len(text)} bytes in one frame")
        return text.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def read_message(frame: bytes) -> Message:
    """Check a frame and take its header apart.

    Raises
    ------
    RefusedError
        ``bad_frame``: too short, a wrong check code, a length that does not hold, no digits for a number, encrypted.
    """
    if len(frame) < 13:
        raise RefusedError("bad_frame", f"{len(frame)} bytes are no message")
    if reduce(xor, frame):
        raise RefusedError("bad_frame", "wrong check code")
    id_, properties = struct.unpack_from(">HH", frame)
    edition = 2019 if properties & 0x4000 else 2013
    at, digits = (5, 10) if edition == 2019 else (4, 6)
    header = at + digits + 2 + (4 if properties & 0x2000 else 0)
    if properties & 0x1C00:
        raise RefusedError("bad_frame", "encrypted messages are not taken")
    if len(frame) != header + (properties & MOST_BODY) + 1:
        raise RefusedError(
            "bad_frame", f"{len(frame)} bytes where {header + (properties & MOST_BODY) + 1} are declared"
        )
    phone = frame[at : at + digits].hex()
    if not phone.isdecimal():
        raise RefusedError("bad_frame", "the terminal's number is not made of digits")
    (serial,) = struct.unpack_from(">H", frame, at + digits)
    part = struct.unpack_from(">HH", frame, header - 4) if properties & 0x2000 else None
    return Message(id_, phone.lstrip("0") or "0", serial, frame[header:-1], edition, part)


def write_message(message: Message) -> bytes:
    """The frame of a message, flags and escapes included.

    Raises
    ------
    ValueError
        The body is longer than a message may be.
    """
    if len(message.body) > MOST_BODY:
        raise ValueError(f"a body of {len(message.body)} bytes; at most {MOST_BODY}")
    new = message.edition == 2019
    properties = len(message.body) | (0x4000 if new else 0) | (0x2000 if message.part else 0)
    frame = struct.pack(">HH", message.id, properties) + (b"\x01" if new else b"")
    frame += bytes.fromhex(message.phone.zfill(20 if new else 12)) + struct.pack(">H", message.serial)
    frame += (struct.pack(">HH", *message.part) if message.part else b"") + message.body
    frame += bytes([reduce(xor, frame)])
    return b"\x7e" + frame.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


class Parts:
    """Puts messages together that came in parts; holds few at a time, the oldest is given up first."""

    MOST_PARTS, MOST_OPEN, MOST_BYTES = 256, 4, 256 << 10

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[int, int, int], dict[int, bytes]] = OrderedDict()

    def take(self, message: Message) -> Message | None:
        """The whole message once its last part is there, with the serial number of its first part.

        Raises
        ------
        RefusedError
            ``bad_frame``: a part that cannot be, or more than is held.
        """
        if message.part is None:
            return message
        total, number = message.part
        if not 1 <= number <= total <= self.MOST_PARTS:
            raise RefusedError("bad_frame", f"part {number} of {total}")
        key = (message.id, total, (message.serial - number + 1) & 0xFFFF)
        parts = self._open.setdefault(key, {})
        self._open.move_to_end(key)
        parts[number] = message.body
        if len(parts) == total:
            del self._open[key]
            return message._replace(serial=key[2], body=b"".join(parts[n] for n in sorted(parts)), part=None)
        if len(self._open) > self.MOST_OPEN:
            self._open.popitem(last=False)
        if sum(len(body) for held in self._open.values() for body in held.values()) > self.MOST_BYTES:
            self._open.clear()
            raise RefusedError("bad_frame", f"parts of more than {self.MOST_BYTES} bytes")
        return None
