"""Digest authentication both ways: MD5 (RFC 2617), SHA-256 (RFC 8760), SM3 (GB/T 28181-2022, 8.3; GB/T 32905).

A nonce carries its own time and seal, so that challenges cost a stranger's bytes and none of our memory; what was used
to get in is remembered for as long as it would hold.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from cryptography.hazmat.primitives.hashes import SM3, Hash

NONCE_S = 300
MOST_USED = 100_000


def _sm3(data: bytes) -> str:
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize().hex()


ALGORITHMS: Mapping[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SM3": _sm3,
}


class Verdict(Enum):
    """What credentials are worth."""

    GOOD = "good"
    STALE = "stale"
    """Rightly computed, perhaps, with a nonce that holds no longer: to be challenged again."""
    WRONG = "wrong"


def respond(
    algorithm: str, username: str, realm: str, password: str, method: str, uri: str, nonce: str, qop: str, nc: str,
    cnonce: str,
) -> str:  # fmt: skip
    """The response of RFC 2617, 3.2.2.1; ``qop`` empty for that of RFC 2069.

    Raises
    ------
    KeyError
        The algorithm is none of :data:`ALGORITHMS`.
    """
    digest = ALGORITHMS[algorithm]
    # Passwords beyond ASCII: nobody has written down which bytes; UTF-8 as RFC 7616 has it.
    a1 = digest(f"{username}:{realm}:{password}".encode())
    a2 = digest(f"{method}:{uri}".encode("utf-8", "surrogateescape"))
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return digest(f"{a1}:{middle}:{a2}".encode())


class Challenger:
    """Makes challenges and judges what comes back.

    Parameters
    ----------
    realm : str
        Named in the challenge; a GB/T 28181 platform's is its domain.
    algorithms : sequence of str
        Offered, the first preferred; what is not offered is not accepted.
    """

    def __init__(self, realm: str, algorithms: Sequence[str] = ("MD5",)) -> None:
        self.realm = realm
        self.algorithms = tuple(algorithms)
        self._seal = secrets.token_bytes(32)
        self._used: OrderedDict[str, tuple[float, str, int]] = OrderedDict()

    def challenges(self, peer: str, *, stale: bool = False) -> Iterator[str]:
        """Values of ``WWW-Authenticate``, one an algorithm."""
        for algorithm in self.algorithms:
            text = f'Digest realm="{self.realm}", nonce="{self._nonce(peer)}", algorithm={algorithm}'
            # Cameras of 2011 and 2016 compute MD5 without qop only; the newer algorithms come with it (RFC 8760, 2.6).
            if algorithm != "MD5":
                text += ', qop="auth"'
            yield text + (", stale=true" if stale else "")

    def judge(
        self, credentials: Mapping[str, str], password: str, method: str, peer: str, call_id: str, cseq: int
    ) -> Verdict:
        """Whether the credentials show the password, for this request, now, for the first time.

        Parameters
        ----------
        credentials : mapping
            See :func:`media.sip.headers.read_credentials`.
        peer : str
            Address the request came from; a nonce is good for the one that got it.
        call_id, cseq : str, int
            Of the request; a nonce may be used again in the same conversation, with a higher number.
        """
        algorithm = credentials.get("algorithm", "MD5").upper()
        qop = credentials.get("qop", "")
        if algorithm not in self.algorithms or credentials.get("realm") != self.realm or qop not in ("", "auth"):
            return Verdict.WRONG
        nonce = credentials.get("nonce", "")
        expected = respond(
            algorithm,
            credentials.get("username", ""),
            self.realm,
            password,
            method,
            credentials.get("uri", ""),
            nonce,
            qop,
            credentials.get("nc", ""),
            credentials.get("cnonce", ""),
        )
        given = credentials.get("response", "").lower()
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            # With a nonce of former times nothing is said about the password: the end may only be out of date.
            return Verdict.WRONG if self._holds(nonce, peer) else Verdict.STALE
        if not self._holds(nonce, peer) or not self._first_use(nonce, call_id, cseq):
            return Verdict.STALE
        return Verdict.GOOD

    def _nonce(self, peer: str) -> str:
        moment = f"{int(time.time()):08x}{secrets.token_hex(4)}"
        return moment + self._sealed(moment, peer)

    def _sealed(self, moment: str, peer: str) -> str:
        return hmac.new(self._seal, f"{moment}|{peer}".encode(), hashlib.sha256).hexdigest()[:16]

    def _holds(self, nonce: str, peer: str) -> bool:
        moment, seal = nonce[:16], nonce[16:]
        if not hmac.compare_digest(seal.encode("utf-8", "replace"), self._sealed(moment, peer).encode()):
            return False
        return 0 <= time.time() - int(moment[:8], 16) <= NONCE_S

    def _first_use(self, nonce: str, call_id: str, cseq: int) -> bool:
        now = time.monotonic()
        while self._used:
            oldest = next(iter(self._used))
            if now - self._used[oldest][0] <= NONCE_S and len(self._used) < MOST_USED:
                break
            del self._used[oldest]
        before = self._used.get(nonce)
        if before is not None and (before[1] != call_id or before[2] >= cseq):
            return False
        self._used[nonce] = (before[0] if before else now, call_id, cseq)
        return True


def answer_challenge(
    challenges: Sequence[Mapping[str, str]], username: str, password: str, method: str, uri: str
) -> str:
    """Value of ``Authorization`` for the first challenge that can be answered; empty where none can.

    Parameters
    ----------
    challenges : sequence of mapping
        Each a ``WWW-Authenticate`` taken apart.
    """
    for challenge in challenges:
        algorithm = challenge.get("algorithm", "MD5").upper()
        if algorithm not in ALGORITHMS:
            continue
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        qop = "auth" if "auth" in [word.strip() for word in challenge.get("qop", "").split(",")] else ""
        nc, cnonce = ("00000001", secrets.token_hex(8)) if qop else ("", "")
        response = respond(algorithm, username, realm, password, method, uri, nonce, qop, nc, cnonce)
        text = (
            f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm={algorithm}'
        )
        if qop:
            text += f', qop={qop}, nc={nc}, cnonce="{cnonce}"'
        if opaque := challenge.get("opaque"):
            text += f', opaque="{opaque}"'
        return text
    return ""
