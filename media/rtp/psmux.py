"""Frames out: a program stream (ISO/IEC 13818-1; GB/T 28181-2022, annex C) and its RTP packets (RFC 2250)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from media.rtp.frames import Frame

MOST_PAYLOAD = 1400
MOST_PES = 65_000
STREAM_TYPES: Mapping[str, int] = {
    "mpeg4": 0x10, "h264": 0x1B, "h265": 0x24, "svac": 0x80, "g711a": 0x90, "g711u": 0x91, "g722": 0x92, "g723": 0x93,
    "g729": 0x99, "aac": 0x0F,
}  # fmt: skip
VIDEO_ID, SOUND_ID = 0xE0, 0xC0
RATE = 50_000
"""Of the multiplex, in units of 50 bytes a second: 20 Mbit/s."""
PTS_SPAN = 1 << 33


def _crc_table() -> list[int]:
    table = []
    for i in range(256):
        crc = i << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        table.append(crc)
    return table


_CRC = _crc_table()


def _crc(data: bytes) -> int:
    """CRC-32 of annex A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
    return crc


def _pack_header(time: int) -> bytes:
    """2.5.3.3: the system clock is the frame's own time, its extension zero, nothing stuffed."""
    clock = 1 << 46 | (time >> 30 & 7) << 43 | 1 << 42 | (time >> 15 & 0x7FFF) << 27 | 1 << 26 | (time & 0x7FFF) << 11
    tail = (RATE << 2 | 3).to_bytes(3, "big") + b"\xf8"
    return b"\x00\x00\x01\xba" + (clock | 1 << 10 | 1).to_bytes(6, "big") + tail


def _system_header() -> bytes:
    """2.5.3.5: one stream of pictures with a buffer of 1 MiB, one of sound with one of 4 KiB."""
    body = (1 << 23 | RATE << 1 | 1).to_bytes(3, "big") + bytes([1 << 2, 1 << 5 | 1 << 7 | 1 << 6 | 1, 0x7F])
    body += bytes([VIDEO_ID]) + struct.pack(">H", 0b11 << 14 | 1 << 13 | 1024)
    body += bytes([SOUND_ID]) + struct.pack(">H", 0b11 << 14 | 32)
    return b"\x00\x00\x01\xbb" + struct.pack(">H", len(body)) + body


_SYSTEM = _system_header()


def _stream_map(video: str, sound: str) -> bytes:
    """2.5.4."""
    streams = struct.pack(">BBH", STREAM_TYPES[video], VIDEO_ID, 0)
    if sound:
        streams += struct.pack(">BBH", STREAM_TYPES[sound], SOUND_ID, 0)
    body = b"\xe0\xff\x00\x00" + struct.pack(">H", len(streams)) + streams
    whole = b"\x00\x00\x01\xbc" + struct.pack(">H", len(body) + 4) + body
    return whole + struct.pack(">I", _crc(whole))


def _stamp(time: int) -> bytes:
    """A PTS (2.4.3.7)."""
    return bytes([0x21 | (time >> 29 & 0x0E)]) + struct.pack(
        ">HH", (time >> 14 & 0xFFFE) | 1, (time << 1 & 0xFFFE) | 1
    )  # fmt: skip


def _pes(stream: int, data: bytes, time: int) -> Iterator[bytes]:
    view = memoryview(data)
    for at in range(0, len(data), MOST_PES):
        piece = view[at : at + MOST_PES]
        header = b"\x80\x80\x05" + _stamp(time) if at == 0 else b"\x80\x00\x00"
        yield b"\x00\x00\x01" + bytes([stream]) + struct.pack(">H", len(header) + len(piece)) + header + piece


class PsMuxer:
    """One program stream."""

    def __init__(self) -> None:
        self._video = self._sound = ""

    def mux(self, frame: Frame) -> bytes:
        """A frame as a pack; empty where it is sound before the first picture, or a codec that has no number.

        Each key frame comes with the system header and the map, so that whoever joins can begin there.
        """
        if frame.codec not in STREAM_TYPES:
            return b""
        time = frame.pts % PTS_SPAN
        if not frame.video:
            self._sound = frame.codec
            return b"".join((_pack_header(time), *_pes(SOUND_ID, frame.data, time))) if self._video else b""
        self._video = frame.codec
        head = [_pack_header(time)]
        if frame.key:
            head += [_SYSTEM, _stream_map(frame.codec, self._sound)]
        return b"".join((*head, *_pes(VIDEO_ID, frame.data, time)))


class Packets:
    """RTP packets of one source (RFC 3550).

    Parameters
    ----------
    ssrc, type_ : int
        The source's number and the payload's.
    """

    def __init__(self, ssrc: int, type_: int = 96) -> None:
        self._ssrc, self._type = ssrc, type_
        self._sequence = 0

    def of(self, data: bytes, time: int, *, marker: bool = True) -> Iterator[bytes]:
        """The packets of one frame; the marker is on the last, where there is one."""
        for at in range(0, len(data), MOST_PAYLOAD):
            last = marker and at + MOST_PAYLOAD >= len(data)
            head = struct.pack(
                ">BBHII", 0x80, self._type | last << 7, self._sequence, time & 0xFFFFFFFF, self._ssrc
            )  # fmt: skip
            self._sequence = self._sequence + 1 & 0xFFFF
            yield head + data[at : at + MOST_PAYLOAD]
