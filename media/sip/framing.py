"""Messages out of a TCP stream, by their ``Content-Length`` (RFC 3261, 18.3)."""

from __future__ import annotations

import re

from media.sip.exceptions import MalformedError
from media.sip.message import MOST_BODY_BYTES, MOST_HEAD_BYTES

_END = re.compile(rb"\r\n\r\n|\n\n")
_LENGTH = re.compile(rb"(?:^|\n)[ \t]*(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?(?:\n|$)", re.IGNORECASE)


class Framer:
    """Takes pieces of a stream, gives whole messages."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 0

    @property
    def open(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Take a piece; returns the messages that are whole now.

        Raises
        ------
        MalformedError
            The stream cannot be followed any further: headers without an end, or without a length.
        """
        self._held += data
        found: list[bytes] = []
        while self._held:
            if not self._wanted:
                blank = len(self._held) - len(self._held.lstrip(b"\r\n"))
                del self._held[:blank]  # pings (RFC 5626) and line ends between messages
                self._wanted = self._whole()
            if not self._wanted or len(self._held) < self._wanted:
                break
            found.append(bytes(self._held[: self._wanted]))
            del self._held[: self._wanted]
            self._wanted = 0
        return found

    def _whole(self) -> int:
        """Bytes of the message at the beginning; 0 where its head is not whole."""
        end = _END.search(self._held, 0, MOST_HEAD_BYTES)
        if end is None:
            if len(self._held) > MOST_HEAD_BYTES:
                raise MalformedError("headers without an end")
            return 0
        length = _LENGTH.search(self._held, 0, end.end())
        body = int(length[1]) if length else 0
        if body > MOST_BODY_BYTES:
            raise MalformedError("a body of more than 4 MiB", 413)
        return end.end() + body
