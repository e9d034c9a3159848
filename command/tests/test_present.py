"""What the rules process does: judges the present, sweeps, escalates, tells listeners, one process at a time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from command import events
from command.declarations import Attribute
from command.events import register_alert_listener, tell_listeners
from command.models import Alert, AlertStep, RuleSetting
from command.present import REST, PresentEngine
from command.rules import Trigger, Verdicts, registry
from command.runner import RulesRunner
from command.silent import SILENT
from command.tests.rulebook import CROWDED, KEY_AREA, SOS, TOO_FAST, draw, registry_of, rule
from devices.tests.broker import running_mosquitto, wait_for
from twin.models import Asset, Presence, State

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def person(number, at=None, **state):
    asset = Asset.objects.create(kind="person", code=f"P-{number}", name="张")
    state = {"ts": timezone.now(), "received_at": timezone.now(), "lon": 121.5, "lat": 31.2, "status": 0, **state}
    State.objects.create(asset=asset, **state)
    if at is not None:
        Presence.objects.create(asset=asset, area=at, since=timezone.now())
    return asset


def set_rule(rule, **fields):
    RuleSetting.objects.update_or_create(rule=rule.id, defaults=fields)


class Round:
    """An engine that is asked by hand."""

    def __init__(self, *rules):
        self.engine = PresentEngine(registry_of(*rules))
        self.load()

    def load(self):
        with connection.cursor() as cursor:
            self.engine.knowledge.load(cursor, self.engine.knowledge.topics)

    def __call__(self, work=None):
        with connection.cursor() as cursor:
            if work is not None:
                return getattr(self.engine, work)(cursor)
            return self.engine.judge(cursor, self.engine._registry.on(Trigger.PRESENT))


def test_an_area_is_a_subject(db):
    zone = draw("一区", "zone")
    for number in range(3):
        person(number, zone)
    engine = Round(CROWDED)
    (key,) = engine()
    alert = Alert.objects.get(pk=key)
    assert (alert.asset, alert.area, alert.subject, alert.evidence) == (None, zone, "一区", {"people": 3})
    assert (round(alert.lon, 2), round(alert.lat, 2)) == (121.5, 31.2)
    assert engine() == []
    Presence.objects.filter(asset__code="P-0").delete()
    assert engine() == [key]
    assert Alert.objects.get().cause_ended_at is not None


def test_silence_is_told_where_it_is_switched_on(db):
    quiet = person(1, ts=timezone.now() - timedelta(minutes=6))
    person(2)
    engine = Round(SILENT)
    assert engine() == []
    set_rule(SILENT, enabled=True)
    engine.load()
    engine()
    assert Alert.objects.get().asset == quiet
    State.objects.filter(asset=quiet).update(ts=timezone.now())
    engine()
    assert Alert.objects.get().cause_ended_at is not None


def test_a_rule_that_throws_keeps_what_it_raised(db):
    faulty = False

    def fickle(facts, p):
        if faulty:
            raise RuntimeError("no")
        return Verdicts.of_rows([0])

    person(1)
    engine = Round(rule(fickle, Trigger.PRESENT), SILENT)
    engine()
    faulty = True
    engine()
    engine()
    assert sorted(Alert.objects.filter(cause_ended_at=None).values_list("rule", flat=True)) == [
        "command.rule_failed",
        "test.fickle",
    ]


def test_out_of_its_period_nothing_holds(db):
    person(1, ts=timezone.now() - timedelta(hours=1))
    set_rule(SILENT, enabled=True)
    engine = Round(SILENT)
    engine()
    assert Alert.objects.filter(cause_ended_at=None).count() == 1
    set_rule(SILENT, enabled=True, periods=[{"kind": "dated", "first": "2020-01-01", "last": "2020-01-01"}])
    engine.load()
    engine()
    assert not Alert.objects.filter(cause_ended_at=None).exists()


def test_causes_nobody_can_judge_any_more_are_swept(town, rulebook):
    area = draw()
    kept = town.alert(KEY_AREA)
    gone, drawn, gone_rule, off = (town.alert(KEY_AREA), town.alert(KEY_AREA), town.alert(SOS), town.alert(TOO_FAST))
    Asset.objects.filter(pk=gone.asset_id).update(active=False)
    Alert.objects.filter(pk=drawn.pk).update(area=area, cause=f"asset:{drawn.asset_id}/area:{area.pk}")
    area.active = False
    area.save()
    set_rule(TOO_FAST, enabled=False)
    engine = Round(KEY_AREA, TOO_FAST)
    assert set(engine("sweep")) == {gone.pk, drawn.pk, gone_rule.pk, off.pk}
    assert list(Alert.objects.filter(cause_ended_at=None)) == [kept]
    assert engine("sweep") == []


def test_what_is_late_is_escalated_once(town):
    late = town.alert(KEY_AREA, due_at=timezone.now() - timedelta(seconds=1))
    town.alert(KEY_AREA)
    town.alert(KEY_AREA, due_at=timezone.now() - timedelta(seconds=1), state="closed")
    engine = Round(KEY_AREA)
    assert engine("escalate") == [late.pk]
    assert engine("escalate") == []
    late.refresh_from_db()
    assert late.escalated_at is not None
    assert AlertStep.objects.filter(alert=late).last().action == "escalated"


def test_of_things_that_cannot_be_subjects_nothing_is_read(db):
    met = []

    def listed(facts, p):
        met.append(facts.asset.tolist())
        return Verdicts.of_rows(range(len(facts)))

    people = [person(number, draw(f"{number}区", "zone")) for number in range(3)]
    values = {people[1].pk: "名单"}
    names = Attribute("test.names", "asset", lambda: values, ("assets",))
    listed_rule = rule(listed, Trigger.PRESENT, kinds=("person",), attributes=(names,), only_with=names)
    engine = PresentEngine(registry_of(listed_rule))
    with connection.cursor() as cursor:
        engine.knowledge.load(cursor, engine.knowledge.topics)
        facts = engine.facts(cursor, [listed_rule])
        assert (facts.asset.tolist(), len(facts.inside_row)) == ([people[1].pk], 1)
        # Beside a rule about everybody, it still is asked about its own subjects only.
        assert len(engine.facts(cursor, [listed_rule, CROWDED]).asset) == 3
        engine.judge(cursor, [listed_rule, CROWDED])
    assert met == [[people[1].pk]]
    assert Alert.objects.get().asset_id == people[1].pk


def test_a_round_that_takes_long_is_followed_by_a_rest(db, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("command.present.time.monotonic", lambda: clock[0])

    def slow(facts, p):
        clock[0] += 3
        asked.append(clock[0])
        return Verdicts.none()

    asked: list[float] = []
    engine = PresentEngine(registry_of(rule(slow, Trigger.PRESENT, every_s=1)))
    with connection.cursor() as cursor:
        engine.knowledge.load(cursor, engine.knowledge.topics)
        for clock[0] in (100.0, 104.0, 103.0 + REST * 3):
            engine.round(cursor)
    assert asked == [103.0, 118.0]


def test_listeners_hear_every_step_once_and_again_where_they_failed(town, monkeypatch):
    monkeypatch.setattr(events, "_listeners", [])
    heard = []
    failing = True

    @register_alert_listener
    def note(step):
        heard.append((step.alert.subject, step.action))
        if failing and step.alert_id == second.pk:
            raise RuntimeError("no work orders today")

    first, second = town.alert(KEY_AREA), town.alert(SOS)
    assert tell_listeners() == 1
    failing = False
    assert tell_listeners() == 1
    assert tell_listeners() == 0
    assert [subject for subject, _ in heard] == [first.subject, second.subject, second.subject]


@pytest.mark.django_db(transaction=True)
def test_two_processes_one_works_and_the_other_takes_over(tmp_path, settings, monkeypatch, rulebook):
    """Told at once of what changes: a rule switched on at the desk is in force within a tick."""
    person(1, ts=timezone.now() - timedelta(hours=1))
    monkeypatch.setitem(registry._rules, SILENT.id, replace(SILENT, every_s=1))
    with running_mosquitto(tmp_path) as broker:
        settings.MQTT_URL = f"mqtt://platform:x@127.0.0.1:{broker.port}"
        runners = [RulesRunner(), RulesRunner()]
        threads = [threading.Thread(target=runner.run) for runner in runners]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: any(runner._holding for runner in runners))
            working = next(runner for runner in runners if runner._holding)
            set_rule(SILENT, enabled=True)
            wait_for(lambda: Alert.objects.filter(rule=SILENT.id).exists())
            wait_for(lambda: not AlertStep.objects.filter(told=False).exists())
            assert sum(runner._holding for runner in runners) == 1
            working.stop()
            other = next(runner for runner in runners if runner is not working)
            wait_for(lambda: other._holding)
            State.objects.update(ts=timezone.now())
            wait_for(lambda: Alert.objects.get().cause_ended_at is not None)
        finally:
            for runner in runners:
                runner.stop()
            for thread in threads:
                thread.join(10)
