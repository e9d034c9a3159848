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


class Reports:
    """Tells the twin.

    Parameters
    ----------
    road : Road
        Belongs to the same loop.
    """

    def __init__(self, road: Road) -> None:
        self._road = road
        self._fixed: dict[str, tuple[Placed, float]] = {}
        self._waiting: OrderedDict[tuple[str, str | float], _Row] = OrderedDict()
        self._more = asyncio.Event()

    def placed(self, cameras: Iterable[Placed], *, tell: bool = True) -> None:
        """Cameras are new, or changed."""
        for camera in cameras:
            before = self._fixed.get(camera.terminal)
            was_online = before is not None and before[0].online
            self._fixed[camera.terminal] = (camera, before[1] if before and before[0] == camera else 0.0)
            if tell and (before is None or was_online != camera.online):
                self.power(camera.terminal, camera.online)

    def cameras_of(self, device: str) -> list[Placed]:
        """Cameras of a device."""
        return [camera for camera, _told in self._fixed.values() if camera.device == device]

    def power(self, terminal: str, on: bool) -> None:
        """A camera can be reached, or cannot any longer."""
        self._say(terminal, "status", {"time": _now_ms(), "power": "on" if on else "off"})

    def moved(self, terminal: str, fix: Fix) -> None:
        """A camera said where it is; a fixed place told before counts no more."""
        self._fixed.pop(terminal, None)
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
        for terminal, (camera, told) in list(self._fixed.items()):
            if not camera.online or camera.lon is None or camera.lat is None or (told and now - told < REFRESH_S):
                continue
            self._fixed[terminal] = (camera, now)
            row = PushedRow(terminal, _now_ms(), camera.lon, camera.lat, heading_deg=camera.heading_deg)
            self._put(row)

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
