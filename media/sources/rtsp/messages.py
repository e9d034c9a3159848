"""RTSP messages and what is interleaved with them on one connection (RFC 2326, 4, 10.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from media.exceptions import MediaError

MOST_HEAD = 16 << 10
MOST_BODY = 64 << 10
MOST_LINES = 100
MOST_GARBAGE = 256 << 10
"""Bytes of nothing between two messages before the connection is given up; a cut packet leaves at most 64 KiB."""


class RtspError(MediaError):
    """What came is no RTSP, or more of it than anybody needs."""


class Answer(NamedTuple):
    """A response; header names in lower case, of several equal ones each in turn."""

    status: int
    reason: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def get(self, name: str, default: str = "") -> str:
        """The first header of that name."""
        return self.headers.get(name, (default,))[0]


class Asked(NamedTuple):
    """A request of the server's own; nothing of it is needed but its number."""

    method: str
    number: str


class Data(NamedTuple):
    """A packet on one of the connection's channels."""

    channel: int
    packet: bytes


def write_request(method: str, uri: str, number: int, headers: Mapping[str, str]) -> bytes:
    """A request without a body.

    Raises
    ------
    RtspError
        Something of it would begin a line of its own.
    """
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {number}", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines) or " " in uri:
        raise RtspError("an address or header that cannot be sent")
    return ("\r\n".join([*lines, "User-Agent: Sandtable"]) + "\r\n\r\n").encode()


class Reader:
    """Takes pieces of a connection, gives what is whole.

    Attributes
    ----------
    garbage : int
        Bytes that belonged to nothing.
    """

    def __init__(self) -> None:
        self.garbage = 0
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Answer | Asked | Data]:
        """Take a piece.

        Raises
        ------
        RtspError
            A message is too long or cannot be read, or there is too much garbage.
        """
        held = self._held
        held += data
        found: list[Answer | Asked | Data] = []
        at = 0
        while at < len(held):
            if held[at] == 0x24:
                if len(held) - at < 4:
                    break
                ends = at + 4 + int.from_bytes(held[at + 2 : at + 4], "big")
                if ends > len(held):
                    break
                found.append(Data(held[at + 1], bytes(held[at + 4 : ends])))
                at = ends
                continue
            if held[at] in b"\r\n":  # some end bodies with one more line than they count
                at += 1
                continue
            if not chr(held[at]).isupper():
                at = self._skip(at)
                continue
            message, ends = self._message(at)
            if ends == at:
                break
            if message is not None:
                found.append(message)
            at = ends
        del held[:at]
        return found

    def _skip(self, at: int) -> int:
        """Past what is neither packet nor message."""
        places = [place for mark in (b"$", b"RTSP/1.") if (place := self._held.find(mark, at + 1)) >= 0]
        after = min(places, default=len(self._held))
        self.garbage += after - at
        if self.garbage > MOST_GARBAGE:
            raise RtspError("the connection brings no RTSP")
        return after

    def _message(self, at: int) -> tuple[Answer | Asked | None, int]:
        """A message and where it ends; ends where it begins while it is not whole."""
        held = self._held
        ends = held.find(b"\r\n\r\n", at, at + MOST_HEAD)
        if ends < 0:
            if len(held) - at >= MOST_HEAD:
                raise RtspError("a header without an end")
            return None, at
        first, *lines = held[at:ends].decode("utf-8", "replace").split("\r\n")
        words = first.split(" ", 2)
        if not (words[0].startswith("RTSP/1.") or (len(words) == 3 and words[2].startswith("RTSP/1."))):
            return None, self._skip(at)
        if len(lines) > MOST_LINES:
            raise RtspError("too many headers")
        headers = _headers(lines)
        length = headers.get("content-length", ("0",))[0]
        if not (length.isascii() and length.isdecimal()) or len(length) > 9 or int(length) > MOST_BODY:
            raise RtspError(f"a body of {length[:20]} bytes")
        body_ends = ends + 4 + int(length)
        if body_ends > len(held):
            return None, at
        if not words[0].startswith("RTSP/1."):
            return Asked(words[0], headers.get("cseq", ("0",))[0]), body_ends
        if len(words) < 2 or not (words[1].isascii() and words[1].isdecimal() and len(words[1]) == 3):
            raise RtspError("an answer without a status")
        reason = words[2] if len(words) == 3 else ""
        return Answer(int(words[1]), reason[:100], headers, bytes(held[ends + 4 : body_ends])), body_ends


def _headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            found[key] = (*found.get(key, ()), value.strip())
    return found


def read_parameters(value: str) -> dict[str, str]:
    """``word;name=value;name="value"`` as a mapping with names in lower case; words have empty values."""
    found: dict[str, str] = {}
    for part in value.split(";"):
        name, _equals, given = part.strip().partition("=")
        found.setdefault(name.strip().lower(), given.strip().strip('"'))
    return found
