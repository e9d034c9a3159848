"""How cameras stand that turn: what they say of it is stored in heaps, and turns their icons."""

from __future__ import annotations

import asyncio
import logging

from media.gb28181.items import Stance
from media.gb28181.reports import Reports
from media.sight.store import write_gazes
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

HEAP_S = 0.5
"""A camera that turns says so many times a second; the last of them counts."""
MOST_WAITING = 20_000


class Stances:
    """Takes what cameras say."""

    def __init__(self, reports: Reports, database: DatabaseThread) -> None:
        self._reports, self._database = reports, database
        self._waiting: dict[tuple[int, str], Stance] = {}

    def take(self, device: int, stance: Stance) -> None:
        """A camera of a device (primary key) has said how it stands."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting[device, stance.code] = stance

    async def run(self) -> None:
        """Go on storing until cancelled."""
        while True:
            await asyncio.sleep(HEAP_S)
            if not self._waiting:
                continue
            heap, self._waiting = self._waiting, {}
            try:
                self._reports.placed(await self._database.do(write_gazes, heap))
            except Exception:
                logger.exception("gb28181: how cameras stand could not be stored")
