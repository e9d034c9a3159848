"""Signed in above: REGISTER with digest, refreshed in time, kept alive, begun anew after silence (9.1, 9.6)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Callable
from enum import Enum

from access.exceptions import PersonalDataError
from media.cascade.upper import Upper
from media.exceptions import MediaError, NoReplyError, RefusedByDeviceError
from media.gb28181.registrar import VERSION
from media.gb28181.talk import XML_TYPE
from media.gb28181.xml import Fields, write_xml
from media.passwords import password_of
from media.sip.digest import answer_challenge
from media.sip.exceptions import DeclinedError, MalformedError, NoAnswerError
from media.sip.flows import Flow
from media.sip.headers import read_address, read_credentials, read_uri
from media.sip.message import Headers, Request, Response
from media.sip.transaction import new_tag
from media.sip.transactions import Transactions
from media.sip.transports import Endpoint

logger = logging.getLogger(__name__)

RETRY_S = 60.0
"""Between attempts, at least (9.1)."""
LEAST_S = 60
RENEWED_AT = 0.7
"""Of the time a registration holds."""


class State(Enum):
    """Where a link is in its life."""

    OUT = "out"
    SIGNING_IN = "signing in"
    IN = "in"


TRANSITIONS = {
    State.OUT: {State.SIGNING_IN},
    State.SIGNING_IN: {State.IN, State.OUT},
    State.IN: {State.SIGNING_IN, State.OUT},
}

OnState = Callable[["Link", str], None]


class Link:
    """Our end towards one platform above.

    Parameters
    ----------
    on_state : callable
        Told whenever it has got in or out, with what is wrong (empty where nothing is).
    """

    def __init__(self, upper: Upper, transactions: Transactions, endpoint: Endpoint, on_state: OnState) -> None:
        self.upper, self.transactions, self._endpoint, self._on_state = upper, transactions, endpoint, on_state
        self.state = State.OUT
        self.flow: Flow | None = None
        self._call_id, self._tag, self._cseq = new_tag(), new_tag(), 0
        self._number = random.randrange(9000)  # noqa: S311 (names a message, no secret)
        self._at = (upper.host, upper.port)
        self._in = False
        self._broken = asyncio.Event()

    @property
    def online(self) -> bool:
        """Whether anything can be sent there."""
        return self._in and self.flow is not None and self.flow.open

    def next_number(self) -> str:
        """An SN of ours."""
        self._number += 1
        return str(self._number)

    async def run(self) -> None:
        """Get in and stay in, until cancelled."""
        while True:
            why = ""
            try:
                self._turn(State.SIGNING_IN)
                held_s = await self._register(self.upper.expires_s)
                self._turn(State.IN)
                await self._stay(held_s)
                continue  # it is time to register again
            except (MediaError, OSError, PersonalDataError) as error:
                why = str(error) or type(error).__name__
                logger.info("cascade: %s: %s", self.upper.code, why)
            self._turn(State.OUT, why)
            await asyncio.sleep(RETRY_S * random.uniform(1, 1.2))  # noqa: S311 (spreads load)

    def lost(self, flow: Flow) -> None:
        """A connection has ended; where it was this one's, so has the registration (9.1, NAT)."""
        if flow is self.flow:
            self._broken.set()

    async def leave(self) -> None:
        """Sign out, where that can be said in a moment."""
        if self.online:
            try:
                async with asyncio.timeout(1):
                    await self._register(0)
            except (MediaError, OSError, PersonalDataError, TimeoutError):
                logger.info("cascade: %s does not know that we have left", self.upper.code)
        if self.state is not State.OUT:
            self._turn(State.OUT)

    async def _stay(self, held_s: int) -> None:
        """Keep alive until it is time to register again.

        Raises
        ------
        NoReplyError
            They have not answered so often that they are taken for gone.
        """
        loop, missed = asyncio.get_running_loop(), 0
        renew_at = loop.time() + held_s * RENEWED_AT
        while (now := loop.time()) < renew_at:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self.upper.keepalive_s, renew_at - now)):
                    await self._broken.wait()
                    raise NoReplyError("connection lost")
            number = self.next_number()
            fields = (("CmdType", "Keepalive"), ("SN", number), ("DeviceID", self.upper.own), ("Status", "OK"))
            try:
                async with asyncio.timeout(max(1.0, self.upper.keepalive_s)):
                    await self.say("Notify", fields)
                missed = 0
            except (MediaError, TimeoutError):
                missed += 1
                if missed >= self.upper.misses:
                    raise NoReplyError(f"{missed} keepalives were not answered") from None

    async def _register(self, expires_s: int) -> int:
        """Sign in, or out with 0; returns for how many seconds it holds."""
        if self.flow is None or not self.flow.open or self.upper.transport == "udp":
            self.flow = await self._reach()
        answer = await self._ask_register(expires_s, "")
        if answer.status == 401:
            offered = []
            for value in answer.headers.all("www-authenticate"):
                try:
                    offered.append(read_credentials(value))
                except MalformedError:
                    continue
            password = password_of(self.upper.code, self.upper.provider, self.upper.sealed)
            shown = answer_challenge(offered, self.upper.username, password, "REGISTER", self.upper.uri)
            if not shown:
                raise RefusedByDeviceError("its challenge is one that we cannot answer")
            answer = await self._ask_register(expires_s, shown)
        if answer.status == 302:
            self._move(answer)
            raise NoReplyError(f"sent on to {self._at[0]}:{self._at[1]}")
        if answer.status >= 300:
            raise RefusedByDeviceError(f"{answer.status} {answer.reason}".strip())
        said = answer.headers.get("expires")
        return max(LEAST_S, int(said)) if said.isdecimal() and len(said) < 8 else self.upper.expires_s

    async def _ask_register(self, expires_s: int, shown: str) -> Response:
        self._cseq += 1
        own = f"<sip:{self.upper.own}@{self.upper.domain}>"
        more = (("expires", str(expires_s)), self.contact, VERSION, *((("authorization", shown),) if shown else ()))
        items = [
            ("from", f"{own};tag={self._tag}"),
            ("to", own),
            ("call-id", self._call_id),
            ("cseq", f"{self._cseq} REGISTER"),
            ("max-forwards", "70"),
            *more,
        ]
        return await self.ask(Request("REGISTER", uri=self.upper.uri, cseq=self._cseq, headers=Headers(items)))

    def _move(self, answer: Response) -> None:
        """They have sent us on to another server of theirs (9.1, redirection)."""
        try:
            there = read_uri(read_address(answer.headers.get("contact")).uri)
        except MalformedError:
            raise RefusedByDeviceError("302 without an address") from None
        self._at, self.flow = (there.host, there.port or 5060), None

    async def _reach(self) -> Flow:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*self._at, type=socket.SOCK_DGRAM)
        address = found[0][4][:2]
        peer = (str(address[0]), int(address[1]))
        if self.upper.transport == "udp":
            return self._endpoint.flow_to(peer)
        self._broken.clear()
        async with asyncio.timeout(5):
            return await self._endpoint.connect(peer)

    @property
    def contact(self) -> tuple[str, str]:
        """Where we say that we are."""
        assert self.flow is not None, "the link has been reached"
        host, port = self.flow.local
        return "contact", f"<sip:{self.upper.own}@{host}:{port}>"

    async def say(self, root: str, fields: Fields) -> None:
        """Send one MESSAGE and wait for its 200.

        Raises
        ------
        MediaError
            It did not get there, or was not taken.
        """
        upper = self.upper
        items = [
            ("from", f"<sip:{upper.own}@{upper.domain}>;tag={new_tag()}"),
            ("to", f"<{upper.uri}>"),
            ("call-id", new_tag()),
            ("cseq", "20 MESSAGE"),
            ("max-forwards", "70"),
            ("content-type", XML_TYPE),
        ]
        body = write_xml(root, fields, upper.charset)
        answer = await self.ask(Request("MESSAGE", uri=upper.uri, cseq=20, headers=Headers(items), body=body))
        if answer.status >= 300:
            raise RefusedByDeviceError(f"{answer.status} {answer.reason}".strip())

    async def ask(self, request: Request) -> Response:
        """Send a request and wait for its final answer, whatever it is.

        Raises
        ------
        NoReplyError
            None came.
        """
        if self.flow is None:
            raise NoReplyError("not connected")
        try:
            return await self.transactions.ask(request, self.flow)
        except DeclinedError as error:
            return error.response
        except NoAnswerError as error:
            raise NoReplyError(str(error)) from None

    def _turn(self, state: State, why: str = "") -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"a link does not go from {self.state.value} to {state.value}")
        self.state = state
        if state is not State.SIGNING_IN:
            self._in = state is State.IN
            self._on_state(self, why)
