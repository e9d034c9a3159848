"""Datagrams of one port, many for one wake-up of the loop; what the kernel threw away meanwhile is counted.

asyncio's own transport takes one datagram a turn of the loop: with a hundred streams the turns cost more than the
datagrams, and what a key frame brings at once waits behind them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable

from prometheus_client import Counter

logger = logging.getLogger(__name__)

BUFFER_BYTES = 4 << 20
"""A key frame of a 2K camera comes in one burst, larger than the system's usual buffer."""
MOST_AT_ONCE = 64
"""Datagrams for one wake-up: then others have their turn."""
LONGEST = 65_535
LOOK_S = 1.0
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
"""Of Linux, without a name in Python: a buffer beyond ``net.core.rmem_max`` (with CAP_NET_ADMIN), and a socket's
memory, the last of whose nine numbers is how many datagrams found it full."""

full_total = Counter("sandtable_rtp_full", "Datagrams the kernel threw away because a stream's buffer was full")

Take = Callable[[bytes, tuple[str, int]], None]


def widen(made: socket.socket, size: int) -> int:
    """Give a socket a large receive buffer, as far as one may.

    Returns
    -------
    int
        Bytes it has; as much as asked for, or what ``net.core.rmem_max`` allows.
    """
    try:
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except OSError:  # no right to, or another system
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux says twice what one gets


def thrown_away(made: socket.socket) -> int:
    """How many datagrams the kernel has dropped at this socket so far; 0 where it does not tell."""
    try:
        told = made.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    except OSError:
        return 0
    return struct.unpack("9I", told)[8] if len(told) == 36 else 0


class Datagrams:
    """A port that is read.

    Parameters
    ----------
    host, port : str, int
        Where to listen.
    take : callable
        Gets each datagram and where it came from.

    Raises
    ------
    OSError
        The port is taken.

    Attributes
    ----------
    full : int
        Datagrams that the kernel threw away because nobody took them in time, as last looked at.
    """

    _said = False

    def __init__(self, host: str, port: int, take: Take) -> None:
        self.full = 0
        self._take = take
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._say(widen(self._socket, BUFFER_BYTES))
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._timer = self._loop.call_later(LOOK_S, self._look)

    @classmethod
    def _say(cls, got: int) -> None:
        if got < BUFFER_BYTES and not cls._said:
            cls._said = True
            logger.warning(
                "rtp: the receive buffer of a stream is %d kB, wanted %d: key frames may be lost; set"
                " net.core.rmem_max to %d or more",
                got >> 10, BUFFER_BYTES >> 10, BUFFER_BYTES,
            )  # fmt: skip

    @property
    def address(self) -> tuple[str, int]:
        """Where it is."""
        host, port, *_more = self._socket.getsockname()
        return host, port

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Send one; what cannot be sent now is not."""
        try:
            self._socket.sendto(data, address)
        except OSError as error:
            logger.debug("rtp: %s:%d: %s", *address, error)

    def _read(self) -> None:
        receive, take = self._socket.recvfrom, self._take
        for _ in range(MOST_AT_ONCE):
            try:
                data, address = receive(LONGEST)
            except OSError:  # nothing more, or closed by whoever took the last
                return
            take(data, address)

    def _look(self) -> None:
        self._count()
        self._timer = self._loop.call_later(LOOK_S, self._look)

    def _count(self) -> None:
        full = thrown_away(self._socket)
        if full > self.full:
            full_total.inc(full - self.full)
            self.full = full

    def close(self) -> None:
        """Let go of the port. Twice does no harm."""
        if self._socket.fileno() < 0:
            return
        self._count()
        self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
