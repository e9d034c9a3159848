"""H.265 and MPEG-4 for browsers that cannot show them: decoded and encoded again, as another stream.

It is a stream like any other, so all who need it share one encoder. It costs a quarter of a core or more, so there
may be only a few; whoever comes after is told to use a browser that decodes H.265.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from prometheus_client import Counter, Gauge

from media.exceptions import NotOfferedError
from media.rtp.frames import Frame, is_key
from media.rtp.receiving import Sink
from media.streams.source import Running
from media.streams.stream import Joined
from media.streams.streams import Streams

logger = logging.getLogger(__name__)

MOST = 2
"""At once: each takes a quarter to half of a core."""
DECODERS = {"h265": "hevc", "mpeg4": "mpeg4", "h264": "h264"}
QUEUED = 50
CLOCK = Fraction(1, 90_000)
RATE = 25
KEY_EVERY = 2 * RATE
BITS_A_PIXEL = 2.0
"""A second: 1080p gets some 4 Mbit/s at most."""

transcoding = Gauge("sandtable_transcoding", "Streams that are decoded and encoded again")
behind_total = Counter("sandtable_transcoding_dropped", "Pictures not transcoded: the machine was too slow")


def transcoded_key(channel: int) -> int:
    """Under which a channel's transcoded stream is found among the others."""
    return -channel


class Transcoding:
    """Gives transcoded sources, a few at once."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.running = most, 0

    def source(self, streams: Streams, channel: int) -> TranscodedSource:
        """The source of a channel's transcoded stream."""
        return TranscodedSource(self, streams, channel)


class TranscodedSource:
    """See :class:`media.streams.source.Source`."""

    def __init__(self, budget: Transcoding, streams: Streams, channel: int) -> None:
        self._budget, self._streams, self._channel = budget, streams, channel

    async def open(self, sink: Sink) -> Running:
        """Begin.

        Raises
        ------
        MediaError
            Enough are running already, or there are no pictures.
        """
        budget = self._budget
        if budget.running >= budget.most:
            raise NotOfferedError(f"{budget.most} streams are transcoded already, which is the limit")
        budget.running += 1
        transcoding.set(budget.running)
        worker = _Worker(sink, budget)
        try:
            worker.joined = await self._streams.join(self._channel, worker)
        except BaseException:
            await worker.stop()
            raise
        return worker


class _Worker:
    """A sink whose frames go through a decoder and an encoder on a thread of its own."""

    def __init__(self, sink: Sink, budget: Transcoding) -> None:
        self._sink, self._budget = sink, budget
        self._loop = asyncio.get_running_loop()
        self._queue: queue.Queue[Frame | None] = queue.Queue(QUEUED)
        self._skipping = False
        self._over = False
        self.joined: Joined | None = None
        self._thread = threading.Thread(target=self._work, name="transcoding", daemon=True)
        self._thread.start()

    def frame(self, frame: Frame) -> None:
        if not frame.video:
            self._sink.frame(frame)
            return
        if self._skipping and not frame.key:
            behind_total.inc()
            return
        try:
            self._queue.put_nowait(frame)
            self._skipping = False
        except queue.Full:
            self._skipping = True
            behind_total.inc()

    def ended(self, why: str) -> None:
        if not self._over:
            self._sink.ended(why)

    async def stop(self) -> None:
        if self._over:
            return
        self._over = True
        if self.joined is not None:
            self.joined.leave()
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put_nowait(None)
        await asyncio.to_thread(self._thread.join)
        self._budget.running -= 1
        transcoding.set(self._budget.running)

    def _work(self) -> None:
        coder = _Coder()
        while (frame := self._queue.get()) is not None:
            try:
                made = coder(frame)
            except (av.FFmpegError, ValueError) as error:
                logger.warning("transcoding: a picture was skipped: %s", error)
                continue
            for each in made:
                self._loop.call_soon_threadsafe(self._give, each)

    def _give(self, frame: Frame) -> None:
        if not self._over:
            self._sink.frame(frame)


class _Coder:
    """One decoder and one encoder; begun anew where the picture changes its size."""

    def __init__(self) -> None:
        self._decoder: Any = None
        self._codec = ""
        self._encoder: VideoCodecContext | None = None

    def __call__(self, frame: Frame) -> list[Frame]:
        """What becomes of a frame; nothing yet, at times."""
        if frame.codec not in DECODERS:
            raise ValueError(f"{frame.codec} cannot be decoded")
        if frame.codec != self._codec:
            self._codec = frame.codec
            self._decoder = av.CodecContext.create(DECODERS[frame.codec], "r")
        packet = av.Packet(frame.data)
        packet.pts, packet.time_base = frame.pts, CLOCK
        made: list[Frame] = []
        for picture in self._decoder.decode(packet):
            encoder = self._encoder
            if encoder is None or (encoder.width, encoder.height) != (picture.width, picture.height):
                encoder = self._encoder = _new_encoder(picture.width, picture.height)
            picture.pict_type = 0  # the encoder decides where key frames are
            if picture.pts is None:
                picture.pts = frame.pts
            for encoded in encoder.encode(picture.reformat(format="yuv420p")):
                data = bytes(encoded)
                made.append(Frame("h264", data, encoded.pts or frame.pts, is_key(data, "h264")))
        return made


def _new_encoder(width: int, height: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = CLOCK, Fraction(RATE)
    encoder.bit_rate = round(width * height * BITS_A_PIXEL)
    encoder.gop_size = KEY_EVERY
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    return encoder
