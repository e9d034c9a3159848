"""Pictures or sound on their way through a decoder and an encoder, on a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

import av
from prometheus_client import Counter, Gauge

from media.exceptions import NotOfferedError
from media.rtp.frames import Frame
from media.rtp.receiving import Sink
from media.streams.source import Running
from media.streams.stream import Joined
from media.streams.streams import Streams

logger = logging.getLogger(__name__)

QUEUED = 50


class Coder(Protocol):
    """One decoder and one encoder."""

    def __call__(self, frame: Frame, /) -> list[Frame]:
        """What becomes of a frame; nothing yet, at times.

        Raises
        ------
        av.FFmpegError, ValueError
            This one is of no use; the next may be.
        """


class Budget:
    """How many may run at once.

    Parameters
    ----------
    refusal : str
        What is said to whoever comes after.
    """

    def __init__(self, most: int, refusal: str, gauge: Gauge, behind: Counter) -> None:
        self.most, self.running, self.behind = most, 0, behind
        self._refusal, self._gauge = refusal, gauge

    def take(self) -> None:
        """One more.

        Raises
        ------
        NotOfferedError
            Enough are running already.
        """
        if self.running >= self.most:
            raise NotOfferedError(self._refusal.format(most=self.most))
        self.running += 1
        self._gauge.set(self.running)

    def give_back(self) -> None:
        """One less."""
        self.running -= 1
        self._gauge.set(self.running)


class CodedSource:
    """Another stream's pictures or sound, decoded and encoded again; see :class:`media.streams.source.Source`.

    Parameters
    ----------
    key : int
        Of the other stream.
    make : callable
        Gives a coder.
    video : bool
        Whether it is for pictures; sound then goes by untouched, while pictures do not go by a coder for sound.
    """

    def __init__(self, budget: Budget, streams: Streams, key: int, make: Callable[[], Coder], *, video: bool) -> None:
        self._budget, self._streams, self._key, self._make, self._video = budget, streams, key, make, video

    async def open(self, sink: Sink) -> Running:
        """Begin.

        Raises
        ------
        MediaError
            Enough are running already, or there are no pictures.
        """
        self._budget.take()
        worker = _Worker(sink, self._budget, self._make(), video=self._video)
        try:
            worker.joined = await self._streams.join(self._key, worker)
        except BaseException:
            await worker.stop()
            raise
        return worker


class _Worker:
    """A sink whose frames go through a coder on a thread of its own."""

    def __init__(self, sink: Sink, budget: Budget, coder: Coder, *, video: bool) -> None:
        self._sink, self._budget, self._coder, self._video = sink, budget, coder, video
        self._loop = asyncio.get_running_loop()
        self._queue: queue.Queue[Frame | None] = queue.Queue(QUEUED)
        self._skipping = False
        self._over = False
        self.joined: Joined | None = None
        self._thread = threading.Thread(target=self._work, name="coding", daemon=True)
        self._thread.start()

    def frame(self, frame: Frame) -> None:
        if frame.video is not self._video:
            if self._video:
                self._sink.frame(frame)
            return
        if self._skipping and not frame.key:
            self._budget.behind.inc()
            return
        try:
            self._queue.put_nowait(frame)
            self._skipping = False
        except queue.Full:
            self._skipping = self._video  # sound can be taken up anywhere
            self._budget.behind.inc()

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
        self._budget.give_back()

    def _work(self) -> None:
        said = False
        while (frame := self._queue.get()) is not None:
            try:
                made = self._coder(frame)
            except (av.FFmpegError, ValueError) as error:
                if not said:
                    said = True
                    logger.warning("transcoding: frames of %s cannot be decoded: %s", frame.codec, error)
                continue
            said = False
            for each in made:
                self._loop.call_soon_threadsafe(self._give, each)

    def _give(self, frame: Frame) -> None:
        if not self._over:
            self._sink.frame(frame)
