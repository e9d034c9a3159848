"""SIP as a camera needs it: text in, text out."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field


@dataclass
class Packet:
    """A message: first line, headers (names as they came), body."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str:
        """First value of a header."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def status(self) -> int:
        """Of an answer; 0 of a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that was answered."""
        return self.get("cseq").split()[-1] if self.status else self.first.split()[0]

    def write(self) -> bytes:
        """The bytes."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


def read(data: bytes) -> Packet:
    """Read what the platform sent; it is taken to be well formed."""
    head, _blank, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = [(name.strip(), value.strip()) for name, _colon, value in (line.partition(":") for line in lines)]
    return Packet(first, [item for item in headers if item[0].lower() != "content-length"], body)


def cut(held: bytearray) -> list[bytes]:
    """Take whole messages out of what came by TCP."""
    found = []
    while (end := held.find(b"\r\n\r\n")) >= 0:
        length = re.search(rb"content-length:\s*(\d+)", held[:end], re.IGNORECASE)
        size = end + 4 + (int(length[1]) if length else 0)
        if len(held) < size:
            break
        found.append(bytes(held[:size]))
        del held[:size]
    return found


def answer(request: Packet, status: int, reason: str, tag: str, more: list[tuple[str, str]], body: bytes) -> Packet:
    """An answer to a request."""
    kept = [(n, v) for n, v in request.headers if n.lower() in ("via", "from", "call-id", "cseq")]
    to = request.get("to")
    kept.append(("To", to if "tag=" in to else f"{to};tag={tag}"))
    return Packet(f"SIP/2.0 {status} {reason}", kept + more, body)


def branch() -> str:
    """A new branch."""
    return "z9hG4bK" + secrets.token_hex(6)


def credentials(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """Value of Authorization for a WWW-Authenticate."""
    said = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition(" ")[2]))
    name = said.get("algorithm", "MD5").upper()

    def digest(text: str) -> str:
        kind = {"MD5": "md5", "SHA-256": "sha256", "SM3": "sm3"}[name]
        return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()

    secret = digest(f"{user}:{said['realm']}:{password}")
    asked = digest(f"{method}:{uri}")
    tail = ""
    if "qop" in said:
        cnonce = secrets.token_hex(4)
        response = digest(f"{secret}:{said['nonce']}:00000001:{cnonce}:auth:{asked}")
        tail = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        response = digest(f"{secret}:{said['nonce']}:{asked}")
    return (
        f'Digest username="{user}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={name}{tail}'
    )
