"""What stands at one channel's stream for the recordings: remembers the last while, and records while it is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Protocol

from media.exceptions import MediaError
from media.recordings.recorder import Recorder
from media.recordings.ring import Purse, Ring
from media.recordings.wanting import SECOND_US, Want
from media.recordings.writer import Writer
from media.rtp.frames import Frame
from media.rtp.receiving import Sink

logger = logging.getLogger(__name__)

BACK_OFF_S = (2, 5, 10, 30, 60)
MOST_EARLY = 2000
STUCK_S = 60


class Joined(Protocol):
    """A place in a stream."""

    def leave(self) -> None:
        """Give it up."""


class Join(Protocol):
    """How a channel's stream is joined (:meth:`media.streams.streams.Streams.join`)."""

    async def __call__(self, channel: int, sink: Sink, /) -> Joined:
        """Frames go to the sink from now on.

        Raises
        ------
        MediaError
        """


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class Tap:
    """A sink of one channel, for as long as anything of it is wanted.

    Parameters
    ----------
    channel : int
        Its key.
    """

    def __init__(self, channel: int, want: Want, join: Join, folder: Path, writer: Writer, purse: Purse) -> None:
        self.channel, self.want = channel, want
        self.heard_us = now_us()
        self._join, self._purse = join, purse
        self._recorder = Recorder(channel, folder, writer)
        self._ring: Ring | None = None
        self._early: list[Frame] | None = None
        self._lost = asyncio.Event()
        self._held = self._begun = False
        self._keeping = asyncio.create_task(self._keep())
        self.wants(want, False)

    @property
    def active(self) -> bool:
        """Whether a segment is open."""
        return self._recorder.active

    @property
    def stuck(self) -> bool:
        """Whether recording is wanted and nothing comes that can be kept."""
        silent = now_us() - self.heard_us > STUCK_S * SECOND_US
        return bool(self.want.reasons) and not self._held and (silent or bool(self._recorder.unsupported))

    def wants(self, want: Want, held: bool) -> None:
        """What is wanted now; ``held``: nothing is recorded all the same, for there is no room."""
        self.want = want
        if want.ring_s and (self._ring is None or self._ring.seconds != want.ring_s):
            self._forget()
            self._ring = Ring(want.ring_s, self._purse)
        elif not want.ring_s:
            self._forget()
        self._held = held
        if not want.reasons or held:
            if self._begun:
                self._recorder.stop()
            self._begun = False
        elif not self._begun:
            self._begun = True
            if want.since_us is not None and self._ring is not None:
                for frame, at_us in self._ring.since(want.since_us):
                    self._recorder.take(frame, at_us, want)

    def frame(self, frame: Frame) -> None:
        """Take what comes."""
        if self._early is not None:
            if len(self._early) < MOST_EARLY:
                self._early.append(frame)
            return
        self._take(frame, now_us())

    def ended(self, why: str) -> None:
        """The stream is over; it is joined again."""
        self._recorder.stop()
        self._lost.set()

    async def leave(self) -> None:
        """End."""
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        self._recorder.stop()
        self._forget()

    def _take(self, frame: Frame, at_us: int) -> None:
        if frame.video:
            self.heard_us = at_us
        if self._ring is not None:
            self._ring.push(frame, at_us)
        if self._begun:
            self._recorder.take(frame, at_us, self.want)

    def _forget(self) -> None:
        if self._ring is not None:
            self._ring.clear()
            self._ring = None

    async def _keep(self) -> None:
        """Join, and join again when it is lost."""
        failed = 0
        while True:
            self._lost.clear()
            self._early = []
            try:
                joined = await self._join(self.channel, self)
            except MediaError as error:
                self._early = None
                if not failed:
                    logger.warning("recordings: channel %d gives no pictures: %s", self.channel, error)
                await asyncio.sleep(BACK_OFF_S[min(failed, len(BACK_OFF_S) - 1)])
                failed += 1
                continue
            try:
                self._take_early()
                failed = 0
                await self._lost.wait()
                await asyncio.sleep(BACK_OFF_S[0])
            finally:
                joined.leave()

    def _take_early(self) -> None:
        """What came at once when the stream was joined is older than it looks: its last picture is of now."""
        early, self._early = self._early or [], None
        last = max((frame.pts for frame in early if frame.video), default=0)
        at_us = now_us()
        for frame in early:
            self._take(frame, at_us - (last - frame.pts) * SECOND_US // 90_000)
