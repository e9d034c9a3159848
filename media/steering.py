"""Who moves a camera: one person at a time, asked for and given back, and taken back from whoever vanishes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from media.asking import Handler
from media.exceptions import MediaError, NotOfferedError, RefusedByDeviceError
from media.faults import CANNOT_BE_MOVED, CONTROL_ENDED

logger = logging.getLogger(__name__)

LEASE_S = 12.0
"""Kept by every movement and by the page's asking again; a page that is gone lets go by itself."""
HOUSE_S = 1.0
WORDS = frozenset({"move", "lens", "preset", "drag_zoom", "switch", "cruise", "scan", "home", "key_frame"})
"""What may be asked from beside a picture; the rest (restarting, recording) is the desk's."""
HELD = ("move", "lens")
"""They go on until they are stopped."""


@dataclass
class Hold:
    """Somebody has a camera."""

    user: int
    name: str
    until_s: float
    moving: str = ""


Place = Callable[[int], Awaitable[tuple[str, str, str]]]


class Steering:
    """Cameras that somebody moves.

    Parameters
    ----------
    place : callable
        Gives protocol, device's code and channel's code of a channel; raises MediaError where there is none.
    controls : mapping
        Who carries a command out, by protocol; gets ``device``, ``channel``, ``name`` and ``args``.
    """

    def __init__(self, place: Place, controls: Mapping[str, Handler]) -> None:
        self._place, self._controls = place, controls
        self._held: dict[int, Hold] = {}

    @property
    def handlers(self) -> dict[str, Handler]:
        """By name."""
        return {"steer_take": self._take, "steer_give": self._give, "steer": self._steer}

    async def _take(self, args: dict[str, Any]) -> dict[str, Any]:
        """Ask for a camera, or to keep it; whoever has it keeps it."""
        channel, user = int(args["channel"]), int(args["user"])
        hold = self._held.get(channel)
        now = asyncio.get_running_loop().time()
        if hold is None or hold.until_s < now or hold.user == user:
            if hold is not None and hold.user != user:
                await self._let_go(channel)
            moving = hold.moving if hold is not None and hold.user == user else ""
            hold = self._held[channel] = Hold(user, str(args["name"])[:80], now + LEASE_S, moving)
        return {"mine": hold.user == user, "name": hold.name, "seconds": round(hold.until_s - now, 1)}

    async def _give(self, args: dict[str, Any]) -> None:
        channel = int(args["channel"])
        hold = self._held.get(channel)
        if hold is not None and hold.user == int(args["user"]):
            await self._let_go(channel)

    async def _steer(self, args: dict[str, Any]) -> None:
        channel, user, word, more = int(args["channel"]), int(args["user"]), str(args["word"]), dict(args["args"])
        if word not in WORDS:
            raise NotOfferedError(f"{word!r} is not done from here")
        hold = self._held.get(channel)
        now = asyncio.get_running_loop().time()
        if hold is None or hold.user != user or hold.until_s < now:
            raise RefusedByDeviceError(CONTROL_ENDED)
        hold.until_s = now + LEASE_S
        if word in HELD:
            hold.moving = word if any(more.values()) else ""
        await self._do(channel, word, more)

    async def _do(self, channel: int, word: str, args: dict[str, Any]) -> None:
        protocol, device, code = await self._place(channel)
        control = self._controls.get(protocol)
        if control is None:
            raise NotOfferedError(f"{CANNOT_BE_MOVED}: {protocol}")
        await control({"device": device, "channel": code, "name": word, "args": args})

    async def _let_go(self, channel: int) -> None:
        hold = self._held.pop(channel, None)
        if hold is not None and hold.moving:
            try:
                await self._do(channel, hold.moving, {})
            except MediaError as error:
                logger.warning("steering: channel %d could not be stopped: %s", channel, error)

    async def run(self) -> None:
        """Stop what nobody holds any more; until cancelled."""
        while True:
            await asyncio.sleep(HOUSE_S)
            now = asyncio.get_running_loop().time()
            for channel in [channel for channel, hold in self._held.items() if hold.until_s < now]:
                await self._let_go(channel)
