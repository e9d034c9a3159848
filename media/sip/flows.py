"""Where a message came from and where its answer goes."""

from __future__ import annotations

from typing import Protocol

PeerAddress = tuple[str, int]


class Flow(Protocol):
    """One way to one peer: a datagram socket with the address last observed, or one TCP connection."""

    peer: PeerAddress
    transport: str
    """``UDP`` or ``TCP``."""

    @property
    def local(self) -> PeerAddress:
        """Our own address as the peer knows it."""

    @property
    def open(self) -> bool:
        """Whether anything can still be sent this way."""

    def send(self, data: bytes) -> None:
        """Send one message; a failure is reported by :attr:`open`, not raised."""
