"""RTP out of a TCP connection: two bytes of length before each packet (RFC 4571), or ``$``, channel and length as
some cameras have it from RTSP (RFC 2326, 10.12)."""

from __future__ import annotations

RESYNC_FROM = 64
USUAL_BYTES = 2048
"""A length beyond, and beyond twice the largest so far, is looked at twice."""


class RtpFramer:
    """Takes pieces of a stream, gives packets. Finds its way back after a length that was wrong.

    Attributes
    ----------
    lost : int
        How often it had to.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._held = bytearray()
        self._ssrc = b""
        self._largest = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take a piece; returns the packets that are whole now."""
        held = self._held
        held += data
        found: list[bytes] = []
        at = 0
        while len(held) - at >= 16:
            head = 4 if held[at] == 0x24 and held[at + 1] < 4 and held[at + 4] >> 6 == 2 else 2
            length = int.from_bytes(held[at + head - 2 : at + head], "big")
            if length < 12 or held[at + head] >> 6 != 2 or not self._fits(held, at + head):
                after = self._find(at + 1)
                self.lost += 1
                if after < 0:
                    at = max(at, len(held) - RESYNC_FROM)
                    break
                at = after
                continue
            if len(held) - at < head + length:
                after = self._overrun(at + head) if length > max(USUAL_BYTES, 2 * self._largest) else -1
                if after < 0:
                    break
                self.lost += 1
                at = after
                continue
            packet = bytes(held[at + head : at + head + length])
            if not self._ssrc and not 72 <= packet[1] & 0x7F <= 76:
                self._ssrc = packet[8:12]
            self._largest = max(self._largest, length)
            found.append(packet)
            at += head + length
        del held[:at]
        return found

    def _fits(self, held: bytearray, at: int) -> bool:
        """Whether a packet can begin here: RTCP, or RTP of the source there has been so far."""
        if 72 <= held[at + 1] & 0x7F <= 76 or not self._ssrc:
            return True
        return held[at + 8 : at + 12] == self._ssrc

    def _overrun(self, at: int) -> int:
        """Where the packet after the one at ``at`` begins, though that claims to be longer; -1: nothing says so."""
        following = (int.from_bytes(self._held[at + 2 : at + 4], "big") + 1) & 0xFFFF
        place = self._held.find(self._ssrc, at + 22) if self._ssrc else -1
        while place >= 0:
            start = place - 10
            if (
                self._held[start + 2] >> 6 == 2
                and int.from_bytes(self._held[start + 4 : start + 6], "big") == following
            ):
                return start
            place = self._held.find(self._ssrc, place + 1)
        return -1

    def _find(self, at: int) -> int:
        """Where the next length stands, by the source's number behind it; -1 where that has not come yet."""
        if not self._ssrc:
            return -1
        place = self._held.find(self._ssrc, at + 10)
        while place >= 0:
            start = place - 10
            if start >= at and self._held[start + 2] >> 6 == 2:
                return start
            place = self._held.find(self._ssrc, place + 1)
        return -1
