"""One stream: a source that is open as long as somebody wants it, and what it gives handed to everybody alike."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from media.exceptions import MediaError, NotOfferedError
from media.rtp.frames import Frame
from media.rtp.receiving import Sink
from media.streams.gop import Clock, Gop
from media.streams.health import Health, faults_total, reopened_total
from media.streams.source import Counted, Running, Source

logger = logging.getLogger(__name__)

GRACE_S = 10.0
"""A wall that changes its page comes back: the camera is not called anew for it."""
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_S = 30.0
"""A source that held for so long is tried again at once when it is lost."""


class State(Enum):
    """Where a stream is in its life."""

    OPENING = "opening"
    RUNNING = "running"
    WAITING = "waiting"
    """The source is lost; it is tried again."""
    CLOSED = "closed"


TRANSITIONS = {
    State.OPENING: {State.RUNNING, State.CLOSED},
    State.RUNNING: {State.WAITING, State.CLOSED},
    State.WAITING: {State.RUNNING, State.CLOSED},
    State.CLOSED: set[State](),
}


class Joined:
    """A sink's place in a stream."""

    def __init__(self, stream: Stream, sink: Sink) -> None:
        self.stream, self.sink = stream, sink
        self.began = False
        """Whether it has had a key frame: nothing is given before one."""
        self.left = False

    def leave(self) -> None:
        """Give no more; the stream closes a while after its last one. Twice does no harm."""
        self.stream.drop(self)


