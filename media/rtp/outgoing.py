"""RTP out: to an address by datagram, or over a connection that we dial or wait for (RFC 4571)."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol, cast

from prometheus_client import Counter

from media.rtp.ports import DIAL_S, DIALS

BUFFER_BYTES = 4 << 20
MOST_UNSENT_BYTES = 4 << 20
ARRIVE_S = 10.0

dropped_total = Counter("sandtable_rtp_out_dropped", "Packets not sent: whoever was to have them did not read")


class WayOut(Protocol):
    """Where packets go."""

    async def open(self) -> None:
        """Take the port; raises OSError where that cannot be."""

    async def ready(self) -> None:
        """Wait until somebody is there; raises OSError where nobody comes."""

    def send(self, packet: bytes) -> None:
        """Send one; while nobody is there, it is lost."""

    def close(self) -> None:
        """Let go."""


class UdpOut(asyncio.DatagramProtocol):
    """Datagrams from a port of ours to one address."""

    def __init__(self, bind: tuple[str, int], to: tuple[str, int]) -> None:
        self._bind, self._to = bind, to
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Bind."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, self._bind)

    async def ready(self) -> None:
        """Datagrams can be sent at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # Python 3.11's own is no subclass
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    def error_received(self, error: Exception) -> None:
        """Nobody listens there now; a BYE tells, or the other side's own clock."""

    def send(self, packet: bytes) -> None:
        """Send."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, self._to)

    def close(self) -> None:
        """Let go of the port."""
        if self._transport is not None:
            self._transport.close()


class TcpOut(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    at : tuple
        Where we listen; or, with ``dial``, where they do.
    hosts : set of str
        Who may connect where we listen.
    on_lost : callable
        Told that they have hung up.
    """

    def __init__(self, at: tuple[str, int], hosts: set[str], on_lost: Callable[[], None], *, dial: bool) -> None:
        self._at, self._hosts, self._on_lost, self._dial = at, hosts, on_lost, dial
        self._server: asyncio.Server | None = None
        self._transport: asyncio.Transport | None = None
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        """Listen, where they dial."""
        if not self._dial:
            self._server = await asyncio.get_running_loop().create_server(lambda: _Arrival(self), *self._at)

    async def ready(self) -> None:
        """Wait for them; or dial: three times, a second apart (annex D)."""
        loop = asyncio.get_running_loop()
        if not self._dial:
            try:
                async with asyncio.timeout(ARRIVE_S):
                    await self._arrived.wait()
            except TimeoutError:
                raise OSError("nobody connected") from None
            return
        for left in reversed(range(DIALS)):
            try:
                async with asyncio.timeout(DIAL_S * 3):
                    await loop.create_connection(lambda: self, *self._at)
                return
            except (OSError, TimeoutError) as error:
                if not left:
                    raise OSError(f"{self._at[0]}:{self._at[1]} cannot be reached: {error}") from None
                await asyncio.sleep(DIAL_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def admit(self, transport: asyncio.Transport) -> bool:
        """Whether this is who was meant, and the first."""
        if self._transport is not None or transport.get_extra_info("peername")[0] not in self._hosts:
            return False
        self._transport = transport
        self._arrived.set()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """They have hung up."""
        self._transport = None
        self._on_lost()

    def send(self, packet: bytes) -> None:
        """Send; a reader that falls seconds behind loses packets, and not our memory."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            dropped_total.inc()
            return
        self._transport.write(struct.pack(">H", len(packet)) + packet)

    def close(self) -> None:
        """Let go."""
        if self._server is not None:
            self._server.close()
        if self._transport is not None:
            self._transport.close()


class _Arrival(asyncio.Protocol):
    """Somebody who connects where we listen."""

    def __init__(self, way: TcpOut) -> None:
        self._way = way
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._admitted = self._way.admit(transport)
        if not self._admitted:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted:
            self._way.connection_lost(error)
