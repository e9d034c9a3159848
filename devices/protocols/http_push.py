"""HTTP bulk push for platforms: ``POST /api/v1/push/positions`` (reference: ``docs/protocols/push.md``).

Answered 200 only when every row is stored or refused by name. It stands beside Django's views, like the live socket:
a request carries neither session nor form but its own signature, and passing it through the pages' middleware would
cost more than storing a hundred rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from msgspec import Meta, Struct
from prometheus_client import Counter

from devices.exceptions import NotStoredError
from devices.protocols.road import Road
from devices.protocols.turned_away import TurnedAway
from devices.push_keys import secret_of
from devices.pushed import MOST_ROWS, RowRefused
from gis.notices import connection_parameters
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

PATH = "/api/v1/push/positions"
WINDOW_S = 300
"""How far a request's time stamp may be from the platform's clock."""
MOST_BYTES = 2 << 20
"""Of a body, as sent and as unpacked."""
MOST_AT_ONCE = 96
READ_S = 20.0
RETRY_AFTER_S = 5
KEY_KNOWN_S = 1.0
KEYS_KNOWN = 1000
HEADERS = ("key", "timestamp", "nonce", "signature")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_STAMP = re.compile(r"\d{9,11}")

requests_total = Counter("sandtable_push_requests", "Requests of the HTTP push, by status", ["status"])

_KEY = """
SELECT k.id, k.platform_id, k.provider, k.sealed FROM devices_pushkey k JOIN devices_platform p ON p.id = k.platform_id
WHERE k.key_id = %s AND p.active AND (k.ends_at IS NULL OR k.ends_at > clock_timestamp())"""
_ADMIT = """
WITH used AS (INSERT INTO devices_pushnonce (key_id, nonce, at) VALUES (%s, %s, clock_timestamp())
              ON CONFLICT DO NOTHING RETURNING 1)
