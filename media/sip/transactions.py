"""Transactions over real clocks and flows: repeats, matches, answers what comes twice (RFC 3261, 17; RFC 3581)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable

from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.flows import Flow
from media.sip.headers import read_via
from media.sip.machines import Input, State
from media.sip.message import Request, Response
from media.sip.transaction import ClientTransaction, Key, OnEnd, OnResponse, ServerTransaction, Transaction

logger = logging.getLogger(__name__)

MOST_TRANSACTIONS = 50_000
COOKIE = "z9hG4bK"


def new_branch() -> str:
    """A branch nobody has used."""
    return COOKIE + secrets.token_hex(8)


class Transactions:
    """All transactions of one end.

    Parameters
    ----------
    on_request : callable
        Gets what begins: a transaction to be answered; and ACKs of calls that were accepted, which have none.
    """

    def __init__(self, on_request: Callable[[ServerTransaction], None]) -> None:
        self._on_request = on_request
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._accepted: dict[tuple[str, int], ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def send(self, request: Request, flow: Flow, on_response: OnResponse, on_end: OnEnd) -> ClientTransaction:
        """Send a request; its Via is put in front here."""
        self._put_via(request, flow)
        transaction = ClientTransaction(self, request, flow, on_response, on_end)
        self._clients[transaction.key] = transaction
        transaction.start()
        return transaction

    def acknowledge(self, ack: Request, flow: Flow) -> None:
        """Send the ACK of a call that was accepted, a transaction of its own that nobody answers (13.2.2.4)."""
        self._put_via(ack, flow)
        flow.send(ack.write())

    def _put_via(self, request: Request, flow: Flow) -> None:
        host, port = flow.local
        value = f"SIP/2.0/{flow.transport} {host}:{port};rport;branch={new_branch()}"
        request.headers.items.insert(0, ("via", value))
        request.via = read_via(value)

    def cancel(self, invite: ClientTransaction) -> None:
        """Take a call back that nobody has answered finally (9.1)."""
        if invite.machine.state is not State.PROCEEDING:
            return
        cancel = Request("CANCEL", uri=invite.request.uri, cseq=invite.request.cseq)
        for name, value in invite.request.headers.items:
            if name in ("via", "from", "to", "call-id", "max-forwards"):
                cancel.headers.add(name, value)
        cancel.headers.add("cseq", f"{invite.request.cseq} CANCEL")
        cancel.via = invite.request.via
        transaction = ClientTransaction(self, cancel, invite.flow, lambda _: None, lambda _: None)
        self._clients[transaction.key] = transaction
        transaction.start()

    async def ask(self, request: Request, flow: Flow) -> Response:
        """Send a request that is no INVITE, and wait for its final answer.

        Raises
        ------
        NoAnswerError
            None came.
        DeclinedError
            It was 300 or more.
        """
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def on_response(response: Response) -> None:
            if response.final and not answered.done():
                answered.set_result(response)

        def on_end(why: str) -> None:
            if not answered.done():
                answered.set_exception(NoAnswerError(why))

        self.send(request, flow, on_response, on_end)
        response = await answered
        if response.status >= 300:
            raise DeclinedError(response)
        return response

    def receive_response(self, response: Response, flow: Flow) -> bool:
        """Take an answer; False where nobody asked, or somebody else than who was asked answers."""
        assert response.via is not None, "read_message has seen to it"
        transaction = self._clients.get((response.via.branch, "", _cseq_method(response)))
        if transaction is None or transaction.flow.peer[0] != flow.peer[0]:
            return False
        response.method = transaction.request.method
        transaction.receive(response)
        return True

    def known(self, request: Request, flow: Flow) -> bool:
        """Take a request that belongs to a transaction there is: a copy, or the ACK of a call."""
        key = _key_of(request, flow)
        if request.method == "ACK":
            call = self._servers.get((key[0], key[1], "INVITE")) or self._accepted.get((request.call_id, request.cseq))
            if call is not None and call.flow.peer[0] == flow.peer[0]:
                call.step(Input.ACKED)
            return True
        transaction = self._servers.get(key)
        if transaction is None:
            return False
        transaction.step(Input.REPEATED)
        return True

    def begin(self, request: Request, flow: Flow) -> None:
        """Take a request that is new; its sender has been looked at by now."""
        if len(self._servers) >= MOST_TRANSACTIONS:
            logger.warning("sip: no room for another transaction; the sender comes again")
            return
        transaction = ServerTransaction(self, request, flow, _key_of(request, flow))
        self._servers[transaction.key] = transaction
        if request.method == "INVITE":
            self._accepted[request.call_id, request.cseq] = transaction
        self._on_request(transaction)

    def invite_of(self, cancel: Request, flow: Flow) -> ServerTransaction | None:
        """The call that a CANCEL is about, where it is not answered yet."""
        branch, sent_by, _method = _key_of(cancel, flow)
        found = self._servers.get((branch, sent_by, "INVITE"))
        return found if found is not None and found.machine.state is State.PROCEEDING else None

    def forget(self, transaction: Transaction) -> None:
        """A transaction has ended."""
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
            return
        self._servers.pop(transaction.key, None)
        if isinstance(transaction, ServerTransaction) and transaction.request.method == "INVITE":
            self._accepted.pop((transaction.request.call_id, transaction.request.cseq), None)

    def lose(self, flow: Flow) -> None:
        """A connection has gone: what waits on it need not wait any longer."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            if transaction.flow is flow:
                transaction.step(Input.BROKEN)


def observe(request: Request, flow: Flow) -> None:
    """Note in the topmost Via where a request really came from (RFC 3261, 18.2.1; RFC 3581, 4)."""
    assert request.via is not None, "read_message has seen to it"
    host, port = flow.peer
    value = request.headers.get("via")
    if "rport" in request.via.parameters:
        head, _rport, behind = value.partition(";rport")
        _old, semicolon, rest = behind.partition(";")
        value = f"{head};rport={port}{semicolon}{rest}"
    if "received" not in request.via.parameters and (
        request.via.host.strip("[]") != host or "rport" in request.via.parameters
    ):
        value += f";received={host}"
    for i, (name, _value) in enumerate(request.headers.items):
        if name == "via":
            request.headers.items[i] = (name, value)
            return


def _key_of(request: Request, flow: Flow) -> Key:
    assert request.via is not None, "read_message has seen to it"
    branch = request.via.branch
    if branch.startswith(COOKIE) and branch != COOKIE:
        return branch, request.via.sent_by, request.method
    # RFC 2543 ends have no unique branch (17.2.3).
    words = (request.headers.get("from"), request.call_id, str(request.cseq), flow.peer[0])
    return "|".join(words), request.via.sent_by, request.method


def _cseq_method(response: Response) -> str:
    return response.headers.get("cseq").split()[-1]
