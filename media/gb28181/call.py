"""One stream of a camera that is coming in, as whoever asked for it holds it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from media.exceptions import NotOfferedError
from media.faults import NOT_NOW, STREAM_ENDED
from media.gb28181.sdp import Offer
from media.rtp.frames import Frame
from media.rtp.ports import TcpPort, UdpPort
from media.rtp.receiving import Receiving, Sink
from media.sip.dialogs import Dialog

if TYPE_CHECKING:
    from media.gb28181.calls import Calls

RTSP_TYPE = "Application/MANSRTSP"
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Recorded:
    """A piece of the past: from, to, and how many times faster (0: playback at its own pace)."""

    begins: datetime
    ends: datetime
    download_speed: int = 0


class Once:
    """A sink that is told of the end once, and not at all of one it never saw the beginning of."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.open = True

    def frame(self, frame: Frame) -> None:
        """Pass it on."""
        if self.open:
            self._sink.frame(frame)

    def ended(self, why: str) -> None:
        """Say so, the first time."""
        if self.open:
            self.open = False
            self._sink.ended(why)


class Call:
    """One stream that is coming in, or is about to."""

    def __init__(self, calls: Calls, device: str, channel: str, recorded: Recorded | None, sink: Once) -> None:
        self.device, self.channel, self.recorded, self._calls = device, channel, recorded, calls
        self.sink = sink
        self.offer: Offer | None = None
        self.dialog: Dialog | None = None
        self.receiving: Receiving | None = None
        self.port = 0
        self.paused = False
        self.closing = False
        self._way: UdpPort | TcpPort | None = None
        self._number = itertools.count(1)

    @property
    def session(self) -> str:
        """As the description has it."""
        if self.recorded is None:
            return "Play"
        return "Download" if self.recorded.download_speed else "Playback"

    @property
    def lost(self) -> int:
        """RTP packets that never came."""
        return self.receiving.counts.lost if self.receiving is not None else 0

    @property
    def full(self) -> int:
        """Of those, what this machine threw away because nobody took it in time."""
        return self._way.full if isinstance(self._way, UdpPort) else 0

    async def pause(self) -> None:
        """Stand still (playback).

        Raises
        ------
        MediaError
            It is live, over, or the device does not do that.
        """
        await self._rtsp("PAUSE", "PauseTime: now")
        self.paused = True

    async def resume(self) -> None:
        """Go on; see :meth:`pause`."""
        await self._rtsp("PLAY", "Range: npt=now-")
        self.paused = False

    async def speed(self, times: float) -> None:
        """Play faster or slower: one of :data:`SPEEDS`; see :meth:`pause`."""
        if times not in SPEEDS:
            raise NotOfferedError(f"{NOT_NOW}: speed {times:g}; there are {', '.join(f'{s:g}' for s in SPEEDS)}")
        await self._rtsp("PLAY", f"Scale: {times:g}" if times < 1 else f"Scale: {times:.1f}")

    async def seek(self, seconds: float) -> None:
        """Go to so many seconds from its beginning; see :meth:`pause`."""
        await self._rtsp("PLAY", f"Range: npt={max(0.0, seconds):g}-")

    async def tear_down(self) -> None:
        """Say that no more is wanted; the BYE follows with :meth:`stop`. See :meth:`pause`."""
        await self._rtsp("TEARDOWN")

    async def _rtsp(self, method: str, line: str = "") -> None:
        if self.recorded is None:
            raise NotOfferedError("a live stream has no past and no future")
        if self.dialog is None or self.closing:
            raise NotOfferedError(STREAM_ENDED)
        lines = [f"{method} RTSP/1.0", f"CSeq: {next(self._number)}", *([line] if line else []), "", ""]
        body = "\r\n".join(lines).encode()
        await self._calls.send(self, "INFO", (("content-type", RTSP_TYPE),), body)

    async def stop(self, why: str = "stopped") -> None:
        """Hang up and let go of everything; again does nothing."""
        await self._calls.hang_up(self, why)

    # The calls' side

    async def open(self, bind: str, port: int, ssrc: int, hosts: set[str], setup: str) -> None:
        """Be ready for packets before the camera hears of it."""
        self.port = port
        foreign = self._calls.foreign(self)
        self.receiving = Receiving(self.sink, {96: "ps"}, ssrc, foreign)
        if setup:
            self._way = TcpPort(self.receiving, hosts, lambda: self._calls.connection_lost(self))
            if setup == "passive":
                await self._way.listen(bind, port)
            return
        udp = self._way = UdpPort(self.receiving, hosts)
        udp.listen(bind, port)

    async def agree(self, offer: Offer, observed: str) -> None:
        """The camera has said where it sends from, and what."""
        self.offer = offer
        assert self.receiving is not None and self._way is not None, "open() comes first"
        if offer.host:
            self._way.hosts.add(offer.host)
        self.receiving.agree(offer.ssrc, {type_: codec for type_, codec in offer.codecs.items() if codec})
        if isinstance(self._way, TcpPort) and offer.setup == "passive":
            await self._way.dial(offer.host or observed, offer.port)

    def close(self, why: str) -> None:
        """Let go of the port; the sink hears of the end."""
        if self._way is not None:
            self._way.close()
        if self.receiving is not None:
            self.receiving.end(why)
        else:
            self.sink.ended(why)
