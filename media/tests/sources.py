"""A camera without a network: pictures at a quick pace to whoever opens it."""

from __future__ import annotations

import asyncio
import functools

from media.exceptions import OfflineError
from media.rtp.frames import Frame


class Camera:
    """A source; ``broken`` so many times before it opens."""

    def __init__(self, pictures, codec="h264", pause_s=0.004, broken=0):
        self.pictures, self.codec, self.pause_s, self.broken = list(pictures), codec, pause_s, broken
        self.opened, self.stopped = 0, 0
        self.sound, self.silent = "g711a", False
        self.sink = None
        self._task = None

    async def open(self, sink):
        if self.broken:
            self.broken -= 1
            raise OfflineError("no camera")
        self.opened += 1
        self.sink = sink
        self._task = asyncio.create_task(self._send(sink))
        return self

    async def stop(self):
        if self._task is not None:
            self.stopped += 1
            self._task.cancel()
            self._task = None

    def rest(self):
        """It stays, and sends nothing more by itself."""
        self._task.cancel()

    def only_still(self):
        """From now on no key frame comes."""
        self.pictures = [picture for picture in self.pictures if not picture.key]

    def vanish(self):
        """The network is cut."""
        self._task.cancel()
        self.sink.ended("gone")

    async def _send(self, sink):
        number = 0
        while True:
            picture = self.pictures[number % len(self.pictures)]
            sink.frame(Frame(self.codec, picture.data, number * 3600, picture.key))
            if not self.silent:
                sink.frame(Frame(self.sound, b"\xd5" * 320, number * 3600, False))
            number += 1
            await asyncio.sleep(self.pause_s)


def looped(test):
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args, **more):
        asyncio.run(test(*args, **more))

    return run


async def until(true):
    """Wait for it."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)
