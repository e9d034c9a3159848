"""What devices send of themselves, in MESSAGE and NOTIFY: sorted by CmdType and handed on (annex A)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from media.exceptions import MediaError
from media.gb28181.items import Alarm, Fix, read_alarm, read_entry, read_fixes, read_stance
from media.gb28181.newcomers import Newcomers
from media.gb28181.peers import Binding
from media.gb28181.reports import Reports
from media.gb28181.stances import Stances
from media.gb28181.talk import Talker
from media.gb28181.xml import Element
from media.models import terminal_of

MOST_AHEAD_S = 120


@dataclass
class Bodies:
    """Takes bodies.

    Attributes
    ----------
    ended : callable
        Told that a device has sent the last of what it had recorded: gets its code, the channel's, and the Call-ID
        of the message that said so, which is the call's own where the device goes by the book (9.8).
    alarmed, moved : callable
        Told of each alarm and position, with the device's code: platforms above may have subscribed to them.
    """

    talker: Talker
    reports: Reports
    newcomers: Newcomers
    stances: Stances
    ended: Callable[[str, str, str], None]
    alarmed: Callable[[str, Alarm], None]
    moved: Callable[[str, Fix], None]

    def __post_init__(self) -> None:
        self._answering: set[asyncio.Task[None]] = set()

    def take(self, binding: Binding, body: Element, call_id: str) -> None:
        """Take one body of a device that is signed in."""
        command = body.get("CmdType").strip().lower()
        root = body.name.lower()
        if root == "response" and self.talker.hear(binding.code, body):
            return
        match command:
            case "catalog" if root in ("notify", "response"):
                self._catalogue(binding, body)
            case "alarm" if root == "notify":
                self._alarm(binding, body)
            case "mobileposition" if root == "notify":
                self._position(binding, body)
            case "ptzposition":
                self.stances.take(binding.known.pk, read_stance(body))
            case "mediastatus" if root == "notify":
                self.ended(binding.code, body.get("DeviceID").strip(), call_id)

    def _catalogue(self, binding: Binding, body: Element) -> None:
        """Changes that were subscribed to, or a list nobody asked for: merged, never taken for all there is."""
        listed = body.find("DeviceList")
        items = listed.all("Item") if listed is not None else ()
        if entries := [entry for entry in map(read_entry, items) if entry is not None]:
            self.newcomers.take(binding.known, entries, whole=False)

    def _alarm(self, binding: Binding, body: Element) -> None:
        alarm = read_alarm(body, datetime.now(UTC))
        terminal = self._terminal(binding, alarm.code)
        alarm = alarm._replace(at=min(alarm.at, datetime.now(UTC)))
        if terminal:
            self.reports.alarm(terminal, alarm)
        self.alarmed(binding.code, alarm)
        # A device that gets no answer says it again (9.4).
        fields = (
            ("CmdType", "Alarm"),
            ("SN", body.get("SN").strip() or "1"),
            ("DeviceID", alarm.code or binding.code),
            ("Result", "OK"),
        )
        self._later(self.talker.tell(binding.code, "Response", fields))

    def _position(self, binding: Binding, body: Element) -> None:
        for fix in read_fixes(body, datetime.now(UTC)):
            if (terminal := self._terminal(binding, fix.code)) and self._sane(fix.at):
                self.reports.moved(terminal, fix)
                self.moved(binding.code, fix)

    @staticmethod
    def _sane(at: datetime) -> bool:
        return (at - datetime.now(UTC)).total_seconds() < MOST_AHEAD_S

    def _terminal(self, binding: Binding, code: str) -> str:
        """Whose report it is: the channel's, or where the device speaks for itself, its first camera's."""
        cameras = self.reports.cameras_of(binding.code)
        wanted = terminal_of(binding.code, code)
        for camera in cameras:
            if camera.terminal == wanted:
                return wanted
        return min((camera.terminal for camera in cameras), default="")

    def _later(self, telling: Coroutine[Any, Any, None]) -> None:
        async def tell() -> None:
            with contextlib.suppress(MediaError):  # it says it again
                await telling

        task = asyncio.create_task(tell())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
