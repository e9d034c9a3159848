"""HTTP bulk push for platforms: ``POST /api/v1/push/positions`` (reference: ``docs/protocols/push.md``).

Answered 200 only when every row is stored or refused by name. It stands beside Django's views, like the live socket:
a request carries neither session nor form but its own signature, and passing it through the pages' middleware would
cost more than storing a hundred rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client import Counter

from devices.exceptions import NotStoredError
from devices.protocols.push_ledger import Key, PushLedger, Receipt, Request
from devices.protocols.push_request import (
    HEADERS,
    MOST_BYTES,
    PATH,
    Body,
    TurnedDown,
    check_headers,
    not_authorised,
    read_body,
    read_stream,
    signed,
    too_large,
    unpack,
)
from devices.protocols.road import Road
from devices.protocols.turned_away import TurnedAway
from devices.pushed import RowRefused
from gis.notices import connection_parameters

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 400
MOST_BYTES_AT_ONCE = 96 * MOST_BYTES
RETRY_AFTER_S = 5

requests_total = Counter("sandtable_push_requests", "Requests of the HTTP push, by status", ["status"])


class PushDoor:
    """The address of the push in one web process; connects to the broker when the first request comes."""

    def __init__(self) -> None:
        self._road: Road | None = None
        self._ledger = PushLedger()
        self._turned_away = TurnedAway({})
        self._writing: asyncio.Task[None] | None = None
        self._inside = 0
        self._bytes = 0

    async def stop(self) -> None:
        """Let go of broker and database."""
        if self._road is not None:
            await self._road.stop()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.to_thread(self._turned_away.write)
        await self._ledger.stop()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        client = (scope.get("client") or ("",))[0]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = {name: headers.get(f"sandtable-{name}", "") for name in HEADERS}
        try:
            size = _most_bytes(headers)
            if self._inside >= MOST_AT_ONCE or self._bytes + size > MOST_BYTES_AT_ONCE:
                raise TurnedDown(503, "busy", f"{self._inside} requests are being stored")
            self._inside, self._bytes = self._inside + 1, self._bytes + size
            try:
                status, answer = 200, await self._push(scope, headers, given, receive)
            finally:
                self._inside, self._bytes = self._inside - 1, self._bytes - size
        except TurnedDown as refusal:
            status, answer = refusal.status, msgspec.json.encode({"error": refusal.error, "detail": refusal.detail})
            if refusal.reason:
                where = f"POST {PATH} {client}"
                self._note(refusal.reason, f"{refusal.error}: {refusal.detail}", given["key"][:64], where)
        except (NotStoredError, DatabaseError) as error:
            logger.warning("push: %s: %s", type(error).__name__, str(error).strip())
            status, answer = 503, msgspec.json.encode({"error": "not_stored", "detail": "send it again"})
        requests_total.labels(str(status)).inc()
        await _reply(send, status, answer)

    async def _push(self, scope: dict[str, Any], headers: dict[str, str], given: dict[str, str], receive: Any) -> bytes:
        if scope["method"] != "POST":
            raise TurnedDown(405, "method", "POST only")
        if scope.get("query_string"):
            raise TurnedDown(400, "query", "no query: it would not be signed")
        if self._road is None:
            self._turned_away = TurnedAway(connection_parameters())
            self._road = Road(settings.MQTT_URL)
            self._road.start()
        # Before the body is read: who has no key costs us no more than the headers.
        key = await self._key_of(given)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > MOST_BYTES:
            raise too_large()
        packed = await read_stream(receive)
        if not signed(key.secret, given, packed):
            raise not_authorised()
        encoding = headers.get("content-encoding", "")
        # Unpacking may take long, and lets go of the interpreter meanwhile; plain text needs no thread.
        text = await asyncio.to_thread(unpack, packed, encoding) if encoding else packed
        body, digest = read_body(text), hashlib.sha256(text).hexdigest()
        known = await self._ledger.admit(Request(key, given["nonce"], body.batch, digest))
        if known is not None:
            return known
        refused = await self._road.forward(key.platform, body.rows)
        answer = _answer_of(body, refused)
        if body.batch is not None:
            await self._ledger.remember(Receipt(key.platform, body.batch, digest, answer.decode()))
        return answer

    async def _key_of(self, given: dict[str, str]) -> Key:
        check_headers(given)
        key = await self._ledger.key(given["key"][:64])
        if key is None:
            raise not_authorised()
        return key

    def _note(self, reason: str, detail: str, device: str, where: str) -> None:
        self._turned_away.add(reason, detail, device, where)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        await asyncio.sleep(1)
        await asyncio.to_thread(self._turned_away.write)


def _most_bytes(headers: dict[str, str]) -> int:
    """What a request's body can come to in memory; of one that is packed, or does not say, the most that is taken."""
    length = headers.get("content-length", "")
    return min(int(length), MOST_BYTES) if length.isdecimal() and "content-encoding" not in headers else MOST_BYTES


def _answer_of(body: Body, refused: list[RowRefused]) -> bytes:
    return msgspec.json.encode(
        {
            "batch": body.batch,
            "rows": len(body.rows),
            "accepted": len(body.rows) - len(refused),
            "refused": [{"row": r.row, "reason": r.reason, "detail": r.detail} for r in refused],
        }
    )


async def _reply(send: Any, status: int, answer: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


push_door = PushDoor()
