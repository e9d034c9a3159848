"""Addresses of streams."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from media.exceptions import NotOfferedError

PORT = 554


@dataclass(frozen=True)
class Address:
    """Where a stream is.

    Attributes
    ----------
    url : str
        As it is asked for: without user and password.
    """

    url: str
    host: str
    port: int


def read_address(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    NotOfferedError
        It is no rtsp:// address, or holds a user or password, which have a place of their own.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError as error:
        raise NotOfferedError(str(error)) from None
    if parts.scheme.lower() != "rtsp" or not host or any(c.isspace() for c in text.strip()):
        raise NotOfferedError("no rtsp:// address")
    if "@" in parts.netloc:
        raise NotOfferedError("an address with a user or password in it")
    return Address(text.strip(), host, port)
