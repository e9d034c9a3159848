"""What stands at one channel's stream: keeps what a decoder needs for the newest picture, and decodes nothing."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from media.exceptions import MediaError, NoReplyError
from media.recordings.tap import Join, Joined, now_us
from media.rtp.frames import Frame

MOST_BYTES = 8 << 20
MOST_FRAMES = 300
"""Since the last key frame; beyond that the key frame alone has to do."""
FIRST_S = 15.0
BACK_OFF_S = (2.0, 5.0, 10.0, 30.0, 60.0)


class Shot(NamedTuple):
    """Encoded pictures from a key frame on, and when the last of them was taken (microseconds since 1970)."""

    codec: str
    frames: list[bytes]
    taken_us: int


class Eye:
    """A sink of one channel.

    Parameters
    ----------
    channel : int
        Its key.
    join : Join
        How its stream is joined.
    whole : bool
        Whether pictures after the key frame are kept, too: needed where the picture of this very moment is wanted.
    """

    def __init__(self, channel: int, join: Join, *, whole: bool = False) -> None:
        self.channel, self._join, self._whole = channel, join, whole
        self.key: Shot | None = None
        """The newest undamaged key frame."""
        self.came = asyncio.Event()
        self.failed_at: float | None = None
        self.failures = 0
        self._joined: Joined | None = None
        self._early: list[Frame] | None = None
        self._frames: list[bytes] = []
        self._bytes = 0
        self._taken_us = 0

    @property
    def open(self) -> bool:
        """Whether it has its place in the stream."""
        return self._joined is not None

    async def look(self) -> None:
        """Take one's place.

        Raises
        ------
        MediaError
            There are no pictures.
        """
        self._early = []
        try:
            self._joined = await self._join(self.channel, self)
        except MediaError:
            self._early = None
            self.failed_at, self.failures = time.monotonic(), self.failures + 1
            raise
        self.failures = 0
        early, self._early = self._early, None
        # What comes at once when a stream is joined is older than it looks: its last picture is of now.
        last = max((frame.pts for frame in early if frame.video), default=0)
        at_us = now_us()
        for frame in early:
            self._take(frame, at_us - (last - frame.pts) * 1_000_000 // 90_000)

    def leave(self) -> None:
        """Give one's place up; what was seen stays."""
        joined, self._joined = self._joined, None
        if joined is not None:
            joined.leave()

    @property
    def may_try(self) -> bool:
        """Whether it is time to try again after a failure."""
        wait_s = BACK_OFF_S[min(self.failures, len(BACK_OFF_S)) - 1] if self.failures else 0.0
        return self.failed_at is None or time.monotonic() - self.failed_at >= wait_s

    def frame(self, frame: Frame) -> None:
        """Take what comes."""
        if self._early is not None:
            self._early.append(frame)
        else:
            self._take(frame, now_us())

    def ended(self, why: str) -> None:
        """The stream is over."""
        self._joined = None
        self.failed_at, self.failures = time.monotonic(), self.failures + 1

    def _take(self, frame: Frame, at_us: int) -> None:
        if not frame.video:
            return
        if frame.key:
            self._frames, self._bytes = [], 0
            if frame.damaged:
                return
            self.key = Shot(frame.codec, [frame.data], at_us)
            self.came.set()
        if not self._whole or self.key is None or not (self._frames or frame.key):
            return
        self._frames.append(frame.data)
        self._bytes += len(frame.data)
        self._taken_us = at_us
        if self._bytes > MOST_BYTES or len(self._frames) > MOST_FRAMES:
            self._frames, self._bytes = [], 0

    def newest(self) -> Shot | None:
        """The picture of now, as far as it is whole; None before the first key frame."""
        if self.key is None or not self._frames:
            return self.key
        return Shot(self.key.codec, list(self._frames), self._taken_us)


async def shot_of(channel: int, join: Join, within_s: float = FIRST_S) -> Shot:
    """A channel's picture of now: its stream is pulled for a moment where nobody watches.

    Raises
    ------
    MediaError
        There is none.
    """
    eye = Eye(channel, join, whole=True)
    try:
        async with asyncio.timeout(within_s):
            await eye.look()
            await eye.came.wait()
    except TimeoutError:
        raise NoReplyError("no picture came in time") from None
    finally:
        eye.leave()
    shot = eye.newest()
    if shot is None:
        raise NoReplyError("no picture came in time")
    return shot
