"""SOAP 1.2 with WS-Security's UsernameToken (Core Specification, 5.9.5 and 5.12), and HTTP digest where asked."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
from datetime import UTC, datetime
from typing import NamedTuple
from xml.sax.saxutils import escape

from media.exceptions import MediaError, NoReplyError, RefusedByDeviceError
from media.gb28181.xml import Element, XmlError, read_xml
from media.sip.digest import answer_challenge
from media.sip.exceptions import MalformedError
from media.sip.headers import read_credentials
from media.sources.faults import DECLINED, LOGIN, STRANGE, WRONG_LOGIN
from media.sources.onvif.http import HttpAnswer, post

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
DIGEST = f"{SECURITY}-username-token-profile-1.0#PasswordDigest"
NONCE = f"{SECURITY}-soap-message-security-1.0#Base64Binary"
PORTS = {"http": 80, "https": 443}
AUTHORITY = ("notauthorized", "sendernotauthorized", "failedauthentication", "invalidsecurity")


def local(element: Element) -> str:
    """An element's name without its prefix: every camera has other prefixes, and names are never ambiguous."""
    return element.name.rpartition(":")[2]


def child(element: Element | None, *path: str) -> Element | None:
    """A descendant by local names, the first at each step."""
    for name in path:
        if element is None:
            return None
        element = next((one for one in element.children if local(one) == name), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """Children of that local name."""
    return [one for one in element.children if local(one) == name] if element is not None else []


def text(element: Element | None, *path: str) -> str:
    """Text of a descendant; empty where there is none."""
    found = child(element, *path)
    return found.text.strip() if found is not None else ""


def attribute(element: Element, name: str) -> str:
    """An attribute by its local name."""
    return next((value for key, value in element.attributes.items() if key.rpartition(":")[2] == name), "")


def password_digest(password: str, nonce: bytes, created: str) -> str:
    """Base64 of SHA-1 over nonce, time and password (UsernameToken Profile 1.0, 3.1)."""
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def write_envelope(body: str, username: str = "", password: str = "", at: datetime | None = None) -> bytes:
    """A message.

    Parameters
    ----------
    body : str
        XML of the one element inside ``Body``.
    at : datetime, optional
        The device's own time, without which it would not believe the digest.
    """
    header = ""
    if username:
        nonce = secrets.token_bytes(16)
        created = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        header = (
            f'<s:Header><w:Security s:mustUnderstand="1" xmlns:w="{SECURITY}-wssecurity-secext-1.0.xsd" '
            f'xmlns:u="{SECURITY}-wssecurity-utility-1.0.xsd"><w:UsernameToken>'
            f"<w:Username>{escape(username)}</w:Username>"
            f'<w:Password Type="{DIGEST}">{password_digest(password, nonce, created)}</w:Password>'
            f'<w:Nonce EncodingType="{NONCE}">{base64.b64encode(nonce).decode()}</w:Nonce>'
            f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security></s:Header>"
        )
    whole = f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{ENVELOPE}">{header}'
    return f"{whole}<s:Body>{body}</s:Body></s:Envelope>".encode()


class Endpoint(NamedTuple):
    """Where a service is asked; ``secure``: by TLS."""

    host: str
    port: int
    path: str
    secure: bool = False


async def call(endpoint: Endpoint, body: str, login: tuple[str, str] = ("", ""), at: datetime | None = None) -> Element:
    """Ask a service.

    Returns
    -------
    Element
        What is inside the answer's ``Body``.

    Raises
    ------
    MediaError
        There was no answer, or a fault.
    """
    host, port, path, secure = endpoint
    username, password = login
    content = write_envelope(body, username, password, at)
    headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
    answer = await post(host, port, path, content, headers, secure=secure)
    if answer.status == 401 and username:
        challenges = []
        for challenge in answer.headers.get("www-authenticate", ()):
            with contextlib.suppress(MalformedError):
                challenges.append(read_credentials(challenge))
        if shown := answer_challenge(challenges, username, password, "POST", path):
            answer = await post(host, port, path, content, {**headers, "Authorization": shown}, secure=secure)
    return _inside(answer, known=bool(username))


def _inside(answer: HttpAnswer, *, known: bool) -> Element:
    refused = WRONG_LOGIN if known else LOGIN
    if answer.status in (401, 403):
        raise RefusedByDeviceError(f"{refused}: {answer.status}")
    try:
        body = child(read_xml(answer.body, "utf-8"), "Body")
    except XmlError as error:
        raise NoReplyError(f"{STRANGE}: {answer.status} {error}") from None
    inside = body.children[0] if body is not None and body.children else None
    if inside is None:
        raise NoReplyError(f"{STRANGE}: {answer.status}")
    if local(inside) == "Fault":
        raise _fault(inside, refused)
    if answer.status != 200:
        raise RefusedByDeviceError(f"{DECLINED}: {answer.status}")
    return inside


def _fault(fault: Element, refused: str) -> MediaError:
    """A fault's meaning: by its codes, the innermost first."""
    codes: list[str] = []
    code = child(fault, "Code")
    while code is not None and len(codes) < 5:
        codes.append(text(code, "Value").rpartition(":")[2])
        code = child(code, "Subcode")
    why = text(fault, "Reason", "Text")[:100]
    if any(one.lower() in AUTHORITY for one in codes) or "not authorized" in why.lower():
        return RefusedByDeviceError(refused)
    return RefusedByDeviceError(f"{DECLINED}: {codes[-1] if codes else ''} {why}".rstrip())
