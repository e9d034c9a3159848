"""Positions meet rules: what is raised, once, and what ends it; in the transaction that stores them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection, transaction

from command.engine import StreamEngine
from command.models import Alert, AlertStep, PendingCause, RuleSetting
from command.pending import forget_useless
from command.rules import Attribute, Trigger, Verdicts
from command.tests.rulebook import CROWDED, KEY_AREA, SOS, TOO_FAST, district, draw, registry_of, rule
from gis.regions import district_index
from twin.batch import PositionBatch
from twin.history import ensure_partitions
from twin.intake import Intake
from twin.kinds import kind_of
from twin.models import Area, Asset
from twin.observers import Heard

NOON_US = 1_781_000_000_000_000  # 2026-06-09 18:13:20 in Shanghai
S = 1_000_000

pytestmark = pytest.mark.django_db


def batch(rows):
    """Rows of (asset, seconds, lon, status, speed)."""
    n = len(rows)
    asset, at, lon, status, speed = (np.array(column) for column in zip(*rows, strict=True))
    return PositionBatch(
        asset=asset.astype(np.int64),
        device=asset.astype(np.int64),
        kind=np.full(n, 1, np.uint8),
        owner=np.zeros(n, np.int64),
        seq=np.arange(1, n + 1) + (at * 10).astype(np.int64),
        time_us=NOON_US + (at * S).astype(np.int64),
        received_us=NOON_US + (at * S).astype(np.int64),
        lon=lon.astype(np.float64),
        lat=np.full(n, 31.2),
        alt_m=np.full(n, np.nan, np.float32),
        speed_m_s=speed.astype(np.float32),
        heading_deg=np.full(n, np.nan, np.float32),
        accuracy_m=np.full(n, np.nan, np.float32),
        status=status.astype(np.int16),
        source_x=np.full(n, np.nan),
        source_y=np.full(n, np.nan),
        datum=[""] * n,
        attrs=[""] * n,
    )


class Stream:
    """An intake with an engine, on the test's transaction."""

    def __init__(self, *rules):
        self.engine = StreamEngine(registry_of(*rules))
        self.intake = Intake([self.engine])
        self.reload()

    def reload(self, *topics):
        with connection.cursor() as cursor:
            self.intake.load_areas(cursor)
            self.intake.use_regions(district_index())
            self.intake.reload_observers(cursor, set(topics) or set(self.intake.topics))

    def store(self, *rows):
        with connection.cursor() as cursor:
            outcome = self.intake.store(cursor, batch(rows))
        return [record for message in outcome.messages for record in json.loads(message.payload)]

    def hear(self, *events):
        with connection.cursor() as cursor:
            messages = self.intake.heard(cursor, list(events))
        return [record for message in messages for record in json.loads(message.payload)]


@pytest.fixture
def machine(db):
    with connection.cursor() as cursor:
        day = np.datetime64(NOON_US, "us").astype("datetime64[D]").item()
        ensure_partitions(cursor, {kind_of("machine"): {day}})
    return Asset.objects.create(kind="machine", code="W-1", name="焊机").pk


IN, OUT, IDLE, WORKS = 121.5, 121.6, 0, 1


def open_alerts():
    return list(Alert.objects.filter(cause_ended_at=None).values_list("rule", "cause"))


def test_raised_once_while_the_cause_lasts_and_again_after_it(machine):
    area = draw()
    stream = Stream(KEY_AREA)
    assert stream.store((machine, 0, OUT, WORKS, 1)) == []
    (told,) = stream.store((machine, 1, IN, WORKS, 2.5))
    assert (told["rule"], told["state"], told["grade"]) == ("test.working_in_key_area", "raised", 2)
    assert told["asset"] == {"id": machine, "kind": "machine", "code": "W-1", "name": "焊机"}
    assert told["area"] == {"id": area.pk, "kind": "key_area", "name": "化工一区", "version": 1}
    assert (told["lon"], told["lat"], told["evidence"]) == (121.5, 31.2, {"speed_m_s": 2.5})
    assert stream.store((machine, 2, IN, WORKS, 1), (machine, 3, IN, WORKS, 1)) == []
    (told,) = stream.store((machine, 4, IN, IDLE, 0))
    assert told["cause_ended_at"] == "2026-06-09T10:13:24.000Z"
    (again,) = stream.store((machine, 5, IN, WORKS, 1))
    assert again["id"] != told["id"]
    assert again["group"] == told["group"]
    assert [step.action for step in AlertStep.objects.order_by("id")] == ["raised", "cause_ended", "raised"]


