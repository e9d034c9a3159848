"""Ports that streams come to, one each: datagrams, or one connection that the sender dials, or that we do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from media.rtp.datagrams import Datagrams
from media.rtp.framing import RtpFramer
from media.rtp.receiving import Receiving

DIAL_S, DIALS = 1.0, 3


class UdpPort:
    """A port that one stream comes to.

    Parameters
    ----------
    hosts : set of str
        Where its sender may be; the owner adds to it when the device has answered.
    """

    def __init__(self, receiving: Receiving, hosts: set[str]) -> None:
        self.receiving, self.hosts = receiving, hosts
        self._datagrams: Datagrams | None = None

    @property
    def full(self) -> int:
        """Datagrams that the kernel threw away because nobody took them in time."""
        return self._datagrams.full if self._datagrams is not None else 0

    def listen(self, host: str, port: int) -> None:
        """Wait for the sender.

        Raises
        ------
        OSError
            The port is taken.
        """
        self._datagrams = Datagrams(host, port, self._take)

    def _take(self, data: bytes, address: tuple[str, int]) -> None:
        if address[0] in self.hosts:
            self.receiving.packet(data, address)
        else:
            self.receiving.foreign(address[0])

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Send from this port."""
        if self._datagrams is not None:
            self._datagrams.sendto(data, address)

    def close(self) -> None:
        """Let go of the port."""
        if self._datagrams is not None:
            self._datagrams.close()


class TcpPort:
    """A port that one sender dials; or, with :meth:`dial`, one that we do.

    Parameters
    ----------
    on_lost : callable
        Told that the sender has hung up; :meth:`Receiving.end` is left to whoever is told.
    """

    def __init__(self, receiving: Receiving, hosts: set[str], on_lost: Callable[[], None]) -> None:
        self.receiving, self.hosts = receiving, hosts
        self._on_lost = on_lost
        self._server: asyncio.Server | None = None
        self._connection: _Connection | None = None

    async def listen(self, host: str, port: int) -> None:
        """Wait for the sender.

        Raises
        ------
        OSError
            The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port)

    async def dial(self, host: str, port: int) -> None:
        """Connect to the sender: three times, a second apart (annex D).

        Raises
        ------
        OSError
            It never answered.
        """
        loop = asyncio.get_running_loop()
        for left in reversed(range(DIALS)):
            try:
                async with asyncio.timeout(DIAL_S * 3):
                    await loop.create_connection(lambda: _Connection(self), host, port)
                return
            except (OSError, TimeoutError) as error:
                if not left:
                    raise OSError(f"{host}:{port} cannot be reached: {error}") from None
                await asyncio.sleep(DIAL_S)

    def admit(self, connection: _Connection, host: str) -> bool:
        """Whether this is the sender: from the right place, and the first."""
        if host not in self.hosts or self._connection is not None:
            self.receiving.foreign(host)
            return False
        self._connection = connection
        return True

    def lost(self, connection: _Connection) -> None:
        """The sender has hung up."""
        if self._connection is connection:
            self._connection = None
            self._on_lost()

    def close(self) -> None:
        """Let go."""
        if self._server is not None:
            self._server.close()
        if self._connection is not None:
            self._connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._framer = RtpFramer()
        self._transport: asyncio.Transport | None = None
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._admitted = self._port.admit(self, transport.get_extra_info("peername")[0])
        if not self._admitted:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        for packet in self._framer.feed(data):
            self._port.receiving.packet(packet, self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted:
            self._port.lost(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Ports:
    """The ports that streams may come to: even numbers of a range a firewall can be told.

    Parameters
    ----------
    first, last : int
        The range.
    """

    def __init__(self, first: int, last: int) -> None:
        self._free = [port for port in range(last, first - 1, -1) if port % 2 == 0]

    def take(self) -> int:
        """A port nobody has.

        Raises
        ------
        OSError
            There is none left.
        """
        if not self._free:
            raise OSError("no port for media is left")
        return self._free.pop()

    def give_back(self, ports: Iterable[int]) -> None:
        """They are free again, and the last to be taken: late packets of an old stream meet nobody."""
        self._free[:0] = ports
