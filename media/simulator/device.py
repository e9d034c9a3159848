"""One simulated device: signs in, keeps itself alive, answers, obeys, sends pictures."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from media.simulator import replies, wire
from media.simulator.clip import Pictures
from media.simulator.replies import ChannelPlan
from media.simulator.sending import Asked, Sending
from media.simulator.wire import Packet

T1_S, GIVE_UP_S = 0.5, 32.0
XML = [("Content-Type", "Application/MANSCDP+xml")]
SLOWEST_RETRY_S = 5.0


@dataclass
class Plan:
    """What a device is, and how it behaves."""

    code: str
    password: str
    channels: list[ChannelPlan]
    server: tuple[str, int]
    platform: str
    domain: str
    expires_s: int = 3600
    keepalive_s: float = 60.0
    items_in_one: int = 4
    codec: str = "h264"
    moves: bool = False
    alarm_every_s: float = 0.0


@dataclass
class Tally:
    """What all devices counted."""

    registered: int = 0
    refused: int = 0
    keepalives: int = 0
    unanswered: int = 0
    queries: int = 0
    controls: int = 0
    streams: int = 0
    most_streams: int = 0
    streams_refused: int = 0
    catalogues: int = 0


@dataclass
class SimulatedDevice:
    """A device; ``send`` puts a datagram, or a piece of a connection, on its way."""

    plan: Plan
    tally: Tally
    send: Callable[[bytes], None]
    local: tuple[str, int]
    pictures: Pictures
    most_streams: int
    transport: str = "UDP"
    registered: bool = False
    _number: int = 0
    _waiting: dict[str, asyncio.Future[Packet]] = field(default_factory=dict)
    _calls: dict[str, tuple[Sending, asyncio.Task[None], Packet, str]] = field(default_factory=dict)
    _subscribed: dict[str, tuple[Packet, str]] = field(default_factory=dict)
    _answered: dict[str, bytes] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def live(self, delay_s: float) -> None:
        """Sign in after a while, and stay."""
        await asyncio.sleep(delay_s)
        retry = T1_S
        while not await self._sign_in():
            self.tally.refused += 1
            await asyncio.sleep(random.uniform(retry / 2, retry))  # noqa: S311
            retry = min(retry * 2, SLOWEST_RETRY_S)
        # Spread over the interval, as cameras that were switched on at different times are.
        await asyncio.sleep(random.uniform(0, self.plan.keepalive_s))  # noqa: S311
        misses = 0
        while True:
            self._number += 1
            answer = await self.message(replies.keepalive(self._number, self.plan.code))
            if answer is not None and answer.status == 200:
                misses = 0
                self.tally.keepalives += 1
            else:
                misses += 1
                self.tally.unanswered += 1
                if misses >= 3:
                    self._set_registered(False)
                    await self._sign_in()
                    misses = 0
            await asyncio.sleep(self.plan.keepalive_s)

    def _set_registered(self, now: bool) -> None:
        self.tally.registered += now - self.registered
        self.registered = now

    async def _sign_in(self, expires_s: int | None = None) -> bool:
        plan = self.plan
        uri = f"sip:{plan.platform}@{plan.domain}"
        own = f"<sip:{plan.code}@{plan.domain}>"
        call, tag, expires = secrets.token_hex(8), secrets.token_hex(4), expires_s
        base = [
            ("From", f"{own};tag={tag}"),
            ("To", own),
            ("Call-ID", call),
            ("Contact", f"<sip:{plan.code}@{self.local[0]}:{self.local[1]}>"),
            ("Expires", str(plan.expires_s if expires is None else expires)),
            ("X-GB-ver", "3.0"),
        ]
        first = await self._ask("REGISTER", uri, [*base, ("CSeq", "1 REGISTER")])
        if first is None or first.status != 401:
            return False
        shown = wire.credentials(first.get("www-authenticate"), plan.code, plan.password, "REGISTER", uri)
        second = await self._ask("REGISTER", uri, [*base, ("CSeq", "2 REGISTER"), ("Authorization", shown)])
        if second is None or second.status != 200:
            return False
        self._set_registered(expires_s != 0)
        return True

    async def sign_out(self) -> None:
        """Unregister."""
        await self._sign_in(0)

    async def message(self, body: bytes) -> Packet | None:
        """Send a MESSAGE and wait for its answer; None where none comes."""
        plan = self.plan
        headers = [
            ("From", f"<sip:{plan.code}@{plan.domain}>;tag={secrets.token_hex(4)}"),
            ("To", f"<sip:{plan.platform}@{plan.domain}>"),
            ("Call-ID", secrets.token_hex(8)),
            ("CSeq", "20 MESSAGE"),
            *XML,
        ]
        return await self._ask("MESSAGE", f"sip:{plan.platform}@{plan.domain}", headers, body)

    async def _ask(self, method: str, uri: str, headers: list[tuple[str, str]], body: bytes = b"") -> Packet | None:
        name = wire.branch()
        via = ("Via", f"SIP/2.0/{self.transport} {self.local[0]}:{self.local[1]};rport;branch={name}")
        data = Packet(f"{method} {uri} SIP/2.0", [via, ("Max-Forwards", "70"), *headers], body).write()
        done: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._waiting[name] = done
        wait, total = T1_S, 0.0
        try:
            while total < GIVE_UP_S:
                self.send(data)
                try:
                    return await asyncio.wait_for(asyncio.shield(done), wait if self.transport == "UDP" else GIVE_UP_S)
                except TimeoutError:
                    total += wait
                    wait = min(wait * 2, 4.0)
            return None
        finally:
            del self._waiting[name]

    def hear(self, data: bytes) -> None:
        """Take one message of the platform."""
        packet = wire.read(data)
        if packet.status:
            match = re.search(r"branch=([^;,\s]+)", packet.get("via"))
            waiting = self._waiting.get(match[1]) if match else None
            if waiting is not None and not waiting.done() and packet.status >= 200:
                waiting.set_result(packet)
            return
        key = packet.get("via") + packet.method
        if packet.method != "ACK" and key in self._answered:
            self.send(self._answered[key])
            return
        handler = getattr(self, f"_on_{packet.method.lower()}", None)
        if handler is None:
            self._answer(packet, 405, "Method Not Allowed")
        else:
            handler(packet)

    def _answer(
        self, request: Packet, status: int, reason: str, more: list[tuple[str, str]] | None = None, body: bytes = b"",
        tag: str = "",
    ) -> None:  # fmt: skip
        data = wire.answer(request, status, reason, tag or secrets.token_hex(4), more or [], body).write()
        self._answered[request.get("via") + request.method] = data
        if len(self._answered) > 64:
            del self._answered[next(iter(self._answered))]
        self.send(data)

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _on_message(self, packet: Packet) -> None:
        self._answer(packet, 200, "OK")
        text = packet.body.decode("gb18030", "replace")
        if "<Response" not in text:
            self._later(self._reply(text))

    async def _reply(self, text: str) -> None:
        command, number, asked = (_field(text, name) for name in ("CmdType", "SN", "DeviceID"))
        channel = next((c for c in self.plan.channels if c.code == asked), self.plan.channels[0])
        bodies: list[bytes] = []
        if "<Query" in text:
            self.tally.queries += 1
            match command:
                case "Catalog":
                    bodies = replies.catalogue(number, self.plan.code, self.plan.channels, self.plan.items_in_one)
                    self.tally.catalogues += 1
                case "DeviceInfo":
                    bodies = [replies.device_info(number, self.plan.code, len(self.plan.channels))]
                case "DeviceStatus":
                    bodies = [replies.device_status(number, self.plan.code)]
                case "RecordInfo":
                    times = _field(text, "StartTime"), _field(text, "EndTime")
                    bodies = replies.recordings(number, channel.code, *times)
                case "PresetQuery":
                    bodies = [replies.presets(number, channel)]
        elif "<Control" in text:
            self.tally.controls += 1
            self._obey(text, channel)
            if any(word in text for word in ("RecordCmd", "GuardCmd", "AlarmCmd", "HomePosition")):
                bodies = [replies.body("Response", command, number, asked, "<Result>OK</Result>\r\n")]
        for body in bodies:
            await self.message(body)

    def _obey(self, text: str, channel: ChannelPlan) -> None:
        command = bytes.fromhex(_field(text, "PTZCmd")) if "PTZCmd" in text else b""
        if len(command) != 8 or sum(command[:7]) % 256 != command[7]:
            return
        instruction, first, second = command[3:6]
        if instruction < 0x40:
            channel.pan_deg += (bool(instruction & 1) - bool(instruction & 2)) * first / 255 * 10
            channel.tilt_deg += (bool(instruction & 8) - bool(instruction & 4)) * second / 255 * 10
        elif instruction == 0x81:
            channel.presets[second] = f"预置位{second}"
        elif instruction == 0x83:
            channel.presets.pop(second, None)

    def _on_subscribe(self, packet: Packet) -> None:
        tag, expires = secrets.token_hex(4), packet.get("expires") or "600"
        command = _field(packet.body.decode("gb18030", "replace"), "CmdType")
        contact = ("Contact", f"<sip:{self.plan.code}@{self.local[0]}:{self.local[1]}>")
        self._answer(packet, 200, "OK", [("Expires", expires), contact], tag=tag)
        new = command not in self._subscribed
        self._subscribed[command] = (packet, tag)
        if expires == "0":
            del self._subscribed[command]
        elif new and command == "MobilePosition" and self.plan.moves:
            self._later(self._tell_positions())
        elif new and command == "Alarm" and self.plan.alarm_every_s:
            self._later(self._tell_alarms())

    async def _tell_positions(self) -> None:
        channel = self.plan.channels[0]
        while "MobilePosition" in self._subscribed:
            channel.lon += 0.0001
            await self.notify("MobilePosition", replies.position(self._next(), channel))
            await asyncio.sleep(5)

    async def _tell_alarms(self) -> None:
        while "Alarm" in self._subscribed:
            await asyncio.sleep(self.plan.alarm_every_s)
            await self.message(replies.alarm(self._next(), self.plan.channels[0]))

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def notify(self, command: str, body: bytes) -> Packet | None:
        """Tell what was subscribed to."""
        subscribe, tag = self._subscribed[command]
        headers = [
            ("From", f"{subscribe.get('to')};tag={tag}"),
            ("To", subscribe.get("from")),
            ("Call-ID", subscribe.get("call-id")),
            ("CSeq", f"{self._next()} NOTIFY"),
            ("Event", subscribe.get("event")),
            ("Subscription-State", "active"),
            *XML,
        ]
        return await self._ask("NOTIFY", f"sip:{self.plan.platform}@{self.plan.domain}", headers, body)

    def _on_invite(self, packet: Packet) -> None:
        asked, tag = Asked.read(packet.body), secrets.token_hex(4)
        channel = re.search(r"sip:([^@]+)@", packet.first)
        if self.tally.streams >= self.most_streams:
            self.tally.streams_refused += 1
            self._answer(packet, 486, "Busy Here")
            return
        sending = Sending(asked, self.pictures, self.plan.codec, self.local[0])
        setup = {"passive": "active", "active": "passive"}.get(asked.setup, "")
        lines = [
            "v=0",
            f"o={channel[1] if channel else self.plan.code} 0 0 IN IP4 {self.local[0]}",
            f"s={asked.session}",
            f"c=IN IP4 {self.local[0]}",
            "t=0 0",
            f"m=video {sending.port or 9} {'TCP/' if asked.tcp else ''}RTP/AVP 96",
            "a=sendonly",
            "a=rtpmap:96 PS/90000",
            *([f"a=setup:{setup}", "a=connection:new"] if setup else []),
            *([f"a=filesize:{(asked.ends - asked.begins) * 50_000}"] if asked.session == "Download" else []),
            f"y={asked.ssrc:010d}",
            "f=",
        ]
        body = ("\r\n".join(lines) + "\r\n").encode()
        contact = ("Contact", f"<sip:{self.plan.code}@{self.local[0]}:{self.local[1]}>")
        self._answer(packet, 200, "OK", [contact, ("Content-Type", "application/sdp")], body, tag)
        self.tally.streams += 1
        self.tally.most_streams = max(self.tally.most_streams, self.tally.streams)
        name = channel[1] if channel else self.plan.code
        task = self._later(self._stream(sending, packet.get("call-id"), name))
        self._calls[packet.get("call-id")] = (sending, task, packet, tag)

    async def _stream(self, sending: Sending, call: str, channel: str) -> None:
        try:
            await sending.run()
            if not sending.live:
                await self.message(replies.media_status(self._next(), channel))
        except OSError:
            pass  # the platform hung up
        finally:
            self.tally.streams -= 1

    def _on_ack(self, packet: Packet) -> None:
        """The call stands; pictures are on their way already."""

    def _on_bye(self, packet: Packet) -> None:
        call = self._calls.pop(packet.get("call-id"), None)
        if call is None:
            self._answer(packet, 481, "Call/Transaction Does Not Exist")
            return
        call[1].cancel()
        self._answer(packet, 200, "OK")

    def _on_info(self, packet: Packet) -> None:
        call = self._calls.get(packet.get("call-id"))
        if call is None:
            self._answer(packet, 481, "Call/Transaction Does Not Exist")
            return
        sending, text = call[0], packet.body.decode()
        if text.startswith("PAUSE"):
            sending.paused = True
        elif text.startswith("PLAY"):
            sending.paused = False
            if scale := re.search(r"Scale:\s*([\d.]+)", text):
                sending.speed = float(scale[1])
            if place := re.search(r"npt=([\d.]+)-", text):
                sending.position_s = float(place[1])
        elif text.startswith("TEARDOWN"):
            call[1].cancel()
        self._answer(packet, 200, "OK")


def _field(text: str, name: str) -> str:
    match = re.search(rf"<{name}>\s*([^<]*?)\s*</{name}>", text)
    return match[1] if match else ""
