"""One RTP stream to one browser (RFC 3550): numbers, times, reports, and packets once more where some were lost."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable, Sequence

from aiortc.rtp import RTCP_PSFB_FIR, RTCP_PSFB_PLI, RTCP_RTPFB_NACK, RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket
from prometheus_client import Counter

HISTORY = 512
"""Packets that can be sent again: a second of 4 Mbit/s."""
REPORT_S = 2.0
NTP_EPOCH_S = 2_208_988_800
_HEADER = struct.Struct(">BBHII")
_REPORT = struct.Struct(">BBHIIIIII")

again_total = Counter("sandtable_whep_resent", "RTP packets sent once more because a browser missed them")
pli_total = Counter("sandtable_whep_pli", "Key frames browsers asked for; they get the camera's next")


class Outgoing:
    """A stream.

    Parameters
    ----------
    send : callable
        Gets plain RTP and RTCP packets.
    clock_hz : int
        Of its timestamps; may be changed where another codec follows.
    """

    def __init__(self, send: Callable[[bytes], None], clock_hz: int) -> None:
        self._ssrc = secrets.randbits(31) | 1  # the name by which aiortc's router of RTCP knows it
        self._send, self.clock_hz = send, clock_hz
        self._sequence = secrets.randbits(15)
        self._shift = secrets.randbits(31)
        self._history: dict[int, bytes] = {}
        self._reported_s = 0.0
        self.packets = self.octets = 0
        self.lost = 0
        """As the browser last reported."""

    @property
    def ssrc(self) -> int:
        """Its number."""
        return self._ssrc

    def packetise(self, payloads: Sequence[bytes], type_: int, pts: int, *, marked: bool) -> list[bytes]:
        """RTP packets of one frame.

        Parameters
        ----------
        pts : int
            In ticks of 90 kHz.
        marked : bool
            Whether the last of them ends a picture.
        """
        stamp = (pts * self.clock_hz // 90_000 + self._shift) & 0xFFFFFFFF
        sequence, ssrc, pack = self._sequence, self._ssrc, _HEADER.pack
        last = len(payloads) - 1
        packets = []
        history = self._history
        for i, payload in enumerate(payloads):
            kind = type_ | 0x80 if marked and i == last else type_
            packet = pack(0x80, kind, sequence, stamp, ssrc) + payload
            packets.append(packet)
            history[sequence] = packet
            history.pop((sequence - HISTORY) & 0xFFFF, None)
            sequence = (sequence + 1) & 0xFFFF
            self.octets += len(payload)
        self._sequence = sequence
        self.packets += len(packets)
        now = time.time()
        if now - self._reported_s > REPORT_S:
            self._reported_s = now
            packets.append(self._report(now, stamp))
        return packets

    def _report(self, now: float, stamp: int) -> bytes:
        """Sender report (6.4.1): browsers keep sound and pictures together by it."""
        seconds = int(now)
        fraction = int((now - seconds) * (1 << 32))
        return _REPORT.pack(
            0x80,
            200,
            6,
            self._ssrc,
            (seconds + NTP_EPOCH_S) & 0xFFFFFFFF,
            fraction,
            stamp,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )

    async def _handle_rtcp_packet(self, packet: object) -> None:
        """What the browser says; called by aiortc."""
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            for number in packet.lost[:HISTORY]:
                if (kept := self._history.get(number)) is not None:
                    again_total.inc()
                    self._send(kept)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            pli_total.inc()
        elif isinstance(packet, RtcpRrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self.lost = report.packets_lost
