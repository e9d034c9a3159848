"""All recorders of the process: who is recorded follows plans, orders and the time; what is written, the register."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from prometheus_client import Gauge

from gis.notices import listen
from media.recordings.ledger import News, take_up_again, write_news
from media.recordings.ring import Purse
from media.recordings.store import load_orders, load_plans
from media.recordings.tap import Join, Tap, now_us
from media.recordings.wanting import Order, Plan, Want, wanted
from media.recordings.writer import Segment, Writer
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

TURN_S = 0.5
TELL_S = 2.0
"""How often the register hears of segments that grow."""
RINGS_BYTES = 1 << 30
REPLAY_S = 60
MOST_REPLAYS = 32
RESERVE_BYTES = 1 << 30
RESERVE_SHARE = 0.02
"""With less room on the disk nothing is recorded: what lies there is worth more than what would come."""

taps_open = Gauge("sandtable_recordings_channels", "Channels that are pulled for recordings")
recording_now = Gauge("sandtable_recordings_active", "Channels that are being recorded")
stuck_now = Gauge("sandtable_recordings_stuck", "Channels to be recorded of which nothing comes that can be kept")
halted = Gauge("sandtable_recordings_halted", "1: nothing is recorded because the disk is full")
remembered_bytes = Gauge("sandtable_recordings_remembered_bytes", "Bytes of pictures remembered for alerts and replays")


class Recorders:
    """Records in the process that has the streams.

    Parameters
    ----------
    join : Join
        How a stream is joined.
    watched : callable
        Channels that somebody else looks at now: their last minute is remembered for instant replay.
    folder : Path
        Of all recordings, on a disk of this machine.
    parameters : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(
        self, join: Join, watched: Callable[[], Collection[int]], folder: Path, parameters: dict[str, Any]
    ) -> None:
        self._join, self._watched, self._folder, self._parameters = join, watched, folder, parameters
        self._database = DatabaseThread("recordings-database")
        self._purse = Purse(RINGS_BYTES)
        self._taps: dict[int, Tap] = {}
        self._plans: list[Plan] = []
        self._orders: list[Order] = []
        self._stopping = threading.Event()
        self._listening: threading.Thread | None = None
        self._untold: dict[str, Segment] = {}
        self._told_at = 0.0
        self._writer: Writer | None = None

    async def run(self) -> None:
        """Record until cancelled."""
        self._folder.mkdir(parents=True, exist_ok=True)
        watching = asyncio.create_task(self._watch())
        try:
            await self._begin()
            self._writer = Writer()
            while True:
                try:
                    await self._turn(self._writer)
                except Exception:  # cameras are watched all the same
                    logger.exception("recordings: a turn failed; the next is tried")
                await asyncio.sleep(TURN_S)
        finally:
            watching.cancel()
            await asyncio.shield(self._end())

    async def _begin(self) -> None:
        while True:
            try:
                if mended := await self._database.do(take_up_again, self._folder):
                    logger.info("recordings: %d segments that a crash left open were ended", mended)
            except Exception:
                logger.exception("recordings: what was left open cannot be taken up; trying again")
                await asyncio.sleep(2)
            else:
                return

    async def _end(self) -> None:
        self._stopping.set()
        for tap in self._taps.values():
            await tap.leave()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.stop)
            await self._tell(self._writer)
        if self._listening is not None:
            await asyncio.to_thread(self._listening.join, 3)
        await self._database.stop()

    async def _turn(self, writer: Writer) -> None:
        now = now_us()
        self._orders = [order for order in self._orders if order.ends_us is None or order.ends_us > now]
        wants = wanted(self._plans, self._orders, now)
        for channel in list(self._watched())[:MOST_REPLAYS]:
            want = wants.setdefault(channel, Want())
            want.ring_s = max(want.ring_s, REPLAY_S)
        full = await asyncio.to_thread(self._is_full)
        for channel in [channel for channel in self._taps if channel not in wants]:
            await self._taps.pop(channel).leave()
        for channel, want in wants.items():
            if (tap := self._taps.get(channel)) is not None:
                tap.wants(want, full)
            else:
                self._taps[channel] = Tap(channel, want, self._join, self._folder, writer, self._purse)
        await self._tell(writer)
        taps_open.set(len(self._taps))
        recording_now.set(sum(tap.active for tap in self._taps.values()))
        stuck_now.set(sum(tap.stuck for tap in self._taps.values()))
        remembered_bytes.set(self._purse.held)
        if full != bool(halted._value.get()):
            (logger.error if full else logger.info)("recordings: %s", "the disk is full" if full else "there is room")
        halted.set(full)

    def _is_full(self) -> bool:
        usage = shutil.disk_usage(self._folder)
        return usage.free < max(RESERVE_BYTES, RESERVE_SHARE * usage.total)

    async def _tell(self, writer: Writer) -> None:
        """Keep the register: what began or ended at once, what grew now and then."""
        fresh = False
        while writer.events:
            segment = writer.events.popleft()
            self._untold[segment.name] = segment
            fresh |= bool(segment.sha256 or segment.failed or not segment.told)
        if not self._untold or not (fresh or time.monotonic() - self._told_at >= TELL_S):
            return
        self._told_at = time.monotonic()
        telling, self._untold = self._untold, {}
        try:
            await self._database.do(write_news, [news for each in telling.values() if (news := news_of(each))])
        except Exception:
            logger.exception("recordings: the register could not be written; trying again")
            self._untold = telling | self._untold
        else:
            for segment in telling.values():
                segment.told = True

    async def _watch(self) -> None:
        """Read plans and orders again when they change."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def watch() -> None:
            for _topics in listen({"recordings", "video"}, stop=self._stopping, parameters=self._parameters):
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(changed.set)

        self._listening = threading.Thread(target=watch, name="recordings-notices", daemon=True)
        self._listening.start()
        while True:
            await changed.wait()
            changed.clear()
            try:
                self._plans, self._orders = await self._database.do(load_plans), await self._database.do(load_orders)
            except Exception:
                logger.exception("recordings: plans could not be read; trying again")
                changed.set()
            await asyncio.sleep(0.2)


def news_of(segment: Segment) -> News | None:
    """A segment as the register is told of it; None: there never was a file."""
    file = segment.file
    if file is None:
        return None
    return News(
        segment.channel,
        segment.name,
        segment.begins_us,
        segment.ends_us,
        segment.size,
        file.codecs,
        file.video.width,
        file.video.height,
        segment.left_out,
        file.damaged,
        ",".join(sorted(segment.reasons)),
        segment.days or 1,
        segment.early,
        segment.sha256,
        lost=segment.failed and not segment.sha256,
    )
