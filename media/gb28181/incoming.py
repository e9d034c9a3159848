"""What comes in, sorted: whoever is not signed in is looked at as little as possible, and answered not at all but for
REGISTER."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass

from prometheus_client import Counter

from media.cascade.cascade import Cascade
from media.gb28181.announcing import Announcements
from media.gb28181.bodies import Bodies
from media.gb28181.calls import Calls, Refuse
from media.gb28181.guard import MOST_PEER, PEER_S, Buckets
from media.gb28181.peers import Peers
from media.gb28181.presence import Presence
from media.gb28181.registrar import Registrar, code_of
from media.gb28181.subscriptions import Subscriptions
from media.gb28181.xml import XmlError, read_xml
from media.reasons import FLOODING, FORGED, MALFORMED, STRANGER, UNREADABLE
from media.sip.dialogs import key_of
from media.sip.exceptions import MalformedError
from media.sip.flows import Flow
from media.sip.message import Request, Response, read_message
from media.sip.transaction import ServerTransaction
from media.sip.transactions import Transactions, observe

logger = logging.getLogger(__name__)

METHODS = ("REGISTER", "MESSAGE", "NOTIFY", "INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "SUBSCRIBE")
_KEEPALIVE = re.compile(rb"<CmdType>\s*Keepalive\s*<", re.IGNORECASE)

messages_total = Counter("sandtable_gb28181_messages", "SIP requests taken, by method", ["method"])


@dataclass
class Incoming:
    """Takes bytes; hands requests to whom they concern."""

    transactions: Transactions
    peers: Peers
    registrar: Registrar
    presence: Presence
    subscriptions: Subscriptions
    calls: Calls
    announcements: Announcements
    bodies: Bodies
    cascade: Cascade
    refuse: Refuse

    def __post_init__(self) -> None:
        self._messages = Buckets(PEER_S, MOST_PEER)

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take one message's bytes."""
        try:
            message = read_message(data, stream=flow.transport == "TCP")
        except MalformedError as error:
            self.refuse(MALFORMED, str(error), "", flow)
            return
        if isinstance(message, Response):
            self.transactions.receive_response(message, flow)
            return
        try:
            self._request(message, flow)
        except Exception:
            logger.exception("gb28181: a request was dropped by a fault of ours")

    def _request(self, request: Request, flow: Flow) -> None:
        if self.transactions.known(request, flow):
            return
        if request.method == "REGISTER":
            welcome = self.registrar.hears(request, flow)
        else:
            welcome = self._is_from_above(request, flow) or self._is_from_a_peer(request, flow)
        if welcome:
            messages_total.labels(request.method if request.method in METHODS else "other").inc()
            observe(request, flow)
            self.transactions.begin(request, flow)

    def _is_from_above(self, request: Request, flow: Flow) -> bool:
        link = self.cascade.link_of(code_of(request), flow)
        return link is not None and self._messages.take(link.upper.code, time.monotonic())

    def _is_from_a_peer(self, request: Request, flow: Flow) -> bool:
        code = code_of(request)
        binding = self.peers.find(code, flow)
        if binding is None or binding.expires_at < time.time():
            self.refuse(STRANGER, request.method[:20], code, flow)
            return False
        if not self._messages.take(binding.code, time.monotonic()):
            self.refuse(FLOODING, "more than 50 messages a second", binding.code, flow)
            return False
        # Where it really is now: NAT and 4G change ports, and the next request has to find it.
        if flow.peer != binding.flow.peer or flow.transport != binding.flow.transport:
            self.peers.move(binding, flow)
        binding.seen_at = time.time()
        if not binding.online:
            binding.online = True
            self.presence.registered(binding, True)
        return True

    def begun(self, transaction: ServerTransaction) -> None:
        """Take a transaction that has just begun."""
        request = transaction.request
        if request.method in ("INVITE", "SUBSCRIBE", "OPTIONS") and (wanted := request.headers.all("require")):
            transaction.answer(420, (("unsupported", ", ".join(wanted)),))  # RFC 3261, 8.2.2.3
            return
        if request.method != "REGISTER":
            link = self.cascade.link_of(code_of(request), transaction.flow)
            if link is not None:
                self.cascade.take(transaction, link)
                return
        match request.method:
            case "REGISTER":
                self.registrar.take(transaction)
            case "MESSAGE":
                self._message(transaction)
            case "NOTIFY":
                self._notify(transaction)
            case "BYE":
                self._bye(transaction)
            case "INVITE":
                self._invite(transaction)
            case "CANCEL":
                transaction.answer(481)
            case "INFO":
                transaction.answer(200)
            case "OPTIONS":
                transaction.answer(200, (("allow", ", ".join(METHODS)),))
            case _:
                transaction.answer(405, (("allow", ", ".join(METHODS)),))

    def _message(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.flow
        transaction.answer(200)  # at once and whatever it says: a device without it believes us gone
        if not request.body or _KEEPALIVE.search(request.body, 0, 400):
            return  # its having come is all it says
        self._body(request, flow)

    def _notify(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.flow
        binding = self.peers.find(code_of(request), flow)
        if binding is None or not self.subscriptions.hears(request, binding.code):
            transaction.answer(481)
            return
        transaction.answer(200)
        if request.body:
            self._body(request, flow)

    def _invite(self, transaction: ServerTransaction) -> None:
        """Nobody calls us but who was told that somebody wants to speak to them."""
        binding = self.peers.find(code_of(transaction.request), transaction.flow)
        if binding is None or not self.announcements.hear_invite(transaction, binding):
            transaction.answer(403)

    def _bye(self, transaction: ServerTransaction) -> None:
        binding = self.peers.find(code_of(transaction.request), transaction.flow)
        if binding is None:
            self.refuse(FORGED, "BYE", code_of(transaction.request), transaction.flow)
            transaction.answer(481)
            return
        if not self.announcements.hear_bye(transaction, key_of(transaction.request)):
            self.calls.hear_bye(transaction, binding)

    def _body(self, request: Request, flow: Flow) -> None:
        binding = self.peers.find(code_of(request), flow)
        if binding is None:
            return
        body = request.body
        if request.surplus and b"</" not in body[-40:]:
            body += request.surplus  # its Content-Length counts characters
        try:
            root = read_xml(body, binding.known.charset)
        except XmlError as error:
            self.refuse(UNREADABLE, str(error), binding.code, flow)
            return
        self.bodies.take(binding, root, request.call_id)
