"""Streams and their viewers in the process that talks to cameras, and what can be asked about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from media.asking import Handler
from media.exceptions import NotOfferedError
from media.faults import GIVEN_UP
from media.gb28181.calls import Calls
from media.gb28181.playbacks import Playbacks
from media.steering import Steering
from media.streams.opening import Opening, load_channel
from media.streams.streams import Streams
from media.whep.ice import IcePort
from media.whep.ledger import Asked, may_not_watch, note_end
from media.whep.viewers import Viewers
from media.whep.viewing import Viewing
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)


class Watching:
    """Everything between cameras and browsers.

    Parameters
    ----------
    database : DatabaseThread
        The process's.
    calls : Calls
        Of GB/T 28181.
    port : IcePort
        Where browsers come to.
    controls : mapping
        Who moves cameras, by protocol; see :class:`media.steering.Steering`.
    playbacks : Playbacks
        Recordings of devices that people have asked for.
    """

    def __init__(
        self,
        database: DatabaseThread,
        calls: Calls,
        port: IcePort,
        controls: Mapping[str, Handler],
        playbacks: Playbacks,
    ) -> None:
        self._database, self._port, self._playbacks = database, port, playbacks
        self.streams: Streams = Opening(database, calls, playbacks).streams
        self.viewers = Viewers(self.streams, port, self._ended, self._refused)
        self._steering = Steering(self._place, controls)
        self._notes: set[asyncio.Task[None]] = set()

    @property
    def handlers(self) -> dict[str, Handler]:
        """By name."""
        return {
            "stream_state": self._stream_state,
            "whep_open": self._open,
            "whep_state": self._state,
            "whep_peer": self._peer,
            "whep_close": self._close,
            **self._steering.handlers,
        }

    async def start(self) -> None:
        """Let browsers come; raises OSError where the port is taken."""
        await self._port.open()

    async def run(self) -> None:
        """Keep house; until cancelled."""
        await asyncio.gather(self.streams.run(), self.viewers.run(), self._steering.run())

    async def stop(self) -> None:
        """End every viewing and every stream."""
        await self.viewers.stop()
        await self.streams.stop()
        if self._notes:
            await asyncio.wait(self._notes, timeout=2)

    async def _stream_state(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.streams.describe(int(channel)) for channel in args["channels"][:500]]

    async def _open(self, args: dict[str, Any]) -> dict[str, str]:
        channel, user = int(args["channel"]), int(args["user"])
        stream = int(args.get("playback") or channel)
        if stream != channel and not self._playbacks.permits(stream, user, channel):
            raise NotOfferedError(GIVEN_UP)
        return await self.viewers.open(channel, user, str(args["offer"]), stream, str(args.get("login", "")))

    async def _state(self, args: dict[str, Any]) -> dict[str, Any]:
        return self.viewers.describe(str(args["session"]), int(args["user"]))

    async def _peer(self, args: dict[str, Any]) -> str:
        return self.viewers.peer_of(str(args["session"]), int(args["user"]))

    async def _close(self, args: dict[str, Any]) -> None:
        self.viewers.close(str(args["session"]), int(args["user"]))

    async def _place(self, channel: int) -> tuple[str, str, str]:
        found = await self._database.do(load_channel, channel)
        if found is None:
            raise NotOfferedError("no such channel")
        return found.device.protocol, found.device.code, found.code

    async def _refused(self, asked: list[Asked]) -> dict[str, str]:
        return await self._database.do(may_not_watch, asked)

    def _ended(self, viewing: Viewing, why: str) -> None:
        detail = {"session": viewing.key[:8], "seconds": round(viewing.seconds), "frames": viewing.session.frames,
                  "why": why}  # fmt: skip
        task = asyncio.create_task(self._note(viewing, detail))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note(self, viewing: Viewing, detail: dict[str, object]) -> None:
        try:
            await self._database.do(note_end, viewing.user, viewing.channel, detail)
        except Exception:
            logger.exception("whep: the end of a viewing could not be written down: %s", detail)
