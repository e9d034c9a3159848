"""One stream on its way to the platform: frames at their pace, in PS over RTP, by UDP or TCP."""

from __future__ import annotations

import asyncio
import math
import random
import re
import socket
import struct
from dataclasses import dataclass

from media.simulator import mux
from media.simulator.clip import FPS, Picture, Pictures, stamped
from media.simulator.past import Past

TICKS = 90_000 // FPS
BURST_PACKETS, BURST_S = 16, 0.0018
"""Of 1,412 bytes: 100 Mbit/s."""


@dataclass(frozen=True)
class Asked:
    """What an INVITE asks for."""

    session: str
    host: str
    port: int
    ssrc: int
    tcp: bool
    setup: str
    begins: int
    ends: int
    speed: int

    @property
    def live(self) -> bool:
        """Not a recording."""
        return self.session == "Play"

    @classmethod
    def read(cls, body: bytes) -> Asked:
        """Read the platform's description."""
        text = body.decode()

        def find(pattern: str, default: str = "") -> str:
            match = re.search(pattern, text, re.MULTILINE)
            return match[1].strip() if match else default

        begins, _space, ends = find(r"^t=(\d+ \d+)", "0 0").partition(" ")
        return cls(
            find(r"^s=(\w+)"),
            find(r"^c=IN IP\d (\S+)"),
            int(find(r"^m=\w+ (\d+)", "0")),
            int(find(r"^y=(\d+)", "0")),
            "TCP/RTP" in text,
            find(r"^a=setup:(\w+)"),
            int(begins),
            int(ends),
            int(find(r"^a=downloadspeed:(\d+)", "1")),
        )


class Sending:
    """A stream; :meth:`run` until cancelled, or until a recording's end.

    Parameters
    ----------
    pictures : sequence of Picture
        Sent round and round; a recorded one says when it was taken.
    past : Past
        What there is of the time asked for.
    """

    def __init__(self, asked: Asked, pictures: Pictures, codec: str, host: str, past: Past) -> None:
        self.asked, self._pictures, self._codec, self._host, self._past = asked, pictures, codec, host, past
        self.speed = float(max(1, asked.speed))
        self.paused = False
        self.unsent = 0
        """Packets that this machine did not let out: no network has lost them."""
        self.port = 0
        self._at = 0
        """The next picture: of a recording, its time in pictures since 1970."""
        if not asked.live:
            self.seek(0)
        self._sequence, self._time = random.randrange(65_536), random.randrange(1 << 31)  # noqa: S311
        self._server: socket.socket | None = None
        self._datagrams: socket.socket | None = None
        if asked.tcp and asked.setup == "active":
            self._server = socket.create_server((host, 0))
            self._server.setblocking(False)
            self.port = self._server.getsockname()[1]
        elif not asked.tcp:
            self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._datagrams.bind((host, 0))
            self._datagrams.setblocking(False)
            self.port = self._datagrams.getsockname()[1]

    @property
    def size(self) -> int:
        """About how many bytes of program stream all of it is."""
        some = range(min(len(self._pictures), 10 * FPS))
        mean = sum(len(self._pictures[n].data) for n in some) / len(some) + 60
        seconds = sum(piece.ends - piece.begins for piece in self._past.pieces(self.asked.begins, self.asked.ends))
        return round(mean * seconds * FPS)

    @property
    def place(self) -> str:
        """Value of RTP-Info: the packet that comes next."""
        return f"seq={self._sequence & 0xFFFF};rtptime={self._time & 0xFFFFFFFF}"

    def seek(self, seconds: float) -> None:
        """Go to so many seconds from the beginning, to the key frame before."""
        at = self.asked.begins * FPS + round(seconds * FPS)
        while not self._pictures[at % len(self._pictures)].key:
            at -= 1
        self._at = at

    async def run(self) -> None:
        """Send."""
        connection = await self._connect()
        try:
            await self._send(connection)
        finally:
            for each in (connection, self._server, self._datagrams):
                if each is not None:
                    each.close()

    async def _connect(self) -> socket.socket | None:
        loop = asyncio.get_running_loop()
        if self._server is not None:
            connection, _address = await loop.sock_accept(self._server)
        elif self.asked.tcp:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            await loop.sock_connect(connection, (self.asked.host, self.asked.port))
        else:
            return None
        return connection

    async def _send(self, connection: socket.socket | None) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while (picture := self._next()) is not None:
            if self.paused:
                await asyncio.sleep(0.05)
                due = loop.time()
                continue
            data = mux.frame(picture.data, picture.key, self._time, self._codec)
            packets = mux.packets(data, self._sequence, self._time, self.asked.ssrc)
            if connection is not None:
                framed = b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
                await loop.sock_sendall(connection, framed)
            elif self._datagrams is not None:
                await self._send_paced(self._datagrams, packets)
            self._sequence, self._time, self._at = self._sequence + len(packets), self._time + TICKS, self._at + 1
            due += 1 / FPS / self.speed
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _send_paced(self, way: socket.socket, packets: list[bytes]) -> None:
        """As fast as a camera's port of 100 Mbit/s lets them out: a key frame is no single burst."""
        for at in range(0, len(packets), BURST_PACKETS):
            if at:
                await asyncio.sleep(BURST_S)
            for packet in packets[at : at + BURST_PACKETS]:
                try:
                    way.sendto(packet, (self.asked.host, self.asked.port))
                except BlockingIOError:
                    self.unsent += 1
                except ConnectionRefusedError:
                    pass  # the platform has let go of the port, and its BYE is on the way

    def _next(self) -> Picture | None:
        """The picture whose turn it is; None behind a recording's end."""
        if self.asked.live:
            return self._pictures[self._at % len(self._pictures)]
        recorded = self._past.next_at(self._at / FPS, self.asked.ends)
        if recorded is None:
            return None
        if recorded > self._at / FPS:  # it missed something: the next piece begins with a key frame
            self._at = math.ceil(recorded * FPS)
            while not self._pictures[self._at % len(self._pictures)].key:
                self._at += 1
        picture = self._pictures[self._at % len(self._pictures)]
        return Picture(stamped(picture.data, self._codec, self._at * 1000 // FPS), picture.key)
