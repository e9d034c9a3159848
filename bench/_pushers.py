"""Platforms that push over HTTP as ``docs/protocols/push.md`` asks them to: signed, over connections that stay open."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import msgspec

from devices.protocols.push_request import PATH, signature

AHEAD_MOST_S = 2.0
"""A platform that fell behind its rate does not make up for more than this at once."""
APART_MS = 100
"""Between positions of one device in one batch, where there was time for that since the batch before."""


@dataclass(frozen=True)
class PlatformKey:
    """A platform's key, and the devices that are its own."""

    key_id: str
    secret: bytes
    devices: list[str]


class _Answer(msgspec.Struct):
    accepted: int
    refused: list


@dataclass
class Pushers:
    """Connections of platforms, spread evenly, each with one batch on its way at most.

    Attributes
    ----------
    sent, accepted, refused : int
        Positions in batches that were answered 200, and what became of them.
    again : int
        Batches sent again after an answer that said so.
    statuses : Counter
        Answers by HTTP status.
    answer_ms : list of float
        From sending a batch to its 200, batches sent again left out.
    """

    url: str
    keys: list[PlatformKey]
    rate: float
    batch: int
    connections: int
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    again: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    answer_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._due = 0.0
        self._numbers = itertools.count(1)
        self._stopping = False

    async def run(self, seconds: float) -> None:
        """Push for so long, and until everything on its way is answered."""
        working = [asyncio.create_task(self._work(i)) for i in range(self.connections)]
        began = then = time.monotonic()
        while then - began < seconds:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            self._due = min(self._due + (now - then) * self.rate, AHEAD_MOST_S * self.rate)
            then = now
        self._stopping = True
        await asyncio.gather(*working)

    async def _work(self, i: int) -> None:
        key = self.keys[i % len(self.keys)]
        line = _Line(self.url)
        await line.connect()
        # Each connection speaks for devices of its own: no two batches bring the same device at the same time.
        mine = key.devices[i // len(self.keys) :: max(1, self.connections // len(self.keys))]
        at, until_ms = 0, 0
        while not self._stopping:
            if self._due < self.batch:
                await asyncio.sleep(0.005)
                continue
            self._due -= self.batch
            # No device is twice at one moment, so what is accepted and what is stored can be compared.
            each = math.ceil(self.batch / len(mine))
            now_ms = max(time.time_ns() // 1_000_000, until_ms + each)
            body = self._body(mine, at, now_ms, min(APART_MS, (now_ms - until_ms) // each))
            at, until_ms = at + self.batch, now_ms
            began = time.monotonic()
            status, answer = await line.post(key, body)
            self.statuses[status] += 1
            if status == 200:
                self.answer_ms.append((time.monotonic() - began) * 1000)
            while status == 503:
                self.again += 1
                await asyncio.sleep(1.0)
                status, answer = await line.post(key, body)
                self.statuses[status] += 1
            if status != 200:
                raise RuntimeError(f"{status}: {answer[:300]!r}")
            said = msgspec.json.decode(answer, type=_Answer)
            self.sent += self.batch
            self.accepted += said.accepted
            self.refused += len(said.refused)
        line.close()

    def _body(self, devices: list[str], at: int, now_ms: int, apart_ms: int) -> bytes:
        count = len(devices)
        rows = []
        for k in range(at, at + self.batch):
            angle = k / count * 6 + k % count
            # A batch longer than the devices there are holds several positions of each.
            rows.append(
                b'{"device":"%s","time":%d,"lon":%.6f,"lat":%.6f,"speed_m_s":5.0,"working":true}'
                % (
                    devices[k % count].encode(),
                    now_ms - (at + self.batch - 1 - k) // count * apart_ms,
                    121.2 + k % count * 0.6180339887 % 1 * 0.6 + 0.001 * math.cos(angle),
                    31.0 + k % count * 0.7548776662 % 1 * 0.5 + 0.001 * math.sin(angle),
                )
            )
        return b'{"batch":"bench-%d-%d","rows":[%s]}' % (now_ms, next(self._numbers), b",".join(rows))


class _Line(asyncio.Protocol):
    """One HTTP/1.1 connection that stays open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._netloc = parts.netloc
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport

    async def connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)

    def close(self) -> None:
        self._transport.close()

    async def post(self, key: PlatformKey, body: bytes) -> tuple[int, bytes]:
        stamp, nonce = str(int(time.time())), secrets.token_urlsafe(16)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {self._netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nSandtable-Key: {key.key_id}\r\nSandtable-Timestamp: {stamp}\r\n"
            f"Sandtable-Nonce: {nonce}\r\nSandtable-Signature: {signature(key.secret, stamp, nonce, body)}\r\n\r\n"
        )
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode() + body)
        return await self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the connection was closed before an answer"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        if len(rest) < length or self._waiting is None:
            return
        self._buffer = rest[length:]
        self._waiting.set_result((int(lines[0].split()[1]), rest[:length]))
