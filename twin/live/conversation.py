"""One accepted live socket, from hello to bye (protocol: ``docs/protocols/live.md``)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import numpy as np
from django.db import DatabaseError
from django.utils.translation import gettext, override
from numpy.typing import NDArray
from prometheus_client import Counter

from twin.kinds import STATUS_NAMES, kinds
from twin.live.beat import Bell
from twin.live.doorkeeper import AT_ONCE_S, IN_TURN_S, SOON_S
from twin.live.feeds import Teller
from twin.live.frames import ASSETS, ASSETS_SCHEMA, CELLS, CELLS_SCHEMA, schema_piece
from twin.live.hub import Hub
from twin.live.line import CLOSE_LATER, CLOSE_PERMISSION, CLOSE_SESSION, CLOSE_STOPPING, Leave, Line
from twin.live.viewer import Answer, Viewer, Window

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PULSE_S = 2.0
RECHECK_S = 15.0
"""Longest time for which an ended session goes unnoticed."""
MOST_CHARS = 8000
MOST_CODE_CHARS = 12

sent_total = Counter("sandtable_positions_sent", "States sent to browsers")
_SCHEMAS = {
    "assets": schema_piece(ASSETS_SCHEMA, ASSETS),
    "cells": schema_piece(CELLS_SCHEMA, CELLS),
}


class Conversation:
    """One accepted socket, from hello to bye."""

    def __init__(self, hub: Hub, session_key: str, language: str, receive: Any, send: Any) -> None:
        self._hub = hub
        self._session_key = session_key
        self._language = language
        self._receive = receive
        self._line = Line(send)
        self._bell = Bell()
        self._viewer: Viewer | None = None
        self._tellers = [feed.teller(language) for feed in hub.feeds]
        self._news: dict[Teller, asyncio.Task[None]] = {}
        self._schemas_sent: set[str] = set()
        self._looked = False
        self._district = ""
        self._regions: NDArray[np.bool_] | None = None
        self._seen = 0
        self._mode = "assets"

    async def run(self) -> None:
        """Converse until somebody leaves."""
        await self._recheck(AT_ONCE_S)
        await self._line.say(self._hello())
        self._hub.beat.join(self._bell)
        jobs = [asyncio.create_task(job) for job in (self._listen(), self._tell(), self._watch())]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            self._hub.beat.part(self._bell)
            jobs += self._news.values()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, *(teller.left() for teller in self._tellers), return_exceptions=True)

    async def bye(self, leave: Leave) -> None:
        """Say why, and close."""
        await self._line.bye(leave)

    async def _listen(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text") or ""
            try:
                if len(text) > MOST_CHARS:
                    raise ValueError("message too long")
                message = json.loads(text)
                if await self._heard(message):
                    continue
                if message["type"] != "view":
                    raise ValueError(f"unknown type {message['type']!r}")
                west, south, east, north = map(float, message["bbox"])
                window = Window(west, south, east, north, float(message["zoom"]))
                district = str(message.get("district") or "")
                if district and not (district.isalnum() and len(district) <= MOST_CODE_CHARS):
                    raise ValueError("district: not a code")
                regions = await self._regions_of(district)
                fresh = message.get("fresh") is True
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
                await self._line.say({"type": "error", "text": str(error)[:200]})
                continue
            if self._viewer is not None:
                self._viewer.look(window, regions, fresh=fresh)
            self._turn_now()

    async def _heard(self, message: dict[str, Any]) -> bool:
        """Whether a teller takes this message; it may then have something to tell."""
        kind = message["type"]
        for teller in self._tellers:
            if kind in teller.hears:
                await self._kept(teller.hear(message))
                self._turn_now()
                return True
        return False

    def _turn_now(self) -> None:
        self._looked = True
        self._bell.ring()

    async def _regions_of(self, district: str) -> NDArray[np.bool_] | None:
        """Which regions belong to the district with this code, asked when it changes; None for no district."""
        if district != self._district:
            regions = await self._kept(self._hub.doorkeeper.district(district)) if district else None
            self._regions, self._district = regions, district
        return self._regions

    async def _tell(self) -> None:
        """Tell the browser what changed, as fast as it takes it and no faster than the hub beats."""
        pulsed_at = 0.0
        beaten = True
        while True:
            looked, self._looked = self._looked, False
            assert self._viewer is not None
            # News of a teller alone are no reason to leave the beat, on which sockets share their answers.
            if self._hub.ready and (beaten or looked):
                answer = self._viewer.answer(self._hub.world, time.time() * 1000)
                if answer is not None:
                    await self._send_answer(answer)
            if self._hub.ready:
                await self._tell_news()
            if looked or time.monotonic() - pulsed_at >= PULSE_S:
                pulsed_at = time.monotonic()
                await self._line.say(self._pulse())
            beaten = await self._bell.wait()

    async def _tell_news(self) -> None:
        for teller in self._tellers:
            for message in teller.messages():
                await self._line.say(message)
            waiting = self._news.get(teller)
            if waiting is None or waiting.done():
                if waiting is not None:
                    waiting.result()
                news = self._news[teller] = asyncio.create_task(teller.next())
                news.add_done_callback(lambda _news: self._bell.ring())

    async def _watch(self) -> None:
        """Look again who this is, now and then and whenever somebody's rights changed."""
        version = self._hub.sight_version
        checked_at = time.monotonic()
        while True:
            await asyncio.sleep(0.5)
            if self._hub.stopping:
                raise Leave("stopping", CLOSE_STOPPING)
            changed = version != self._hub.sight_version
            if changed or time.monotonic() - checked_at >= RECHECK_S:
                version, checked_at = self._hub.sight_version, time.monotonic()
                await self._recheck(SOON_S if changed else IN_TURN_S)

    async def _kept(self, work: Awaitable[Result]) -> Result:
        try:
            return await work
        except DatabaseError as error:
            # Nobody knows any more who may see what. The browser comes back, as after a restart.
            logger.warning("live socket: %s", str(error).strip())
            raise Leave("stopping", CLOSE_LATER) from None

    async def _recheck(self, patience_s: float) -> None:
        who = await self._kept(self._hub.doorkeeper.who(self._session_key, self._tellers, patience_s))
        if who is None:
            raise Leave("session", CLOSE_SESSION)
        key, sight = who
        for teller in self._tellers:
            teller.allow(sight)
        if key == "none":
            raise Leave("permission", CLOSE_PERMISSION)
        if self._viewer is None:
            self._viewer = Viewer(sight)
        else:
            self._viewer.allow(sight)

    async def _send_answer(self, answer: Answer) -> None:
        self._mode, self._seen = answer.mode, answer.visible
        if answer.reset:
            await self._line.say({"type": "reset"})
        if answer.mode not in self._schemas_sent:
            self._schemas_sent.add(answer.mode)
            await self._line.give(_SCHEMAS[answer.mode])
        await self._line.give(answer.frame.piece)
        if answer.mode == "assets":
            sent_total.inc(len(answer.columns["id"]))

    def _hello(self) -> dict[str, Any]:
        with override(self._language):
            return {
                "type": "hello",
                "server_time": time.time() * 1000,
                "kinds": [
                    {
                        "key": kind.key,
                        "code": kind.code,
                        "name": str(kind.name),
                        "glyph": kind.glyph,
                        "silent_after_s": kind.silent_after_s,
                    }
                    for kind in kinds()
                ],
                "statuses": [
                    {"code": int(status), "key": status.name.lower(), "name": gettext(str(name))}
                    for status, name in STATUS_NAMES.items()
                ],
            }

    def _pulse(self) -> dict[str, Any]:
        age = self._hub.ingest_age_s()
        return {
            "type": "pulse",
            "server_time": time.time() * 1000,
            "ingest_age_s": None if age is None else round(age, 1),
            "mode": self._mode,
            "visible": self._seen,
        }
