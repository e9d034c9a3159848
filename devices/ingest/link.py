"""A connection to the broker that comes back by itself; a thread of its own reads what arrives, many at a time."""

from __future__ import annotations

import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from devices.ingest import wire

logger = logging.getLogger(__name__)

KEEPALIVE_S = 10
SESSION_S = 86_400
RETRY_S = 1.0
PATIENCE_S = 5
"""How long the broker may take for an answer, or to take what is sent."""
GLANCE_S = 0.005
"""Between two reads; what comes meanwhile is read at once."""
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Session:
    """Who we are for the broker.

    ``receive_maximum``: QoS 1 messages that it may hand over before the first of them is acknowledged.
    """

    host: str
    port: int
    user: str
    password: str
    client_id: str
    receive_maximum: int


class Link:
    """One session at the broker.

    Parameters
    ----------
    came_up, went_down : callable
        Called on the reading thread when the connection is there, and when it is gone.
    came : callable
        Called there with messages, in their order.
    taken : callable
        Called there with the packet identifier of a QoS 1 message of ours that the broker has taken.
    """

    def __init__(
        self,
        session: Session,
        came_up: Callable[[], None],
        went_down: Callable[[], None],
        came: Callable[[list[wire.Published]], None],
        taken: Callable[[int], None],
    ) -> None:
        self._session = session
        self._came_up, self._went_down, self._came, self._taken = came_up, went_down, came, taken
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._sent_at = 0.0
        self._number = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def is_up(self) -> bool:
        """Whether the broker is there."""
        return self._socket is not None

    def start(self) -> None:
        """Begin to connect; goes on trying for ever."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye; what was not acknowledged stays with the broker."""
        self._stopping.set()
        self.send(wire.BYE)
        if self._thread.is_alive():
            self._thread.join()

    def send(self, frames: bytes) -> bool:
        """Send packets; False where the broker is away, or goes away over it: then they are lost."""
        with self._sending:
            link = self._socket
            if link is None:
                return False
            try:
                link.sendall(frames)
            except OSError:
                # Half a packet may be out: the connection is of no use any more. The reading thread wakes up by this.
                self._socket = None
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
                return False
            self._sent_at = time.monotonic()
            return True

    def next_number(self) -> int:
        """A packet identifier."""
        with self._sending:
            self._number = self._number % 0xFFFF + 1
            return self._number

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with socket.create_connection((self._session.host, self._session.port), PATIENCE_S) as link:
                    self._live(link)
            except (OSError, ValueError, IndexError) as error:
                if not self._stopping.is_set():
                    logger.warning("ingest: the broker is away: %s", error)
            self._stopping.wait(RETRY_S)

    def _live(self, link: socket.socket) -> None:
        """From the first word to the end of the connection, which is an error unless we are stopping."""
        data = self._greet(link)
        logger.info("ingest: connected to the broker")
        with self._sending:
            self._socket, self._sent_at = link, time.monotonic()
        try:
            self._came_up()
            self._read(link, data)
        finally:
            with self._sending:
                self._socket = None
            self._went_down()

    def _greet(self, link: socket.socket) -> bytes:
        """Open the session; returns what came behind the broker's consent."""
        session = self._session
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(
            wire.connect(
                session.client_id, session.user, session.password, KEEPALIVE_S, SESSION_S, session.receive_maximum
            )
        )
        data = b""
        packets: list[tuple[int, bytes]] = []
        while not packets:
            packets, data = wire.split(data + _received(link), most=1)
        ((first, body),) = packets
        if first >> 4 != wire.CONNACK:
            raise ValueError("it does not speak MQTT 5")
        if wire.read_reason(body) >= wire.FAILURE:
            raise ConnectionRefusedError(f"it refused us, reason {wire.read_reason(body):#x}")
        link.settimeout(None)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", PATIENCE_S, 0))
        return data

    def _read(self, link: socket.socket, data: bytes) -> None:
        """Read until the connection ends or we are stopping."""
        heard_at = pinged_at = time.monotonic()
        while not self._stopping.is_set():
            packets, data = wire.split(data)
            self._take(packets)
            ready, _, _ = select.select([link], [], [], 1.0)
            now = time.monotonic()
            if ready:
                data += _received(link)
                heard_at = now
                self._stopping.wait(GLANCE_S)
            elif now - heard_at > 1.5 * KEEPALIVE_S:
                raise ConnectionError("it is silent")
            if now - max(heard_at, pinged_at) > KEEPALIVE_S / 2 or now - self._sent_at > KEEPALIVE_S / 2:
                self.send(wire.PING)
                pinged_at = now

    def _take(self, packets: list[tuple[int, bytes]]) -> None:
        messages = [wire.read_publish(first, body) for first, body in packets if first >> 4 == wire.PUBLISH]
        if messages:
            self._came(messages)
        for first, body in packets:
            kind = first >> 4
            if kind == wire.PUBACK:
                self._taken(int.from_bytes(body[:2], "big"))
            elif kind == wire.SUBACK and max(wire.read_reasons(body), default=0) >= wire.FAILURE:
                logger.error("ingest: the broker refused a subscription; its access list lacks the platform's account")
            elif kind == wire.DISCONNECT:
                raise ConnectionError(f"it ended the connection, reason {body[0] if body else 0:#x}")


def _received(link: socket.socket) -> bytes:
    data = link.recv(_READ_BYTES)
    if not data:
        raise ConnectionError("it hung up")
    return data
