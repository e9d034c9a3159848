"""One UDP port for all viewers: an ICE-lite end (RFC 8445, 2.5) that answers checks and tells sessions apart.

A platform that browsers have reached is reachable: it need not look for ways itself. So no candidates are gathered,
none of the browser's are asked for, and a firewall has one port to open.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import cast

from aioice import stun
from prometheus_client import Counter

BUFFER_BYTES = 8 << 20
UDP_SEGMENT = 103
"""Of Linux, without a name in Python."""
NOT_KNOWN = frozenset({errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP})
MOST_RUN = 40
"""Of 1,350 bytes each: one datagram of the kernel's may not be longer than 64 KiB."""
MOST_QUEUED = 200
foreign_total = Counter("sandtable_whep_foreign", "Datagrams from whoever watches nothing, or forged")

Address = tuple[str, int]


def runs(packets: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Packets in their order, as pieces of one length each, the last of a piece perhaps shorter."""
    run: list[bytes] = []
    for packet in packets:
        if run and (len(packet) > len(run[0]) or len(run[-1]) < len(run[0]) or len(run) == MOST_RUN):
            yield run
            run = []
        run.append(packet)
    if run:
        yield run


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

    def send_all(self, packets: Sequence[bytes]) -> None:
        """Send several at once."""
        if self.address is not None:
            self._port.send_all(packets, self.address)

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
        self._socket: socket.socket | None = None
        self._segments = True
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
        made = self._socket = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.bind((self._host, self._wanted))
            for way in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                made.setsockopt(socket.SOL_SOCKET, way, BUFFER_BYTES)
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=made)
        except OSError:
            made.close()
            raise
        self.bound = made.getsockname()[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)

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

    def send_all(self, packets: Sequence[bytes], address: Address) -> None:
        """Send several datagrams: those of one length, with a shorter one behind them, by one call to the kernel.

        It cuts them apart itself (UDP_SEGMENT, Linux 4.18), which is a quarter of the work of as many calls.
        """
        transport, made = self._transport, self._socket
        if transport is None or made is None or transport.is_closing():
            return
        for run in runs(packets) if self._segments else [[packet] for packet in packets]:
            if len(run) > 1:
                length = struct.pack("H", len(run[0]))
                try:
                    made.sendmsg(run, [(socket.IPPROTO_UDP, UDP_SEGMENT, length)], 0, address)
                    continue
                except BlockingIOError:
                    pass  # the transport waits
                except OSError as error:
                    if error.errno in NOT_KNOWN:
                        self._segments = False
            for packet in run:
                transport.sendto(packet, address)

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
