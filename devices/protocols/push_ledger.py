"""What the database knows of pushes: keys in force, nonces that were used, batches that were answered.

Hundreds of requests a second each have a question and something to remember. Those that come while the database is busy
are asked and remembered together, by one statement for all.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from devices.protocols.push_request import TurnedDown
from devices.push_keys import secret_of
from twin.database import DatabaseThread, Together

KEY_KNOWN_S = 1.0
KEYS_KNOWN = 1000

_KEY = """
SELECT k.id, k.platform_id, k.provider, k.sealed FROM devices_pushkey k JOIN devices_platform p ON p.id = k.platform_id
WHERE k.key_id = %s AND p.active AND (k.ends_at IS NULL OR k.ends_at > clock_timestamp())"""
# Rows go in by their own order: two processes with the same ones never wait for each other.
_ADMIT = """
WITH used AS (INSERT INTO devices_pushnonce (key_id, nonce, at)
              SELECT DISTINCT key_id, nonce, clock_timestamp() FROM unnest(%(keys)s::int8[], %(nonces)s::text[])
                  AS asked (key_id, nonce) ORDER BY key_id, nonce
              ON CONFLICT DO NOTHING RETURNING key_id, nonce)
SELECT used.nonce IS NOT NULL, r.digest, r.answer
FROM unnest(%(keys)s::int8[], %(nonces)s::text[], %(platforms)s::int8[], %(batches)s::text[]) WITH ORDINALITY
    AS asked (key_id, nonce, platform_id, batch, place)
LEFT JOIN used ON used.key_id = asked.key_id AND used.nonce = asked.nonce
LEFT JOIN devices_pushreceipt r ON r.platform_id = asked.platform_id AND r.batch = asked.batch
ORDER BY asked.place"""
_RECEIPTS = """
INSERT INTO devices_pushreceipt (platform_id, batch, digest, answer, at)
SELECT platform_id, batch, digest, answer, clock_timestamp()
FROM unnest(%s::int8[], %s::text[], %s::text[], %s::text[]) AS given (platform_id, batch, digest, answer)
ORDER BY platform_id, batch ON CONFLICT DO NOTHING"""


@dataclass(frozen=True)
class Key:
    """A key in force."""

    id: int
    platform: int
    secret: bytes


class Request(NamedTuple):
    """What is asked of one request: ``digest`` is the SHA-256 of its unpacked body, in hexadecimal."""

    key: Key
    nonce: str
    batch: str | None
    digest: str


class Receipt(NamedTuple):
    """What is remembered of a batch that was answered."""

    platform: int
    batch: str
    digest: str
    answer: str


class PushLedger:
    """Asks the database for one web process; has a thread and a connection of its own."""

    def __init__(self) -> None:
        self._database = DatabaseThread("push-database")
        self._keys: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._admitting = Together(self._database.do, _admit)
        self._remembering = Together(self._database.do, _remember)

    async def stop(self) -> None:
        """Let go of the database."""
        await self._database.stop()

    async def key(self, name: str) -> Key | None:
        """The key of this name, if it is in force; known for :data:`KEY_KNOWN_S`."""
        now = time.monotonic()
        at, key = self._keys.get(name, (0.0, None))
        if now - at > KEY_KNOWN_S:
            key = await self._database.do(_read_key, name)
            self._keys[name] = now, key
            self._keys.move_to_end(name)
            if len(self._keys) > KEYS_KNOWN:
                self._keys.popitem(last=False)
        return key

    async def admit(self, request: Request) -> bytes | None:
        """Use up the nonce; returns the answer where this batch was answered before.

        Raises
        ------
        TurnedDown
            The nonce was used before, or the batch's name for something else.
        """
        is_fresh, digest, answer = await self._admitting.ask(request)
        if not is_fresh:
            raise TurnedDown(409, "replayed", "this nonce was used before", "replayed")
        if answer is None:
            return None
        if digest != request.digest:
            raise TurnedDown(409, "batch_reused", "this batch name was used for another body")
        return answer.encode()

    async def remember(self, receipt: Receipt) -> None:
        """Keep the answer for when the batch comes again; returns once that is committed."""
        await self._remembering.ask(receipt)


def _read_key(key_id: str) -> Key | None:
    with connection.cursor() as cursor:
        cursor.execute(_KEY, [key_id])
        row = cursor.fetchone()
    return Key(row[0], row[1], secret_of(key_id, row[2], bytes(row[3]))) if row else None


def _admit(requests: list[Request]) -> list[tuple[bool, str | None, str | None]]:
    asked: dict[str, Any] = {
        "keys": [request.key.id for request in requests],
        "nonces": [request.nonce for request in requests],
        "platforms": [request.key.platform for request in requests],
        "batches": [request.batch for request in requests],
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADMIT, asked)
        rows = cursor.fetchall()
    found = []
    seen: set[tuple[int, str]] = set()
    for request, (is_fresh, digest, answer) in zip(requests, rows, strict=True):
        # The same one twice among these: the database took it once, and so do we.
        name = (request.key.id, request.nonce)
        found.append((is_fresh and name not in seen, digest, answer))
        seen.add(name)
    return found


def _remember(receipts: list[Receipt]) -> list[None]:
    with connection.cursor() as cursor:
        cursor.execute(_RECEIPTS, [list(column) for column in zip(*receipts, strict=True)])
    return [None] * len(receipts)
