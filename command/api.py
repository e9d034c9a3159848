"""Alerts over HTTP: lists, one with its log, and what people do to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from django.db import connection
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.params import Path
from pydantic import Field

from access.models import User
from access.scope import scope_of
from command import lifecycle
from command.exceptions import CommandError, NotAllowedError, TransitionError
from command.lifecycle import MOST_TEXT_CHARS, AlertAction, AlertState, StepAction, actions_for, advance
from command.models import Alert
from command.past import as_they_were, open_at
from command.seen import picture_of
from command.wire import read_alerts, spoken, spoken_parameters

router = Router(tags=["alerts"])

MOST_ALERTS = 500
MOST_ASKED = 200
STATUS = {NotAllowedError: 403, TransitionError: 409}
"""HTTP status of what can go wrong."""


class AlertFilter(Schema):
    """Which alerts. ``open``: not closed; ``since``: raised at or after this time.

    ``at`` (milliseconds since 1970 UTC): those that had been raised and not closed then, as they were then, whatever
    ``state`` says.
    """

    at: float | None = Field(None, ge=0, lt=1e14)
    state: Literal["open", "all", "raised", "acknowledged", "disposed", "verified", "closed"] = "open"
    since: datetime | None = None
    until: datetime | None = None
    rule: str = ""
    grade: int | None = None
    asset: int | None = None
    area: int | None = None
    group: str = ""
    limit: int = Field(100, ge=1, le=MOST_ALERTS)


class ActionIn(Schema):
    """What is done: ``text`` to dispose and to return, ``assign_to`` (key of a user) to assign."""

    text: str = Field("", max_length=MOST_TEXT_CHARS)
    assign_to: int | None = None


@router.get("/alerts")
def alerts(request: HttpRequest, wanted: Query[AlertFilter]) -> dict[str, Any]:
    """Alerts in scope, the newest first: ``{"alerts": […], "truncated": bool}``."""
    found = _within(request)
    at = None if wanted.at is None else datetime.fromtimestamp(wanted.at / 1000, UTC)
    if at is not None:
        found = open_at(found, at)
    elif wanted.state == "open":
        found = found.exclude(state=AlertState.CLOSED)
    elif wanted.state != "all":
        found = found.filter(state=wanted.state)
    conditions = {
        "raised_at__gte": wanted.since,
        "raised_at__lt": wanted.until,
        "rule": wanted.rule or None,
        "grade": wanted.grade,
        "asset_id": wanted.asset,
        "area_id": wanted.area,
        "group_key": wanted.group or None,
    }
    found = found.filter(**{name: value for name, value in conditions.items() if value is not None})
    ids = list(found.order_by("-raised_at", "-id").values_list("pk", flat=True)[: wanted.limit + 1])
    with connection.cursor() as cursor:
        records = {record["id"]: record for record in read_alerts(cursor, ids[: wanted.limit])}
    if at is not None:
        as_they_were(records, at)
    told = [spoken(records[key]) for key in ids[: wanted.limit] if key in records]
    return {"alerts": told, "truncated": len(ids) > wanted.limit}


@router.get("/alerts/{int:alert_id}")
def alert(request: HttpRequest, alert_id: Path[int]) -> dict[str, Any]:
    """One alert with ``parameters``, its log ``steps`` and the ``actions`` that the user may take now."""
    return _whole(request, get_object_or_404(_within(request), pk=alert_id))


@router.get("/alerts/{int:alert_id}/assignees")
def assignees(request: HttpRequest, alert_id: Path[int], q: Query[str] = "") -> dict[str, Any]:
    """People in the user's scope to whom an alert can be assigned: ``{"users": [{"id", "name"}, …]}``, at most 20."""
    found = get_object_or_404(_within(request), pk=alert_id)
    if AlertAction.ASSIGN not in actions_for(found, _user(request)):
        return {"users": []}
    people = lifecycle.assignees(_user(request)).filter(display_name__icontains=q[:80])
    able = [user for user in people[:MOST_ASKED] if found.inside(scope_of(user))]
    return {"users": [{"id": user.pk, "name": user.display_name or user.username} for user in able[:20]]}


@router.post("/alerts/{int:alert_id}/{str:action}")
def act(request: HttpRequest, alert_id: Path[int], action: Path[AlertAction], done: ActionIn) -> Any:
    """Do something to an alert; answers with the alert. 403: not allowed, 409: not in its present state."""
    get_object_or_404(_within(request), pk=alert_id)
    assign_to = None
    if done.assign_to is not None:
        assign_to = get_object_or_404(User.objects.filter(is_active=True), pk=done.assign_to)
    try:
        changed = advance(alert_id, action, _user(request), text=done.text, assign_to=assign_to)
    except Alert.DoesNotExist:
        raise Http404 from None
    except CommandError as error:
        return JsonResponse({"detail": str(error)}, status=STATUS[type(error)])
    return _whole(request, changed)


def _within(request: HttpRequest) -> Any:
    """Alerts the user may see; others are not found, so that nobody learns what happens elsewhere."""
    return Alert.objects.within(scope_of(_user(request)))


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


def _whole(request: HttpRequest, found: Alert) -> dict[str, Any]:
    with connection.cursor() as cursor:
        (record,) = read_alerts(cursor, [found.pk])
    steps = [
        {
            "at": step.at,
            "action": step.action,
            "action_name": StepAction(step.action).label,
            "by": step.by_name,
            "state": step.state_after,
            "text": step.text,
        }
        for step in found.steps.all()
    ]
    able = actions_for(found, _user(request))
    return {
        **spoken(record),
        "parameters": spoken_parameters(found.rule, found.parameters, found.evidence),
        "picture": picture_of(found),
        "steps": steps,
        "actions": [{"key": action.value, "name": StepAction(action.value).label} for action in able],
    }
