"""What platforms above have subscribed to: changes of what they are given, alarms, positions (9.11; RFC 6665)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from media.cascade import saying
from media.cascade.link import Link
from media.cascade.upper import Shared
from media.exceptions import MediaError
from media.gb28181.items import Alarm, Fix, write_moment
from media.gb28181.registrar import expires_of
from media.gb28181.talk import XML_TYPE
from media.gb28181.xml import Fields, XmlError, read_xml, write_xml
from media.sip.dialogs import Dialog
from media.sip.transaction import ServerTransaction

EVENTS = {"catalog": "Catalog", "alarm": "Alarm", "mobileposition": "MobilePosition"}
LONGEST_S = 86_400
MOST_WAITING = 20_000


@dataclass
class Follower:
    """One subscription in force."""

    link: Link
    command: str
    number: str
    event: str
    dialog: Dialog
    ends_at: float
    every_s: float = 5.0
    told_at: dict[str, float] = field(default_factory=dict)
    """When each camera's position was told last."""
    waiting: asyncio.Queue[Fields] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))


class Following:
    """All of them."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, str], Follower] = {}
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def hear_subscribe(self, transaction: ServerTransaction, link: Link) -> None:
        """Begin, refresh or end one."""
        request = transaction.request
        try:
            body = read_xml(request.body)
        except XmlError:
            body = None
        command = EVENTS.get(body.get("CmdType").strip().lower(), "") if body is not None else ""
        before = next((f for f in self._held.values() if f.dialog.call_id == request.call_id), None)
        command = command or (before.command if before is not None else "")
        if not command:
            transaction.answer(489)
            return
        seconds = min(expires_of(request) if "expires" in request.headers else 600, LONGEST_S)
        transaction.answer(200, (("expires", str(seconds)), link.contact))
        key = (link.upper.pk, command)
        if seconds == 0:
            self._drop(key)
            return
        interval = body.get("Interval").strip() if body is not None else ""
        number = body.get("SN").strip() if body is not None else ""
        every_s = float(interval) if interval.isdecimal() and len(interval) < 6 else 5.0
        if before is not None and (before.link.upper.pk, before.command) == key:
            before.ends_at, before.every_s = time.monotonic() + seconds, every_s
            return
        self._drop(key)
        dialog = Dialog.of_request(request, transaction.tag, transaction.flow)
        dialog.target = link.upper.uri
        event = request.headers.get("event") or command
        self._held[key] = Follower(link, command, number or "1", event, dialog, time.monotonic() + seconds, every_s)
        self._tasks[key] = asyncio.create_task(self._tell(key))

    def changed(self, link: Link, before: Mapping[str, Shared], now: Mapping[str, Shared]) -> None:
        """What a platform is given has changed: told in one message a few entries."""
        follower = self._held.get((link.upper.pk, "Catalog"))
        if follower is None:
            return
        items = [saying.item(link.upper, before[code], "DEL") for code in before.keys() - now.keys()]
        for code, shared in now.items():
            old = before.get(code)
            if old is None:
                items.append(saying.item(link.upper, shared, "ADD"))
            elif old._replace(online=shared.online) != shared:
                items.append(saying.item(link.upper, shared, "UPDATE"))
            elif old.online != shared.online:
                items.append(saying.item(link.upper, shared, "ON" if shared.online else "OFF"))
        if items:
            bodies = saying.parts(
                "Notify", "Catalog", follower.number, link.upper.own, "DeviceList", items, saying.in_one(link.upper)
            )
            for _root, fields in bodies:
                self._put(follower, fields)

    def alarm(self, links: list[tuple[Link, Shared]], alarm: Alarm) -> None:
        """A camera gave alarm."""
        for link, shared in links:
            follower = self._held.get((link.upper.pk, "Alarm"))
            if follower is None:
                continue
            fields: list[tuple[str, str | Fields]] = [
                ("CmdType", "Alarm"), ("SN", link.next_number()), ("DeviceID", shared.code),
                ("AlarmPriority", str(alarm.priority)), ("AlarmMethod", str(alarm.method)),
                ("AlarmTime", write_moment(alarm.at)), ("AlarmDescription", alarm.description),
            ]  # fmt: skip
            if alarm.lon is not None and alarm.lat is not None:
                fields += [("Longitude", f"{alarm.lon:.6f}"), ("Latitude", f"{alarm.lat:.6f}")]
            if alarm.type:
                fields.append(("Info", (("AlarmType", str(alarm.type)),)))
            self._put(follower, fields)

    def moved(self, links: list[tuple[Link, Shared]], fix: Fix) -> None:
        """A camera said where it is; told no more often than was asked for."""
        now = time.monotonic()
        for link, shared in links:
            follower = self._held.get((link.upper.pk, "MobilePosition"))
            if follower is None or now - follower.told_at.get(shared.code, -1e9) < follower.every_s * 0.9:
                continue
            follower.told_at[shared.code] = now
            fields = (
                ("CmdType", "MobilePosition"), ("SN", link.next_number()), ("DeviceID", shared.code),
                ("Time", write_moment(fix.at)), ("Longitude", f"{fix.lon:.6f}"), ("Latitude", f"{fix.lat:.6f}"),
                ("Speed", f"{(fix.speed_m_s or 0) * 3.6:.1f}"), ("Direction", f"{fix.heading_deg or 0:.0f}"),
                ("Altitude", f"{fix.alt_m or 0:.1f}"),
            )  # fmt: skip
            self._put(follower, fields)

    def forget(self, pk: int) -> None:
        """A platform is gone; so are its dialogs."""
        for key in [key for key in self._held if key[0] == pk]:
            self._drop(key)

    def _put(self, follower: Follower, fields: Fields) -> None:
        if follower.waiting.full():
            follower.waiting.get_nowait()  # it does not answer; the newest is worth more
        follower.waiting.put_nowait(fields)

    async def _tell(self, key: tuple[int, str]) -> None:
        """One after another, each when the one before was taken."""
        follower = self._held[key]
        while (left := follower.ends_at - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    fields = await follower.waiting.get()
            except TimeoutError:
                continue
            headers = (
                ("event", follower.event),
                ("subscription-state", f"active;expires={max(0, round(follower.ends_at - time.monotonic()))}"),
                follower.link.contact,
                ("content-type", XML_TYPE),
            )
            body = write_xml("Notify", fields, follower.link.upper.charset)
            try:
                answer = await follower.link.ask(follower.dialog.request("NOTIFY", headers, body))
            except MediaError:
                continue
            if answer.status == 481:
                break
        if self._held.get(key) is follower:
            del self._held[key], self._tasks[key]

    def _drop(self, key: tuple[int, str]) -> None:
        self._held.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()
