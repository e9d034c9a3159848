"""The beat of one web worker: all sockets turn to the world at the same moments, so that they can share answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

BEAT_S = 0.25
IDLE_S = 1.0
"""Longest time between two beats."""


class Bell:
    """What one socket waits for: the beat, or something that is its own."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._beaten = False

    def ring(self) -> None:
        """Something of its own."""
        self._rung.set()

    def beat(self) -> None:
        """The world may have moved."""
        self._beaten = True
        self._rung.set()

    async def wait(self) -> bool:
        """Wait until it rings; returns whether it was (also) the beat."""
        await self._rung.wait()
        self._rung.clear()
        beaten, self._beaten = self._beaten, False
        return beaten


class Beat:
    """Rings all bells :data:`BEAT_S` apart while the world moves, and now and then while it does not.

    Parameters
    ----------
    tick : callable
        Number of the world's last change.
    """

    def __init__(self, tick: Callable[[], int]) -> None:
        self._tick = tick
        self._bells: set[Bell] = set()
        self._moved = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    def join(self, bell: Bell) -> None:
        """Ring this one, too; from a coroutine."""
        self._bells.add(bell)
        if self._beating is None:
            self._beating = asyncio.create_task(self._run())

    def part(self, bell: Bell) -> None:
        """Ring it no more."""
        self._bells.discard(bell)
        if not self._bells and self._beating is not None:
            self._beating.cancel()
            self._beating = None

    def wake(self) -> None:
        """The world moved: whoever has waited for that beats now."""
        self._moved.set()
        self._moved.clear()

    async def _run(self) -> None:
        seen = -1
        while True:
            await asyncio.sleep(_until_next(asyncio.get_running_loop().time()))
            if self._tick() == seen:
                # Not wait_for: before Python 3.12 it can swallow a cancellation that comes with the result.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._moved.wait()
            seen = self._tick()
            for bell in self._bells:
                bell.beat()


def _until_next(now_s: float) -> float:
    """Seconds to the next stroke of a clock that strikes each :data:`BEAT_S`, but not to one that is too near."""
    wait_s = BEAT_S - now_s % BEAT_S
    return wait_s if wait_s > BEAT_S / 2 else wait_s + BEAT_S
