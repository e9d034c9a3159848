"""One UDP port for all viewers: an ICE-lite end (RFC 8445, 2.5) that answers checks and tells sessions apart.

A platform that browsers have reached is reachable: it need not look for ways itself. So no candidates are gathered,
none of the browser's are asked for, and a firewall has one port to open.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
from typing import cast

from aioice import stun
from prometheus_client import Counter

BUFFER_BYTES = 8 << 20
MOST_QUEUED = 200
foreign_total = Counter("sandtable_whep_foreign", "Datagrams from whoever watches nothing, or forged")

Address = tuple[str, int]


class Path:
    """The way to one browser; what ``RTCDtlsTransport`` takes for its ICE transport."""

    def __init__(self, port: IcePort, peer: str) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.role = "controlled"
        """Aiortc begins the DTLS handshake where this is ``controlled``, and waits for it otherwise."""
        self.peer = peer
        """The browser's ufrag."""
        self.address: Address | None = None
        self.heard_s = asyncio.get_running_loop().time()
        self.found = asyncio.Event()
        self._port = port
        self._heard: asyncio.Queue[bytes | None] = asyncio.Queue()

    def hear(self, data: bytes) -> None:
        """A datagram of the session itself; a flood is dropped."""
        if self._heard.qsize() < MOST_QUEUED:
            self._heard.put_nowait(data)

    def send(self, data: bytes) -> None:
        """Send at once."""
        if self.address is not None:
            self._port.send(data, self.address)

    async def _recv(self) -> bytes:
        data = await self._heard.get()
        if data is None:
            self._heard.put_nowait(None)
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        await self.found.wait()
        self.send(data)

    def close(self) -> None:
        """Nothing more comes or goes."""
        self._heard.put_nowait(None)
        self._port.forget(self)


class IcePort(asyncio.DatagramProtocol):
    """The port.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 takes a free one, see ``bound``.
    addresses : sequence of str
        Under which browsers reach it; none: where it listens.
    """

    def __init__(self, host: str, port: int, addresses: tuple[str, ...] = ()) -> None:
        self._host, self._wanted, self._addresses = host, port, addresses
        self.bound = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._by_ufrag: dict[str, Path] = {}
        self._by_address: dict[Address, Path] = {}

    @property
    def candidates(self) -> list[Address]:
        """What browsers are told."""
        return [(address, self.bound) for address in self._addresses or (self._host,)]

    async def open(self) -> None:
        """Listen.

        Raises
        ------
        OSError
            The port is taken.
        """
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, (self._host, self._wanted))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        made = transport.get_extra_info("socket")
        for way in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            made.setsockopt(socket.SOL_SOCKET, way, BUFFER_BYTES)
        self.bound = made.getsockname()[1]

    def path(self, peer: str) -> Path:
        """A way for a new session."""
        path = Path(self, peer)
        self._by_ufrag[path.ufrag] = path
        return path

    def forget(self, path: Path) -> None:
        """A session has ended."""
        self._by_ufrag.pop(path.ufrag, None)
        if path.address is not None and self._by_address.get(path.address) is path:
            del self._by_address[path.address]

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, address)

    def datagram_received(self, data: bytes, address: tuple) -> None:
        """Checks are answered; what belongs to a session goes there; the rest is counted."""
        address = address[:2]
        if data and data[0] < 4:
            self._check(data, address)
        elif data and (path := self._by_address.get(address)) is not None:
            path.hear(data)
        else:
            foreign_total.inc()

    def _check(self, data: bytes, address: Address) -> None:
        """A connectivity check (RFC 8445, 7.3): only who knows the session's password is answered."""
        try:
            message = stun.parse_message(data)
            own, _, peer = str(message.attributes.get("USERNAME", "")).partition(":")
        except (ValueError, LookupError, struct.error):
            foreign_total.inc()
            return
        path = self._by_ufrag.get(own)
        asked = message.message_method == stun.Method.BINDING and message.message_class == stun.Class.REQUEST
        if path is None or not asked or peer != path.peer or not _right(message, path.password):
            foreign_total.inc()
            return
        path.heard_s = asyncio.get_running_loop().time()
        if path.address is None or ("USE-CANDIDATE" in message.attributes and path.address != address):
            self._by_address.pop(path.address or ("", 0), None)
            path.address = address
            self._by_address[address] = path
            path.found.set()
        answer = stun.Message(message.message_method, stun.Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = address
        answer.add_message_integrity(path.password.encode())
        self.send(bytes(answer), address)

    def close(self) -> None:
        """Let go of the port."""
        if self._transport is not None:
            self._transport.close()


def _right(message: stun.Message, password: str) -> bool:
    with contextlib.suppress(KeyError, TypeError):
        return message.check_message_integrity(password.encode())
    return False
