"""Addresses of streams."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from media.exceptions import NotOfferedError

PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True)
class Address:
    """Where a stream is.

    Attributes
    ----------
    url : str
        As it is asked for: without user and password.
    secure : bool
        By TLS (``rtsps://``).
    """

    url: str
    host: str
    port: int
    secure: bool = False


def read_address(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    NotOfferedError
        It is no rtsp:// or rtsps:// address, or holds a user or password, which have a place of their own.
    """
    try:
        parts = urlsplit(text.strip())
        scheme = parts.scheme.lower()
        host, port = parts.hostname or "", parts.port or PORTS.get(scheme, 0)
    except ValueError as error:
        raise NotOfferedError(str(error)) from None
    if scheme not in PORTS or not host or any(c.isspace() for c in text.strip()):
        raise NotOfferedError("no rtsp:// or rtsps:// address")
    if "@" in parts.netloc:
        raise NotOfferedError("an address with a user or password in it")
    return Address(text.strip(), host, port, scheme == "rtsps")
