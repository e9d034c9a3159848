"""What keeps guessers and floods away: token buckets, a lock after wrong passwords. Bounded in memory, pure in time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_FAILURES = 5
LOCKED_S = 900.0
MOST_REMEMBERED = 100_000
STRANGERS_S, MOST_STRANGERS = 200.0, 3000.0
"""Requests a second of one address that has shown no password yet, in the long run and at once: behind one NAT there
may be a thousand cameras after a power cut."""
PEER_S, MOST_PEER = 50.0, 500.0
"""Messages a second of one registered device."""
SCANNERS = ("friendly-scanner", "sipvicious", "sipcli", "sip-scan", "vaxsip", "sundayddr", "pplsip", "sipsak")


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """One token bucket for each name.

    Parameters
    ----------
    rate_s, most : float
        How many a second flow in, and how many it holds.
    """

    def __init__(self, rate_s: float, most: float) -> None:
        self._rate, self._most = rate_s, most
        self._held: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Whether ``name`` may do one thing more."""
        bucket = self._held.get(name)
        if bucket is None:
            if len(self._held) >= MOST_REMEMBERED:
                self._held.popitem(last=False)
            bucket = self._held[name] = _Bucket(self._most, now)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True


class Lock:
    """Who has shown wrong passwords too often: a code and the address they came from, so that nobody far away can
    lock a camera out by guessing at it."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def holds(self, code: str, host: str, now: float) -> bool:
        """Whether they are not listened to now."""
        count, until = self._failures.get((code, host), (0, 0.0))
        return count >= MOST_FAILURES and now < until

    def failed(self, code: str, host: str, now: float) -> bool:
        """Note a wrong password; returns whether that was one too many."""
        count, until = self._failures.pop((code, host), (0, 0.0))
        if now >= until:
            count = 0
        while len(self._failures) >= MOST_REMEMBERED:
            self._failures.popitem(last=False)
        self._failures[code, host] = (count + 1, now + LOCKED_S)
        return count + 1 >= MOST_FAILURES

    def forget(self, code: str, host: str) -> None:
        """The right password came."""
        self._failures.pop((code, host), None)


def is_scanner(user_agent: str) -> bool:
    """Whether it says so itself; those that do not are kept out all the same."""
    name = user_agent.lower()
    return any(word in name for word in SCANNERS)
