"""The life of an alert: every listed step, no other, by whoever may."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from access.models import Grant
from command.exceptions import NotAllowedError, TransitionError
from command.lifecycle import TRANSITIONS, AlertAction, AlertState, actions_for, advance
from command.models import Alert, AlertStep
from command.tests.rulebook import KEY_AREA, SOS, TOO_FAST

pytestmark = pytest.mark.django_db
A, S = AlertAction, AlertState


def do(alert, action, user, text="已停止作业", **fields):
    return advance(alert.pk, action, user, text=text, **fields)


def test_from_raised_to_closed_with_every_step_logged(town):
    alert = town.alert(KEY_AREA, owner=town.firms["西厂"], region=town.west)
    west, city = town.users["west"], town.users["city"]
    assert alert.due_at is not None
    do(alert, A.ASSIGN, west, assign_to=town.users["firm"])
    do(alert, A.ACKNOWLEDGE, west, text="")
    do(alert, A.DISPOSE, west, text=" 已撤离 ")
    done = do(alert, A.VERIFY, city)
    assert done.cause_ended_at is None
    done = do(alert, A.CLOSE, city)
    assert (done.state, done.feedback, done.assigned_to) == (S.CLOSED, "已撤离", town.users["firm"])
    assert (done.acknowledged_by, done.disposed_by, done.verified_by, done.closed_by) == (west, west, city, city)
    assert done.cause_ended_at is not None
    assert done.due_at is None
    steps = AlertStep.objects.filter(alert=alert).order_by("id").values_list("action", "by_name", "state_after")
    assert list(steps) == [
        ("raised", "", "raised"),
        ("assign", "west", "raised"),
        ("acknowledge", "west", "acknowledged"),
        ("dispose", "west", "disposed"),
        ("verify", "city", "verified"),
        ("close", "city", "closed"),
    ]


@pytest.mark.parametrize(("state", "action"), list(itertools.product(AlertState, AlertAction)))
def test_every_step_that_is_not_listed_raises_and_changes_nothing(town, state, action):
    alert = town.alert(KEY_AREA, region=town.west, state=state)
    city = town.users["city"]
    if (state, action) in TRANSITIONS:
        assert do(alert, action, city, assign_to=city).state == TRANSITIONS[state, action]
        assert action in actions_for(alert, city)
        return
    assert action not in actions_for(alert, city)
    with pytest.raises(TransitionError):
        do(alert, action, city, assign_to=city)
    assert Alert.objects.get().state == state
    assert AlertStep.objects.count() == 1


def test_the_disposer_does_not_verify_and_somebody_else_may_send_it_back(town):
    alert = town.alert(KEY_AREA, region=town.west, state=S.ACKNOWLEDGED)
    west, city = town.users["west"], town.users["city"]
    do(alert, A.DISPOSE, west)
    with pytest.raises(NotAllowedError, match="不能是处置人本人"):
        do(alert, A.VERIFY, west)
    assert A.VERIFY not in actions_for(Alert.objects.get(), west)
    back = do(alert, A.RETURN, city, text="现场仍有明火")
    assert (back.state, back.due_at is None) == (S.ACKNOWLEDGED, False)
    do(alert, A.DISPOSE, city)
    do(alert, A.VERIFY, west)


@pytest.mark.parametrize(
    ("action", "state", "fields", "said"),
    [
        (A.DISPOSE, S.ACKNOWLEDGED, {"text": "  "}, "请填写"),
        (A.RETURN, S.DISPOSED, {"text": ""}, "请填写"),
        (A.DISPOSE, S.ACKNOWLEDGED, {"text": "长" * 2001}, "最多 2000"),
        (A.ASSIGN, S.RAISED, {}, "只能指派"),
    ],
)
def test_what_is_missing_is_said(town, action, state, fields, said):
    alert = town.alert(KEY_AREA, region=town.west, state=state)
    with pytest.raises(TransitionError, match=said):
        do(alert, action, town.users["city"], **fields)


def test_nobody_is_assigned_what_they_cannot_see(town):
    alert = town.alert(KEY_AREA, owner=town.firms["西厂"], region=town.west)
    with pytest.raises(TransitionError, match="只能指派"):
        do(alert, A.ASSIGN, town.users["west"], assign_to=town.users["east"])


@pytest.mark.parametrize(
    ("who", "may"),
    [("city", True), ("west", True), ("east", False), ("firm", False), ("planner", False), ("nobody", False)],
)
def test_dispatching_there_is_needed(town, who, may):
    alert = town.alert(KEY_AREA, owner=town.firms["西厂"], region=town.west)
    assert (A.ACKNOWLEDGE in actions_for(alert, town.users[who])) == may
    if not may:
        with pytest.raises(NotAllowedError):
            do(alert, A.ACKNOWLEDGE, town.users[who])
        assert Alert.objects.get().state == S.RAISED


def test_where_it_happened_and_whose_it_is_both_answer(town):
    alert = town.alert(KEY_AREA, owner=town.firms["西厂"], region=town.east)
    for who in ("west", "east"):
        assert A.ACKNOWLEDGE in actions_for(alert, town.users[who])


def test_a_named_role_disposes_and_no_other(town, rulebook):
    rulebook[KEY_AREA.id] = replace(KEY_AREA, disposer_role="enterprise")
    alert = town.alert(KEY_AREA, owner=town.firms["西厂"], region=town.west, state=S.ACKNOWLEDGED)
    with pytest.raises(NotAllowedError, match="须由“企业”处置"):
        do(alert, A.DISPOSE, town.users["city"])
    town.employ(stranger=("enterprise", {"organization": town.firms["东厂"]}))
    stranger = town.users["stranger"]
    with pytest.raises(NotAllowedError):
        do(alert, A.DISPOSE, stranger)
    do(alert, A.DISPOSE, town.users["firm"])
    Grant.objects.create(user=town.users["firm"], role="dispatcher")
    with pytest.raises(NotAllowedError, match="本人"):
        do(alert, A.VERIFY, town.users["firm"])
    do(alert, A.VERIFY, town.users["west"])


def test_an_event_is_over_when_it_was_disposed(town):
    for rule, over in ((SOS, True), (TOO_FAST, False)):
        alert = town.alert(rule, region=town.west, state=S.ACKNOWLEDGED)
        assert (do(alert, A.DISPOSE, town.users["west"]).cause_ended_at is not None) == over


def test_without_its_module_an_alert_can_still_be_worked_on(town, rulebook):
    alert = town.alert(KEY_AREA, region=town.west)
    del rulebook[KEY_AREA.id]
    assert do(alert, A.ACKNOWLEDGE, town.users["west"]).due_at is None
    assert Alert.objects.get().title == KEY_AREA.id
