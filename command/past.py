"""Alerts as they were at a moment: which were on the wall, and how far each had come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from command.lifecycle import AlertState, StepAction
from command.models import Alert, AlertStep

_STAMPS = {
    "cause_ended_at": (),
    "escalated_at": (),
    "acknowledged_at": (),
    "disposed_at": ("feedback",),
    "verified_at": (),
    "closed_at": (),
}
"""Times of an alert, and what came to it with each."""


def open_at(alerts: QuerySet[Alert], at: datetime) -> QuerySet[Alert]:
    """Those that had been raised and were not closed."""
    return alerts.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=at), raised_at__lte=at)


def as_they_were(records: dict[int, dict[str, Any]], at: datetime) -> None:
    """Take from records (:func:`command.wire.read_alerts`) what came after ``at``; in place, by id.

    The state is what the log says. Names (of the subject, the area, whom it is assigned to) are those of today.
    """
    assigned: dict[int, int | None] = {}
    for record in records.values():
        record["state"] = AlertState.RAISED.value
        record["due_at"] = None
    steps = AlertStep.objects.filter(alert__in=records, at__lte=at).order_by("pk")
    for step in steps.only("alert_id", "action", "state_after", "detail"):
        records[step.alert_id]["state"] = step.state_after
        records[step.alert_id]["step"] = step.pk
        if step.action == StepAction.ASSIGN:
            assigned[step.alert_id] = step.detail.get("assigned_to")
    moment = at.timestamp()
    for key, record in records.items():
        for stamp, brought in _STAMPS.items():
            if record[stamp] is None or datetime.fromisoformat(record[stamp]).timestamp() <= moment:
                continue
            record[stamp] = None
            for name in brought:
                record[name] = ""
        person = record["assigned_to"]
        if person is not None and assigned.get(key) != person["id"]:
            record["assigned_to"] = None
