"""JT/T 808 over TCP: listens, lets terminals in that show their key, and answers positions once they are stored.

One asyncio loop; a terminal is a task. Whoever has not shown a key gets little of everything: time, bytes, attempts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge

from devices.exceptions import NotStoredError, RefusedError
from devices.protocols.jt808 import FAILED, OK, Location, Message
from devices.protocols.jt808_terminal import Terminal
from devices.protocols.registered import keys_of
from devices.protocols.road import Road
from devices.protocols.turned_away import TurnedAway
from devices.pushed import SIGNED_IN, PushedRow, RowRefused
from gis.notices import listen
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 20_000
MOST_STRANGERS = 500
"""Connections that have not shown a key yet, at once."""
MOST_OPEN_ROWS = 20_000
HEAP_ROWS = 1000
HEAP_S = 0.1
# What a terminal should keep and send again: the platform's register is at fault, not the position.
KEEP = frozenset({"unknown_device", "revoked_device", "no_asset"})

connections = Gauge("sandtable_jt808_connections", "Terminals connected by JT/T 808")
positions_total = Counter("sandtable_jt808_positions", "Positions that came by JT/T 808")
unanswered_total = Counter("sandtable_jt808_unanswered", "Messages not stored in time, which terminals send again")


class _Report:
    """A message of positions: answered when its last row is settled."""

    def __init__(self, terminal: Terminal, message: Message, rows: int) -> None:
        self.terminal, self.message, self.left = terminal, message, rows
        self.result = OK

    def settle(self, refused: RowRefused | None) -> None:
        if refused is not None and refused.reason in KEEP:
            self.result = FAILED
        self.left -= 1
        if not self.left:
            self.terminal.answer(self.message, self.result)


class Jt808Server:
    """The process's work.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 takes a free one, see ``address``.
    mqtt_url : str
        Broker, with the platform's account.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, host: str, port: int, mqtt_url: str, database: dict[str, Any]) -> None:
        self.road = Road(mqtt_url)
        self.database = DatabaseThread("jt808-database")
        self.turned_away = TurnedAway(database)
        self.address: tuple[str, int] | None = None
        self._host, self._port, self._parameters = host, port, database
        self._inside: set[Terminal] = set()
        self._known: dict[str, Terminal] = {}
        self._heap: list[tuple[msgspec.Raw, _Report]] = []
        self._open_rows = 0
        self._more = asyncio.Event()
        self._full = asyncio.Event()
        self._stop = asyncio.Event()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

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
        server = await asyncio.start_server(self._serve, self._host, self._port, limit=1 << 16)
        self.address = server.sockets[0].getsockname()[:2]
        logger.info("jt808: listening on %s:%d", *self.address)
        jobs = [asyncio.create_task(job) for job in (self._forward_heaps(), self._keep_house(), self._watch_keys())]
        if self._stopping.is_set():
            self._stop.set()
        await self._stop.wait()
        server.close()
        for terminal in list(self._inside):
            terminal.close()
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await self.road.stop()
        await asyncio.to_thread(self.turned_away.write)
        await self.database.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._inside) >= MOST_CONNECTIONS or len(self._inside) - len(self._known) >= MOST_STRANGERS:
            writer.transport.abort()
            return
        terminal = Terminal(self, reader, writer)
        self._inside.add(terminal)
        connections.inc()
        try:
            await terminal.talk()
        except (ConnectionError, TimeoutError):
            pass
        except Exception:
            logger.exception("jt808: a connection ended by a fault of ours")
        finally:
            self._inside.discard(terminal)
            connections.dec()
            if self._known.get(terminal.identifier) is terminal:
                del self._known[terminal.identifier]
            terminal.close()

    def let_in(self, terminal: Terminal) -> None:
        """A terminal has shown its key; an earlier connection of it is closed."""
        former = self._known.pop(terminal.identifier, None)
        self._known[terminal.identifier] = terminal
        if former is not None and former is not terminal:
            former.close()

    def report(self, terminal: Terminal, message: Message, locations: list[Location]) -> None:
        """Take positions on; the terminal is answered when they are stored, and not at all if they are not."""
        positions_total.inc(len(locations))
        if self._open_rows + len(locations) > MOST_OPEN_ROWS:
            unanswered_total.inc()
            return
        report = _Report(terminal, message, len(locations))
        located = [location for location in locations if location.located]
        for location in locations:
            if not location.located:
                self.turned_away.add("not_located", "the receiver had no fix", terminal.identifier, "JT/T 808")
                report.settle(None)
        self._open_rows += len(located)
        self._heap += [(_row(terminal.identifier, location), report) for location in located]
        if located:
            self._more.set()
        if len(self._heap) >= HEAP_ROWS:
            self._full.set()

    async def _forward_heaps(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._more.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEAP_S):
                        await self._full.wait()
                heap, self._heap = self._heap[:HEAP_ROWS], self._heap[HEAP_ROWS:]
                if len(self._heap) < HEAP_ROWS:
                    self._full.clear()
                if not self._heap:
                    self._more.clear()
                group.create_task(self._forward(heap))

    async def _forward(self, heap: list[tuple[msgspec.Raw, _Report]]) -> None:
        try:
            refused = await self.road.forward(SIGNED_IN, [row for row, _report in heap])
        except NotStoredError:
            unanswered_total.inc(len({id(report) for _row, report in heap}))
            return
        finally:
            self._open_rows -= len(heap)
        reasons = {one.row: one for one in refused}
        for i, (_row, report) in enumerate(heap):
            report.settle(reasons.get(i))

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(1)
            await asyncio.to_thread(self.turned_away.write)

    async def _watch_keys(self) -> None:
        """Close connections whose key has ended since."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def watch() -> None:
            for _topics in listen({"devices"}, stop=self._stopping, parameters=self._parameters):
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(changed.set)

        threading.Thread(target=watch, name="notices", daemon=True).start()
        while True:
            await changed.wait()
            changed.clear()
            present = dict(self._known)
            try:
                keys = await self.database.do(keys_of, list(present))
            except Exception:
                logger.exception("jt808: keys could not be read; trying again")
                changed.set()
                await asyncio.sleep(1)
                continue
            for identifier, terminal in present.items():
                if keys.get(identifier) != terminal.key_hash:
                    terminal.close()

    def turn_away(self, refusal: RefusedError, terminal: Terminal) -> None:
        """Count what is not taken."""
        self.turned_away.add(refusal.reason, refusal.detail, terminal.identifier, f"JT/T 808 {terminal.peer}")


def _row(identifier: str, location: Location) -> msgspec.Raw:
    return msgspec.Raw(
        msgspec.json.encode(
            PushedRow(
                identifier,
                location.time_ms,
                location.lon,
                location.lat,
                alt_m=location.alt_m,
                speed_m_s=location.speed_m_s,
                heading_deg=location.heading_deg,
                working=location.engine_on,
                attrs=location.attrs or None,
            )
        )
    )
