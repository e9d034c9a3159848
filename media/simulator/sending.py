"""One stream on its way to the platform: frames at their pace, in PS over RTP, by UDP or TCP."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from dataclasses import dataclass

from media.simulator import mux
from media.simulator.clip import FPS, Pictures

TICKS = 90_000 // FPS


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
        Sent round and round.
    """

    def __init__(self, asked: Asked, pictures: Pictures, codec: str, host: str) -> None:
        self.asked, self._pictures, self._codec, self._host = asked, pictures, codec, host
        self.speed = float(max(1, asked.speed))
        self.paused = False
        self.port = 0
        self.position_s = 0.0
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
    def live(self) -> bool:
        """Not a recording."""
        return self.asked.session == "Play"

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
        sequence, time, number = random.randrange(65_536), random.randrange(1 << 31), 0  # noqa: S311
        due = loop.time()
        length_s = (self.asked.ends - self.asked.begins) if not self.live else float("inf")
        while self.position_s < length_s:
            if self.paused:
                await asyncio.sleep(0.05)
                due = loop.time()
                continue
            picture = self._pictures[number % len(self._pictures)]
            data = mux.frame(picture.data, picture.key, time, self._codec)
            packets = mux.packets(data, sequence, time, self.asked.ssrc)
            if connection is not None:
                framed = b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
                await loop.sock_sendall(connection, framed)
            elif self._datagrams is not None:
                for packet in packets:
                    with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                        self._datagrams.sendto(packet, (self.asked.host, self.asked.port))
            sequence, time, number = sequence + len(packets), time + TICKS, number + 1
            self.position_s += 1 / FPS
            due += 1 / FPS / self.speed
            await asyncio.sleep(max(0.0, due - loop.time()))
