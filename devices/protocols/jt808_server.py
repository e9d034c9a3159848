"""JT/T 808 over TCP: listens, lets terminals in that show their key, and answers positions once they are stored.

One asyncio loop; a terminal is a task. Whoever has not shown a key gets little of everything: time, bytes, attempts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge

from devices.exceptions import NotStoredError, RefusedError
from devices.protocols.jt808 import FAILED, OK, Location
from devices.protocols.jt808_frames import Message
from devices.protocols.jt808_terminal import Terminal
from devices.protocols.registered import keys_of
from devices.protocols.serving import Job, ProtocolServer
from devices.pushed import SIGNED_IN, PushedRow, RowRefused

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


class Jt808Server(ProtocolServer):
    """The process's work."""

    name = "jt808"
    topics = frozenset({"devices"})

    def __init__(self, host: str, port: int, mqtt_url: str, database: dict[str, Any]) -> None:
        super().__init__(host, port, mqtt_url, database)
        self._listening: asyncio.Server | None = None
        self._inside: set[Terminal] = set()
        self._known: dict[str, Terminal] = {}
        self._heap: list[tuple[msgspec.Raw, _Report]] = []
        self._open_rows = 0
        self._more = asyncio.Event()
        self._full = asyncio.Event()

    async def begin(self) -> Sequence[Job]:
        """Listen."""
        self._listening = await asyncio.start_server(self._serve, self.host, self.port, limit=1 << 16)
        self.address = self._listening.sockets[0].getsockname()[:2]
        return [self._forward_heaps()]

    async def end(self) -> None:
        """Hang up on everybody."""
        assert self._listening is not None, "begin() comes first"
        self._listening.close()
        for terminal in list(self._inside):
            terminal.close()

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

    async def reread(self) -> None:
        """Close connections whose key has ended since."""
        present = dict(self._known)
        keys = await self.database.do(keys_of, list(present))
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
