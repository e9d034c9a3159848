"""What of each channel is wanted now: pure, of the plans, the orders and the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twin.periods import Period, in_force

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Plan:
    """A policy as the process knows it: ``mode`` as in the database, channels by key, days of keeping."""

    mode: str
    channels: frozenset[int]
    days: int
    early: bool = False
    before_s: int = 0
    periods: tuple[Period, ...] = ()


@dataclass(frozen=True)
class Order:
    """A channel is wanted for a while; times in microseconds since 1970, ``ends_us`` None: until somebody ends it."""

    channel: int
    kind: str
    starts_us: int
    ends_us: int | None
    days: int


@dataclass
class Want:
    """What of one channel is wanted.

    Attributes
    ----------
    reasons : set of str
        Why it is recorded; empty: it is not.
    ring_s : int
        For how long pictures are remembered.
    since_us : int or None
        Recording begins here, as far as it is remembered; None: now.
    days, early
        How long what is recorded now is kept at least, and whether it may go before that.
    """

    reasons: set[str] = field(default_factory=set)
    ring_s: int = 0
    since_us: int | None = None
    days: int = 0
    early: bool = True

    def _record(self, reason: str, days: int, early: bool) -> None:
        self.reasons.add(reason)
        self.days = max(self.days, days)
        self.early = self.early and early


def wanted(plans: Iterable[Plan], orders: Iterable[Order], now_us: int) -> dict[int, Want]:
    """What is wanted by channel; those of which nothing is are not among them."""
    found: dict[int, Want] = {}
    now = datetime.fromtimestamp(now_us / SECOND_US, UTC)
    for plan in plans:
        if plan.mode == "schedule" and not in_force(plan.periods, now):
            continue
        for channel in plan.channels:
            want = found.setdefault(channel, Want())
            if plan.mode == "alert":
                want.ring_s = max(want.ring_s, plan.before_s)
            else:
                want._record(plan.mode, plan.days, plan.early)
    for order in orders:
        if order.ends_us is not None and order.ends_us <= now_us:
            continue
        want = found.setdefault(order.channel, Want())
        want._record(order.kind, order.days, False)
        want.since_us = min(want.since_us or order.starts_us, order.starts_us)
    return found
