"""One stream coming in: one sender, packets in order, frames out.

The first packet from where the sender is known to be decides about address and source; what comes from elsewhere is
counted and dropped, and changes nothing. A packet with the very number that was agreed on (``y=``) decides it anew
once, for another may have been quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter

from media.rtp.frames import VIDEO, Frame
from media.rtp.packets import Packet, Reorder, read_packet
from media.rtp.ps import PsDemuxer
from media.rtp.raw import NalJoiner, SoundTaker

lost_total = Counter("sandtable_rtp_lost", "RTP packets of cameras that never came, by their numbers")


class Sink(Protocol):
    """Where frames go."""

    def frame(self, frame: Frame) -> None:
        """Take one."""

    def ended(self, why: str) -> None:
        """Nothing more comes."""


@dataclass
class Counts:
    """What happened so far."""

    packets: int = 0
    bytes: int = 0
    frames: int = 0
    keys: int = 0
    lost: int = 0
    damaged: int = 0
    foreign: int = 0


class _Taker(Protocol):
    @property
    def damaged(self) -> int: ...

    def take(self, packet: Packet, gap: bool) -> None: ...

    def end(self) -> None: ...


class _PsTaker:
    """Program stream in RTP payloads."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._demuxer = PsDemuxer(on_frame)

    @property
    def damaged(self) -> int:
        return self._demuxer.damaged

    def take(self, packet: Packet, gap: bool) -> None:
        if gap:
            self._demuxer.gap()
        self._demuxer.feed(packet.payload, last=packet.marker)

    def end(self) -> None:
        self._demuxer.end()


class Receiving:
    """A stream, wherever its packets come from.

    Parameters
    ----------
    codecs : mapping
        What each payload type is; one that is not among them is taken for a program stream.
    ssrc : int
        The source that was agreed on.
    on_foreign : callable
        Told of the first packet from each wrong sender.
    clock_hz : int
        Of the times of sound.
    """

    def __init__(
        self,
        sink: Sink,
        codecs: Mapping[int, str],
        ssrc: int,
        on_foreign: Callable[[str], None] = lambda _: None,
        clock_hz: int = 8000,
    ) -> None:
        self.counts = Counts()
        self.heard_at = 0.0
        self._sink, self._codecs, self._wanted = sink, dict(codecs), ssrc
        self._on_foreign, self._clock_hz = on_foreign, clock_hz
        self._ssrc: int | None = None
        self._source: object = None
        self._sure = False
        self._order = Reorder()
        self._lost_told = 0
        self._takers: dict[int, _Taker] = {}
        self._foreigners: set[object] = set()
        self._ended = False

    def packet(self, data: bytes, source: object) -> None:
        """Take one packet from ``source``, who may send."""
        packet = read_packet(data)
        if packet is None:
            return
        if (packet.ssrc != self._ssrc or source != self._source) and not self._adopt(packet, source):
            self.foreign(source)
            return
        counts = self.counts
        counts.packets += 1
        counts.bytes += len(data)
        self.heard_at = asyncio.get_running_loop().time()
        for each, gap in self._order.take(packet):
            taker = self._takers.get(each.type) or self._new_taker(each.type)
            taker.take(each, gap)
        if self._order.lost != self._lost_told:
            self._count_lost()

    def _count_lost(self) -> None:
        lost = self._order.lost
        lost_total.inc(lost - self._lost_told)
        self.counts.lost += lost - self._lost_told
        self._lost_told = lost

    def foreign(self, source: object) -> None:
        """Something came from whoever has no business here."""
        self.counts.foreign += 1
        if source not in self._foreigners and len(self._foreigners) < 100:
            self._foreigners.add(source)
            self._on_foreign(str(source))

    def agree(self, ssrc: int | None, codecs: Mapping[int, str]) -> None:
        """The device has answered: with another number perhaps, and with what it will send."""
        if ssrc is not None:
            self._wanted = ssrc
        self._codecs.update(codecs)

    def end(self, why: str) -> None:
        """Nothing more comes; what waits goes out."""
        if self._ended:
            return
        self._ended = True
        for packet, gap in self._order.flush():
            (self._takers.get(packet.type) or self._new_taker(packet.type)).take(packet, gap)
        self._count_lost()
        for taker in self._takers.values():
            taker.end()
        self._sink.ended(why)

    def _adopt(self, packet: Packet, source: object) -> bool:
        """Whether this is the sender from now on: the first, or the right one where another was first."""
        right = packet.ssrc == self._wanted
        if self._ssrc is not None and (self._sure or not right):
            # The same camera, begun anew without a word: from the same place, and sure of nothing so far.
            return False
        if self._ssrc is not None:  # what the wrong one sent is no part of this stream
            self._order = Reorder()
            self._lost_told = 0
            self._takers.clear()
        self._ssrc, self._source, self._sure = packet.ssrc, source, right
        return True

    def _new_taker(self, type_: int) -> _Taker:
        codec = self._codecs.get(type_) or "ps"
        taker: _Taker
        if codec in ("h264", "h265"):
            taker = NalJoiner(codec, self._frame)
        elif codec in ("ps", *VIDEO):
            taker = _PsTaker(self._frame)
        else:
            taker = SoundTaker(codec, self._frame, self._clock_hz)
        self._takers[type_] = taker
        return taker

    def _frame(self, frame: Frame) -> None:
        counts = self.counts
        if frame.video:
            counts.frames += 1
            counts.keys += frame.key
        counts.damaged = sum(taker.damaged for taker in self._takers.values())
        self._sink.frame(frame)
