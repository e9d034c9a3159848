"""SIP messages: read with tolerance for what cameras send, written by the book (RFC 3261, sections 7 and 25).

Header text is held as Latin-1, which keeps every byte: what is echoed in an answer is exactly what came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from media.sip.exceptions import MalformedError
from media.sip.headers import Address, Via, read_address, read_via, split_list

MOST_BYTES = 65_535
"""Of a datagram."""
MOST_HEAD_BYTES = 16 << 10
MOST_BODY_BYTES = 4 << 20
"""Over TCP: catalogues of 10,000 records come in one message."""
MOST_HEADERS = 128

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
SPELLING = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "www-authenticate": "WWW-Authenticate",
    "x-gb-ver": "X-GB-Ver",
}
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    423: "Interval Too Brief",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
}
# Several values in one line, by commas; the others' commas are text.
LISTS = frozenset({"via", "contact", "route", "record-route", "allow", "supported", "require", "proxy-require"})

_HEAD_END = re.compile(rb"\r\n\r\n|\n\n|\n\r\n|\r\n\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_METHOD = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_CSEQ = re.compile(r"\s*(\d{1,10})\s+(\S+)\s*")


class Headers:
    """Headers in their order; names in lower case, compact forms written out."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self.items: list[tuple[str, str]] = list(items)

    def get(self, name: str, default: str = "") -> str:
        """The first value of ``name``."""
        for known, value in self.items:
            if known == name:
                return value
        return default

    def all(self, name: str) -> list[str]:
        """Every value of ``name``."""
        return [value for known, value in self.items if known == name]

    def add(self, name: str, value: str) -> None:
        """Put one more behind the others."""
        self.items.append((name, value))

    def set(self, name: str, value: str) -> None:
        """Have exactly one of ``name``."""
        for i, (known, _value) in enumerate(self.items):
            if known == name:
                self.items[i] = (name, value)
                self.items[i + 1 :] = [item for item in self.items[i + 1 :] if item[0] != name]
                return
        self.items.append((name, value))

    def __contains__(self, name: str) -> bool:
        return any(known == name for known, _value in self.items)


@dataclass
class Message:
    """What requests and answers share.

    Attributes
    ----------
    surplus : bytes
        What stood in the datagram behind the body that ``Content-Length`` announced: some cameras count characters.
    truncated : bool
        The announced body is longer than what came.
    """

    headers: Headers = field(default_factory=Headers, kw_only=True)
    body: bytes = field(default=b"", kw_only=True)
    surplus: bytes = field(default=b"", kw_only=True, repr=False)
    truncated: bool = field(default=False, kw_only=True)
    cseq: int = field(default=0, kw_only=True)
    method: str = ""
    via: Via | None = field(default=None, kw_only=True, repr=False)

    @property
    def call_id(self) -> str:
        """Names the conversation."""
        return self.headers.get("call-id")

    @property
    def sender(self) -> Address:
        """``From``."""
        return read_address(self.headers.get("from"))

    @property
    def recipient(self) -> Address:
        """``To``."""
        return read_address(self.headers.get("to"))

    @property
    def content_type(self) -> str:
        """Media type in lower case, without parameters."""
        return self.headers.get("content-type").partition(";")[0].strip().lower()

    @property
    def first_line(self) -> str:
        """Request line or status line."""
        raise NotImplementedError

    def write(self) -> bytes:
        """The bytes; ``Content-Length`` is counted anew."""
        lines = [self.first_line]
        lines += [
            f"{SPELLING.get(name) or name.title()}: {value}"
            for name, value in self.headers.items
            if name != "content-length"
        ]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


@dataclass
class Request(Message):
    """A request."""

    uri: str = ""

    @property
    def first_line(self) -> str:
        """Request line."""
        return f"{self.method} {self.uri} SIP/2.0"

    def answer(self, status: int, reason: str = "", *, tag: str = "", body: bytes = b"") -> Response:
        """An answer with the headers that have to be repeated (RFC 3261, 8.2.6).

        Parameters
        ----------
        tag : str
            Our half of the dialog's name, put behind ``To`` where there is none yet.
        """
        response = Response(self.method, status=status, reason=reason, cseq=self.cseq, body=body, via=self.via)
        for name, value in self.headers.items:
            if name in ("via", "from", "call-id", "cseq"):
                response.headers.add(name, value)
            elif name == "to":
                untagged = tag and status > 100 and ";tag=" not in value.lower().replace(" ", "")
                response.headers.add(name, f"{value};tag={tag}" if untagged else value)
        return response


