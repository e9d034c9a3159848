"""RTP packets (RFC 3550, 5.1) read, and put back in order."""

from __future__ import annotations

import struct
from typing import NamedTuple

MOST_HELD = 256
"""Packets that wait for one before them: about 0.3 s of a stream of 8 Mbit/s."""
RESTART = 3000
"""A number this far from what is expected is a sender that began anew."""


class Packet(NamedTuple):
    """One packet."""

    sequence: int
    time: int
    ssrc: int
    type: int
    marker: bool
    payload: bytes


_HEADER = struct.Struct(">BBHII")


def read_packet(data: bytes) -> Packet | None:
    """Read one packet; None where it is none: RTCP, STUN, or rubbish."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, time, ssrc = _HEADER.unpack_from(data)
    if 72 <= second & 0x7F <= 76:  # RTCP: types 200 to 204, in the place of marker and payload type
        return None
    begins, ends = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if len(data) < begins + 4:
            return None
        begins += 4 + 4 * int.from_bytes(data[begins + 2 : begins + 4], "big")
    if first & 0x20:
        padding = data[-1]
        ends -= padding
        if not padding:
            return None
    if begins > ends:
        return None
    return Packet(sequence, time, ssrc, second & 0x7F, second > 127, data[begins:ends])


class Reorder:
    """Gives packets in the order of their numbers; what does not come is counted and done without.

    Attributes
    ----------
    lost, doubled : int
        Packets that never came, and that came twice or too late.
    """

    def __init__(self) -> None:
        self.lost = self.doubled = 0
        self._next: int | None = None
        self._held: dict[int, Packet] = {}

    def take(self, packet: Packet) -> list[tuple[Packet, bool]]:
        """Take a packet; returns those whose turn it is, each with whether packets before it are missing."""
        expected = self._next
        if expected is None:
            self._next = packet.sequence + 1 & 0xFFFF
            return [(packet, False)]
        if packet.sequence == expected and not self._held:
            self._next = expected + 1 & 0xFFFF
            return [(packet, False)]
        ahead = packet.sequence - expected & 0xFFFF
        if ahead > 0x8000:
            if 0x10000 - ahead > RESTART:
                return self._restart(packet)
            self.doubled += 1
            return []
        if ahead > RESTART:
            return self._restart(packet)
        if packet.sequence in self._held:
            self.doubled += 1
            return []
        self._held[packet.sequence] = packet
        out = self._run(False)
        if len(self._held) > MOST_HELD:
            out += self._skip()
        return out

    def flush(self) -> list[tuple[Packet, bool]]:
        """Give what waits; nothing more will come."""
        out = []
        while self._held:
            out += self._skip()
        return out

    def _run(self, gap: bool) -> list[tuple[Packet, bool]]:
        out: list[tuple[Packet, bool]] = []
        assert self._next is not None, "the first packet has set it"
        while (packet := self._held.pop(self._next, None)) is not None:
            out.append((packet, gap and not out))
            self._next = self._next + 1 & 0xFFFF
        return out

    def _skip(self) -> list[tuple[Packet, bool]]:
        """Wait no longer for what is missing."""
        assert self._next is not None, "the first packet has set it"
        expected = self._next
        nearest = min(self._held, key=lambda sequence: sequence - expected & 0xFFFF)
        self.lost += nearest - expected & 0xFFFF
        self._next = nearest
        return self._run(True)

    def _restart(self, packet: Packet) -> list[tuple[Packet, bool]]:
        out = self.flush()
        self._next = packet.sequence + 1 & 0xFFFF
        return [*out, (packet, True)]
