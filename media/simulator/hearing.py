"""How a simulated device hears an announcement (9.12): says yes, calls the platform, and counts what it is told."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import cast

from media.simulator import replies
from media.simulator.end import End
from media.simulator.plan import Tally
from media.simulator.wire import Packet

MOST_KEPT = 1 << 20
BYTES_A_MS = 8
"""Of G.711."""


class Hearing:
    """Announcements.

    Attributes
    ----------
    heard : bytearray
        The sound that came, G.711 A-law; the first :data:`MOST_KEPT` bytes.
    """

    def __init__(self, end: End, tally: Tally) -> None:
        self._end, self._tally = end, tally
        self.heard = bytearray()
        self._call: tuple[Packet, list[tuple[str, str]]] | None = None

    async def called(self, number: str, source: str, target: str) -> None:
        """Somebody wants to speak: answer, and call them."""
        plan, end = self._end.plan, self._end
        if target not in {plan.code, *(channel.code for channel in plan.channels)}:
            await end.message(replies.body("Response", "Broadcast", number, target, "<Result>ERROR</Result>\r\n"))
            return
        await end.message(replies.body("Response", "Broadcast", number, target, "<Result>OK</Result>\r\n"))
        port, listen = await self._listen()
        uri, call = f"sip:{source}@{plan.domain}", secrets.token_hex(8)
        base = [("From", f"<sip:{target}@{plan.domain}>;tag={secrets.token_hex(4)}"), ("Call-ID", call)]
        more = [
            ("To", f"<{uri}>"),
            ("CSeq", "1 INVITE"),
            end.contact,
            ("Subject", f"{source}:0{secrets.randbelow(10**8):09d},{target}:0"),
            ("Content-Type", "application/sdp"),
        ]
        answer = await end.ask("INVITE", uri, [*base, *more], self._description(target, port))
        if answer is None or answer.status != 200:
            listen()
            return
        end.tell("ACK", uri, [*base, ("To", answer.get("to")), ("CSeq", "1 ACK")])
        end.calls[call] = listen
        self._call = (answer, base)
        if plan.talks_by == "tcp_active":
            hang_up = await self._dial(answer.body.decode())
            if call in end.calls:
                end.calls[call] = hang_up
            else:  # they have hung up meanwhile
                hang_up()

    async def hang_up(self) -> None:
        """Hear no more."""
        assert self._call is not None, "nobody speaks"
        answer, base = self._call
        if (let_go := self._end.calls.pop(answer.get("call-id"), None)) is not None:
            let_go()
        headers = [*base, ("To", answer.get("to")), ("CSeq", "2 BYE")]
        await self._end.ask("BYE", self._end.platform, headers)

    def _description(self, target: str, port: int) -> bytes:
        host, way = self._end.local[0], self._end.plan.talks_by
        setup = {"tcp_active": "active", "tcp_passive": "passive"}.get(way, "")
        lines = [
            "v=0",
            f"o={target} 0 0 IN IP4 {host}",
            "s=Play",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} {'TCP/' if setup else ''}RTP/AVP 8",
            "a=recvonly",
            "a=rtpmap:8 PCMA/8000",
            *([f"a=setup:{setup}", "a=connection:new"] if setup else []),
            "f=v/////a/1/8/1",
        ]
        return ("\r\n".join(lines) + "\r\n").encode()

    async def _listen(self) -> tuple[int, Callable[[], object]]:
        """Open a port to hear by; returns it and how it is closed."""
        loop, host, way = asyncio.get_running_loop(), self._end.local[0], self._end.plan.talks_by
        if way == "tcp_passive":
            server = await loop.create_server(lambda: _Stream(self._take), host, 0)
            return server.sockets[0].getsockname()[1], server.close
        if way == "tcp_active":
            return 9, lambda: None
        made, _protocol = await loop.create_datagram_endpoint(lambda: _Datagrams(self._take), (host, 0))
        return made.get_extra_info("sockname")[1], made.close

    async def _dial(self, description: str) -> Callable[[], object]:
        host, port = re.search(r"^c=IN IP4 (\S+)", description, re.M), re.search(r"^m=audio (\d+)", description, re.M)
        assert host is not None and port is not None, "the platform says where"
        made, _protocol = await asyncio.get_running_loop().create_connection(
            lambda: _Stream(self._take), host[1], int(port[1])
        )
        return made.close

    def _take(self, packet: bytes) -> None:
        if len(packet) < 12 or packet[0] != 0x80 or packet[1] & 0x7F != 8:
            return
        sound = packet[12:]
        self._tally.heard_ms += len(sound) // BYTES_A_MS
        if len(self.heard) < MOST_KEPT:
            self.heard += sound


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, address: object) -> None:
        self._take(data)


class _Stream(asyncio.Protocol):
    """RTP over a connection (RFC 4571)."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take, self._held = take, bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        while len(self._held) >= 2 and len(self._held) >= (size := 2 + int.from_bytes(self._held[:2], "big")):
            self._take(bytes(self._held[2:size]))
            del self._held[:size]
