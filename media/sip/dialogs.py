"""Dialogs: who talks to whom under which names and numbers (RFC 3261, 12)."""

from __future__ import annotations

from dataclasses import dataclass

from media.sip.flows import Flow
from media.sip.headers import read_address
from media.sip.message import Headers, Request, Response

DialogKey = tuple[str, str, str]
"""Call-ID, our tag, their tag."""


@dataclass
class Dialog:
    """One dialog, from our side.

    Attributes
    ----------
    ours, theirs : str
        ``From`` and ``To`` of our requests, tags included.
    target : str
        Request-URI of our requests.
    cseq : int
        Number of our last request.
    heard : int
        Number of their last request; -1 before the first.
    """

    call_id: str
    ours: str
    theirs: str
    target: str
    flow: Flow
    cseq: int = 0
    heard: int = -1

    @classmethod
    def of_response(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """The dialog that an answer to our INVITE or SUBSCRIBE makes.

        The target stays the one that was asked: Contacts of cameras behind a NAT name addresses nobody reaches.
        """
        return cls(
            request.call_id,
            request.headers.get("from"),
            response.headers.get("to"),
            request.uri,
            flow,
            request.cseq,
        )

    @classmethod
    def of_request(cls, request: Request, tag: str, flow: Flow) -> Dialog:
        """The dialog that our answer to their INVITE or SUBSCRIBE makes."""
        recipient = request.headers.get("to")
        contact = request.headers.get("contact") or request.headers.get("from")
        return cls(
            request.call_id,
            recipient if ";tag=" in recipient else f"{recipient};tag={tag}",
            request.headers.get("from"),
            read_address(contact).uri,
            flow,
            0,
            request.cseq,
        )

    @property
    def key(self) -> DialogKey:
        """Its name."""
        return self.call_id, read_address(self.ours).tag, read_address(self.theirs).tag

    def request(self, method: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> Request:
        """Our next request in it. An ACK has the number of the INVITE."""
        if method != "ACK":
            self.cseq += 1
        items = [
            ("from", self.ours),
            ("to", self.theirs),
            ("call-id", self.call_id),
            ("cseq", f"{self.cseq} {method}"),
            ("max-forwards", "70"),
            *headers,
        ]
        return Request(method, uri=self.target, cseq=self.cseq, headers=Headers(items), body=body)

    def in_order(self, request: Request) -> bool:
        """Whether a request of theirs is newer than the last (12.2.2); notes it."""
        if request.cseq <= self.heard:
            return False
        self.heard = request.cseq
        return True


def key_of(request: Request) -> DialogKey:
    """Name of the dialog that a request of theirs belongs to."""
    return request.call_id, request.recipient.tag, request.sender.tag
