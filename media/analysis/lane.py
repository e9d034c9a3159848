"""The queue of one analyser: the newest picture of each task waits, older ones give way and are counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from media.analysis.child import Child, ChildError
from media.analysis.figures import (
    failed_now,
    faults_total,
    look_seconds,
    looked_total,
    skipped_total,
    unreadable_total,
    waiting_now,
)
from media.analysis.interface import Box, Seen
from media.analysis.wire import Hello, Job, Reply
from media.exceptions import NoReplyError

logger = logging.getLogger(__name__)

MOST_WAITING = 64
BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)
WELL_AFTER_S = 60.0
"""An analyser that failed counts as failed for so long after its last fault: who stumbles now and then is not well."""


@dataclass
class Waiting:
    """A picture in the queue, and who hears what came of it; None: the analyser failed, or it was skipped."""

    job: Job
    done: Callable[[Reply | None], Awaitable[None]]


class Lane:
    """An analyser, its process and its queue.

    Parameters
    ----------
    key : str
        The analyser's.
    hello : Hello
        How its process begins.
    """

    def __init__(self, key: str, hello: Hello) -> None:
        self.key, self.hello = key, hello
        self.why = ""
        """What failed last; empty where it is well."""
        self.resting = False
        """Whether it waits before it tries again."""
        self._child = Child(hello)
        self._queue: dict[object, Waiting] = {}
        self._some = asyncio.Event()
        self._failed_at: float | None = None
        failed_now.labels(key).set(0)
        waiting_now.labels(key).set(0)
        skipped_total.labels(key)
        self._task = asyncio.create_task(self._run())

    @property
    def failed(self) -> bool:
        """Whether nothing may be concluded from what it does not see."""
        return self._failed_at is not None

    @property
    def waiting(self) -> int:
        """Pictures in the queue."""
        return len(self._queue)

    async def give(self, task: object, job: Job, done: Callable[[Reply | None], Awaitable[None]]) -> None:
        """Have a picture looked at in its turn.

        Of one task one picture waits: a newer one takes its place in the queue. Where the queue is full the picture
        that waits longest is skipped.
        """
        skipped = self._queue.get(task)
        if skipped is None and len(self._queue) >= MOST_WAITING:
            skipped = self._queue.pop(next(iter(self._queue)))
        self._queue[task] = Waiting(job, done)
        waiting_now.labels(self.key).set(len(self._queue))
        self._some.set()
        if skipped is not None:
            skipped_total.labels(self.key).inc()
            await skipped.done(None)

    async def _run(self) -> None:
        faults = 0
        while True:
            await self._some.wait()
            task, waiting = next(iter(self._queue.items()))
            del self._queue[task]
            if not self._queue:
                self._some.clear()
            waiting_now.labels(self.key).set(len(self._queue))
            try:
                reply = await self._look(waiting.job)
            except asyncio.CancelledError:
                await waiting.done(None)
                raise
            faults = 0 if reply is not None else faults + 1
            try:
                await waiting.done(reply)
            except Exception:  # what is done with findings must not end the looking
                logger.exception("analysis: findings of %s could not be used", self.key)
            if faults:
                self.resting = True
                await asyncio.sleep(BACK_OFF_S[min(faults, len(BACK_OFF_S)) - 1])
                self.resting = False

    async def _look(self, job: Job) -> Reply | None:
        try:
            with look_seconds.time():
                reply = await self._child.ask(job)
        except ChildError as error:
            self._fail(str(error))
            return None
        if reply.fault:
            self._fail(reply.fault)
            return None
        looked_total.labels(self.key).inc()
        if reply.unreadable:
            unreadable_total.labels(self.key).inc()
        elif self._failed_at is not None and time.monotonic() - self._failed_at > WELL_AFTER_S:
            self._recover()
        return reply

    def _fail(self, why: str) -> None:
        if self._failed_at is None or why != self.why:
            logger.error("analysis: %s failed: %s", self.key, why)
        self._failed_at, self.why = time.monotonic(), why
        faults_total.labels(self.key).inc()
        failed_now.labels(self.key).set(1)

    def _recover(self) -> None:
        logger.info("analysis: %s works again", self.key)
        self._failed_at, self.why = None, ""
        failed_now.labels(self.key).set(0)

    async def stop(self) -> None:
        """End it and its process; whoever waits is told."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._child.stop()
        queue, self._queue = self._queue, {}
        for waiting in queue.values():
            await waiting.done(None)
        failed_now.labels(self.key).set(0)
        waiting_now.labels(self.key).set(0)


def seen_of(reply: Reply) -> list[Seen]:
    """Findings of an answer."""
    return [Seen(label, confidence, Box(*box)) for label, confidence, box in reply.seen]


async def looked_at(lane: Lane, job: Job) -> Reply:
    """Have one picture looked at that nobody may skip.

    Raises
    ------
    NoReplyError
        The analyser failed, or is too busy.
    """
    if lane.resting:
        raise NoReplyError(lane.why)
    answer: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()

    async def done(reply: Reply | None) -> None:
        if not answer.done():
            answer.set_result(reply)

    await lane.give(answer, job, done)
    reply = await answer
    if reply is None:
        raise NoReplyError(lane.why or "the analyser is too busy")
    return reply
