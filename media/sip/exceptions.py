"""What can go wrong between two SIP ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.sip.message import Response


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
    response : Response
        All of it.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.reason}".strip())
        self.status, self.response = response.status, response
