"""Values of SIP headers taken apart: addresses, URIs, Via, parameters (RFC 3261, sections 20 and 25)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from media.sip.exceptions import MalformedError

MOST_PARAMETERS = 64

_VIA = re.compile(r"\s*SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9-]+)\s+(.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"\s*(\[[0-9A-Fa-f:.%]+\]|[^\s:;,<>\"\[\]]+)\s*(?::\s*(\d{1,5}))?\s*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PAIR = re.compile(r'\s*([A-Za-z0-9_.!%*+`\'~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^",\s]*)\s*(?:,|$)')


class Uri(NamedTuple):
    """``sip:user@host:port;parameters``."""

    user: str
    host: str
    port: int | None = None
    parameters: str = ""
    scheme: str = "sip"

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.parameters}"


class Address(NamedTuple):
    """A ``From``, ``To`` or ``Contact``: display name, URI as written, parameters behind it."""

    uri: str
    parameters: Mapping[str, str]
    display: str = ""

    @property
    def tag(self) -> str:
        """Its half of a dialog's name; empty where there is none (RFC 2543, and a request that opens a dialog)."""
        return self.parameters.get("tag", "")


class Via(NamedTuple):
    """Where the answer goes: one hop."""

    transport: str
    host: str
    port: int | None
    parameters: Mapping[str, str]

    @property
    def branch(self) -> str:
        """Name of the transaction; empty from ends older than RFC 3261."""
        return self.parameters.get("branch", "")

    @property
    def sent_by(self) -> str:
        """Host and port in one text, for comparing."""
        return f"{self.host.lower()}:{self.port or 5060}"


def split_list(value: str) -> Iterator[str]:
    """The parts of a header that commas divide, quotes and angle brackets respected."""
    quoted = bracketed = False
    start = i = 0
    while i < len(value):
        character = value[i]
        if quoted:
            if character == "\\":
                i += 1
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "<":
            bracketed = True
        elif character == ">":
            bracketed = False
        elif character == "," and not bracketed:
            yield value[start:i].strip()
            start = i + 1
        i += 1
    yield value[start:].strip()


def read_parameters(text: str) -> dict[str, str]:
    """``;name=value;flag`` as a mapping with names in lower case; a flag has an empty value.

    Raises
    ------
    MalformedError
        There are more than anybody needs.
    """
    found: dict[str, str] = {}
    if not text:
        return found
    for part in _split_semicolons(text):
        name, equals, value = part.partition("=")
        if name := name.strip().lower():
            found.setdefault(name, unquote(value.strip()) if equals else "")
        if len(found) > MOST_PARAMETERS:
            raise MalformedError("too many parameters")
    return found


def _split_semicolons(text: str) -> Iterator[str]:
    if '"' not in text:
        yield from text.split(";")
        return
    quoted, start = False, 0
    for i, character in enumerate(text):
        if character == '"' and (i == 0 or text[i - 1] != "\\"):
            quoted = not quoted
        elif character == ";" and not quoted:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def unquote(value: str) -> str:
    """A quoted string without its quotes and escapes; anything else as it is."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def read_address(value: str) -> Address:
    """Take a name-addr or addr-spec apart.

    Raises
    ------
    MalformedError
        No URI can be made out.
    """
    value = value.strip()
    display = ""
    if value.startswith('"'):
        match = re.match(r'"((?:[^"\\]|\\.)*)"\s*', value)
        if match is None:
            raise MalformedError("a display name without its closing quote")
        display, value = match[1], value[match.end() :]
        if not value.startswith("<"):
            raise MalformedError("a display name without an address in angle brackets")
    opening = value.find("<")
    if opening >= 0:
        closing = value.find(">", opening)
        if closing < 0:
            raise MalformedError("an address without its closing bracket")
        display = display or value[:opening].strip()
        uri, rest = value[opening + 1 : closing].strip(), value[closing + 1 :]
    else:
        # Without brackets, parameters belong to the header and not to the URI (RFC 3261, 20).
        uri, _semicolon, rest = value.partition(";")
        uri = uri.strip()
    if _SCHEME.fullmatch(uri) is None:
        raise MalformedError(f"no address: {uri[:60]!r}")
    return Address(uri, read_parameters(rest), display)


def read_uri(text: str) -> Uri:
    """Take a ``sip:`` URI apart.

    Raises
    ------
    MalformedError
        It is no SIP URI.
    """
    match = _SCHEME.fullmatch(text.strip())
    if match is None or match[1].lower() not in ("sip", "sips"):
        raise MalformedError(f"no SIP address: {text[:60]!r}", 416)
    rest = match[2].partition("?")[0]
    user, at, behind = rest.rpartition("@")
    user = user.partition(":")[0].partition(";")[0] if at else ""
    host, semicolon, parameters = behind.partition(";")
    name, port = read_host(host)
    return Uri(user, name, port, semicolon + parameters, match[1].lower())


def read_host(text: str) -> tuple[str, int | None]:
    """Host and port of ``host[:port]``.

    Raises
    ------
    MalformedError
        It is none.
    """
    match = _HOST.fullmatch(text)
    if match is None or (match[2] and not 0 < int(match[2]) < 65_536):
        raise MalformedError(f"no host: {text[:60]!r}")
    return match[1], int(match[2]) if match[2] else None


def read_via(value: str) -> Via:
    """Take one Via apart.

    Raises
    ------
    MalformedError
        It is none.
    """
    match = _VIA.fullmatch(value)
    if match is None:
        raise MalformedError(f"no Via: {value[:60]!r}")
    sent_by, _semicolon, rest = match[2].partition(";")
    host, port = read_host(sent_by)
    return Via(match[1].upper(), host, port, read_parameters(rest))


def read_credentials(value: str) -> dict[str, str]:
    """``Digest name="value", …`` as a mapping with names in lower case.

    Raises
    ------
    MalformedError
        It is another scheme, or cannot be read.
    """
    scheme, _space, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise MalformedError("credentials of another scheme than Digest")
    found: dict[str, str] = {}
    at = 0
    while at < len(rest):
        match = _PAIR.match(rest, at)
        if match is None or len(found) > MOST_PARAMETERS:
            raise MalformedError("credentials that cannot be read")
        found.setdefault(match[1].lower(), unquote(match[2]))
        at = match.end()
    return found
