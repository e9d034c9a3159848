"""MPEG-PS in RTP as GB/T 28181, annex C, has it (ISO/IEC 13818-1; RFC 2250, RFC 3550, RFC 4571)."""

from __future__ import annotations

import struct

MOST_PAYLOAD = 1400
MOST_PES = 65_000
STREAM_TYPES = {"h264": 0x1B, "h265": 0x24}


def _stamp(prefix: int, value: int) -> bytes:
    """A 33-bit time in five bytes."""
    return bytes(
        [
            prefix << 4 | (value >> 30 & 7) << 1 | 1,
            value >> 22 & 0xFF,
            (value >> 15 & 0x7F) << 1 | 1,
            value >> 7 & 0xFF,
            (value & 0x7F) << 1 | 1,
        ]
    )


def _pack(time: int) -> bytes:
    bits = 0b01 << 46
    bits |= (time >> 30 & 7) << 43 | 1 << 42 | (time >> 15 & 0x7FFF) << 27 | 1 << 26 | (time & 0x7FFF) << 11 | 1 << 10
    bits |= 1  # extension 0
    return b"\x00\x00\x01\xba" + bits.to_bytes(6, "big") + bytes([0x01, 0x89, 0xC3, 0xF8])


SYSTEM = b"\x00\x00\x01\xbb" + struct.pack(">H", 12) + bytes.fromhex("80c4e1 04e1 ff e0e0e8 c0c020".replace(" ", ""))


def _map(codec: str) -> bytes:
    streams = struct.pack(">BBH", STREAM_TYPES[codec], 0xE0, 0) + struct.pack(">BBH", 0x90, 0xC0, 0)
    body = b"\xe1\xff" + struct.pack(">H", 0) + struct.pack(">H", len(streams)) + streams
    whole = b"\x00\x00\x01\xbc" + struct.pack(">H", len(body) + 4) + body
    return whole + struct.pack(">I", _crc(whole))


def _crc(data: bytes) -> int:
    """CRC-32 of MPEG-2 systems (annex A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def frame(data: bytes, key: bool, time: int, codec: str = "h264") -> bytes:
    """One picture as a program stream pack; ``time`` in ticks of 90 kHz."""
    out = [_pack(time & (1 << 33) - 1)]
    if key:
        out += [SYSTEM, _map(codec)]
    for at in range(0, len(data), MOST_PES):
        piece = data[at : at + MOST_PES]
        header = b"\x80\x80\x05" + _stamp(0b0010, time & (1 << 33) - 1) if at == 0 else b"\x80\x00\x00"
        out.append(b"\x00\x00\x01\xe0" + struct.pack(">H", len(header) + len(piece)) + header + piece)
    return b"".join(out)


def sound(data: bytes, time: int) -> bytes:
    """G.711 of one picture's time."""
    header = b"\x80\x80\x05" + _stamp(0b0010, time & (1 << 33) - 1)
    return b"\x00\x00\x01\xc0" + struct.pack(">H", len(header) + len(data)) + header + data


def packets(data: bytes, sequence: int, time: int, ssrc: int, payload_type: int = 96) -> list[bytes]:
    """RTP packets of one frame, the marker on the last."""
    pieces = [data[at : at + MOST_PAYLOAD] for at in range(0, len(data), MOST_PAYLOAD)]
    last = len(pieces) - 1
    return [
        struct.pack(
            ">BBHII", 0x80, payload_type | (0x80 if i == last else 0), sequence + i & 0xFFFF, time & 0xFFFFFFFF, ssrc
        )
        + piece
        for i, piece in enumerate(pieces)
    ]