SELECT (SELECT count(*) FROM used), r.digest, r.answer
FROM (SELECT) AS one LEFT JOIN devices_pushreceipt r ON r.platform_id = %s AND r.batch = %s"""
_RECEIPT = """
INSERT INTO devices_pushreceipt (platform_id, batch, digest, answer, at) VALUES (%s, %s, %s, %s, clock_timestamp())
ON CONFLICT DO NOTHING"""


class Body(Struct, forbid_unknown_fields=True, frozen=True):
    """What a platform sends: rows (:class:`~devices.pushed.PushedRow`); ``batch`` names them if they come again."""

    rows: list[msgspec.Raw]
    batch: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]*$")] | None = None


@dataclass(frozen=True)
class Key:
    """A key in force."""

    id: int
    platform: int
    secret: bytes


class TurnedDown(Exception):
    """A request that is not taken; ``reason`` is counted where it is one of ``devices/reasons.py``."""

    def __init__(self, status: int, error: str, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail
        self.reason = reason


_body = msgspec.json.Decoder(Body)


def signature(secret: bytes, timestamp: str, nonce: str, body: bytes) -> str:
    """Sign a request: HMAC-SHA256 in hexadecimal over method, path, time stamp, nonce and the body's SHA-256."""
    text = "\n".join(("POST", PATH, timestamp, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def unpack(body: bytes, encoding: str) -> bytes:
    """Unpack a body; never more than :data:`MOST_BYTES`.

    Raises
    ------
    TurnedDown
        Too large, no gzip, or another encoding.
    """
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise TurnedDown(415, "unsupported_encoding", "Content-Encoding: gzip, or none")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise TurnedDown(400, "bad_gzip", str(error), "wrong_type") from None
    if len(text) > MOST_BYTES:
        raise too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise TurnedDown(400, "bad_gzip", "the body is not one whole gzip stream", "wrong_type")
    return text


def read_body(text: bytes) -> Body:
    """Read a body; its rows are read by the ingest worker, each for itself.

    Raises
    ------
    TurnedDown
        It is no batch, or too long a one.
    """
    try:
        body = _body.decode(text)
    except msgspec.ValidationError as error:
        raise TurnedDown(400, "wrong_type", str(error), "wrong_type") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TurnedDown(400, "not_json", str(error), "not_json") from None
    if len(body.rows) > MOST_ROWS:
        raise TurnedDown(413, "batch_too_long", f"{len(body.rows)} rows; at most {MOST_ROWS}", "batch_too_long")
    return body


def too_large() -> TurnedDown:
    """The body is larger than may be."""
    return TurnedDown(413, "payload_too_large", f"at most {MOST_BYTES} bytes, unpacked", "payload_too_large")


class PushDoor:
    """The address of the push in one web process; connects to the broker when the first request comes."""

    def __init__(self) -> None:
        self._road: Road | None = None
        self._database = DatabaseThread("push-database")
        self._turned_away = TurnedAway({})
        self._writing: asyncio.Task[None] | None = None
        self._keys: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._inside = 0

    async def stop(self) -> None:
        """Let go of broker and database."""
        if self._road is not None:
            await self._road.stop()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.to_thread(self._turned_away.write)
        await self._database.stop()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        client = (scope.get("client") or ("",))[0]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = {name: headers.get(f"sandtable-{name}", "") for name in HEADERS}
        try:
            if self._inside >= MOST_AT_ONCE:
                raise TurnedDown(503, "busy", f"{self._inside} requests are being stored")
            self._inside += 1
            try:
                status, answer = 200, await self._push(scope, headers, given, receive)
            finally:
                self._inside -= 1
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
        if not _signed(key, given, packed):
            raise _not_authorised()
        text = await asyncio.to_thread(unpack, packed, headers.get("content-encoding", ""))
        body, digest = read_body(text), hashlib.sha256(text).hexdigest()
        known = await self._database.do(_admit, key, given["nonce"], body.batch, digest)
        if known is not None:
            return known
        refused = await self._road.forward(key.platform, body.rows)
        answer = _answer_of(body, refused)
        if body.batch is not None:
            await self._database.do(_write_receipt, key.platform, body.batch, digest, answer.decode())
        return answer

    async def _key_of(self, given: dict[str, str]) -> Key:
        if not _STAMP.fullmatch(given["timestamp"]) or not _NONCE.fullmatch(given["nonce"]):
            raise TurnedDown(400, "headers", "Sandtable-Timestamp: seconds since 1970; Sandtable-Nonce: 16 to 64 signs")
        off_s = abs(time.time() - int(given["timestamp"]))
        if off_s > WINDOW_S:
            detail = f"the time stamp is {off_s:.0f} s from the platform's clock, {int(time.time())}"
            raise TurnedDown(401, "clock_skew", detail, "clock_skew")
        name, now = given["key"][:64], time.monotonic()
        at, key = self._keys.get(name, (0.0, None))
        if now - at > KEY_KNOWN_S:
            key = await self._database.do(_read_key, name)
            self._keys[name] = now, key
            self._keys.move_to_end(name)
            if len(self._keys) > KEYS_KNOWN:
                self._keys.popitem(last=False)
        if key is None:
            raise _not_authorised()
        return key

    def _note(self, reason: str, detail: str, device: str, where: str) -> None:
        self._turned_away.add(reason, detail, device, where)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        await asyncio.sleep(1)
        await asyncio.to_thread(self._turned_away.write)


def _read_key(key_id: str) -> Key | None:
    with connection.cursor() as cursor:
        cursor.execute(_KEY, [key_id])
        row = cursor.fetchone()
    return Key(row[0], row[1], secret_of(key_id, row[2], bytes(row[3]))) if row else None


def _signed(key: Key, given: dict[str, str], packed: bytes) -> bool:
    right = signature(key.secret, given["timestamp"], given["nonce"], packed)
    return hmac.compare_digest(right.encode(), given["signature"].lower().encode())


def _admit(key: Key, nonce: str, batch: str | None, digest: str) -> bytes | None:
    """Use up the nonce; returns the answer where this batch was answered before."""
    with connection.cursor() as cursor:
        cursor.execute(_ADMIT, [key.id, nonce, key.platform, batch])
        fresh, known, answer = cursor.fetchone()
    if not fresh:
        raise TurnedDown(409, "replayed", "this nonce was used before", "replayed")
    if answer is None:
        return None
    if known != digest:
        raise TurnedDown(409, "batch_reused", "this batch name was used for another body")
    return answer.encode()


def _write_receipt(platform: int, batch: str, digest: str, answer: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RECEIPT, [platform, batch, digest, answer])


def _answer_of(body: Body, refused: list[RowRefused]) -> bytes:
    return msgspec.json.encode(
        {
            "batch": body.batch,
            "rows": len(body.rows),
            "accepted": len(body.rows) - len(refused),
            "refused": [{"row": r.row, "reason": r.reason, "detail": r.detail} for r in refused],
        }
    )


def _not_authorised() -> TurnedDown:
    # One answer for all: who guesses does not learn which keys there are.
    return TurnedDown(401, "not_authorised", "unknown or ended key, or a wrong signature", "not_authorised")


async def read_stream(receive: Any) -> bytes:
    """Read a request's body as it was sent, :data:`MOST_BYTES` at most and within :data:`READ_S`.

    Raises
    ------
    TurnedDown
        Too large, too slow, or cut off.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_S):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise TurnedDown(400, "disconnected", "the body did not come to its end")
                pieces.append(event.get("body", b""))
                size += len(pieces[-1])
                if size > MOST_BYTES:
                    raise too_large()
                if not event.get("more_body"):
                    return b"".join(pieces)
    except TimeoutError:
        raise TurnedDown(408, "slow", f"the body did not come within {READ_S:.0f} s") from None


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
