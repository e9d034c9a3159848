"""What a simulated device does with a MESSAGE: answers queries, obeys controls, asks to hear announcements."""

from __future__ import annotations

from collections.abc import Callable

from media.simulator import replies
from media.simulator.end import End, field
from media.simulator.hearing import Hearing
from media.simulator.past import seconds
from media.simulator.plan import Tally
from media.simulator.replies import ChannelPlan
from media.simulator.wire import Packet

ANSWERED = ("RecordCmd", "GuardCmd", "AlarmCmd", "HomePosition")


class Obeying:
    """Takes messages.

    Parameters
    ----------
    turned : callable
        Told which channel's head was turned.

    Attributes
    ----------
    said : list of str
        Bodies of the controls that came, the last at the end.
    """

    def __init__(self, end: End, tally: Tally, turned: Callable[[ChannelPlan], None]) -> None:
        self._end, self._tally, self._turned = end, tally, turned
        self.hearing = Hearing(end, tally)
        self.said: list[str] = []
        end.handlers["MESSAGE"] = self._take

    def _take(self, packet: Packet) -> None:
        self._end.answer(packet, 200, "OK")
        text = packet.body.decode("gb18030", "replace")
        if "<Response" not in text:
            self._end.later(self._reply(text))

    async def _reply(self, text: str) -> None:
        plan = self._end.plan
        number, asked = field(text, "SN"), field(text, "DeviceID")
        channel = next((c for c in plan.channels if c.code == asked), plan.channels[0])
        bodies: list[bytes] = []
        if "<Query" in text:
            self._tally.queries += 1
            bodies = self._query(text, number, channel)
        elif "<Control" in text:
            self._tally.controls += 1
            self.said.append(text)
            self._obey(text, channel)
            if any(word in text for word in ANSWERED):
                command = field(text, "CmdType")
                bodies = [replies.body("Response", command, number, asked, "<Result>OK</Result>\r\n")]
        elif field(text, "CmdType") == "Broadcast":
            await self.hearing.called(number, field(text, "SourceID"), field(text, "TargetID"))
        for body in bodies:
            await self._end.message(body)

    def _query(self, text: str, number: str, channel: ChannelPlan) -> list[bytes]:
        plan = self._end.plan
        match field(text, "CmdType"):
            case "Catalog":
                self._tally.catalogues += 1
                return replies.catalogue(number, plan.code, plan.channels, plan.items_in_one)
            case "DeviceInfo":
                return [replies.device_info(number, plan.code, len(plan.channels))]
            case "DeviceStatus":
                return [replies.device_status(number, plan.code)]
            case "RecordInfo":
                pieces = plan.past.pieces(seconds(field(text, "StartTime")), seconds(field(text, "EndTime")))
                return replies.recordings(number, channel.code, pieces)
            case "PresetQuery":
                return [replies.presets(number, channel)]
        return []

    def _obey(self, text: str, channel: ChannelPlan) -> None:
        command = bytes.fromhex(field(text, "PTZCmd")) if "PTZCmd" in text else b""
        if len(command) != 8 or sum(command[:7]) % 256 != command[7]:
            return
        instruction, first, second = command[3:6]
        if instruction < 0x40:
            channel.pan_deg += (bool(instruction & 1) - bool(instruction & 2)) * first / 255 * 10
            channel.tilt_deg += (bool(instruction & 8) - bool(instruction & 4)) * second / 255 * 10
            if instruction & 0x0F:
                self._turned(channel)
        elif instruction == 0x81:
            channel.presets[second] = f"预置位{second}"
        elif instruction == 0x83:
            channel.presets.pop(second, None)
