"""Subscriptions to a device's catalogue, alarms and positions (9.11; RFC 6665): begun, kept up, ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from media.exceptions import MediaError
from media.gb28181.peers import Binding
from media.gb28181.talk import XML_TYPE, Talker, query
from media.gb28181.xml import write_xml
from media.sip.dialogs import Dialog, key_of
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.message import Request, Response

logger = logging.getLogger(__name__)

LASTS_S = 3600
RENEWED_BEFORE_S = 300
INTERVAL_S = 5
# The standard names no event for these two; this is what platforms and cameras use.
EVENTS = {"Catalog": "Catalog", "Alarm": "presence", "MobilePosition": "presence", "PTZPosition": "PTZPosition"}
SINCE_2022 = frozenset({"PTZPosition"})
_MORE = {
    "Alarm": (("StartAlarmPriority", "0"), ("EndAlarmPriority", "0"), ("AlarmMethod", "0")),
    "MobilePosition": (("Interval", str(INTERVAL_S)),),
}


@dataclass
class Subscription:
    """One that is in force."""

    code: str
    event: str
    name: str
    """As the Event header has it: the same in every refresh."""
    dialog: Dialog
    ends_at: float


class Subscriptions:
    """All of them."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker
        self._held: dict[tuple[str, str], Subscription] = {}

    def __len__(self) -> int:
        return len(self._held)

    async def renew(self, code: str) -> None:
        """Begin afresh what a device that has signed in is to tell of.

        Raises
        ------
        MediaError
            It takes none of it; most cameras know some events and not the others.
        """
        binding = self._talker.peers.online(code)
        if binding is None:
            return
        is_old = binding.version < "3"  # 3.0 is the edition of 2022; the one before names 2.0, or nothing
        for event in sorted(binding.known.follows - SINCE_2022 if is_old else binding.known.follows):
            try:
                await self._begin(binding, event)
            except MediaError as error:
                logger.info("gb28181: %s does not tell of %s: %s", code, event, error)

    async def _begin(self, binding: Binding, event: str) -> None:
        number = str(int(time.time()) % 10_000 + 1)
        body = write_xml("Query", query(event, binding.code, *_MORE.get(event, ()))(number))
        host, port = binding.flow.local
        name = f"Catalog;id={number}" if event == "Catalog" else EVENTS[event]
        headers = (
            ("contact", f"<sip:{self._talker.code}@{host}:{port}>"),
            ("event", name),
            ("expires", str(LASTS_S)),
            ("content-type", XML_TYPE),
        )
        request = self._talker.request("SUBSCRIBE", binding, binding.code, headers, body)
        response = await self._ask(request, binding)
        dialog = Dialog.of_response(request, response, binding.flow)
        self._held[binding.code, event] = Subscription(binding.code, event, name, dialog, _end(response))

    async def _ask(self, request: Request, binding: Binding) -> Response:
        try:
            return await self._talker.transactions.ask(request, binding.flow)
        except (NoAnswerError, DeclinedError) as error:
            raise MediaError(str(error)) from None

    async def run(self, again: Callable[[str], object]) -> None:
        """Refresh what is about to end, in its dialog; where that fails, ``again(code)`` begins afresh."""
        while True:
            await asyncio.sleep(10)
            for key, held in list(self._held.items()):
                if time.monotonic() < held.ends_at - RENEWED_BEFORE_S:
                    continue
                self._held.pop(key, None)
                binding = self._talker.peers.online(held.code)
                if binding is not None and held.event in binding.known.follows:
                    try:
                        await self._refresh(held, binding)
                    except MediaError:
                        again(held.code)

    async def _refresh(self, held: Subscription, binding: Binding) -> None:
        number = str(int(time.time()) % 10_000 + 1)
        body = write_xml("Query", query(held.event, held.code, *_MORE.get(held.event, ()))(number))
        host, port = binding.flow.local
        held.dialog.flow, held.dialog.target = binding.flow, binding.uri
        headers = (
            ("contact", f"<sip:{self._talker.code}@{host}:{port}>"),
            ("event", held.name),
            ("expires", str(LASTS_S)),
            ("content-type", XML_TYPE),
        )
        response = await self._ask(held.dialog.request("SUBSCRIBE", headers, body), binding)
        held.ends_at = _end(response)
        self._held[held.code, held.event] = held

    def hears(self, request: Request, code: str) -> bool:
        """Whether a NOTIFY belongs to a subscription of that device.

        Cameras get the tags wrong, and go on with the dialog of a registration before: Call-ID or sender will do.
        """
        call_id, _ours, _theirs = key_of(request)
        mine = [held for held in self._held.values() if held.code == code]
        if request.headers.get("subscription-state").lower().startswith("terminated"):
            for held in mine:
                if held.dialog.call_id == call_id:
                    self._held.pop((held.code, held.event), None)
        return bool(mine)

    def forget(self, code: str) -> None:
        """A device is gone; so are its dialogs."""
        for key in [key for key in self._held if key[0] == code]:
            del self._held[key]


def _end(response: Response) -> float:
    said = response.headers.get("expires")
    seconds = int(said) if said.isdecimal() and 0 < len(said) < 8 else LASTS_S
    return time.monotonic() + max(seconds, RENEWED_BEFORE_S + 30)
