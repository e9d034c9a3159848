"""How a simulated device takes a call: says where its pictures come from, sends them, does as MANSRTSP says."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from media.simulator import replies
from media.simulator.clip import Pictures
from media.simulator.end import End
from media.simulator.plan import Tally
from media.simulator.sending import Asked, Sending
from media.simulator.wire import Packet

if TYPE_CHECKING:
    import asyncio


@dataclass
class Shown:
    """A call."""

    sending: Sending
    task: asyncio.Task[None]
    cseq: int = 0
    """Of the last MANSRTSP request."""


class Showing:
    """Streams on their way, by Call-ID."""

    def __init__(self, end: End, tally: Tally, pictures: Pictures, most_streams: int) -> None:
        self._end, self._tally, self._pictures, self._most = end, tally, pictures, most_streams
        self.shown: dict[str, Shown] = {}
        end.handlers |= {"INVITE": self._invite, "INFO": self._info, "ACK": self._ack}

    def _invite(self, packet: Packet) -> None:
        asked, tag, plan = Asked.read(packet.body), secrets.token_hex(4), self._end.plan
        match = re.search(r"sip:([^@]+)@", packet.first)
        channel = match[1] if match else plan.code
        if self._tally.streams >= self._most:
            self._tally.streams_refused += 1
            self._end.answer(packet, 486, "Busy Here")
            return
        if not asked.live and plan.past.next_at(asked.begins, asked.ends) is None:
            self._end.answer(packet, 404, "Not Found")
            return
        sending = Sending(asked, self._pictures, plan.codec, self._end.local[0], plan.past)
        body = _description(sending, channel, self._end.local[0])
        self._end.answer(packet, 200, "OK", [self._end.contact, ("Content-Type", "application/sdp")], body, tag)
        self._tally.streams += 1
        self._tally.most_streams = max(self._tally.most_streams, self._tally.streams)
        task = self._end.later(self._stream(sending, channel, (packet, tag)))
        self._end.calls[packet.get("call-id")] = task.cancel
        self.shown[packet.get("call-id")] = Shown(sending, task)
        task.add_done_callback(lambda _: self.shown.pop(packet.get("call-id"), None))

    async def _stream(self, sending: Sending, channel: str, call: tuple[Packet, str]) -> None:
        try:
            await sending.run()
            if not sending.asked.live:
                await self._end.message(replies.media_status(self._end.next(), channel), call)
        except OSError:
            pass  # the platform hung up
        finally:
            self._tally.streams -= 1
            self._tally.unsent += sending.unsent

    def _ack(self, packet: Packet) -> None:
        """The call stands; pictures are on their way already."""

    def _info(self, packet: Packet) -> None:
        call = self.shown.get(packet.get("call-id"))
        if call is None:
            self._end.answer(packet, 481, "Call/Transaction Does Not Exist")
            return
        text = packet.body.decode()
        number = re.search(r"^CSeq:\s*(\d+)", text, re.MULTILINE)
        if call.sending.asked.live or number is None or int(number[1]) <= call.cseq:
            self._end.answer(packet, 400, "Bad Request")
            return
        call.cseq = int(number[1])
        _steer(call, text)
        said = f"RTSP/1.0 200 OK\r\nCSeq: {call.cseq}\r\nRTP-Info: {call.sending.place}\r\n\r\n".encode()
        self._end.answer(packet, 200, "OK", [("Content-Type", "Application/MANSRTSP")], said)


def _steer(call: Shown, text: str) -> None:
    """Do as MANSRTSP says (annex B)."""
    sending = call.sending
    if text.startswith("PAUSE"):
        sending.paused = True
    elif text.startswith("TEARDOWN"):
        call.task.cancel()
    elif text.startswith("PLAY"):
        sending.paused = False
        if scale := re.search(r"^Scale:\s*([\d.]+)", text, re.MULTILINE):
            sending.speed = float(scale[1])
        if place := re.search(r"^Range:\s*npt=([\d.]+)-", text, re.MULTILINE):
            sending.seek(float(place[1]))


def _description(sending: Sending, channel: str, host: str) -> bytes:
    asked = sending.asked
    setup = {"passive": "active", "active": "passive"}.get(asked.setup, "")
    lines = [
        "v=0",
        f"o={channel} 0 0 IN IP4 {host}",
        f"s={asked.session}",
        f"c=IN IP4 {host}",
        "t=0 0" if asked.live else f"t={asked.begins} {asked.ends}",
        f"m=video {sending.port or 9} {'TCP/' if asked.tcp else ''}RTP/AVP 96",
        "a=sendonly",
        "a=rtpmap:96 PS/90000",
        *([f"a=setup:{setup}", "a=connection:new"] if setup else []),
        *([f"a=filesize:{sending.size}"] if asked.session == "Download" else []),
        f"y={asked.ssrc:010d}",
        "f=",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
