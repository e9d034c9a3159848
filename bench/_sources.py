"""Where a benchmark's positions come from: devices with connections of their own, or all through one gateway."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

from bench._fleet import Fleet
from bench._load import Load, Registered

MOST_CONNECTIONS = 1000


class Source(Protocol):
    """Devices that report."""

    load: Any

    async def connect(self) -> None:
        """Be ready to send."""

    def begin(self) -> None:
        """Report from now on."""

    async def end(self) -> None:
        """Report nothing new."""

    async def drained(self, timeout_s: float) -> bool:
        """Wait until everything sent is settled; False where it takes too long."""

    def acked(self) -> list[int]:
        """For each device, the number up to which all are settled."""

    async def close(self) -> None:
        """Hang up."""


def speaks_through_gateway(devices: int, batch: int = 1, storm: float = 0) -> bool:
    """Whether so many devices, or what they send, need the gateway."""
    return devices > MOST_CONNECTIONS or batch > 1 or storm > 0


def source_of(devices: list[Registered], rate: float, batch: int = 1, kept: int = 0, kept_rate: float = 0) -> Source:
    """Devices that report ``rate`` positions a second together.

    Parameters
    ----------
    batch : int
        Positions in a message.
    kept : int
        Positions of the hour before that all of them kept, sent ``kept_rate`` a second.
    """
    if speaks_through_gateway(len(devices), batch, kept_rate):
        return _Gateway(Fleet(devices, rate, batch, kept // len(devices), kept_rate))
    return _Each(Load(devices, rate))


class _Each:
    """Every device with a connection of its own."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.load.connect()

    def begin(self) -> None:
        self._running = asyncio.create_task(self.load.run(self._stop))

    async def end(self) -> None:
        self._stop.set()
        if self._running is not None:
            await self._running

    async def drained(self, timeout_s: float) -> bool:
        return await self.load.drained(timeout_s)

    def acked(self) -> list[int]:
        return [client.unsettled.acked for client in self.load.clients]

    async def close(self) -> None:
        await self.load.close()


class _Gateway:
    """All devices through one connection."""

    def __init__(self, load: Fleet) -> None:
        self.load = load

    async def connect(self) -> None:
        await asyncio.to_thread(self.load.start)

    def begin(self) -> None:
        self.load.begin()

    async def end(self) -> None:
        self.load.stop_reporting()

    async def drained(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.load.open and self.load.error is None and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        return not self.load.open

    def acked(self) -> list[int]:
        return self.load.acked()

    async def close(self) -> None:
        await asyncio.to_thread(self.load.close)
