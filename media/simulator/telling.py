"""What a simulated device tells whoever has subscribed: positions while it moves, alarms now and then."""

from __future__ import annotations

import asyncio
import secrets

from media.simulator import replies
from media.simulator.end import XML, End, field
from media.simulator.replies import ChannelPlan
from media.simulator.wire import Packet

POSITION_S = 5.0


class Telling:
    """Subscriptions in force."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._subscribed: dict[str, tuple[Packet, str]] = {}
        end.handlers["SUBSCRIBE"] = self._take

    def _take(self, packet: Packet) -> None:
        tag, expires = secrets.token_hex(4), packet.get("expires") or "600"
        command = field(packet.body.decode("gb18030", "replace"), "CmdType")
        self._end.answer(packet, 200, "OK", [("Expires", expires), self._end.contact], tag=tag)
        new = command not in self._subscribed
        self._subscribed[command] = (packet, tag)
        plan = self._end.plan
        if expires == "0":
            del self._subscribed[command]
        elif new and command == "MobilePosition" and plan.moves:
            self._end.later(self._positions())
        elif new and command == "Alarm" and plan.alarm_every_s:
            self._end.later(self._alarms())
        elif new and command == "PTZPosition":
            for channel in plan.channels:
                self.turned(channel)

    def turned(self, channel: ChannelPlan) -> None:
        """Tell how a channel's head stands, where somebody has asked to be told."""
        if "PTZPosition" in self._subscribed:
            self._end.later(self._stance(channel))

    async def _stance(self, channel: ChannelPlan) -> None:
        await self.notify("PTZPosition", replies.stance(self._end.next(), channel))

    async def _positions(self) -> None:
        channel = self._end.plan.channels[0]
        while "MobilePosition" in self._subscribed:
            channel.lon += 0.0001
            await self.notify("MobilePosition", replies.position(self._end.next(), channel))
            await asyncio.sleep(POSITION_S)

    async def _alarms(self) -> None:
        while "Alarm" in self._subscribed:
            await asyncio.sleep(self._end.plan.alarm_every_s)
            await self._end.message(replies.alarm(self._end.next(), self._end.plan.channels[0]))

    async def notify(self, command: str, body: bytes) -> Packet | None:
        """Tell what was subscribed to."""
        subscribe, tag = self._subscribed[command]
        headers = [
            ("From", f"{subscribe.get('to')};tag={tag}"),
            ("To", subscribe.get("from")),
            ("Call-ID", subscribe.get("call-id")),
            ("CSeq", f"{self._end.next()} NOTIFY"),
            ("Event", subscribe.get("event")),
            ("Subscription-State", "active"),
            *XML,
        ]
        return await self._end.ask("NOTIFY", self._end.platform, headers, body)
