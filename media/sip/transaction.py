"""One transaction over a real clock and flow: does what its table says (RFC 3261, 17)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from media.sip.flows import Flow
from media.sip.machines import CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER, Do, Input, Machine, State
from media.sip.message import Request, Response

if TYPE_CHECKING:
    from media.sip.transactions import Transactions

T1, T2 = 0.5, 4.0
"""Round trip, and longest interval between repeats: seconds."""

OnResponse = Callable[[Response], None]
OnEnd = Callable[[str], None]
Key = tuple[str, str, str]


def new_tag() -> str:
    """Our half of a dialog's name; also serves for Call-IDs."""
    return secrets.token_hex(8)


class Transaction:
    """What all four have in common: a machine, a flow, timers."""

    def __init__(self, layer: Transactions, machine: Machine, flow: Flow, key: Key) -> None:
        self.machine, self.flow, self.key = machine, flow, key
        self._layer = layer
        self._last: bytes = b""
        self._interval = T1
        self._resending: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None

    def step(self, happened: Input, message: Response | Request | None = None) -> None:
        """Do what the table says; what means nothing in this state is dropped."""
        if not self.machine.takes(happened):
            return
        for action in self.machine.step(happened).do:
            self._carry_out(action, message)
        if happened is Input.RESEND and self.machine.state is not State.TERMINATED:
            self._resend_later()
        if self.machine.state is State.TERMINATED:
            self._stop_timers()
            self._layer.forget(self)

    def _carry_out(self, action: Do, message: Response | Request | None) -> None:
        match action:
            case Do.SEND:
                self._send(self._last)
            case Do.HAND_OVER:
                self.hand_over(message)
            case Do.STOP_RESENDING:
                self._stop_timers()
            case Do.REMEMBER:
                self._stop_timers()
                self._after(self.remembered_s, Input.FORGET)
            case Do.WAIT_FOR_ACK:
                self._interval = T1
                if not self._reliable or self.machine.state is State.ACCEPTED:
                    self._resend_later(first=True)
                self._after(64 * T1, Input.GIVE_UP)
            case Do.SLOW_DOWN:
                self._interval = T2
            case Do.TELL_TIMEOUT:
                self.tell("no answer")
            case Do.TELL_BROKEN:
                self.tell("connection lost")
            case Do.ACK:
                self.acknowledge(message)

    @property
    def _reliable(self) -> bool:
        return self.flow.transport != "UDP"

    @property
    def remembered_s(self) -> float:
        """Timers D, J, L and M; I and K are shorter and lose nothing by being as long."""
        return 0.0 if self._reliable else 64 * T1

    def hand_over(self, message: Response | Request | None) -> None:
        """Give it to the user."""

    def tell(self, why: str) -> None:
        """Tell the user that it came to nothing."""

    def acknowledge(self, response: Response | Request | None) -> None:
        """Only calls do."""

    def _send(self, data: bytes) -> None:
        if self.flow.open:
            self.flow.send(data)
        else:
            asyncio.get_running_loop().call_soon(self.step, Input.BROKEN)

    def _after(self, delay_s: float, happened: Input) -> None:
        self._ending = asyncio.get_running_loop().call_later(delay_s, self.step, happened)

    def _resend_later(self, *, first: bool = False) -> None:
        if not first:
            longest = 64 * T1 if self.machine.state is State.CALLING else T2
            self._interval = min(self._interval * 2, longest)
        self._resending = asyncio.get_running_loop().call_later(self._interval, self.step, Input.RESEND)

    def _stop_timers(self) -> None:
        for timer in (self._resending, self._ending):
            if timer is not None:
                timer.cancel()


class ClientTransaction(Transaction):
    """A request of ours."""

    def __init__(
        self, layer: Transactions, request: Request, flow: Flow, on_response: OnResponse, on_end: OnEnd
    ) -> None:
        invite = request.method == "INVITE"
        machine = Machine(INVITE_CLIENT, State.CALLING) if invite else Machine(CLIENT, State.TRYING)
        assert request.via is not None, "the layer has put it there"
        super().__init__(layer, machine, flow, (request.via.branch, "", request.method))
        self.request = request
        self._on_response, self._on_end = on_response, on_end
        self._last = request.write()

    def start(self) -> None:
        """Send it the first time."""
        self._send(self._last)
        if not self._reliable:
            self._resend_later(first=True)
        self._after(64 * T1, Input.GIVE_UP)

    def receive(self, response: Response) -> None:
        """An answer came."""
        if response.status < 200:
            self.step(Input.PROVISIONAL, response)
        else:
            self.step(Input.SUCCESS if response.status < 300 else Input.FAILURE, response)

    def hand_over(self, message: Response | Request | None) -> None:
        """To whoever asked."""
        if isinstance(message, Response):
            self._on_response(message)

    def tell(self, why: str) -> None:
        """To whoever asked."""
        self._on_end(why)

    def acknowledge(self, response: Response | Request | None) -> None:
        """ACK of a failure: same branch, same Call-ID, the answer's To (RFC 3261, 17.1.1.3)."""
        if response is None:
            return
        ack = Request("ACK", uri=self.request.uri, cseq=self.request.cseq)
        for name, value in self.request.headers.items:
            if name in ("via", "from", "call-id", "route", "max-forwards"):
                ack.headers.add(name, value)
        ack.headers.add("to", response.headers.get("to"))
        ack.headers.add("cseq", f"{self.request.cseq} ACK")
        self.flow.send(ack.write())


class ServerTransaction(Transaction):
    """A request of theirs.

    Attributes
    ----------
    on_ack : callable, optional
        Told when a call we accepted was acknowledged.
    on_lost : callable, optional
        Told when it never was.
    """

    def __init__(self, layer: Transactions, request: Request, flow: Flow, key: Key) -> None:
        invite = request.method == "INVITE"
        machine = Machine(INVITE_SERVER, State.PROCEEDING) if invite else Machine(SERVER, State.TRYING)
        super().__init__(layer, machine, flow, key)
        self.request = request
        self.tag = new_tag()
        self.on_ack: Callable[[], None] | None = None
        self.on_lost: OnEnd | None = None

    def respond(self, response: Response) -> None:
        """Send an answer, which is repeated as often as the request is."""
        self._last = response.write()
        if response.status < 200:
            self.step(Input.PROVISIONAL)
        else:
            self.step(Input.SUCCESS if response.status < 300 else Input.FAILURE)

    def answer(self, status: int, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> None:
        """Answer with a status and a few headers more."""
        response = self.request.answer(status, tag=self.tag, body=body)
        for name, value in headers:
            response.headers.add(name, value)
        self.respond(response)

    def hand_over(self, message: Response | Request | None) -> None:
        """The call is acknowledged."""
        if self.on_ack is not None:
            self.on_ack()

    def tell(self, why: str) -> None:
        """The call never was."""
        if self.on_lost is not None:
            self.on_lost(why)