def test_what_happened_between_two_reports_of_one_batch_is_not_lost(machine):
    draw()
    stream = Stream(KEY_AREA)
    stream.store((machine, 0, OUT, WORKS, 1), (machine, 1, IN, WORKS, 1), (machine, 2, OUT, WORKS, 1))
    alert = Alert.objects.get()
    assert (alert.cause_ended_at - alert.raised_at).total_seconds() == 1
    stream.store((machine, 3, IN, WORKS, 1))
    assert len(open_alerts()) == 1


def test_several_areas_and_machines_are_causes_of_their_own(machine):
    near, far = draw(), draw("化工二区")
    other = Asset.objects.create(kind="machine", code="W-2", name="焊机").pk
    stream = Stream(KEY_AREA)
    told = stream.store((machine, 0, IN, WORKS, 1), (other, 0, IN, WORKS, 1))
    causes = {(a, z.pk) for a in (machine, other) for z in (near, far)}
    assert {(t["asset"]["id"], t["area"]["id"]) for t in told} == causes
    assert len({t["group"] for t in told}) == 2
    assert len(stream.store((machine, 1, OUT, WORKS, 1))) == 2
    assert len(open_alerts()) == 2


def test_a_batch_that_was_rolled_back_raises_once_when_tried_again(machine):
    draw()
    stream = Stream(KEY_AREA)
    rows = [(machine, 0, IN, WORKS, 1)]
    with pytest.raises(RuntimeError), transaction.atomic():
        assert len(stream.store(*rows)) == 1
        raise RuntimeError("the database went away")
    assert not Alert.objects.exists()
    stream.intake.forget()
    assert len(stream.store(*rows)) == 1
    stream.intake.forget()
    assert stream.store(*rows) == []
    assert stream.store((machine, 1, IN, WORKS, 1)) == []
    assert Alert.objects.count() == 1


def test_two_processes_raise_one(machine):
    draw()
    one, other = Stream(KEY_AREA), Stream(KEY_AREA)
    one.store((machine, 0, OUT, WORKS, 1))
    other.store((machine, 1, OUT, WORKS, 1))
    assert len(one.store((machine, 2, IN, WORKS, 1))) == 1
    assert other.store((machine, 3, IN, WORKS, 1)) == []
    assert Alert.objects.count() == 1


def test_parameters_of_the_desk_are_in_force_and_kept_with_the_alert(machine):
    stream = Stream(TOO_FAST)
    assert stream.store((machine, 0, OUT, WORKS, 15)) == []
    RuleSetting.objects.create(rule=TOO_FAST.id, parameters={"limit_m_s": 10})
    stream.reload("rules")
    assert len(stream.store((machine, 1, OUT, WORKS, 15))) == 1
    alert = Alert.objects.get()
    assert (alert.rule_version, alert.parameters, alert.evidence) == (
        1,
        {"limit_m_s": 10.0, "hold_s": 0},
        {"speed_m_s": 15.0},
    )


def test_periods_of_rule_and_area_are_those_of_the_row(machine):
    evening = [{"kind": "daily", "start": "18:00", "end": "18:30"}]
    draw(periods=evening)
    stream = Stream(KEY_AREA, replace(TOO_FAST, periods=tuple(evening)))
    assert len(stream.store((machine, 0, IN, WORKS, 50))) == 2
    # A quarter past ten at night, still there, still fast: neither is in force any more.
    assert len(stream.store((machine, 4 * 3600, IN, WORKS, 50))) == 2
    assert open_alerts() == []


def test_periods_nobody_can_read_leave_the_area_in_force_and_the_rule_failed(machine):
    area = draw()
    Area.objects.filter(pk=area.pk).update(periods=["夜间"])
    RuleSetting.objects.create(rule=TOO_FAST.id, periods=["夜间"])
    stream = Stream(KEY_AREA, TOO_FAST)
    told = stream.store((machine, 0, IN, WORKS, 50))
    assert {t["rule"] for t in told} == {KEY_AREA.id, "command.rule_failed"}


