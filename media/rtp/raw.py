"""Payloads without a program stream around them: H.264 (RFC 6184), H.265 (RFC 7798), AAC (RFC 3640), G.711 …"""

from __future__ import annotations

import struct
from collections.abc import Callable

from media.rtp.frames import Frame, Unwrapper, is_key
from media.rtp.packets import Packet

START = b"\x00\x00\x00\x01"
MOST_FRAME = 8 << 20

OnFrame = Callable[[Frame], None]


class NalJoiner:
    """Pictures of H.264 or H.265 out of RTP payloads.

    Parameters
    ----------
    codec : str
        ``h264`` or ``h265``.
    """

    def __init__(self, codec: str, on_frame: OnFrame) -> None:
        self.damaged = 0
        self._codec, self._on_frame = codec, on_frame
        self._nals: list[bytes] = []
        self._bytes = 0
        self._part: bytearray | None = None
        self._time: int | None = None
        self._unwrap = Unwrapper(32)
        self._hurt = False
        self._broken = True

    def take(self, packet: Packet, gap: bool) -> None:
        """Take the next packet; ``gap``: some before it are missing."""
        if gap:
            self._part = None
            self._hurt = self._broken = True
        if self._time is not None and packet.time != self._time:
            self._picture_ends()
        self._time = packet.time
        try:
            self._payload(packet.payload)
        except (IndexError, struct.error):
            self._hurt = True
            self.damaged += 1
        if packet.marker:
            self._picture_ends()

    def end(self) -> None:
        """Nothing more comes."""
        self._picture_ends()

    def _payload(self, data: bytes) -> None:
        if self._codec == "h264":
            kind, together, parts, header = data[0] & 0x1F, 24, 28, 1
        else:
            kind, together, parts, header = data[0] >> 1 & 0x3F, 48, 49, 2
        if kind == together:
            at = header
            while at + 2 <= len(data):
                (length,) = struct.unpack_from(">H", data, at)
                if not length or at + 2 + length > len(data):
                    raise IndexError
                self._add(data[at + 2 : at + 2 + length])
                at += 2 + length
        elif kind == parts:
            self._fragment(data, header)
        elif kind < together:
            self._add(data)
        else:
            raise IndexError

    def _fragment(self, data: bytes, header: int) -> None:
        mark = data[header]
        if mark & 0x80:
            if self._codec == "h264":
                first = bytes([data[0] & 0xE0 | mark & 0x1F])
            else:
                first = bytes([data[0] & 0x81 | (mark & 0x3F) << 1, data[1]])
            self._part = bytearray(first)
        elif self._part is None:
            self._hurt = True
            return
        self._part += data[header + 1 :]
        if len(self._part) > MOST_FRAME:
            self._part = None
            raise IndexError
        if mark & 0x40:
            self._add(bytes(self._part))
            self._part = None

    def _add(self, nal: bytes) -> None:
        if nal and self._bytes + len(nal) <= MOST_FRAME:
            self._nals.append(nal)
            self._bytes += len(nal)

    def _picture_ends(self) -> None:
        if not self._nals:
            return
        data = START + START.join(self._nals)
        self._nals, self._bytes = [], 0
        key = is_key(data, self._codec)
        if key and not self._hurt:
            self._broken = False
        self._hurt = False
        self._on_frame(Frame(self._codec, data, self._unwrap(self._time or 0), key, self._broken))


class SoundTaker:
    """Sound whose packets are frames: G.711, G.722, G.723, G.729; and AAC with RFC 3640's headers taken off.

    Parameters
    ----------
    clock_hz : int
        Of the RTP times, which are brought to 90 kHz.
    """

    def __init__(self, codec: str, on_frame: OnFrame, clock_hz: int = 8000) -> None:
        self.damaged = 0
        self._codec, self._on_frame, self._clock_hz = codec, on_frame, clock_hz
        self._unwrap = Unwrapper(32)

    def take(self, packet: Packet, gap: bool) -> None:
        """Take the next packet."""
        time = self._unwrap(packet.time) * 90_000 // self._clock_hz
        if self._codec != "aac":
            self._on_frame(Frame(self._codec, packet.payload, time, True, gap))
            return
        for i, unit in enumerate(self._units(packet.payload)):
            self._on_frame(Frame("aac", unit, time + i * 1024 * 90_000 // self._clock_hz, True, gap))

    def end(self) -> None:
        """Every packet was whole."""

    def _units(self, data: bytes) -> list[bytes]:
        """Access units behind AU headers of 16 bits (13 size, 3 index: mode AAC-hbr); ADTS as it is."""
        if data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xF6 == 0xF0:
            return [data]
        count = int.from_bytes(data[:2], "big") // 16
        at, units = 2 + 2 * count, []
        for i in range(count):
            size = int.from_bytes(data[2 + 2 * i : 4 + 2 * i], "big") >> 3
            if at + size > len(data):
                self.damaged += 1
                break
            units.append(data[at : at + size])
            at += size
        return units
