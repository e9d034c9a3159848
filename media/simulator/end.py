"""A device's end of SIP: asks and waits, hears and answers, over a datagram socket or one connection."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from media.simulator import wire
from media.simulator.plan import Plan
from media.simulator.wire import Packet

T1_S, GIVE_UP_S = 0.5, 32.0
XML = [("Content-Type", "Application/MANSCDP+xml")]
MOST_ANSWERED = 64

Headers = list[tuple[str, str]]


class End:
    """The end.

    Parameters
    ----------
    send : callable
        Puts a datagram, or a piece of a connection, on its way.
    local : tuple
        Its own address.

    Attributes
    ----------
    handlers : dict
        What takes a request, by method.
    calls : dict
        How each call that stands is let go when the platform hangs up, by Call-ID.
    """

    def __init__(self, plan: Plan, send: Callable[[bytes], None], local: tuple[str, int], transport: str) -> None:
        self.plan, self.send, self.local, self.transport = plan, send, local, transport
        self.handlers: dict[str, Callable[[Packet], None]] = {"BYE": self._bye}
        self.calls: dict[str, Callable[[], object]] = {}
        self._number = 0
        self._waiting: dict[str, asyncio.Future[Packet]] = {}
        self._answered: dict[str, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def own(self) -> str:
        """Its address of record."""
        return f"<sip:{self.plan.code}@{self.plan.domain}>"

    @property
    def platform(self) -> str:
        """The platform's URI."""
        return f"sip:{self.plan.platform}@{self.plan.domain}"

    @property
    def contact(self) -> tuple[str, str]:
        """Where it says it is."""
        return "Contact", f"<sip:{self.plan.code}@{self.local[0]}:{self.local[1]}>"

    def next(self) -> int:
        """A number it has not used."""
        self._number += 1
        return self._number

    def later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done beside the rest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def message(self, body: bytes, call: tuple[Packet, str] | None = None) -> Packet | None:
        """Send a MESSAGE and wait for its answer; None where none comes.

        Parameters
        ----------
        call : tuple, optional
            The platform's INVITE and our tag: said inside that call.
        """
        invite, tag = call or (Packet(""), secrets.token_hex(4))
        headers = [
            ("From", f"{invite.get('to') or self.own};tag={tag}"),
            ("To", invite.get("from") or f"<{self.platform}>"),
            ("Call-ID", invite.get("call-id") or secrets.token_hex(8)),
            ("CSeq", f"{self.next()} MESSAGE"),
            *XML,
        ]
        return await self.ask("MESSAGE", self.platform, headers, body)

    async def ask(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> Packet | None:
        """Send a request until it is answered for good; None where it never is."""
        name, data = self._write(method, uri, headers, body)
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

    def tell(self, method: str, uri: str, headers: Headers) -> None:
        """Send what nobody answers: an ACK."""
        self.send(self._write(method, uri, headers, b"")[1])

    def _write(self, method: str, uri: str, headers: Headers, body: bytes) -> tuple[str, bytes]:
        name = wire.branch()
        via = ("Via", f"SIP/2.0/{self.transport} {self.local[0]}:{self.local[1]};rport;branch={name}")
        return name, Packet(f"{method} {uri} SIP/2.0", [via, ("Max-Forwards", "70"), *headers], body).write()

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
        handler = self.handlers.get(packet.method)
        if handler is None:
            self.answer(packet, 405, "Method Not Allowed")
        else:
            handler(packet)

    def _bye(self, packet: Packet) -> None:
        end = self.calls.pop(packet.get("call-id"), None)
        if end is None:
            self.answer(packet, 481, "Call/Transaction Does Not Exist")
            return
        end()
        self.answer(packet, 200, "OK")

    def answer(
        self, request: Packet, status: int, reason: str, more: Headers | None = None, body: bytes = b"", tag: str = ""
    ) -> None:
        """Answer a request, and every copy of it alike."""
        data = wire.answer(request, status, reason, tag or secrets.token_hex(4), more or [], body).write()
        self._answered[request.get("via") + request.method] = data
        if len(self._answered) > MOST_ANSWERED:
            del self._answered[next(iter(self._answered))]
        self.send(data)


def field(text: str, name: str) -> str:
    """Text of an element; empty where there is none."""
    match = re.search(rf"<{name}>\s*([^<]*?)\s*</{name}>", text)
    return match[1] if match else ""
