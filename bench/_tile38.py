"""A Tile38 server, as far as it is needed to give it the same work: RESP over one socket, commands sent in advance."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self

import shapely

KEY = "sandtable-bench"
MOST_FOUND = 100_000
"""Areas a point may be in; without a limit the server stops at a hundred."""
_PATIENCE_S = 60.0
_AT_ONCE = 500
"""Commands under way before an answer is read: more would fill both sockets and stop both sides."""


class Tile38Error(RuntimeError):
    """The server answered with an error, or not at all."""


class Tile38:
    """A connection.

    Parameters
    ----------
    address : str
        ``HOST:PORT``.

    Raises
    ------
    Tile38Error
        Nobody answers there.
    """

    def __init__(self, address: str) -> None:
        host, _colon, port = address.rpartition(":")
        if not port.isdecimal():
            raise Tile38Error(f"{address!r} is no HOST:PORT")
        try:
            self._socket = socket.create_connection((host or "127.0.0.1", int(port)), _PATIENCE_S)
        except OSError as error:
            raise Tile38Error(f"nobody answers at {address}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.close()
        self._socket.close()

    def version(self) -> str:
        """What the server calls itself."""
        (told,) = self.ask([("SERVER",)])
        pairs = dict(zip(told[::2], told[1::2], strict=False)) if isinstance(told, list) else {}
        return str(pairs.get("version", "?"))

    def load(self, polygons: Iterable[Any]) -> None:
        """Store shapely polygons under their numbers, in place of what the benchmark stored before."""
        list(self.ask([("DROP", KEY)]))
        commands = (("SET", KEY, str(i), "OBJECT", shapely.to_geojson(shape)) for i, shape in enumerate(polygons))
        for answer in self.ask(commands):
            if answer != "OK":
                raise Tile38Error(f"SET was answered with {answer!r}")

    def drop(self) -> None:
        """Remove what :meth:`load` stored."""
        list(self.ask([("DROP", KEY)]))

    def containing(self, points: Iterable[tuple[float, float]]) -> Iterator[list[int]]:
        """Numbers of the polygons around each point (degrees, longitude first)."""
        commands = (
            (
                "INTERSECTS",
                KEY,
                "LIMIT",
                str(MOST_FOUND),
                "IDS",
                "OBJECT",
                json.dumps({"type": "Point", "coordinates": p}),
            )
            for p in points
        )
        for answer in self.ask(commands):
            if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[1], list):
                raise Tile38Error(f"INTERSECTS was answered with {answer!r}")
            yield [int(found) for found in answer[1]]

    def ask(self, commands: Iterable[Sequence[str]]) -> Iterator[Any]:
        """Send commands, some in advance of the answers; yields the answers in order.

        Raises
        ------
        Tile38Error
            One is an error, or the connection ends.
        """
        remaining = iter(commands)
        while heap := list(islice(remaining, _AT_ONCE)):
            self._socket.sendall(b"".join(map(encode, heap)))
            for _command in heap:
                yield self._read()

    def _read(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise Tile38Error("the server closed the connection")
        sign, text = line[:1], line[1:-2].decode()
        if sign == b"+":
            return text
        if sign == b":":
            return int(text)
        if sign == b"-":
            raise Tile38Error(text)
        if sign not in (b"$", b"*"):
            raise Tile38Error(f"no RESP: {line[:40]!r}")
        length = int(text)
        if length < 0:
            return None
        if sign == b"*":
            return [self._read() for _ in range(length)]
        body = self._answers.read(length + 2)
        if len(body) != length + 2:
            raise Tile38Error("the server closed the connection")
        return body[:-2].decode()


def encode(command: Sequence[str]) -> bytes:
    """A command as RESP has it: an array of bulk strings."""
    words = [word.encode() for word in command]
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
