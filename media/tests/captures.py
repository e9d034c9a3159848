"""SIP messages out of the real captures, where they are beside the checkout."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared/data/video-gb28181"
if not FOLDER.exists():
    FOLDER = Path(__file__).resolve().parents[2] / "../shared/data/video-gb28181"


def datagrams(name: str) -> list[bytes]:
    """UDP payloads of a pcapng file, in order; Ethernet and IPv4 without options."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip("the real captures are not beside the checkout")
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:  # enhanced packet block
            captured = struct.unpack_from("<I", data, at + 20)[0]
            packet = data[at + 28 : at + 28 + captured]
            size = struct.unpack_from(">H", packet, 38)[0]
            found.append(packet[42 : 34 + size])
        at += length
    return found


def rtp_packets() -> list[bytes]:
    """The real RTP packets with MPEG-PS."""
    path = FOLDER / "gb28181_rtp_ps_h265_first4.hex"
    if not path.exists():
        pytest.skip("the real captures are not beside the checkout")
    return [bytes.fromhex(line) for line in path.read_text().split()]
