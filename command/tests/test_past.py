"""Alerts as they were: which were open at a moment, how far each had come, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from command.models import Alert, AlertStep
from command.tests.people import NOW_US
from command.tests.rulebook import KEY_AREA, TOO_FAST

pytestmark = pytest.mark.django_db
RAISED = datetime.fromtimestamp(NOW_US / 1e6, UTC)


def after(minutes):
    return RAISED + timedelta(minutes=minutes)


def seen(town, who, minutes, **more):
    answer = town.client(who).get("/api/v1/alerts", {"at": after(minutes).timestamp() * 1000, **more})
    assert answer.status_code == 200, answer.content
    return {alert["id"]: alert for alert in answer.json()["alerts"]}


@pytest.fixture
def closed(town):
    """Raised, acknowledged after 1 minute, disposed after 2, sent back after 3, closed after 10; assigned after 4."""
    alert = town.alert(
        KEY_AREA, owner=town.firms["西厂"], region=town.west, state="closed", acknowledged_at=after(1),
        disposed_at=after(5), closed_at=after(10), feedback="已处置", assigned_to=town.users["west"],
        cause_ended_at=after(6),
    )  # fmt: skip
    AlertStep.objects.filter(alert=alert).update(at=RAISED)
    for minutes, action, state in (
        (1, "acknowledge", "acknowledged"), (2, "dispose", "disposed"), (3, "return", "acknowledged"),
        (4, "assign", "acknowledged"), (5, "dispose", "disposed"), (10, "close", "closed"),
    ):  # fmt: skip
        detail = {"assigned_to": town.users["west"].pk} if action == "assign" else {}
        step = AlertStep.objects.create(alert=alert, action=action, state_after=state, detail=detail)
        AlertStep.objects.filter(pk=step.pk).update(at=after(minutes))
    return alert


@pytest.mark.parametrize(
    ("minutes", "state"),
    [(0, "raised"), (1.5, "acknowledged"), (2.5, "disposed"), (3.5, "acknowledged"), (9, "disposed")],
)
def test_an_alert_is_as_far_as_it_was(town, closed, minutes, state):
    then = seen(town, "city", minutes)[closed.pk]
    assert then["state"] == state
    assert then["closed_at"] is None
    assert (then["feedback"] == "已处置") == (minutes > 5)
    assert (then["assigned_to"] is not None) == (minutes > 4)
    assert (then["cause_ended_at"] is not None) == (minutes > 6)


def test_before_it_was_raised_and_after_it_was_closed_it_is_not_there(town, closed):
    assert [len(seen(town, "city", minutes)) for minutes in (-1, 5, 10, 11)] == [0, 1, 0, 0]
    assert list(seen(town, "city", 5, state="closed")) == [closed.pk]


@pytest.mark.parametrize(("who", "count"), [("city", 2), ("west", 1), ("east", 1), ("firm", 1), ("nobody", 0)])
def test_the_past_is_in_scope_too(town, closed, who, count):
    town.alert(TOO_FAST, owner=town.firms["东厂"], region=town.east)
    found = seen(town, who, 5)
    assert len(found) == count
    assert (closed.pk in found) == (who in ("city", "west", "firm"))
    assert Alert.objects.count() == 2


@pytest.mark.parametrize("at", ["x", "nan", "-1", "1e300"])
def test_no_moment_is_refused(town, at):
    assert town.client("city").get("/api/v1/alerts", {"at": at}).status_code == 422
