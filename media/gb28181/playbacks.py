"""Playbacks that people have asked for, by a key each, and what can be asked about them."""

from __future__ import annotations

import itertools
import time
from typing import Any

from media.asking import Handler
from media.exceptions import NotOfferedError
from media.faults import BAD_TIMES, GIVEN_UP, TOO_MANY_PLAYBACKS
from media.gb28181.calls import Calls
from media.gb28181.items import moment
from media.gb28181.playback import Playback, State

MOST = 64
IDLE_S = 120.0
"""How long one may wait for somebody to watch it."""
LONGEST_S = 86_400.0
FIRST = 1 << 48
"""Keys from here on are playbacks', below are primary keys of channels, which live streams go by."""


class Playbacks:
    """All of them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._open: dict[int, tuple[Playback, float]] = {}
        self._whose: dict[int, tuple[int, int]] = {}
        self._keys = itertools.count(FIRST)

    @property
    def handlers(self) -> dict[str, Handler]:
        """Questions, by name (:mod:`media.asking`)."""
        return {"playback": self._begin, "playback_order": self._order, "playback_state": self._state}

    def permits(self, key: int, user: int, channel: int) -> bool:
        """Whether it is this person's playback of that channel (primary keys): nobody else may open it."""
        return self._whose.get(key) == (user, channel)

    def source(self, key: int) -> Playback:
        """The playback of a key, as a source of streams; who may open it is asked before (:meth:`permits`).

        Raises
        ------
        NotOfferedError
            There is none, or none any longer.
        """
        if key not in self._open:
            raise NotOfferedError(GIVEN_UP)
        playback = self._open[key][0]
        self._open[key] = playback, time.monotonic()
        return playback

    async def _begin(self, args: dict[str, Any]) -> dict[str, Any]:
        begins, ends = moment(args["begins"]), moment(args["ends"])
        if begins is None or ends is None or not 1 <= (ends - begins).total_seconds() <= LONGEST_S:
            raise NotOfferedError(f"{BAD_TIMES}: ≤ {LONGEST_S / 3600:g} h")
        self._forget()
        if len(self._open) >= MOST:
            raise NotOfferedError(TOO_MANY_PLAYBACKS)
        key = next(self._keys)
        playback = Playback(self._calls, args["device"], args["channel"], begins, ends)
        self._open[key] = playback, time.monotonic()
        self._whose[key] = int(args["user"]), int(args["pk"])
        return {"key": key} | playback.tell()

    async def _order(self, args: dict[str, Any]) -> dict[str, Any]:
        playback = self._own(args)
        await playback.order(str(args["action"]), float(args.get("value", 0.0)))
        return playback.tell()

    async def _state(self, args: dict[str, Any]) -> dict[str, Any]:
        return self._own(args).tell()

    def _own(self, args: dict[str, Any]) -> Playback:
        """Whoever asks about somebody else's hears that there is none."""
        key = int(args["key"])
        if self._whose.get(key, (None, 0))[0] != int(args["user"]):
            raise NotOfferedError(GIVEN_UP)
        return self.source(key)

    def _forget(self) -> None:
        """Give up those that nobody watches, nor has asked about for a while."""
        now = time.monotonic()
        for key, (playback, at) in list(self._open.items()):
            if playback.state in (State.WAITING, State.CLOSED) and now - at > IDLE_S:
                del self._open[key], self._whose[key]