@dataclass
class Response(Message):
    """An answer; ``method`` is that of the request."""

    status: int = 0
    reason: str = ""

    @property
    def first_line(self) -> str:
        """Status line."""
        return f"SIP/2.0 {self.status} {self.reason or REASONS.get(self.status, 'Unknown')}"

    @property
    def final(self) -> bool:
        """Whether nothing more is to come."""
        return self.status >= 200


def read_message(data: bytes, *, stream: bool = False) -> Request | Response:
    """Read one message.

    Parameters
    ----------
    data : bytes
        A datagram; or, with ``stream``, exactly what the framer cut out.

    Raises
    ------
    MalformedError
        It is no SIP message, or one that nobody could answer.
    """
    if len(data) > (MOST_HEAD_BYTES + MOST_BODY_BYTES if stream else MOST_BYTES):
        raise MalformedError("larger than a message may be", 413)
    data = data.lstrip(b"\r\n")
    end = _HEAD_END.search(data, 0, MOST_HEAD_BYTES + 4)
    if end is None and (len(data) > MOST_HEAD_BYTES or not data.endswith(b"\n")):
        raise MalformedError("headers without an end")
    head, rest = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    text = head.decode("latin-1")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    first, *lines = text.split("\n")
    message = _read_first_line(first.rstrip("\r"))
    if len(lines) > MOST_HEADERS:
        raise MalformedError("too many headers")
    items = message.headers.items
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not _NAME.fullmatch(name):
            if line.strip():
                raise MalformedError(f"no header: {line[:40]!r}")
            continue
        name = COMPACT.get(name, name)
        value = value.strip()
        if name in LISTS and "," in value:
            items += [(name, part) for part in split_list(value) if part]
        else:
            items.append((name, value))
    _check(message)
    _cut_body(message, rest, stream)
    return message


def _read_first_line(line: str) -> Request | Response:
    words = line.split(" ")
    if words[0].upper() == "SIP/2.0":
        if len(words) < 2 or not re.fullmatch(r"[1-6]\d\d", words[1]):
            raise MalformedError("no status")
        return Response("", status=int(words[1]), reason=" ".join(words[2:]))
    if len(words) != 3 or not _METHOD.fullmatch(words[0]) or not words[1]:
        raise MalformedError("no request line")
    if words[2].upper() != "SIP/2.0":
        raise MalformedError("another version", 505 if words[2].upper().startswith("SIP/") else 400)
    return Request(words[0], uri=words[1])


def _check(message: Request | Response) -> None:
    headers = message.headers
    for name in ("via", "from", "to", "call-id", "cseq"):
        if not headers.get(name):
            raise MalformedError(f"no {name}")
    match = _CSEQ.fullmatch(headers.get("cseq"))
    if match is None or int(match[1]) >= 2**32:
        raise MalformedError("no CSeq")
    message.cseq = int(match[1])
    if isinstance(message, Response):
        message.method = match[2]
    elif match[2] != message.method:
        raise MalformedError("CSeq names another method")
    message.via = read_via(headers.get("via"))
    read_address(headers.get("from"))
    read_address(headers.get("to"))


def _cut_body(message: Message, rest: bytes, stream: bool) -> None:
    lengths = set(message.headers.all("content-length"))
    if not lengths:
        message.body = rest
        return
    announced = lengths.pop()
    if lengths or not announced.isdecimal() or len(announced) > 10:
        raise MalformedError("Content-Length that is no number, or two of them")
    length = int(announced)
    if length == 0 and rest.strip() and message.content_type and not stream:
        message.body = rest  # "Content-Length: 0" in front of a body: Dahua
        return
    message.body, message.surplus = rest[:length], rest[length:]
    message.truncated = length > len(rest)
