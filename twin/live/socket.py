"""The live socket: one open map's line to the hub (protocol: ``docs/protocols/live.md``)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings
from django.db import DatabaseError
from django.http import parse_cookie
from django.utils.translation import gettext, override
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge, Histogram

from access.scope import scope_of
from access.sessions import user_of_session
from twin.kinds import STATUS_NAMES, kinds
from twin.live.database import in_database
from twin.live.feeds import Teller
from twin.live.frames import (
    ASSETS,
    ASSETS_BATCH,
    ASSETS_SCHEMA,
    CELLS,
    CELLS_BATCH,
    CELLS_SCHEMA,
    batch_piece,
    schema_piece,
)
from twin.live.hub import TICK_S, Hub, hub
from twin.live.sight import district_table, sight_of
from twin.live.viewer import Answer, Sight, Viewer, Window

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PULSE_S = 2.0
RECHECK_S = 15.0
"""Longest time for which an ended session goes unnoticed."""
SLOWEST_SEND_S = 30.0
"""A browser that does not take one message for this long is let go; it reconnects and catches up."""
MOST_CHARS = 8000
MOST_CODE_CHARS = 12
CLOSE_SESSION = 4401
CLOSE_PERMISSION = 4403
CLOSE_STOPPING = 1012
CLOSE_LATER = 1013

sent_total = Counter("sandtable_positions_sent", "States sent to browsers")
frames_total = Counter("sandtable_live_frames_sent", "Messages sent to browsers")
bytes_total = Counter("sandtable_live_sent_bytes", "Sent to browsers")
send_seconds = Histogram(
    "sandtable_live_send_seconds",
    "How long a browser let us wait with a message",
    buckets=(0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
merged_total = Counter("sandtable_live_merged", "Times a browser was so slow that what moved meanwhile came in one")
let_go_total = Counter("sandtable_live_let_go", "Browsers let go because they took nothing")
open_sockets = Gauge("sandtable_live_sockets", "Open live sockets")


class Leave(Exception):
    """The conversation is over; ``reason`` and ``code`` are told to the browser."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def _who(session_key: str, tellers: Sequence[Teller]) -> tuple[str, Sight] | None:
    """Scope key and sight of whoever holds the session; None for nobody."""
    user = user_of_session(session_key)
    if user is None:
        return None
    for teller in tellers:
        teller.meet(user)
    scope = scope_of(user)
    return ("none" if scope.empty else scope.key), sight_of(scope)


