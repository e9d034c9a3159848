"""SIP over UDP and TCP on one asyncio loop: sockets in, whole messages and flows out."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import lru_cache

from media.sip.exceptions import MalformedError
from media.sip.flows import Flow, PeerAddress
from media.sip.framing import Framer

logger = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 << 20
"""A storm of 25,000 re-registrations is some 15 MB; what does not fit is repeated by its sender."""
FRAME_S = 30.0
"""From a message's first byte to its last, over TCP."""
STRANGER_S = 30.0
"""How long a connection may be open without having shown who it is."""
MOST_STRANGERS = 500
MOST_CONNECTIONS = 30_000
MOST_UNSENT_BYTES = 1 << 20
TRIES = 10

Receive = Callable[[bytes, Flow], None]
Lost = Callable[[Flow], None]


@lru_cache(maxsize=65_536)
def address_towards(host: str) -> str:
    """Our own address as ``host`` sees it, by the system's routes; nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return probe.getsockname()[0]


class UdpFlow:
    """A peer at the other side of the datagram socket."""

    transport = "UDP"
    __slots__ = ("_endpoint", "peer")

    def __init__(self, endpoint: Endpoint, peer: PeerAddress) -> None:
        self._endpoint = endpoint
        self.peer = peer

    @property
    def local(self) -> PeerAddress:
        """Our address as the peer knows it."""
        return self._endpoint.address_for(self.peer[0])

    @property
    def open(self) -> bool:
        """Datagrams can always be sent."""
        return True

    def send(self, data: bytes) -> None:
        """Send one datagram; lost is lost."""
        self._endpoint.send_datagram(data, self.peer)


class TcpFlow(asyncio.Protocol):
    """One TCP connection, of theirs or of ours."""

    transport = "TCP"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._framer = Framer()
        self._socket: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.peer: PeerAddress = ("", 0)
        self.trusted = False

    @property
    def local(self) -> PeerAddress:
        """Our address as the peer knows it."""
        return self._endpoint.address_for(self.peer[0])

    @property
    def open(self) -> bool:
        """Whether it is connected, and the peer reads."""
        return self._socket is not None and not self._socket.is_closing()

    def trust(self) -> None:
        """Whoever is there has shown who it is: the connection may stay."""
        self.trusted = True
        self._endpoint.trust(self)
        self._rearm()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        self.peer = transport.get_extra_info("peername")[:2]
        _keep_alive(transport.get_extra_info("socket"))
        if not self._endpoint.admit(self):
            transport.abort()
            return
        self._rearm()

    def data_received(self, data: bytes) -> None:
        """Cut messages out and pass them on."""
        if data == b"\r\n\r\n" and not self._framer.open:
            self.send(b"\r\n")  # a ping (RFC 5626, 4.4.1)
            return
        try:
            messages = self._framer.feed(data)
        except MalformedError as error:
            self._endpoint.refuse(str(error), self)
            self.close()
            return
        for message in messages:
            self._endpoint.receive(message, self)
        if messages or self._framer.open:
            self._rearm()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._socket = None
        if self._deadline is not None:
            self._deadline.cancel()
        self._endpoint.leave(self)

    def send(self, data: bytes) -> None:
        """Send one message; a peer that does not read is let go."""
        if self._socket is None:
            return
        if self._socket.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._socket.abort()
            return
        self._socket.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()

    def _rearm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._framer.open or not self.trusted:
            delay = FRAME_S if self._framer.open else STRANGER_S
            self._deadline = asyncio.get_running_loop().call_later(delay, self.close)


def _keep_alive(connection: socket.socket) -> None:
    """Half-open connections are noticed within two minutes, not after the system's two hours."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class Endpoint(asyncio.DatagramProtocol):
    """Our end: one port, UDP and TCP.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 takes one that is free in both, see :attr:`address`.
    receive : callable
        Gets each message's bytes and the flow it came by.
    lost : callable
        Told of each TCP connection that has ended.
    refuse : callable
        Told what could not even be cut into messages.
    public : str
        Address by which peers reach us, where it is not the one of our own interface (behind a NAT).
    """

    def __init__(
        self, host: str, port: int, receive: Receive, lost: Lost, refuse: Callable[[str, Flow], None], public: str = ""
    ) -> None:
        self.receive, self.refuse, self.public = receive, refuse, public
        self.address: PeerAddress | None = None
        self._lost = lost
        self._host, self._port = host, port
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[TcpFlow] = set()
        self._strangers: set[TcpFlow] = set()

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        OSError
            The port is taken.
        """
        for left in reversed(range(1 if self._port else TRIES)):
            try:
                await self._listen()
                return
            except OSError:  # of a port that was to be any, the other half may be taken
                if self._datagrams is not None:
                    self._datagrams.close()
                if not left:
                    raise

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _protocol = await loop.create_datagram_endpoint(lambda: self, (self._host, self._port))
        self._datagrams = transport
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        address = transport.get_extra_info("sockname")[:2]
        self._server = await loop.create_server(lambda: TcpFlow(self), self._host, address[1])
        self.address = address

    async def stop(self) -> None:
        """Listen no more, and close what is open."""
        if self._server is not None:
            self._server.close()
        for flow in list(self._connections):
            flow.close()
        if self._datagrams is not None:
            self._datagrams.close()

    async def connect(self, peer: PeerAddress) -> TcpFlow:
        """Open a connection to a peer.

        Raises
        ------
        OSError
            It cannot be reached.
        """
        _transport, flow = await asyncio.get_running_loop().create_connection(lambda: TcpFlow(self), *peer)
        flow.trust()
        return flow

    def flow_to(self, peer: PeerAddress) -> UdpFlow:
        """The way to a peer by datagram."""
        return UdpFlow(self, peer)

    def address_for(self, host: str) -> PeerAddress:
        """Our address as ``host`` knows it."""
        assert self.address is not None, "start() comes first"
        if self.public:
            return self.public, self.address[1]
        own = self.address[0]
        return (address_towards(host) if own in ("0.0.0.0", "::") else own), self.address[1]  # noqa: S104 (compared)

    def datagram_received(self, data: bytes, address: tuple) -> None:
        """Pass it on; four bytes or fewer are somebody's way to keep a NAT open."""
        if len(data) > 4:
            self.receive(data, UdpFlow(self, address[:2]))

    def error_received(self, error: Exception) -> None:
        """A port that is closed at the other side: what was sent there is given up in its own time."""

    def send_datagram(self, data: bytes, peer: PeerAddress) -> None:
        """Send."""
        if self._datagrams is not None and not self._datagrams.is_closing():
            self._datagrams.sendto(data, peer)

    def admit(self, flow: TcpFlow) -> bool:
        """Whether there is room for one more connection."""
        if len(self._connections) >= MOST_CONNECTIONS or len(self._strangers) >= MOST_STRANGERS:
            self.refuse("no room for another connection", flow)
            return False
        self._connections.add(flow)
        if not flow.trusted:
            self._strangers.add(flow)
        return True

    def trust(self, flow: TcpFlow) -> None:
        """A connection has shown who it is."""
        self._strangers.discard(flow)

    def leave(self, flow: TcpFlow) -> None:
        """A connection has ended."""
        self._strangers.discard(flow)
        if flow in self._connections:
            self._connections.discard(flow)
            self._lost(flow)