def test_regions_and_kinds_limit_a_rule(machine):
    west, _east = district(), district("310115", "浦东新区", lon=122.5)
    person = Asset.objects.create(kind="person", code="P-1", name="人").pk
    RuleSetting.objects.create(rule=TOO_FAST.id, regions=[west.code])
    stream = Stream(replace(TOO_FAST, kinds=("machine",)))
    rows = batch([(machine, 0, 121.5, WORKS, 50), (person, 0, 121.5, WORKS, 50)])
    rows.kind[1] = kind_of("person").code
    with connection.cursor() as cursor:
        ensure_partitions(cursor, {kind_of("person"): {np.datetime64(NOON_US, "us").astype("datetime64[D]").item()}})
        stream.intake.store(cursor, rows)
    assert Alert.objects.get().region == west
    stream.store((machine, 1, 122.5, WORKS, 50))
    assert open_alerts() == []


def test_an_area_drawn_or_deleted_while_running(machine):
    stream = Stream(KEY_AREA)
    stream.store((machine, 0, IN, WORKS, 1))
    area = draw()
    stream.reload("areas")
    assert len(stream.store((machine, 1, IN, WORKS, 1))) == 1
    area.delete()  # and the ingest has not heard of it yet
    stream.store((machine, 2, IN, WORKS, 1), (machine, 3, OUT, WORKS, 1))
    alert = Alert.objects.get()
    assert (alert.area, alert.subject) == (None, "焊机 W-1")
    assert alert.cause_ended_at is not None


def broken(facts, p):
    raise ZeroDivisionError("half a thought")


def nonsense(facts, p):
    return Verdicts.of_rows([len(facts)])


def unheard(facts, p):
    return Verdicts.of_rows([0], facts.areas.id[:1], note=["\0"])


def halved(facts, p):
    return Verdicts.of_rows([0], facts.areas.id[:1], note=["\ud800"])


def speechless(facts, p):
    return None


@pytest.mark.parametrize("fault", [broken, nonsense, unheard, halved, speechless])
def test_a_rule_that_throws_raises_an_alert_about_itself_and_ends_nothing(machine, fault):
    def fickle(facts, p):
        return fault(facts, p) if faulty else TOO_FAST.judge(facts, {"limit_m_s": 1})

    area = draw()
    faulty = False
    stream = Stream(rule(fickle), KEY_AREA)
    stream.store((machine, 0, OUT, WORKS, 5))
    assert open_alerts() == [("test.fickle", f"asset:{machine}")]
    faulty = True
    told = stream.store((machine, 1, IN, WORKS, 0))
    assert {t["rule"] for t in told} == {"command.rule_failed", "test.working_in_key_area"}
    assert next(t for t in told if t["rule"] == "command.rule_failed")["grade"] == 2
    assert stream.store((machine, 2, IN, WORKS, 0)) == []
    assert len(open_alerts()) == 3
    faulty = False
    stream.engine._failures._at["test.fickle"] -= 100
    stream.store((machine, 3, IN, WORKS, 0))
    assert open_alerts() == [(KEY_AREA.id, f"asset:{machine}/area:{area.pk}")]


def test_a_module_table_that_cannot_be_read_stops_only_its_rules(machine):
    known = {}

    def load():
        if not known:
            raise RuntimeError("no such table")
        return known

    limit = Attribute("test.limit", "asset", load, ("machines",))

    def over_own_limit(facts, p):
        return Verdicts.of_rows(np.flatnonzero(facts.speed_m_s > facts.numbers("test.limit")))

    stream = Stream(rule(over_own_limit, attributes=(limit,)), TOO_FAST)
    assert {t["rule"] for t in stream.store((machine, 0, OUT, WORKS, 50))} == {"command.rule_failed", "test.too_fast"}
    known[machine] = 10
    stream.reload("machines")
    assert {t["rule"] for t in stream.store((machine, 1, OUT, WORKS, 50))} == {"test.over_own_limit"}


def test_a_setting_that_no_longer_fits_its_rule_fails_closed(machine):
    stream = Stream(TOO_FAST)
    stream.store((machine, 0, OUT, WORKS, 50))
    RuleSetting.objects.create(rule=TOO_FAST.id, parameters={"of_old": 1})
    stream.reload("rules")
    assert [t["rule"] for t in stream.store((machine, 1, OUT, WORKS, 0))] == ["command.rule_failed"]
    assert (TOO_FAST.id, f"asset:{machine}") in open_alerts()
    RuleSetting.objects.update(parameters={}, enabled=False)
    stream.reload("rules")
    assert TOO_FAST.id in {t["rule"] for t in stream.store((machine, 2, OUT, WORKS, 0))}


