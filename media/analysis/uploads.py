"""Pictures and videos that people sent, looked at one after another beside the cameras."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.core.files.storage import default_storage

from media.analysis import store
from media.analysis.judging import counted
from media.analysis.lane import Lane, looked_at, seen_of
from media.analysis.models import AnalysisUpload
from media.analysis.wire import Job, Reply
from media.exceptions import MediaError, NotOfferedError
from media.recordings.ledger import micros
from media.sight.finding import place_of
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

MOST_WAITING = 100
MOST_LOOKS = 2000
"""Of one upload: an hour of video, one picture every two seconds."""
State = AnalysisUpload.State


class Uploads:
    """Works uploads off.

    Parameters
    ----------
    database : DatabaseThread
        The process's.
    lane : callable
        Gives the queue of an analyser; raises :class:`NotOfferedError`.
    """

    def __init__(self, database: DatabaseThread, lane: Callable[[str], Lane]) -> None:
        self._database, self._lane = database, lane
        self._waiting: asyncio.Queue[int] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        """Set once it is known which analysers there are."""

    async def take(self, args: dict[str, Any]) -> None:
        """Have one looked at in its turn.

        Raises
        ------
        NotOfferedError
            Too many wait.
        """
        if self._waiting.qsize() >= MOST_WAITING:
            raise NotOfferedError("too many uploads wait")
        self.resume([int(args["upload"])])

    def resume(self, keys: Iterable[int]) -> None:
        """Have these looked at, however many there are: they were taken before, some perhaps by an earlier process."""
        for key in keys:
            self._waiting.put_nowait(key)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Go on with the rest after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await self.ready.wait()
        while True:
            key = await self._waiting.get()
            try:
                await self._work(key)
            except Exception:
                logger.exception("analysis: upload %d could not be worked off", key)

    async def _work(self, key: int) -> None:
        upload = await self._database.do(store.load_upload, key)
        if upload is None or upload.state not in store.UNDONE:
            return
        looked = upload.looked  # what an earlier process has looked at is there already
        try:
            lane = self._lane(upload.analyser)
            begins_us = micros(upload.taken_at or upload.at)
            while looked < MOST_LOOKS:
                at_s = looked * upload.every_s
                at_us = begins_us + round(at_s * 1_000_000)
                reply = await self._look(lane, upload, at_s, at_us)
                if reply.over:
                    break
                looked += 1
                found = counted(seen_of(reply), upload.confidence)
                await self._database.do(store.keep_look, upload, found, reply, at_us, looked)
        except MediaError as error:
            await self._database.do(store.note_upload, key, State.FAILED, looked, str(error))
        except Exception as error:  # whoever sent it is not left waiting for ever
            await self._database.do(store.note_upload, key, State.FAILED, looked, type(error).__name__)
            raise
        else:
            await self._database.do(store.note_upload, key, State.DONE, looked)

    async def _look(self, lane: Lane, upload: AnalysisUpload, at_s: float, at_us: int) -> Reply:
        path = default_storage.path(upload.file)
        camera = upload.channel.code if upload.channel is not None else ""
        place = place_of(upload.channel) if upload.channel is not None else None
        job = Job(0, path=path, at_s=at_s, taken_us=at_us, camera=camera, place=place)
        reply = await looked_at(lane, job)
        if reply.unreadable:
            raise NotOfferedError(reply.unreadable)
        return reply