class Stream:
    """The pictures of one channel.

    Parameters
    ----------
    channel : int
        Primary key of :class:`media.models.Channel`.
    source_of : callable
        Finds its source.
    on_closed : callable
        Told once, when it is closed and everything let go.
    after : awaitable, optional
        To be waited for before the source is opened: the same channel's stream that is just closing.
    """

    def __init__(
        self,
        channel: int,
        source_of: Callable[[int], Awaitable[Source]],
        on_closed: Callable[[Stream], None],
        after: Awaitable[Any] | None = None,
    ) -> None:
        self.channel, self._source_of, self._on_closed = channel, source_of, on_closed
        self.state, self.why = State.OPENING, ""
        self.codec = self.sound = ""
        self.health = Health()
        self._sinks: list[Joined] = []
        self._waiting = 0
        self._gop, self._clock = Gop(), Clock()
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._grace: asyncio.TimerHandle | None = None
        self._feed: _Feed | None = None
        self.task = self._loop.create_task(self._run(after))

    @property
    def viewers(self) -> int:
        """Sinks that share it."""
        return len(self._sinks)

    @property
    def missing(self) -> tuple[int, int]:
        """Packets that its source has lost since it was last opened, and how many of them this machine threw away."""
        running = self._feed.running if self._feed is not None else None
        return (running.lost, running.full) if isinstance(running, Counted) else (0, 0)

    async def join(self, sink: Sink) -> Joined:
        """Give ``sink`` the frames, those since the last key frame first.

        Raises
        ------
        MediaError
            The source could not be opened; the sink has been told nothing.
        """
        self._waiting += 1
        try:
            await asyncio.shield(self._opened)
        finally:
            self._waiting -= 1
            self._settle()
        if self.state is State.CLOSED:
            raise NotOfferedError(self.why or "the stream was closed")
        joined = Joined(self, sink)
        self._sinks.append(joined)
        self._settle()
        for frame in list(self._gop):
            self._give(joined, frame)
        return joined

    def drop(self, joined: Joined) -> None:
        """See :meth:`Joined.leave`."""
        joined.left = True
        with contextlib.suppress(ValueError):
            self._sinks.remove(joined)
        self._settle()

    async def close(self, why: str) -> None:
        """End it for everybody."""
        self.why = why
        self.task.cancel()
        await asyncio.wait([self.task])

    def _settle(self) -> None:
        """Begin to wait for the end where nobody wants it, and cease to where somebody does."""
        wanted = bool(self._sinks or self._waiting)
        if wanted and self._grace is not None:
            self._grace.cancel()
            self._grace = None
        elif not wanted and self._grace is None and self.state is not State.CLOSED:
            self._grace = self._loop.call_later(GRACE_S, self.task.cancel)

    def _turn(self, state: State, why: str = "") -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"a stream does not go from {self.state.value} to {state.value}")
        logger.info("stream %d: %s %s", self.channel, state.value, why)
        self.state, self.why = state, why or (self.why if state is State.CLOSED else "")

    async def _run(self, after: Awaitable[Any] | None) -> None:
        try:
            if after is not None:
                await asyncio.wait([asyncio.ensure_future(after)])
            try:
                feed = await self._open()
            except MediaError as error:
                self._turn(State.CLOSED, str(error))
                self._opened.set_exception(error)
                self._opened.exception()  # whoever asked may be gone: then nobody is told, and that is no fault
                return
            self._turn(State.RUNNING)
            self._opened.set_result(None)
            while True:
                feed = await self._again(feed)
        except asyncio.CancelledError:
            if self.state is not State.CLOSED:
                self._turn(State.CLOSED, self.why)
        except Exception as error:
            logger.exception("stream %d ended by a fault of ours", self.channel)
            self._turn(State.CLOSED, type(error).__name__)
        finally:
            await self._end()

    async def _open(self) -> _Feed:
        feed = self._feed = _Feed(self)
        source = await self._source_of(self.channel)
        feed.running = await source.open(feed)
        feed.since_s = self._loop.time()
        return feed

    async def _again(self, feed: _Feed) -> _Feed:
        """Wait for a source's end, and open it anew."""
        why = await feed.over
        await feed.stop()
        self._turn(State.WAITING, why)
        self._gop.clear()
        for joined in self._sinks:
            joined.began = False  # what comes next refers to nothing that was before
        self._clock.begin()
        steady = self._loop.time() - feed.since_s > STEADY_S
        for delay_s in (0.0, *BACK_OFF_S) if steady else BACK_OFF_S:
            await asyncio.sleep(delay_s)
            if (new := await self._try()) is not None:
                return new
        while True:
            await asyncio.sleep(BACK_OFF_S[-1])
            if (new := await self._try()) is not None:
                return new

    async def _try(self) -> _Feed | None:
        try:
            feed = await self._open()
        except MediaError as error:
            self.why = str(error)
            return None
        self.health.reopened += 1
        reopened_total.inc()
        self._turn(State.RUNNING)
        return feed

    async def _end(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
        if not self._opened.done():
            self._opened.set_exception(NotOfferedError(self.why or "the stream was closed"))
            self._opened.exception()
        sinks, self._sinks = self._sinks, []
        for joined in sinks:
            with contextlib.suppress(Exception):
                joined.sink.ended(self.why)
        self._gop.clear()
        if self._feed is not None:
            await self._feed.stop()
        self._on_closed(self)

    def take(self, frame: Frame) -> None:
        """A frame of the source that is open now."""
        frame = frame._replace(pts=self._clock(frame.pts, self._loop.time()))
        self.health.count(frame)
        if frame.video:
            self.codec = frame.codec
        else:
            self.sound = frame.codec
        self._gop.add(frame)
        for joined in tuple(self._sinks):
            self._give(joined, frame)

    def _give(self, joined: Joined, frame: Frame) -> None:
        if joined.left:
            return
        if not joined.began:
            if frame.video and not frame.key:
                return
            joined.began = frame.video
        try:
            joined.sink.frame(frame)
        except Exception:
            faults_total.inc()
            logger.exception("stream %d: a sink failed and was dropped", self.channel)
            self.drop(joined)
            with contextlib.suppress(Exception):
                joined.sink.ended("sink failed")


class _Feed:
    """What a source is given: it knows whether it is still the one that counts."""

    def __init__(self, stream: Stream) -> None:
        self._stream: Stream | None = stream
        self.running: Running | None = None
        self.since_s = 0.0
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def frame(self, frame: Frame) -> None:
        if self._stream is not None:
            self._stream.take(frame)

    def ended(self, why: str) -> None:
        self._stream = None
        if not self.over.done():
            self.over.set_result(why)

    async def stop(self) -> None:
        self._stream = None
        running, self.running = self.running, None
        if running is not None:
            try:
                await running.stop()
            except Exception:
                logger.exception("a source could not be stopped")
