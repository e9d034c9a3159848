"""Alerts on the live socket: ``{"type": "alerts"}`` on connecting, ``{"type": "alert"}`` with every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from command.lifecycle import AlertState
from command.push import ALERT_TOPICS, read_message
from command.wire import MOST_OPEN, read_open, spoken
from twin.live.feeds import Item


class AlertFeed:
    """A source of the hub (:class:`twin.live.feeds.FeedSource`)."""

    topic = ALERT_TOPICS
    notices: frozenset[str] = frozenset()

    def load(self) -> list[Item]:
        """Alerts that are not closed."""
        with connection.cursor() as cursor:
            return [_item(record) for record in read_open(cursor)]

    def read(self, payload: bytes) -> list[Item]:
        """Alerts of which a process tells."""
        return [_item(record) for record in read_message(payload)]

    def snapshot(self, items: Sequence[Item], language: str) -> dict[str, Any]:
        """Every open alert in sight, the gravest and newest first."""
        values = sorted(sorted((item.value for item in items), key=_raised_at, reverse=True), key=_grade)
        shown = [spoken(value, language) for value in values[:MOST_OPEN]]
        return {"type": "alerts", "alerts": shown, "truncated": len(values) >= MOST_OPEN}

    def change(self, item: Item, language: str) -> dict[str, Any]:
        """One alert as it is now; ``state`` ``closed``: it leaves the wall."""
        return {"type": "alert", "alert": spoken(item.value, language)}


def _item(record: Mapping[str, Any]) -> Item:
    owner, region = record["owner"], record["region"]
    return Item(
        key=record["id"],
        version=record["step"],
        owner=owner["id"] if owner else 0,
        region=region["id"] if region else 0,
        over=record["state"] == AlertState.CLOSED,
        value=record,
    )


def _raised_at(record: Mapping[str, Any]) -> str:
    return record["raised_at"]


def _grade(record: Mapping[str, Any]) -> int:
    return record["grade"]
