"""Which sources are there: each is asked lightly now and then, and never pulled from for that."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import NamedTuple

from prometheus_client import Gauge

from media.exceptions import MediaError
from media.models import VideoDevice
from media.sources.faults import WRONG_LOGIN
from media.sources.making import make_probe, onvif_device
from media.sources.store import Configured, State, load_sources, take_eyes, write_states
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

EVERY_S = 30.0
PUSHED_EVERY_S = 3.0
"""Publishers are known here without asking anybody."""
LOCKED_OUT_S = 600.0
"""After a wrong password: devices lock out whoever goes on, and people with them."""
AT_ONCE = 32
MISSES = 2
"""One question that got lost does not make a camera offline."""

sources_online = Gauge("sandtable_video_sources", "Video sources besides GB/T 28181 that answer")


class _Asked(NamedTuple):
    marks: tuple[object, ...]
    due: float
    state: State | None
    misses: int


class Attendance:
    """Keeps the register's word on who is there.

    Parameters
    ----------
    database : DatabaseThread
        The process's.
    every_s : float
        How often each is asked.
    """

    def __init__(self, database: DatabaseThread, every_s: float = EVERY_S) -> None:
        self._database, self._every_s = database, every_s
        self._asked: dict[int, _Asked] = {}
        self._changed = asyncio.Event()
        self._many = asyncio.Semaphore(AT_ONCE)

    def learn(self) -> None:
        """The register has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Go on asking until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            try:
                sources = await self._database.do(load_sources)
                await self._round(sources, loop.time())
            except Exception:
                logger.exception("media: sources could not be asked; trying again")
            sources_online.set(sum(one.state is not None and one.state.online for one in self._asked.values()))
            try:
                async with asyncio.timeout(min(PUSHED_EVERY_S, self._every_s)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _round(self, sources: list[Configured], now: float) -> None:
        """Ask whose turn it is, and write down what has changed."""
        for gone in self._asked.keys() - {source.device.pk for source in sources}:
            del self._asked[gone]
        due = [source for source in sources if self._is_due(source, now)]
        states = [state for state in await asyncio.gather(*(self._ask(source) for source in due)) if state is not None]
        if states:
            await self._database.do(write_states, states)

    def _is_due(self, source: Configured, now: float) -> bool:
        asked = self._asked.get(source.device.pk)
        return asked is None or asked.marks != source.marks or now >= asked.due

    async def _ask(self, source: Configured) -> State | None:
        """What is to be written of a source; None where a single question failed."""
        device, marks = source.device, source.marks
        before = self._asked.get(device.pk)
        known = before is not None and before.marks == marks
        fault, about = "", ("", "", "")
        async with self._many:
            try:
                await make_probe(device, source.channel).answers()
                new = not known or (before is not None and before.state is not None and before.state.fault != "")
                if device.protocol == VideoDevice.Protocol.ONVIF and (new or source.channel is None):
                    about = await self.meet(device)
            except MediaError as error:
                fault = str(error) or type(error).__name__
        host, port, transport = await _place(device)
        state = State(device.pk, not fault, fault, host, port, transport, about)
        misses = before.misses + 1 if fault and before is not None else int(bool(fault))
        wait = PUSHED_EVERY_S if device.protocol == VideoDevice.Protocol.WHIP else self._every_s
        if fault.startswith(WRONG_LOGIN):
            wait = LOCKED_OUT_S
        lost = bool(fault) and known and before is not None and before.state is not None and before.state.online
        if lost and misses < MISSES and device.protocol != VideoDevice.Protocol.WHIP:
            state_now, written = before.state if before is not None else None, None
        else:
            state_now, written = state, state
        self._asked[device.pk] = _Asked(marks, asyncio.get_running_loop().time() + wait, state_now, misses)
        return written

    async def meet(self, device: VideoDevice) -> tuple[str, str, str]:
        """Ask an ONVIF device which pictures it has, and take its channels; returns what it says of itself.

        Raises
        ------
        MediaError
            It does not say.
        """
        from media.sources.onvif.profiles import eyes

        camera = onvif_device(device)
        about = await camera.about()
        found = eyes(await camera.profiles())
        await self._database.do(take_eyes, device.pk, found)
        return about["manufacturer"], about["model"], about["firmware"]


async def _place(device: VideoDevice) -> tuple[str, int, str]:
    """Where a source is, as far as one place can be named."""
    from media.sources.onvif.device import read_endpoint
    from media.sources.rtsp.address import read_address

    try:
        if device.protocol == VideoDevice.Protocol.RTSP:
            address = read_address(device.address)
            host, port = address.host, address.port
        elif device.protocol == VideoDevice.Protocol.ONVIF:
            host, port, *_path = read_endpoint(device.address)
        else:
            return "127.0.0.1", 0, ""
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
        return str(ipaddress.ip_address(found[0][4][0])), port, "TCP"
    except (MediaError, OSError, ValueError):
        return "0.0.0.0", 0, ""  # noqa: S104 (nowhere)
