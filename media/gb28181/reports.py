"""What cameras report joins the twin's stream by the road every way in takes: positions, events, on and off."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from prometheus_client import Counter

from devices.exceptions import NotStoredError
from devices.protocols.road import Road
from devices.pushed import SIGNED_IN, PushedRow
from devices.topics import topic
from media.gb28181.items import Alarm, Fix
from media.kinds import CAMERA
from media.store import Placed

logger = logging.getLogger(__name__)

HEAP_ROWS = 1000
EVERY_S = 1.0
REFRESH_S = 3600.0
"""How often a fixed camera's place is told again, so that its age says that it is still there."""
NOTICE_S = 3.0
"""How long it may take the ingest to hear of a new camera."""
MOST_WAITING = 200_000
MOST_TRIES = 20
RETRY_S = 3.0
# The ingest hears of a new camera's row a moment after it is there.
NOT_YET = frozenset({"unknown_device", "no_asset"})

positions_total = Counter("sandtable_gb28181_positions", "Positions that came by GB/T 28181 or were told for cameras")
dropped_total = Counter("sandtable_gb28181_positions_dropped", "Positions given up: no room, or nobody to store them")


class _Row(msgspec.Struct):
    row: PushedRow
    tries: int = 0
    not_before: float = 0.0


class _Camera(msgspec.Struct):
    """What has been told of a fixed camera."""

    placed: Placed
    known_at: float
    told_at: float | None = None
    power: bool | None = None


class Reports:
    """Tells the twin.

    Parameters
    ----------
    road : Road
        Belongs to the same loop.
    """

    def __init__(self, road: Road) -> None:
        self._road = road
        self._cameras: dict[str, _Camera] = {}
        self._of_device: dict[str, list[str]] = {}
        self._moving: set[str] = set()
        self._waiting: OrderedDict[tuple[str, str | float], _Row] = OrderedDict()
        self._more = asyncio.Event()

    def placed(self, cameras: Iterable[Placed], *, new: bool = True) -> None:
        """Cameras are there, or changed; ``new``: perhaps only just, and the ingest has yet to hear of them."""
        now = time.monotonic()
        for placed in cameras:
            camera = self._cameras.get(placed.terminal)
            if camera is None:
                camera = _Camera(placed, now if new else now - NOTICE_S, power=None if new else placed.online)
                self._cameras[placed.terminal] = camera
                self._of_device.setdefault(placed.device, []).append(placed.terminal)
            elif camera.placed[-4:] != placed[-4:]:
                camera.told_at = None
            camera.placed = placed

    def cameras_of(self, device: str) -> list[Placed]:
        """Cameras of a device."""
        return [self._cameras[terminal].placed for terminal in self._of_device.get(device, ())]

    def moved(self, terminal: str, fix: Fix) -> None:
        """A camera said where it is; the place in its catalogue counts no more."""
        self._moving.add(terminal)
        self._put(
            PushedRow(
                terminal,
                fix.at.timestamp() * 1000,
                fix.lon,
                fix.lat,
                alt_m=fix.alt_m,
                speed_m_s=fix.speed_m_s,
                heading_deg=fix.heading_deg,
            )
        )

    def alarm(self, terminal: str, alarm: Alarm) -> None:
        """A camera, or an alarm input beside it, gave alarm."""
        body: dict[str, object] = {
            "time": alarm.at.timestamp() * 1000,
            "code": "video_alarm",
            "attrs": {
                "source": alarm.code,
                "priority": alarm.priority,
                "method": alarm.method,
                "type": alarm.type,
            },
        }
        if alarm.description:
            body["text"] = alarm.description
        if alarm.lon is not None and alarm.lat is not None:
            body |= {"lon": alarm.lon, "lat": alarm.lat}
        self._say(terminal, "event", body)

    async def run(self) -> None:
        """Go on telling until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self._refresh()
            while rows := self._due():
                await self._forward(rows)

    def _say(self, terminal: str, channel: str, body: dict[str, object]) -> None:
        self._road.publish(topic(CAMERA.key, terminal, channel), msgspec.json.encode(body))

    def _refresh(self) -> None:
        now = time.monotonic()
        for terminal, camera in self._cameras.items():
            placed = camera.placed
            if now - camera.known_at < NOTICE_S:
                continue
            if camera.power != placed.online:
                camera.power = placed.online
                self._say(terminal, "status", {"time": _now_ms(), "power": "on" if placed.online else "off"})
            if not placed.online or placed.lon is None or placed.lat is None or terminal in self._moving:
                continue
            if camera.told_at is None or now - camera.told_at >= REFRESH_S:
                camera.told_at = now
                self._put(PushedRow(terminal, _now_ms(), placed.lon, placed.lat, heading_deg=placed.heading_deg))

    def _put(self, row: PushedRow) -> None:
        positions_total.inc()
        self._waiting[row.device, row.time] = _Row(row)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
            dropped_total.inc()

    def _due(self) -> dict[tuple[str, str | float], _Row]:
        now = time.monotonic()
        due = {}
        for key, row in self._waiting.items():
            if row.not_before <= now:
                due[key] = row
                if len(due) == HEAP_ROWS:
                    break
        return due

    async def _forward(self, rows: dict[tuple[str, str | float], _Row]) -> None:
        try:
            refused = await self._road.forward(
                SIGNED_IN, [msgspec.Raw(msgspec.json.encode(r.row)) for r in rows.values()]
            )
        except NotStoredError:
            self._later(rows)
            return
        keys = list(rows)
        again = {keys[one.row]: rows[keys[one.row]] for one in refused if one.reason in NOT_YET}
        for key in keys:
            if key not in again:
                self._waiting.pop(key, None)
        self._later(again)

    def _later(self, rows: dict[tuple[str, str | float], _Row]) -> None:
        for key, row in rows.items():
            row.tries += 1
            row.not_before = time.monotonic() + RETRY_S
            if row.tries >= MOST_TRIES and self._waiting.pop(key, None) is not None:
                dropped_total.inc()


def _now_ms() -> float:
    return datetime.now(UTC).timestamp() * 1000
