"""Alerts as what an annotation is about (:mod:`twin.annotations.subjects`)."""

from __future__ import annotations

from access.models import User
from access.scope import scope_of
from command.models import Alert
from command.rules import registry
from twin.annotations.subjects import MOST_FOUND

MOST_LOOKED_AT = 300
"""Alerts that a search by name looks at: the newest."""


def _said(alert: Alert) -> str:
    return f"{registry.title_of(alert.rule)} · {alert.subject}"


def alert_title(user: User, key: str) -> str | None:
    """Of an alert."""
    found = Alert.objects.within(scope_of(user)).filter(pk=key).first() if key.isdecimal() else None
    return None if found is None else _said(found)


def find_alerts(user: User, text: str) -> list[tuple[str, str]]:
    """Alerts by what a page calls them, or by number; the newest first."""
    newest = Alert.objects.within(scope_of(user)).order_by("-raised_at", "-pk")[:MOST_LOOKED_AT]
    named = ((str(alert.pk), _said(alert)) for alert in newest)
    found = [(key, title) for key, title in named if text.casefold() in title.casefold() or text == key]
    return found[:MOST_FOUND]
