"""Plans and orders out of the database, orders into it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from access.scope import Scope
from media.models import Channel
from media.recordings.ledger import micros
from media.recordings.models import RecordingOrder, RecordingPolicy, Retention
from media.recordings.wanting import Order, Plan
from twin.periods import PeriodError, read_periods

REPLAY_S = 60
REPLAY_TAIL_S = 3
"""A replay's order ends a little after now: the process has to hear of it first."""
LONGEST_HAND = timedelta(hours=24)


def channels_of(policy: RecordingPolicy) -> frozenset[int]:
    """Channels a policy is for: those chosen, else all of its owner and whoever is below."""
    chosen = frozenset(policy.channels.values_list("pk", flat=True))
    if chosen:
        return chosen
    scope = Scope(organization_paths=(policy.owner.path,)) if policy.owner else Scope(everything=True)
    listed = Channel.objects.filter(listed=True, device__active=True).within(scope)
    return frozenset(listed.values_list("pk", flat=True))


def load_plans() -> list[Plan]:
    """Policies that are in force, each with its channels; one whose periods nobody can read is for the whole day."""
    plans = []
    for policy in RecordingPolicy.objects.filter(enabled=True).select_related("owner"):
        try:
            periods = read_periods(policy.periods)
        except PeriodError:
            periods = ()
        before_s = policy.before_s if policy.mode == RecordingPolicy.Mode.ALERT else 0
        plans.append(Plan(policy.mode, channels_of(policy), policy.retention_days, policy.early, before_s, periods))
    return plans


def load_orders() -> list[Order]:
    """Orders that are not over."""
    rows = RecordingOrder.objects.filter(ends_at=None) | RecordingOrder.objects.filter(ends_at__gt=timezone.now())
    return [
        Order(row.channel_id, row.kind, micros(row.starts_at), None if row.ends_at is None else micros(row.ends_at),
              row.retention_days)
        for row in rows
    ]  # fmt: skip


def order(channel: Channel, reason: str, by: Any, retention: int = Retention.MONTH) -> RecordingOrder:
    """Have a channel recorded by hand until somebody ends it, for a day at most; one that is running goes on."""
    now = timezone.now()
    running = RecordingOrder.objects.filter(channel=channel, kind=RecordingOrder.Kind.HAND, ends_at__gt=now).first()
    return running or RecordingOrder.objects.create(
        channel=channel, kind=RecordingOrder.Kind.HAND, starts_at=now, ends_at=now + LONGEST_HAND, reason=reason,
        retention_days=retention, by=by,
    )  # fmt: skip


def end_orders(channel: Channel) -> int:
    """End what was ordered by hand; returns how many."""
    now = timezone.now()
    running = RecordingOrder.objects.filter(channel=channel, kind=RecordingOrder.Kind.HAND, ends_at__gt=now)
    return running.update(ends_at=now)


def keep_last_minute(channel: Channel, reason: str, by: Any) -> tuple[datetime, datetime]:
    """Have the minute before now kept, as far as it is remembered; returns from when to when."""
    now = timezone.now()
    row = RecordingOrder.objects.create(
        channel=channel, kind=RecordingOrder.Kind.REPLAY, starts_at=now - timedelta(seconds=REPLAY_S),
        ends_at=now + timedelta(seconds=REPLAY_TAIL_S), reason=reason, retention_days=Retention.WEEK, by=by,
    )  # fmt: skip
    return row.starts_at, now
