"""What a platform above asks and orders: answered from what it is given, or passed down to the device (9.3 to 9.5)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from media.cascade import saying
from media.cascade.link import Link
from media.cascade.upper import Shared
from media.exceptions import MediaError
from media.gb28181.control import is_ptz
from media.gb28181.items import said
from media.gb28181.talk import Talker, query
from media.gb28181.xml import Element, Fields
from media.models import VideoDevice

logger = logging.getLogger(__name__)

GB28181 = VideoDevice.Protocol.GB28181.value
PASSED_DOWN = frozenset(
    {"ptzcmd", "recordcmd", "guardcmd", "alarmcmd", "ifamecmd", "iframecmd", "dragzoomin", "dragzoomout",
     "homeposition"}
)  # fmt: skip
"""Orders that a platform above may give where it may give any; it cannot restart devices."""
ANSWERED = frozenset({"recordcmd", "guardcmd", "alarmcmd", "homeposition"})


class Answering:
    """Answers.

    Parameters
    ----------
    talker : Talker
        Speaks to the devices below.
    """

    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    async def answer(self, link: Link, body: Element) -> None:
        """Answer one message; a platform that does not take an answer is left to ask again."""
        try:
            bodies = await self._bodies(link, body)
            for root, fields in bodies:
                await link.say(root, fields)
        except MediaError as error:
            logger.info("cascade: %s: %s", link.upper.code, error)

    async def _bodies(self, link: Link, body: Element) -> saying.Bodies:
        upper = link.upper
        command, number, asked = (body.get(name).strip() for name in ("CmdType", "SN", "DeviceID"))
        shared = upper.shared.get(asked)
        match body.name.lower(), command.lower():
            case "query", "catalog":
                return saying.catalogue(upper, number, asked)
            case "query", "deviceinfo":
                return saying.about(upper, number, asked)
            case "query", "devicestatus":
                return saying.status(upper, number, asked, datetime.now(UTC))
            case "query", "recordinfo":
                return await self._recordings(link, body, number, asked)
            case "query", "presetquery":
                items = await self._below(shared, "PresetQuery", ())
                fields = [saying.handed_up(each, asked) for each in items]
                return saying.parts("Response", "PresetQuery", number, asked, "PresetList", fields, len(fields) or 1)
            case "control", "devicecontrol":
                return await self._control(link, body, number, asked)
        return iter(())

    async def _recordings(self, link: Link, body: Element, number: str, asked: str) -> saying.Bodies:
        upper, shared = link.upper, link.upper.shared.get(asked)
        wanted = ("StartTime", "EndTime", "FilePath", "Address", "Secrecy", "Type", "RecorderID", "IndistinctQuery")
        more = tuple((name, body.get(name)) for name in wanted if body.get(name))
        items = await self._below(shared, "RecordInfo", more) if upper.past else []
        fields = [saying.handed_up(each, asked) for each in items]
        name = (("Name", shared.name),) if shared is not None else ()
        in_one = saying.in_one(upper)
        return saying.parts("Response", "RecordInfo", number, asked, "RecordList", fields, in_one, name)

    async def _below(self, shared: Shared | None, command: str, more: tuple[tuple[str, str], ...]) -> list[Element]:
        """What a device below says; nothing where it cannot be asked."""
        if shared is None or shared.protocol != GB28181:
            return []
        try:
            asking = query(command, shared.channel, *more)
            return (await self._talker.ask(shared.device, "Query", command, asking, shared.channel)).items
        except MediaError as error:
            logger.info("cascade: %s says nothing: %s", shared.device, error)
            return []

    async def _control(self, link: Link, body: Element, number: str, asked: str) -> saying.Bodies:
        shared, orders = link.upper.shared.get(asked), _orders(body)
        answered = any(name.lower() in ANSWERED for name, _value in orders)
        result = "ERROR"
        if orders and shared is not None and shared.protocol == GB28181 and link.upper.controls:
            try:
                result = await self._order(shared, orders, answered)
            except MediaError as error:
                logger.info("cascade: %s does not obey: %s", shared.device, error)
        if not answered:
            return iter(())
        head = (("CmdType", "DeviceControl"), ("SN", number), ("DeviceID", asked), ("Result", result))
        return iter((("Response", head),))

    async def _order(self, shared: Shared, orders: list[tuple[str, str | Fields]], answered: bool) -> str:
        def body(number: str) -> Fields:
            return (("CmdType", "DeviceControl"), ("SN", number), ("DeviceID", shared.channel), *orders)

        if not answered:
            await self._talker.tell(shared.device, "Control", body(self._talker.next_number()), shared.channel)
            return "OK"
        answer = await self._talker.ask(shared.device, "Control", "DeviceControl", body, shared.channel)
        return said(answer.body, "Result").upper() or "OK"


def _orders(body: Element) -> list[tuple[str, str | Fields]]:
    """What is ordered, of that which is passed down, as it was written."""
    return [
        (child.name, _fields(child) if child.children else child.text)
        for child in body.children
        if child.name.lower() in PASSED_DOWN and (child.name.lower() != "ptzcmd" or is_ptz(child.text))
    ]


def _fields(element: Element) -> Fields:
    return [(child.name, child.text) for child in element.children if not child.children]
