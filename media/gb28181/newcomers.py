"""What happens when a device has signed in: it is asked who it is and what it has, and to tell of changes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from media.exceptions import MediaError
from media.gb28181.items import Entry, read_entry, said
from media.gb28181.peers import Binding, Known
from media.gb28181.reports import Reports
from media.gb28181.subscriptions import Subscriptions
from media.gb28181.talk import Talker, query
from media.store import switch_off, take_catalogues
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

JITTER_S = 3.0
HEAP_S = 0.5
"""Catalogues are stored together: a thousand come at once after a power cut."""
MOST_IN_HEAP = 100
CATALOGUE_PATIENCE_S = 30.0


class Newcomers:
    """Gets to know devices.

    Parameters
    ----------
    database : DatabaseThread
        Where catalogues are stored.
    learnt : callable
        Told that a device has said who made it.
    """

    def __init__(
        self,
        talker: Talker,
        subscriptions: Subscriptions,
        reports: Reports,
        database: DatabaseThread,
        learnt: Callable[[Binding], None],
    ) -> None:
        self._talker, self._subscriptions, self._reports, self._database = talker, subscriptions, reports, database
        self._learnt = learnt
        self._meeting: dict[str, asyncio.Task[None]] = {}
        self._heap: list[tuple[Known, Sequence[Entry], bool]] = []

    def meet(self, binding: Binding) -> None:
        """Get to know a device in a moment; not all at the same."""
        if (former := self._meeting.pop(binding.code, None)) is not None:
            former.cancel()
        task = asyncio.create_task(self._meet(binding.code))
        self._meeting[binding.code] = task
        task.add_done_callback(lambda ended: self._met(binding.code, ended))

    def _met(self, code: str, task: asyncio.Task[None]) -> None:
        if self._meeting.get(code) is task:
            del self._meeting[code]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("gb28181: getting to know %s failed", code, exc_info=error)

    async def _meet(self, code: str) -> None:
        await asyncio.sleep(random.uniform(0, JITTER_S))  # noqa: S311 (spreads load, no secret)
        for step in (self.ask_about, self.ask_catalogue, self._subscriptions.renew):
            try:
                await step(code)
            except MediaError as error:
                logger.info("gb28181: %s: %s: %s", code, step.__name__, error)

    async def ask_about(self, code: str) -> None:
        """Ask who made it.

        Raises
        ------
        MediaError
            It does not say.
        """
        body = (await self._talker.ask(code, "Query", "DeviceInfo", query("DeviceInfo", code))).body
        if (binding := self._talker.peers.online(code)) is not None:
            binding.about = said(body, "Manufacturer", 64), said(body, "Model", 64), said(body, "Firmware", 64)
            self._learnt(binding)

    async def ask_catalogue(self, code: str) -> None:
        """Ask what it has, and store that.

        Raises
        ------
        MediaError
            It does not say.
        """
        answer = await self._talker.ask(
            code, "Query", "Catalog", query("Catalog", code), patience_s=CATALOGUE_PATIENCE_S
        )
        known = self._talker.peers.known.get(code)
        if known is not None:
            entries = [entry for entry in map(read_entry, answer.items) if entry is not None]
            self.take(known, entries, whole=answer.whole)

    def take(self, known: Known, entries: Sequence[Entry], *, whole: bool) -> None:
        """Store what a device has; ``whole`` where that is all."""
        self._heap.append((known, entries, whole))

    async def run(self) -> None:
        """Go on storing until cancelled."""
        while True:
            await asyncio.sleep(HEAP_S)
            while heap := self._heap[:MOST_IN_HEAP]:
                try:
                    placed = await self._database.do(take_catalogues, heap)
                    # Whoever told what it has and left before that was stored has nothing that is on.
                    left = [known.pk for known, *_ in heap if self._talker.peers.online(known.code) is None]
                    if left:
                        await self._database.do(switch_off, left)
                except Exception:
                    logger.exception("gb28181: catalogues could not be stored; trying again")
                    await asyncio.sleep(HEAP_S * 4)
                    break
                del self._heap[: len(heap)]
                self._reports.placed(placed)