class Conversation:
    """One accepted socket, from hello to bye."""

    def __init__(self, hub: Hub, session_key: str, language: str, receive: Any, send: Any) -> None:
        self._hub = hub
        self._session_key = session_key
        self._language = language
        self._receive = receive
        self._send = send
        self._viewer: Viewer | None = None
        self._tellers = [feed.teller(language) for feed in hub.feeds]
        self._schemas_sent: set[int] = set()
        self._looked = asyncio.Event()
        self._district = ""
        self._regions: NDArray[np.bool_] | None = None
        self._seen = 0
        self._mode = "assets"

    async def run(self) -> None:
        """Converse until somebody leaves."""
        await self._recheck()
        await self._send_json(self._hello())
        jobs = [asyncio.create_task(job) for job in (self._listen(), self._tell(), self._watch())]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, *(teller.left() for teller in self._tellers), return_exceptions=True)

    async def bye(self, leave: Leave) -> None:
        """Say why, and close; whoever takes nothing any more is not waited for twice."""
        with contextlib.suppress(Leave):
            if leave.reason != "slow":
                await self._send_json({"type": "bye", "reason": leave.reason})
            await self._send_within({"type": "websocket.close", "code": leave.code})

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
                await self._send_json({"type": "error", "text": str(error)[:200]})
                continue
            if self._viewer is not None:
                self._viewer.look(window, regions, fresh=fresh)
            self._looked.set()

    async def _heard(self, message: dict[str, Any]) -> bool:
        """Whether a teller takes this message; it may then have something to tell."""
        kind = message["type"]
        for teller in self._tellers:
            if kind in teller.hears:
                await self._kept(teller.hear(message))
                self._looked.set()
                return True
        return False

    async def _regions_of(self, district: str) -> NDArray[np.bool_] | None:
        """Which regions belong to the district with this code, asked when it changes; None for no district."""
        if district != self._district:
            self._regions = await self._ask(district_table, district) if district else None
            self._district = district
        return self._regions

    async def _tell(self) -> None:
        """Tell the browser what changed, as fast as it takes it and no faster than the hub ticks."""
        pulsed_at = 0.0
        while True:
            looked = self._looked.is_set()
            self._looked.clear()
            assert self._viewer is not None
            answer = self._viewer.answer(self._hub.world, time.time() * 1000) if self._hub.ready else None
            if answer is not None:
                await self._send_answer(answer)
            if self._hub.ready:
                for message in [message for teller in self._tellers for message in teller.messages()]:
                    await self._send_json(message)
            if looked or time.monotonic() - pulsed_at >= PULSE_S:
                pulsed_at = time.monotonic()
                await self._send_json(self._pulse())
            await self._next_turn(self._viewer.tick)

    async def _next_turn(self, seen: int) -> None:
        """Until the world moved on, the map was moved, or a feed has news."""
        waits = [asyncio.create_task(self._hub.next_tick(seen)), asyncio.create_task(self._looked.wait())]
        if self._hub.ready:
            waits += [asyncio.create_task(teller.next()) for teller in self._tellers]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _watch(self) -> None:
        """Look again who this is, now and then and whenever somebody's rights changed."""
        version = self._hub.sight_version
        checked_at = time.monotonic()
        while True:
            await asyncio.sleep(0.5)
            if self._hub.stopping:
                raise Leave("stopping", CLOSE_STOPPING)
            if version != self._hub.sight_version or time.monotonic() - checked_at >= RECHECK_S:
                version, checked_at = self._hub.sight_version, time.monotonic()
                await self._recheck()

    async def _ask(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await self._kept(in_database(work, *arguments))

    async def _kept(self, work: Awaitable[Result]) -> Result:
        try:
            return await work
        except DatabaseError as error:
            # Nobody knows any more who may see what. The browser comes back, as after a restart.
            logger.warning("live socket: %s", str(error).strip())
            raise Leave("stopping", CLOSE_LATER) from None

    async def _recheck(self) -> None:
        who = await self._ask(_who, self._session_key, self._tellers)
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
            await self._send_json({"type": "reset"})
        kinds_of_piece = (ASSETS_SCHEMA, ASSETS_BATCH, ASSETS)
        if answer.mode == "cells":
            kinds_of_piece = (CELLS_SCHEMA, CELLS_BATCH, CELLS)
        schema_kind, batch_kind, schema = kinds_of_piece
        if schema_kind not in self._schemas_sent:
            self._schemas_sent.add(schema_kind)
            await self._send_bytes(schema_piece(schema_kind, schema))
        await self._send_bytes(batch_piece(batch_kind, schema, answer.columns))
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

    async def _send_json(self, message: dict[str, Any]) -> None:
        await self._send_within({"type": "websocket.send", "text": json.dumps(message, ensure_ascii=False)})

    async def _send_bytes(self, data: bytes) -> None:
        await self._send_within({"type": "websocket.send", "bytes": data})

    async def _send_within(self, event: dict[str, Any]) -> None:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(SLOWEST_SEND_S):
                await self._send(event)
        except TimeoutError:
            let_go_total.inc()
            raise Leave("slow", CLOSE_LATER) from None
        took_s = time.perf_counter() - began
        send_seconds.observe(took_s)
        if took_s > TICK_S:
            merged_total.inc()
        frames_total.inc()
        bytes_total.inc(len(event.get("bytes") or event.get("text", "").encode()))


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _same_origin(scope: dict[str, Any]) -> bool:
    """Whether the page that asks is ours: a foreign page must not use its visitor's session."""
    return urlsplit(_header(scope, b"origin")).netloc == _header(scope, b"host") != ""


async def live_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/live``."""
    event = await receive()
    if event["type"] != "websocket.connect":
        return
    # Not http.cookies: that rejects all for one of a neighbour on this host.
    cookies = parse_cookie(_header(scope, b"cookie"))
    language = cookies.get(settings.LANGUAGE_COOKIE_NAME)
    if not _same_origin(scope):
        await send({"type": "websocket.close", "code": CLOSE_PERMISSION})
        return
    await send({"type": "websocket.accept"})
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    conversation = Conversation(hub, cookies.get(settings.SESSION_COOKIE_NAME, ""), spoken, receive, send)
    open_sockets.inc()
    try:
        await conversation.run()
    except Leave as leave:
        await conversation.bye(leave)
    except OSError:
        logger.debug("live socket: the browser went away")
    finally:
        open_sockets.dec()