def test_events_raise_until_they_are_disposed(machine):
    stream = Stream(SOS)
    stream.store((machine, 0, IN, IDLE, 0))
    press = Heard(machine, NOON_US + S, "sos", "", {})
    again, battery = press._replace(time_us=NOON_US + 2 * S), press._replace(code="battery")
    told = stream.hear(press, again, battery, Heard(10**9, 1, "sos", "", {}))
    assert [(t["rule"], t["lon"]) for t in told] == [("test.sos", 121.5)]
    assert stream.hear(press._replace(time_us=NOON_US + 3 * S)) == []
    # Disposed: the cause is over, and the next press is another alert.
    Alert.objects.update(cause_ended_at="2026-06-10T00:00Z")
    stream.reload("causes")
    assert len(stream.hear(press._replace(time_us=NOON_US + 4 * S))) == 1


def test_present_rules_are_not_asked_about_batches(machine):
    assert Stream(CROWDED).store((machine, 0, IN, WORKS, 1)) == []
    assert Stream(SOS).engine._registry.on(Trigger.POSITIONS) == []


def test_what_must_last_survives_a_worker_and_late_data_do_not_disturb_it(machine):
    area = draw()
    RuleSetting.objects.create(rule=KEY_AREA.id, parameters={"hold_s": 30})

    def fresh():
        return Stream(KEY_AREA)  # a worker that starts and knows what the database says

    stream = fresh()
    assert stream.store((machine, 100, IN, WORKS, 1)) == []
    assert stream.store((machine, 110, OUT, WORKS, 1)) == []
    assert not PendingCause.objects.exists()
    assert stream.store((machine, 120, IN, WORKS, 1)) == []
    waits = PendingCause.objects.get()
    assert (waits.asset_id, waits.area_id, waits.coming) == (machine, area.pk, True)
    stream = fresh()
    # What happened before is told only now: it was somewhere else. History, and no news.
    assert stream.store((machine, 115, OUT, WORKS, 1)) == []
    assert stream.store((machine, 149, IN, WORKS, 1)) == []
    (told,) = stream.store((machine, 150, IN, WORKS, 2.5))
    assert (told["raised_at"], told["evidence"]) == ("2026-06-09T10:15:50.000Z", {"speed_m_s": 2.5, "held_s": 30})
    assert not PendingCause.objects.exists()

    assert stream.store((machine, 160, OUT, WORKS, 1), (machine, 170, IN, WORKS, 1)) == []  # gone too short a time
    assert stream.store((machine, 180, OUT, WORKS, 1)) == []
    assert not PendingCause.objects.get().coming
    stream = fresh()
    (told,) = stream.store((machine, 200, OUT, WORKS, 1), (machine, 211, OUT, WORKS, 1))
    assert told["cause_ended_at"] == "2026-06-09T10:16:51.000Z"
    assert (Alert.objects.count(), PendingCause.objects.count()) == (1, 0)


def test_what_waited_begins_anew_when_the_rule_is_set_otherwise(machine):
    draw()
    setting = RuleSetting.objects.create(rule=KEY_AREA.id, parameters={"hold_s": 30})
    stream = Stream(KEY_AREA)
    stream.store((machine, 0, IN, WORKS, 1))
    setting.parameters = {"hold_s": 20}
    setting.save()
    stream.reload("rules")
    assert stream.store((machine, 40, IN, WORKS, 1)) == []
    with pytest.raises(RuntimeError), transaction.atomic():  # and a batch that is rolled back counts for nothing
        assert len(stream.store((machine, 60, IN, WORKS, 1))) == 1
        raise RuntimeError("the database went away")
    stream.intake.forget()
    (told,) = stream.store((machine, 61, IN, WORKS, 1))
    assert (told["rule_version"], told["evidence"]["held_s"]) == (2, 21)
    with connection.cursor() as cursor:
        stream.store((machine, 62, OUT, WORKS, 1))
        forget_useless(cursor, {KEY_AREA.id: 2})
        assert PendingCause.objects.count() == 1
        forget_useless(cursor, {KEY_AREA.id: 3})
        assert not PendingCause.objects.exists()
