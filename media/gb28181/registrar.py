"""REGISTER: who is let in, for how long, and what everybody else is told, which is as little as possible (9.1).

Whoever names a code of twenty digits is challenged, known or not; a wrong password and an unknown code get the same
answer. Anything else gets none at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from access.exceptions import PersonalDataError
from media.gb28181.codes import is_code
from media.gb28181.guard import MOST_STRANGERS, STRANGERS_S, Buckets, Lock, is_scanner
from media.gb28181.items import BEIJING
from media.gb28181.peers import Binding, Known, Peers
from media.passwords import password_of
from media.reasons import FLOODING, LOCKED_OUT, SCANNER, STRANGER, WRONG_NETWORK, WRONG_PASSWORD
from media.sip.digest import Challenger, Verdict
from media.sip.exceptions import MalformedError
from media.sip.flows import Flow
from media.sip.headers import read_address, read_credentials, read_uri
from media.sip.message import Request
from media.sip.transaction import ServerTransaction

VERSION = ("x-gb-ver", "3.0")
LEAST_S, MOST_S, USUAL_S = 60, 604_800, 86_400
NOBODYS_PASSWORD = "computed with, so that an unknown code takes as long"  # noqa: S105 (no password)

Refuse = Callable[[str, str, str, Flow], None]
"""Called with reason, detail, code and flow."""


@dataclass
class Registrar:
    """Lets devices in and out.

    Attributes
    ----------
    refuse : callable
        Told whom it turned away, and why.
    registered, unregistered : callable
        Told whom it let in (and whether that is news: first time, back again, or from another address), and out.
    """

    peers: Peers
    challenger: Challenger
    refuse: Refuse
    registered: Callable[[Binding, bool], None]
    unregistered: Callable[[Binding], None]

    def __post_init__(self) -> None:
        self._strangers = Buckets(STRANGERS_S, MOST_STRANGERS)
        self._lock = Lock()

    def hears(self, request: Request, flow: Flow) -> bool:
        """Whether a REGISTER is to be answered at all."""
        code, host, now = code_of(request), flow.peer[0], time.monotonic()
        if is_scanner(request.headers.get("user-agent")):
            return self._silence(SCANNER, request.headers.get("user-agent")[:80], "", flow)
        if not is_code(code):
            return self._silence(STRANGER, "REGISTER without a code of twenty digits", code, flow)
        if not self._strangers.take(host, now):
            return self._silence(FLOODING, "too many REGISTER from one address", code, flow)
        if self._lock.holds(code, host, now):
            return self._silence(LOCKED_OUT, "after wrong passwords", code, flow)
        return True

    def _silence(self, reason: str, detail: str, code: str, flow: Flow) -> bool:
        self.refuse(reason, detail, code, flow)
        return False

    def take(self, transaction: ServerTransaction) -> None:
        """Answer a REGISTER."""
        request, flow = transaction.request, transaction.flow
        code, host = code_of(request), flow.peer[0]
        given = request.headers.get("authorization")
        if not given.lower().startswith("digest"):  # none, or a scheme that we did not ask for (RFC 3261, 22)
            self._challenge(transaction)
            return
        known = self.peers.known.get(code)
        verdict, why = self._judge(request, known, given, code, host)
        if verdict is Verdict.STALE:
            self._challenge(transaction, stale=True)
            return
        if verdict is Verdict.WRONG or known is None:
            locked = self._lock.failed(code, host, time.monotonic())
            self.refuse(why, "locked out for 15 minutes" if locked else "REGISTER", code, flow)
            transaction.answer(403)
            return
        self._lock.forget(code, host)
        self._let_in(transaction, known)

    def _judge(self, request: Request, known: Known | None, given: str, code: str, host: str) -> tuple[Verdict, str]:
        try:
            credentials = read_credentials(given)
            password = NOBODYS_PASSWORD if known is None else password_of(code, known.provider, known.sealed)
        except (MalformedError, PersonalDataError):
            return Verdict.WRONG, WRONG_PASSWORD
        verdict = self.challenger.judge(credentials, password, "REGISTER", host, request.call_id, request.cseq)
        if verdict is Verdict.GOOD and credentials.get("username") != code:
            return Verdict.WRONG, WRONG_PASSWORD
        if verdict is Verdict.GOOD and known is not None and not known.may_come_from(host):
            return Verdict.WRONG, WRONG_NETWORK
        return verdict, WRONG_PASSWORD

    def _challenge(self, transaction: ServerTransaction, *, stale: bool = False) -> None:
        offered = self.challenger.challenges(transaction.flow.peer[0], stale=stale)
        transaction.answer(401, (*(("www-authenticate", value) for value in offered), VERSION))

    def _let_in(self, transaction: ServerTransaction, known: Known) -> None:
        request, flow = transaction.request, transaction.flow
        asked = expires_of(request)
        contact = request.headers.get("contact")
        date = ("date", datetime.now(BEIJING).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3])
        before = self.peers.bindings.get(known.code)
        if asked == 0:
            transaction.answer(200, (("expires", "0"), date, VERSION))
            if before is not None:
                self.peers.unbind(known.code)
                self.unregistered(before)
            return
        if asked < LEAST_S:
            transaction.answer(423, (("min-expires", str(LEAST_S)), VERSION))
            return
        seconds = min(asked, MOST_S)
        now = time.time()
        version = request.headers.get("x-gb-ver")[:8]
        binding = Binding(known, flow, contact, now, now + seconds, now, version, call_id=request.call_id)
        news = before is None or not before.online or before.host != binding.host or before.call_id != binding.call_id
        self.peers.bind(binding)
        trust = getattr(flow, "trust", None)
        if trust is not None:
            trust()
        echoed = (("contact", contact),) if contact else ()
        transaction.answer(200, (*echoed, ("expires", str(seconds)), date, VERSION))
        self.registered(binding, news)


def code_of(request: Request) -> str:
    """Code of whom a REGISTER is for, or of whom another request is from; empty where there is none."""
    name = "to" if request.method == "REGISTER" else "from"
    try:
        return read_uri(read_address(request.headers.get(name)).uri).user
    except MalformedError:
        return ""


def expires_of(request: Request) -> int:
    """For how long a registration is asked for: the Contact's own word, else the header's, else the usual day."""
    contact = request.headers.get("contact")
    said = ""
    if contact and contact != "*":
        try:
            said = read_address(contact).parameters.get("expires", "")
        except MalformedError:
            said = ""
    said = said or request.headers.get("expires")
    return int(said) if said.isdecimal() and len(said) < 10 else USUAL_S
