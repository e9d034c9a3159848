"""The beat of one web worker: all sockets turn to the world at the same moments, so that they can share answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from prometheus_client import Gauge

BEAT_S = 0.25
SLOWEST_BEAT_S = 1.0
IDLE_S = 1.0
"""Longest time between two beats beyond the beat itself."""
AT_A_TIME = 16
BUSY, CALM = 0.5, 0.2
"""Share of a core spent by the loop's thread above which the beat slows down, and below which it quickens."""

beat_seconds = Gauge("sandtable_live_beat_seconds", "Between two turns of the live sockets; longer with more of them")


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

    Where that is more than the process can do, everybody is told half as often, and half of that again
    (:data:`SLOWEST_BEAT_S`), rather than late: pages, tiles and new sockets go on being served in between.

    Parameters
    ----------
    tick : callable
        Number of the world's last change.
    rung : callable
        Called when all have had their turn.

    Attributes
    ----------
    ringing : bool
        Whether sockets are having their turn: what they share holds only while the world stands still.
    """

    def __init__(self, tick: Callable[[], int], rung: Callable[[], object]) -> None:
        self.ringing = False
        self._tick = tick
        self._rung = rung
        self._bells: set[Bell] = set()
        self._moved = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self._beat_s = BEAT_S

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
            self.ringing = False

    def wake(self) -> None:
        """The world moved: whoever has waited for that beats now."""
        self._moved.set()
        self._moved.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        seen = -1
        while True:
            began, spent = loop.time(), time.thread_time()
            await self._ring()
            seen = self._tick()
            due = loop.time() + _until_next(loop.time(), self._beat_s)
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            self._pace((time.thread_time() - spent) / (now - began), now - due)
            if self._tick() == seen:
                # Not wait_for: before Python 3.12 it can swallow a cancellation that comes with the result.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._moved.wait()

    async def _ring(self) -> None:
        """Ring, some at a time: whatever else the loop has to do goes on in between."""
        self.ringing = True
        bells = list(self._bells)
        for first in range(0, len(bells), AT_A_TIME):
            for bell in bells[first : first + AT_A_TIME]:
                bell.beat()
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the last ones have woken, and have had their turn
        self.ringing = False
        self._rung()

    def _pace(self, share: float, late_s: float) -> None:
        """Slow down or quicken by what the thread had to do since the last beat, and by how late this one is."""
        if share > BUSY or late_s > self._beat_s / 2:
            self._beat_s = min(SLOWEST_BEAT_S, self._beat_s * 2)
        elif share < CALM:
            self._beat_s = max(BEAT_S, self._beat_s / 2)
        beat_seconds.set(self._beat_s)


def _until_next(now_s: float, beat_s: float) -> float:
    """Seconds to the next stroke of a clock that strikes each ``beat_s``, but not to one that is too near."""
    wait_s = beat_s - now_s % beat_s
    return wait_s if wait_s > beat_s / 2 else wait_s + beat_s
