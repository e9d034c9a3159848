"""Analysers at work in the process that has the streams: which camera's turn it is, and what becomes of findings."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from media.analysis import store
from media.analysis.eye import Eye
from media.analysis.figures import blind_now
from media.analysis.judging import SECOND_US, Following, Task, counted
from media.analysis.lane import Lane, seen_of
from media.analysis.questions import Questions
from media.analysis.registered import AnalyserKind
from media.analysis.uploads import Uploads
from media.analysis.wire import Hello, Job, Reply
from media.asking import Handler
from media.exceptions import MediaError, NotOfferedError
from media.recordings.tap import Join, now_us
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

TURN_S = 0.25
REREAD_S = 2.0
REFRESH_S = 60.0
"""Cameras move: where they are stands in their pictures."""
TELL_US = 10 * SECOND_US
EARLY_S = 5.0
LET_GO_S = 30.0
"""A camera whose next turn is further away than this is let go meanwhile; it is called a little before its turn."""
BLIND_S = 90.0
"""A task counts as blind when no picture of it was looked at for so long beyond its own rhythm."""


class _Watched:
    """A task at work."""

    def __init__(self, task: Task, following: Following) -> None:
        self.task, self.following = task, following
        self.due = 0.0
        self.given_us = 0
        self.looked = time.monotonic()

    def goes_on_as(self, task: Task) -> bool:
        """Whether what lasts for it lasts for the task as it is set now: of another camera it is something else."""
        return (self.task.channel, self.task.analyser) == (task.channel, task.analyser)

    @property
    def blind(self) -> bool:
        """Whether nothing was looked at for too long."""
        return time.monotonic() - self.looked > BLIND_S + 2 * self.task.every_s


class Analyses:
    """Everything machines look at.

    Parameters
    ----------
    database : DatabaseThread
        The process's.
    join : Join
        How a stream is joined.
    """

    def __init__(self, database: DatabaseThread, join: Join) -> None:
        self._database, self._join = database, join
        self._changed = asyncio.Event()
        self._changed.set()
        self._kinds: dict[str, AnalyserKind] = {}
        self._lanes: dict[str, Lane] = {}
        self._watched: dict[int, _Watched] = {}
        self._eyes: dict[int, Eye] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._before: dict[int, Following] = {}
        self._read_at = 0.0
        self._questions = Questions(database, join, self.lane)
        self.uploads = Uploads(database, self.lane)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What can be asked, by name."""
        return {
            **self._questions.handlers,
            "analysis_state": self._state,
            "analysis_upload": self.uploads.take,
        }

    def learn(self) -> None:
        """Tasks or models have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            await self._begin()
            while True:
                if self._changed.is_set() or time.monotonic() - self._read_at > REFRESH_S:
                    await self._read()
                try:
                    await self._turn()
                except Exception:  # cameras are watched all the same
                    logger.exception("analysis: a turn failed; the next is tried")
                await asyncio.sleep(TURN_S)
        finally:
            await asyncio.shield(self._end())

    async def _begin(self) -> None:
        while True:
            try:
                await self._database.do(store.end_orphans)  # before it is asked what lasts
                self._before = dict(await self._database.do(store.load_followings))
                uploads = await self._database.do(store.load_uploads)
            except Exception:
                logger.exception("analysis: what lasted cannot be read; trying again")
                await asyncio.sleep(REREAD_S)
            else:
                self.uploads.resume(uploads)
                return

    async def _end(self) -> None:
        for task in self._opening.values():
            task.cancel()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        for eye in self._eyes.values():
            eye.leave()
        await self.uploads.stop()
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()), self._questions.stop())

    async def _read(self) -> None:
        self._changed.clear()
        self._read_at = time.monotonic()
        try:
            self._kinds = dict(await self._database.do(store.load_analysers))
            tasks = await self._database.do(store.load_tasks)
            await self._database.do(store.end_orphans)
        except Exception:
            logger.exception("analysis: tasks cannot be read; trying again")
            self._changed.set()
            await asyncio.sleep(REREAD_S)
            return
        for key, lane in list(self._lanes.items()):
            kind = self._kinds.get(key)
            if kind is None or lane.hello != _hello(kind):
                await self._lanes.pop(key).stop()
        before = self._watched
        self._watched = {}
        for task in tasks:
            watched = before.get(task.pk)
            if watched is None or not watched.goes_on_as(task):
                watched = _Watched(task, self._before.pop(task.pk, Following()))
            elif watched.task.every_s != task.every_s:
                watched.due = 0.0
            watched.task = task
            self._watched[task.pk] = watched
        self._before.clear()
        self.uploads.ready.set()

    def lane(self, key: str) -> Lane:
        """The queue of an analyser.

        Raises
        ------
        NotOfferedError
            There is none of that key.
        """
        kind = self._kinds.get(key)
        if kind is None:
            raise NotOfferedError("no such analyser")
        if key not in self._lanes:
            self._lanes[key] = Lane(key, _hello(kind))
        return self._lanes[key]

    # Whose turn it is

    async def _turn(self) -> None:
        now, now_at_us = time.monotonic(), now_us()
        in_force = [each for each in self._watched.values() if each.task.applies_at(now_at_us)]
        soonest: dict[int, float] = {}
        for each in in_force:
            channel = each.task.channel
            soonest[channel] = min(soonest.get(channel, each.due), each.due)
        for channel in [channel for channel in self._eyes if channel not in soonest]:
            self._close(channel)
        for channel, due in soonest.items():
            self._attend(channel, due - now)
        for each in in_force:
            if now >= each.due:
                await self._give(each, now)
        for each in self._watched.values():
            if each not in in_force:
                each.looked = now
        blind_now.set(sum(each.blind for each in in_force))

    def _attend(self, channel: int, in_s: float) -> None:
        """Have a camera's stream while its turn is near."""
        eye = self._eyes.get(channel)
        if eye is None:
            eye = self._eyes[channel] = Eye(channel, self._join)
        if eye.open:
            if in_s > LET_GO_S:
                eye.leave()
        elif in_s <= EARLY_S and channel not in self._opening and eye.may_try:
            self._opening[channel] = asyncio.create_task(self._open(eye))

    async def _open(self, eye: Eye) -> None:
        try:
            await eye.look()
        except MediaError as error:
            if eye.failures == 1:
                logger.warning("analysis: channel %d gives no pictures: %s", eye.channel, error)
        except Exception:
            logger.exception("analysis: channel %d cannot be looked at", eye.channel)
            eye.failed_at, eye.failures = time.monotonic(), eye.failures + 1
        finally:
            if self._opening.get(eye.channel) is asyncio.current_task():
                del self._opening[eye.channel]

    def _close(self, channel: int) -> None:
        if (opening := self._opening.pop(channel, None)) is not None:
            opening.cancel()
        self._eyes.pop(channel).leave()

    async def _give(self, watched: _Watched, now: float) -> None:
        """Give a task's analyser the newest key frame, if there is one it has not had."""
        task, eye = watched.task, self._eyes[watched.task.channel]
        shot = eye.key
        if shot is None or shot.taken_us <= watched.given_us or task.analyser not in self._kinds:
            return
        watched.given_us = shot.taken_us
        watched.due = max(watched.due + task.every_s, now + task.every_s / 2) if watched.due else now + task.every_s

        async def done(reply: Reply | None) -> None:
            if reply is not None and not reply.unreadable:
                await self._looked(watched, task, reply, shot.taken_us)

        job = Job(
            0, shot.codec, shot.frames, part=task.part, taken_us=shot.taken_us, camera=task.camera, place=task.place
        )
        await self.lane(task.analyser).give(task.pk, job, done)

    # What became of it

    async def _looked(self, watched: _Watched, task: Task, reply: Reply, at_us: int) -> None:
        """Write down what changed by a look; ``task`` as it was when the picture was given."""
        if not watched.goes_on_as(task) or self._watched.get(task.pk) is not watched:
            return
        watched.looked = time.monotonic()
        following = watched.following
        steps = following.looked(counted(seen_of(reply), task.confidence, task.labels), at_us, task.every_s)
        lasting = [(label, following.lasting[label]) for label in steps.went_on]
        told = {label: each for label, each in lasting if each.last_us - each.told_us >= TELL_US}
        try:
            if steps.began:
                await self._database.do(store.begin_findings, task, steps.began, reply, at_us)
            if told or steps.ended:
                seen = {label: (each.last_us, each.looks) for label, each in told.items()}
                over = await self._database.do(store.tell_findings, task.pk, seen, dict.fromkeys(steps.ended, at_us))
                following.forget(over)
        except BaseException:
            # What is not written down for sure begins, or ends, with the next look; writing it twice does no harm.
            following.forget(steps.began)
            following.lasting.update(steps.ended)
            raise
        for each in told.values():
            each.told_us = each.last_us

    async def _state(self, _args: dict[str, Any]) -> dict[str, Any]:
        return {
            "analysers": {
                key: {"waiting": lane.waiting, "failed": lane.failed, "why": lane.why}
                for key, lane in self._lanes.items()
            },
            "blind": [pk for pk, each in self._watched.items() if each.blind],
        }


def _hello(kind: AnalyserKind) -> Hello:
    return Hello(kind.entry, dict(kind.settings))
