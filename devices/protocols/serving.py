"""What every way in that listens on a port has in common: run until stopped, one asyncio loop, the road behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from devices.protocols.road import Road
from devices.protocols.turned_away import TurnedAway
from gis.notices import listen
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

Job = Coroutine[Any, Any, None]


class ProtocolServer(ABC):
    """A process's work: begins, goes on until stopped or until one of its jobs fails, ends in good order.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 takes a free one, see ``address``.
    mqtt_url : str
        Broker, with the platform's account.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    name: ClassVar[str]
    """In logs and thread names."""
    topics: ClassVar[frozenset[str]]
    """Change notices upon which :meth:`reread` is called."""

    def __init__(self, host: str, port: int, mqtt_url: str, database: dict[str, Any]) -> None:
        self.host, self.port = host, port
        self.road = Road(mqtt_url)
        self.database = DatabaseThread(f"{self.name}-database")
        self.turned_away = TurnedAway(database)
        self.address: tuple[str, int] | None = None
        self._parameters = database
        self._stop = asyncio.Event()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    async def begin(self) -> Sequence[Job]:
        """Listen, set ``address``, and say what goes on from now until the end."""

    @abstractmethod
    async def end(self) -> None:
        """Listen no more and let go of everybody; the road and the database are still there."""

    @abstractmethod
    async def reread(self) -> None:
        """The register has changed; what this raises is logged, and it is called again a second later."""

    def run(self) -> None:
        """Serve until stopped."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End soon; safe from a signal handler and from other threads."""
        self._stopping.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.road.start()
        jobs = [asyncio.create_task(job) for job in (*await self.begin(), self._keep_counts(), self._watch())]
        logger.info("%s: listening on %s:%d", self.name, *(self.address or ("", 0)))
        if self._stopping.is_set():
            self._stop.set()
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stopped, *jobs], return_when=asyncio.FIRST_COMPLETED)
        for job in (stopped, *jobs):
            job.cancel()
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        await self.end()
        await self.road.stop()
        await asyncio.to_thread(self.turned_away.write)
        await self.database.stop()
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _keep_counts(self) -> None:
        """Write what was turned away, once a second."""
        while True:
            await asyncio.sleep(1)
            await asyncio.to_thread(self.turned_away.write)

    async def _watch(self) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def watch() -> None:
            for _topics in listen(set(self.topics), stop=self._stopping, parameters=self._parameters):
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(changed.set)

        threading.Thread(target=watch, name="notices", daemon=True).start()
        while True:
            await changed.wait()
            changed.clear()
            try:
                await self.reread()
            except Exception:
                logger.exception("%s: the register could not be read; trying again", self.name)
                changed.set()
                await asyncio.sleep(1)
