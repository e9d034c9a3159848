"""What the web asks of analysers at work: a camera's picture of now, one look at it, and how they are."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from media.analysis import store
from media.analysis.child import Child, ChildError
from media.analysis.eye import shot_of
from media.analysis.judging import counted
from media.analysis.lane import Lane, looked_at, seen_of
from media.analysis.wire import Hello, Job, Reply
from media.asking import Handler
from media.exceptions import NoReplyError, NotOfferedError
from media.recordings.tap import Join
from twin.database import DatabaseThread

NOBODY = Hello("", {})


class Questions:
    """Answers with pictures that are taken for whoever asks.

    Parameters
    ----------
    database : DatabaseThread
        The process's.
    join : Join
        How a stream is joined.
    lane : callable
        Gives the queue of an analyser; raises :class:`NotOfferedError`.
    """

    def __init__(self, database: DatabaseThread, join: Join, lane: Callable[[str], Lane]) -> None:
        self._database, self._join, self._lane = database, join, lane
        self._taking = Child(NOBODY)
        self._one = asyncio.Lock()

    @property
    def handlers(self) -> dict[str, Handler]:
        """What can be asked, by name."""
        return {"analysis_frame": self._frame, "analysis_look": self._look}

    async def stop(self) -> None:
        """End the process that takes pictures out."""
        await self._taking.stop()

    async def _frame(self, args: dict[str, Any]) -> dict[str, Any]:
        reply, at_us = await self._shot(int(args["channel"]), None)
        return _told(reply, at_us)

    async def _look(self, args: dict[str, Any]) -> dict[str, Any]:
        lane = self._lane(str(args["analyser"]))
        reply, at_us = await self._shot(int(args["channel"]), lane)
        seen = [seen for found in counted(seen_of(reply), float(args["confidence"])).values() for seen in found]
        return _told(reply, at_us) | {
            "findings": [{"label": each.label, "confidence": each.confidence, "box": list(each.box)} for each in seen]
        }

    async def _shot(self, channel: int, lane: Lane | None) -> tuple[Reply, int]:
        card = await self._database.do(store.load_channel_card, channel)
        if card is None:
            raise NotOfferedError("no such channel")
        shot = await shot_of(channel, self._join)
        code, place = card
        job = Job(0, shot.codec, shot.frames, keep=True, taken_us=shot.taken_us, camera=code, place=place)
        if lane is None:
            async with self._one:
                try:
                    reply = await self._taking.ask(job)
                except ChildError as error:
                    raise NoReplyError(str(error)) from None
        else:
            reply = await looked_at(lane, job)
        if reply.unreadable:
            raise NotOfferedError(reply.unreadable)
        return reply, shot.taken_us


def _told(reply: Reply, at_us: int) -> dict[str, Any]:
    return {
        "jpeg": base64.b64encode(reply.jpeg).decode(),
        "width": reply.width,
        "height": reply.height,
        "taken_ms": at_us // 1000,
    }
