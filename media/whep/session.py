"""One viewer: a sink of a stream whose frames go to one browser as they are."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from prometheus_client import Counter

from media.rtp.frames import Frame
from media.streams.gop import Gop
from media.whep.ice import Path
from media.whep.offer import VIDEO, Chosen, Offer
from media.whep.outgoing import Outgoing
from media.whep.packing import Packer

logger = logging.getLogger(__name__)

BURST_PACKETS = 24
BURST_S = 0.002
"""Some 120 Mbit/s: what a browser's socket takes without dropping; a key frame is still there within a blink."""
MOST_WAITING = 6000
CATCH_UP_TICKS = 90
"""A millisecond: what was before the viewer came is played as fast as it can be decoded, and what is now is now."""
CONNECT_S = 15.0
SILENT_S = 30.0
"""Consent (RFC 7675): a browser that checks no more is gone."""
VIDEO_CODECS = frozenset(VIDEO.values())
CLOCKS_HZ = {"opus": 48_000, "g711a": 8000, "g711u": 8000}

sent_total = Counter("sandtable_whep_packets", "RTP packets sent to browsers")
slow_total = Counter("sandtable_whep_dropped", "RTP packets not sent: more were waiting than a browser could take")


class Session:
    """What one browser is sent.

    Parameters
    ----------
    path : Path
        The way to it.
    packer : Packer
        Of the channel, shared.
    chosen : sequence of Chosen
        What it takes.
    certificate : RTCCertificate
        The process's.
    on_end : callable
        Told once, with the reason.
    on_foreign : callable
        Told once of each codec that the browser does not take.
    """

    def __init__(
        self,
        path: Path,
        packer: Packer,
        chosen: Sequence[Chosen],
        certificate: RTCCertificate,
        on_end: Callable[[str], None],
        on_foreign: Callable[[str], None],
    ) -> None:
        self.path, self.packer, self._on_end, self._on_foreign = path, packer, on_end, on_foreign
        self._loop = asyncio.get_running_loop()
        self.began_s = self._loop.time()
        self.frames = 0
        self.connected = False
        self.codec = ""
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, path), [certificate])
        self._protect: Callable[[bytes], bytes] | None = None
        self._types: dict[str, int] = {}
        self._ways: dict[str, Outgoing] = {}
        self.sources: dict[int, int] = {}
        for each in chosen:
            way = Outgoing(self._send, 90_000)
            self.sources[each.section] = way.ssrc
            self._dtls._rtp_router.register_sender(way, way.ssrc)
            for codec, type_ in each.types.items():
                self._types[codec], self._ways[codec] = type_, way
        self._foreign: set[str] = set()
        self._early = Gop()
        self._waiting: deque[bytes] = deque()
        self._pump: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def takes(self) -> frozenset[str]:
        """Codecs the browser can be sent."""
        return frozenset(self._types)

    def connect(self, offer: Offer, setup: str) -> None:
        """Begin to connect; the answer is on its way."""
        self.path.role = "controlled" if setup == "active" else "controlling"
        remote = RTCDtlsParameters([RTCDtlsFingerprint(kind, value) for kind, value in offer.fingerprints])
        self._task = self._loop.create_task(self._connect(remote))

    async def _connect(self, remote: RTCDtlsParameters) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.path.found.wait()
                await self._dtls.start(remote)
        except TimeoutError:
            self.end("not connected")
            return
        if self._dtls.state != "connected":
            self.end("handshake failed")
            return
        self._protect = self._dtls._tx_srtp.protect
        self.connected = True
        self._catch_up()
        self._dtls.on("statechange", lambda: self.end("left") if self._dtls.state == "closed" else None)
        while not self._ended:
            await asyncio.sleep(SILENT_S / 6)
            if self._loop.time() - self.path.heard_s > SILENT_S:
                self.end("silent")

    # Frames

    def frame(self, frame: Frame) -> None:
        """Send one, or keep it until the browser is there."""
        if frame.codec not in self._types:
            if frame.codec not in self._foreign:
                self._foreign.add(frame.codec)
                self._on_foreign(frame.codec)
            return
        if not self.connected:
            self._early.add(frame)
            return
        self._forward(frame)

    def ended(self, why: str) -> None:
        """The stream is over."""
        self.end(why or "stream ended")

    def _catch_up(self) -> None:
        early = list(self._early)
        self._early.clear()
        pictures = [frame for frame in early if frame.video]
        for i, frame in enumerate(pictures):
            last = pictures[-1].pts
            self._forward(frame._replace(pts=last - (len(pictures) - 1 - i) * CATCH_UP_TICKS))

    def _forward(self, frame: Frame) -> None:
        type_ = self._types[frame.codec]
        if frame.video:
            self.frames += 1
            self.codec = frame.codec
        way = self._ways[frame.codec]
        way.clock_hz = CLOCKS_HZ.get(frame.codec, 90_000)
        packets = way.packetise(self.packer(frame), type_, frame.pts, marked=frame.video)
        sent_total.inc(len(packets))
        if self._pump is None and len(packets) <= BURST_PACKETS:
            self._send_all(packets)
            return
        if len(self._waiting) > MOST_WAITING:
            slow_total.inc(len(self._waiting))
            self._waiting.clear()
        self._waiting.extend(packets)
        if self._pump is None:
            self._flow()

    def _flow(self) -> None:
        """Send some of what waits, and come back for the rest."""
        waiting = self._waiting
        self._send_all([waiting.popleft() for _ in range(min(BURST_PACKETS, len(waiting)))])
        self._pump = self._loop.call_later(BURST_S, self._flow) if waiting and not self._ended else None

    def _send_all(self, packets: Sequence[bytes]) -> None:
        if (protect := self._protect) is None or self._ended:
            return
        reports = self._dtls._tx_srtp.protect_rtcp
        self.path.send_all(
            [reports(packet) if 192 <= packet[1] <= 223 else protect(packet) for packet in packets]
        )  # fmt: skip

    def _send(self, packet: bytes) -> None:
        self._send_all([packet])

    # The end

    def end(self, why: str) -> None:
        """No more of it. Twice does no harm."""
        if self._ended:
            return
        self._ended = True
        self._on_end(why)
        self._closing = self._loop.create_task(self._close())

    async def closed(self) -> None:
        """Wait until everything is let go, after :meth:`end`."""
        if self._closing is not None:
            await self._closing

    async def _close(self) -> None:
        if self.path.address is not None:
            await self._dtls.stop()  # tells the browser
        self.path.close()
        if self._task is not None:
            self._task.cancel()
