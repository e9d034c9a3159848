"""A push request as it was sent: its signature, its body, and why it may not be taken (``docs/protocols/push.md``)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
import zlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from devices.pushed import MOST_ROWS

PATH = "/api/v1/push/positions"
WINDOW_S = 300
"""How far a request's time stamp may be from the platform's clock."""
MOST_BYTES = 2 << 20
"""Of a body, as sent and as unpacked."""
READ_S = 20.0
HEADERS = ("key", "timestamp", "nonce", "signature")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_STAMP = re.compile(r"\d{9,11}")


class Body(Struct, forbid_unknown_fields=True, frozen=True):
    """What a platform sends: rows (:class:`~devices.pushed.PushedRow`); ``batch`` names them if they come again."""

    rows: list[msgspec.Raw]
    batch: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]*$")] | None = None


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


def check_headers(given: dict[str, str]) -> None:
    """Refuse a time stamp or nonce of another shape, or a clock that goes wrong.

    Raises
    ------
    TurnedDown
        They are not in order.
    """
    if not _STAMP.fullmatch(given["timestamp"]) or not _NONCE.fullmatch(given["nonce"]):
        raise TurnedDown(400, "headers", "Sandtable-Timestamp: seconds since 1970; Sandtable-Nonce: 16 to 64 signs")
    off_s = abs(time.time() - int(given["timestamp"]))
    if off_s > WINDOW_S:
        detail = f"the time stamp is {off_s:.0f} s from the platform's clock, {int(time.time())}"
        raise TurnedDown(401, "clock_skew", detail, "clock_skew")


def signed(secret: bytes, given: dict[str, str], packed: bytes) -> bool:
    """Whether the headers' signature is that of this body, as it was sent."""
    right = signature(secret, given["timestamp"], given["nonce"], packed)
    return hmac.compare_digest(right.encode(), given["signature"].lower().encode())


def not_authorised() -> TurnedDown:
    """No key, or another signature."""
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
