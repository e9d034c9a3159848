"""Hundreds of open maps in one process: live sockets that cost almost nothing, so that what is measured is the server.

Frames are counted and passed over; only every so many-th client reads what is in them. Half of the slow clients read a
little now and then, half read nothing at all, behind small receive buffers, as over a bad line.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import socket
import time
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from django.conf import settings

from bench._crowd import BEACON_LON, beacon_age_s
from twin.kinds import DRONE
from twin.live.frames import ASSETS, ASSETS_BATCH, CELLS, CELLS_BATCH

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
SLOW_BUFFER = 16 << 10
SLOW_BYTES_S = 2000
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Seat:
    """One of the audience: whose session, and what is looked at.

    Attributes
    ----------
    place : str
        ``district`` or ``city``.
    views : tuple of (bbox, zoom)
        The first at once, then the others in turn.
    pace : str
        ``quick``, ``trickle`` or ``deaf``.
    sampled : bool
        Whether the times in its frames are read.
    """

    session: str
    place: str
    views: tuple[tuple[tuple[float, float, float, float], float], ...]
    pace: str = "quick"
    sampled: bool = False


@dataclass
class Tally:
    """What clients of one kind saw."""

    frames: int = 0
    received_bytes: int = 0
    ages_s: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One open map.

    Attributes
    ----------
    asked_at, whole_at : float
        Monotonic times of the attempt to connect, and of the first whole picture; 0 before.
    closed : asyncio.Event
        Whether the connection is over.
    """

    def __init__(self, seat: Seat, host: str, origin: str, tally: Tally) -> None:
        self.seat = seat
        self.asked_at = time.monotonic()
        self.whole_at = 0.0
        self.closed = asyncio.Event()
        self._tally = tally
        self._host, self._origin = host, origin
        self._buffer = b""
        self._greeted = False
        self._skip = 0
        self._views = 0
        self._reset = False
        self._is_slow = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            (
                f"GET /live HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
                f"Origin: {self._origin}\r\nCookie: {settings.SESSION_COOKIE_NAME}={self.seat.session}\r\n\r\n"
            ).encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """The server or this end is gone."""
        self.closed.set()

    def drop(self) -> None:
        """Be gone without a word."""
        self._transport.abort()

    def look(self) -> None:
        """Move the map to the next view."""
        bbox, zoom = self.seat.views[self._views % len(self.seat.views)]
        self._views += 1
        self._say(TEXT, json.dumps({"type": "view", "bbox": bbox, "zoom": zoom}).encode())

    def data_received(self, data: bytes) -> None:
        """Take frames apart as far as is needed."""
        self._tally.received_bytes += len(data)
        if self._is_slow:
            self.slow_down()
        if self._skip >= len(data):  # in the middle of a frame nobody reads
            self._skip -= len(data)
            return
        self._buffer = self._buffer + data[self._skip :] if self._buffer else data[self._skip :]
        self._skip = 0
        if not self._greeted:
            head, found, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            if b" 101 " not in head[:20]:
                raise ConnectionError(head[:60].decode(errors="replace"))
            self._greeted = True
            self.look()
        while self._one():
            pass

    def slow_down(self) -> None:
        """Read as a slow client does: what one buffer holds and then no more for a while, or never again."""
        if self.seat.pace == "quick" or self._transport.is_closing():
            return
        self._is_slow = True
        self._transport.pause_reading()
        if self.seat.pace == "trickle":
            asyncio.get_running_loop().call_later(SLOW_BUFFER / SLOW_BYTES_S, self._sip)

    def _sip(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _one(self) -> bool:
        """Take one frame off the buffer; False where there is no whole one."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        size, at = buffer[1], 2
        if size == 126:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < at + 1:
            return False
        opcode = buffer[0] & 15
        batch = opcode == BINARY and buffer[at] in (ASSETS_BATCH, CELLS_BATCH)
        if batch and self.whole_at and not self.seat.sampled and len(buffer) < at + size:
            self._tally.frames += 1
            self._skip, self._buffer = at + size - len(buffer), b""
            return False
        if len(buffer) < at + size:
            return False
        self._buffer = buffer[at + size :]
        if batch:
            self._tally.frames += 1
            if self._reset and not self.whole_at:
                self.whole_at = time.monotonic()
            elif self.seat.sampled:
                self._read(buffer[at : at + size])
        elif opcode == TEXT and not self._reset:
            self._reset = b'"reset"' in buffer[at : at + size]
        elif opcode == PING:
            self._say(10, buffer[at : at + size])
        elif opcode == CLOSE:
            self._transport.close()
        return True

    def _read(self, message: bytes) -> None:
        now_s = time.time()
        if message[0] == ASSETS_BATCH:
            batch = pa.ipc.read_record_batch(message[1:], ASSETS)
            newest_ms = float(np.max(batch.column("time_ms").to_numpy(), initial=0.0))
            if newest_ms:  # not only of things that left
                self._tally.ages_s.append(now_s - newest_ms / 1000)
            return
        batch = pa.ipc.read_record_batch(message[1:], CELLS)
        drones = batch.column("kind").to_numpy() == DRONE.code
        lon = batch.column("lon").to_numpy()[drones]
        lon = lon[(lon >= BEACON_LON) & (lon < BEACON_LON + 0.01)]
        if len(lon):
            self._tally.ages_s.append(beacon_age_s(float(lon[0]), now_s))

    def _say(self, opcode: int, payload: bytes) -> None:
        # Masked with nothing: what a client sends must be masked, and zeros change no byte.
        size = len(payload)
        head = bytes([128 | opcode, 128 | size]) if size < 126 else bytes([128 | opcode, 254]) + size.to_bytes(2, "big")
        self._transport.write(head + b"\0\0\0\0" + payload)


class Audience:
    """All clients of one address.

    Parameters
    ----------
    url : str
        Of the installation.
    seats : list of Seat
        Who comes.
    """

    def __init__(self, url: str, seats: list[Seat]) -> None:
        self._url = url
        self._seats = seats
        self.clients: list[Client] = []
        self.tallies: dict[str, Tally] = {}
        self.new_tallies()

    def new_tallies(self) -> dict[str, Tally]:
        """Count from nothing again; returns what was counted so far."""
        before = self.tallies
        names = {(seat.place if seat.pace == "quick" else "slow") for seat in self._seats}
        self.tallies = {name: Tally() for name in names}
        for client in self.clients:
            client._tally = self.tallies[_kind(client.seat)]
        return before

    async def come(self, within_s: float) -> None:
        """Let all connect, each at a moment of its own, and wait until each quick one has a whole picture.

        Raises
        ------
        TimeoutError
            Somebody had none within a minute.
        """
        self.clients = await asyncio.gather(*(self._arrive(seat, random.random() * within_s) for seat in self._seats))  # noqa: S311
        async with asyncio.timeout(PATIENCE_S):
            while not all(client.whole_at for client in self.clients):
                lost = sum(client.closed.is_set() for client in self.clients)
                if lost:
                    raise ConnectionError(f"{lost} clients were sent away")
                await asyncio.sleep(0.05)

    def slow_down(self) -> None:
        """From now on the slow ones are slow."""
        for client in self.clients:
            client.slow_down()

    async def wander(self, every_s: float) -> None:
        """Move maps, each about every so many seconds, for ever."""
        while True:
            await asyncio.sleep(every_s / len(self.clients))
            client = random.choice(self.clients)  # noqa: S311
            if client.seat.pace == "quick" and not client.closed.is_set():
                client.look()

    async def leave(self) -> None:
        """All at once, without a word."""
        for client in self.clients:
            client.drop()
        await asyncio.gather(*(client.closed.wait() for client in self.clients))

    async def _arrive(self, seat: Seat, after_s: float) -> Client:
        await asyncio.sleep(after_s)
        parts: Any = urlsplit(self._url)
        link = socket.socket()
        if seat.pace != "quick":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
        link.setblocking(False)
        client = Client(seat, parts.netloc, self._url, self.tallies[_kind(seat)])
        loop = asyncio.get_running_loop()
        await loop.sock_connect(link, (parts.hostname, parts.port))
        await loop.create_connection(lambda: client, sock=link)
        return client


def _kind(seat: Seat) -> str:
    return seat.place if seat.pace == "quick" else "slow"
