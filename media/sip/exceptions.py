"""What can go wrong between two SIP ends."""

from __future__ import annotations


class SipError(Exception):
    """Base of all errors of :mod:`media.sip`."""


class MalformedError(SipError, ValueError):
    """Bytes or a header that are not SIP.

    Attributes
    ----------
    status : int
        What a request with it deserves as an answer.
    """

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


class NoAnswerError(SipError):
    """The other end did not answer in time, or its connection is gone."""


class DeclinedError(SipError):
    """The other end said no.

    Attributes
    ----------
    status : int
        Its answer, 300 or more.
    """

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status = status
