"""The line to one browser: what is said, how long it may take, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

from prometheus_client import Counter, Histogram

from twin.live.beat import BEAT_S

SLOWEST_SEND_S = 30.0
"""A browser that does not take one message for this long is let go; it reconnects and catches up."""
CLOSE_SESSION = 4401
CLOSE_PERMISSION = 4403
CLOSE_STOPPING = 1012
CLOSE_LATER = 1013

frames_total = Counter("sandtable_live_frames_sent", "Messages sent to browsers")
bytes_total = Counter("sandtable_live_sent_bytes", "Sent to browsers")
send_seconds = Histogram(
    "sandtable_live_send_seconds",
    "How long a browser let us wait with a message",
    buckets=(0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
merged_total = Counter("sandtable_live_merged", "Times a browser was so slow that what moved meanwhile came in one")
let_go_total = Counter("sandtable_live_let_go", "Browsers let go because they took nothing")


class Leave(Exception):
    """The conversation is over; ``reason`` and ``code`` are told to the browser."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Line:
    """Says things to one browser, one after the other.

    Parameters
    ----------
    send : callable
        ASGI's.
    """

    def __init__(self, send: Any) -> None:
        self._send = send

    async def say(self, message: dict[str, Any]) -> None:
        """Say something as JSON text."""
        text = json.dumps(message, ensure_ascii=False)
        await self._within({"type": "websocket.send", "text": text}, len(text))

    async def give(self, piece: bytes) -> None:
        """Hand over something binary."""
        await self._within({"type": "websocket.send", "bytes": piece}, len(piece))

    async def bye(self, leave: Leave) -> None:
        """Say why, and close; whoever takes nothing any more is not waited for twice."""
        with contextlib.suppress(Leave):
            if leave.reason != "slow":
                await self.say({"type": "bye", "reason": leave.reason})
            await self._within({"type": "websocket.close", "code": leave.code}, 0)

    async def _within(self, event: dict[str, Any], size: int) -> None:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(SLOWEST_SEND_S):
                await self._send(event)
        except TimeoutError:
            let_go_total.inc()
            raise Leave("slow", CLOSE_LATER) from None
        except RuntimeError as error:  # the server closed it meanwhile: no answer to its pings
            raise ConnectionError(str(error)) from None
        took_s = time.perf_counter() - began
        send_seconds.observe(took_s)
        if took_s > BEAT_S:
            merged_total.inc()
        frames_total.inc()
        bytes_total.inc(size)
