"""Rules of hot work, on facts made by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from command.tests.by_hand import NOW_US, causes, facts
from layers.hotwork.attributes import Forbidden
from layers.hotwork.rules import CONFIRMED_WORK, FORBIDDEN_PERIOD, KEY_AREA_ENTRY, KEY_AREA_WORK, RULES
from twin.kinds import MACHINE, Status
from twin.periods import CITY_TIME, read_periods

KEY, FENCE = 7, 8
AREAS = {KEY: {"kind": "key_area"}, FENCE: {"kind": "fence"}}
IDLE, WORKING, OFF = Status.IDLE, Status.WORKING, Status.OFF
SECOND = 1_000_000


def judged(rule, given, **parameters):
    return rule.judge(given, rule.settled(parameters))


def given(*subjects, areas=AREAS, periods=None, hours=None, confirmed=None):
    return facts(
        *subjects,
        kind=MACHINE.code,
        areas=areas,
        hotwork__welder={1: "王伟"},
        hotwork__important_periods=dict.fromkeys(range(1, 10), periods) if periods else {},
        area_hotwork__forbidden_periods=hours or {},
        hotwork__confirmed_until=confirmed or {},
    )


class TestKeyArea:
    @pytest.mark.parametrize(
        ("subject", "held"),
        [
            ({"status": WORKING, "inside": {KEY: -60}}, True),
            ({"status": IDLE, "inside": {KEY: -60}}, False),
            ({"status": OFF, "inside": {KEY: -60}}, False),
            ({"status": WORKING, "inside": {FENCE: -60}}, False),
            ({"status": WORKING, "inside": {}}, False),
            ({"status": WORKING, "inside": {FENCE: -60, KEY: 0}}, True),
        ],
    )
    def test_only_work_inside_a_key_area(self, subject, held):
        assert causes(judged(KEY_AREA_WORK, given(subject))) == ({(0, KEY)} if held else set())

    def test_a_key_area_out_of_force_raises_none(self):
        resting = AREAS | {KEY: {"kind": "key_area", "in_force": False}}
        subject = {"inside": {KEY: -60}}
        assert not judged(KEY_AREA_WORK, given(subject, areas=resting))
        assert not judged(KEY_AREA_ENTRY, given(subject, areas=resting))

    @pytest.mark.parametrize(("since", "held"), [(-29.999999, False), (-30, True), (-31, True)])
    def test_the_time_to_settle_is_met_exactly(self, since, held):
        verdicts = judged(KEY_AREA_WORK, given({"inside": {KEY: since}}), settle_s=30)
        assert bool(len(verdicts)) is held

    def test_who_flickers_over_the_border_never_settles(self):
        rows = [{"asset": 1, "time_s": t, "inside": {KEY: t} if t % 10 else {}} for t in range(-50, 0, 5)]
        assert not judged(KEY_AREA_WORK, given(*rows), settle_s=20)

    def test_every_row_and_every_area_by_itself_with_the_welder(self):
        areas = AREAS | {9: {"kind": "key_area"}}
        rows = [{"asset": 1, "inside": {KEY: -9, 9: -9}}, {"asset": 2, "inside": {}}, {"asset": 3, "inside": {9: -9}}]
        verdicts = judged(KEY_AREA_WORK, given(*rows, areas=areas))
        assert causes(verdicts) == {(0, KEY), (0, 9), (2, 9)}
        assert list(verdicts.evidence["welder"]) == ["王伟", "王伟", None]

    @pytest.mark.parametrize("status", [IDLE, WORKING, OFF])
    def test_the_reminder_asks_not_what_it_does_there(self, status):
        rows = [{"status": status, "inside": {KEY: 0}}, {"status": status, "inside": {FENCE: 0}}, {"status": status}]
        assert causes(judged(KEY_AREA_ENTRY, given(*rows))) == {(0, KEY)}

    def test_nothing_there(self):
        for rule in RULES:
            assert not judged(rule, given())
            assert not judged(rule, given(areas={}))


class TestForbiddenPeriod:
    AT = NOW_US
    REGION = Forbidden("两会", AT, AT + 3600 * SECOND, 0, frozenset({3, 4}))
    PLACE = Forbidden("展会", AT, AT + 3600 * SECOND, FENCE, frozenset())

    @pytest.mark.parametrize(
        ("time_s", "held"), [(-0.000001, False), (0, True), (60, True), (3599.999999, True), (3600, False)]
    )
    def test_from_its_start_up_to_its_end(self, time_s, held):
        rows = {"region": 4, "time_s": time_s}
        assert bool(len(judged(FORBIDDEN_PERIOD, given(rows, periods=(self.REGION,))))) is held

    def test_in_its_region_only_and_only_work(self):
        rows = [{"region": 3}, {"region": 5}, {"region": 0}, {"region": 4, "status": IDLE}, {"region": 4}]
        verdicts = judged(FORBIDDEN_PERIOD, given(*rows, periods=(self.REGION,)))
        assert causes(verdicts) == {(0, 0), (4, 0)}
        assert set(verdicts.evidence["reason"]) == {"两会"}

    def test_in_its_area_only(self):
        rows = [{"region": 3}, {"inside": {FENCE: -1}}, {"inside": {KEY: -1}}, {"status": OFF, "inside": {FENCE: -1}}]
        assert causes(judged(FORBIDDEN_PERIOD, given(*rows, periods=(self.PLACE,)))) == {(1, FENCE)}

    def test_two_periods_at_one_place_are_one_cause(self):
        later = Forbidden("后到", self.AT, self.AT + SECOND, 0, frozenset({3}))
        verdicts = judged(FORBIDDEN_PERIOD, given({"region": 3}, periods=(self.REGION, later)))
        assert causes(verdicts) == {(0, 0)}
        assert verdicts.evidence["reason"] == ["两会"]

    @pytest.mark.parametrize(("clock", "held"), [("21:59", False), ("22:00", True), ("05:59", True), ("06:00", False)])
    def test_forbidden_hours_of_a_key_area(self, clock, held):
        hour, minute = map(int, clock.split(":"))
        at = datetime(2026, 10, 10, hour, minute, tzinfo=CITY_TIME).astimezone(UTC)
        row = {"time_s": at.timestamp() - NOW_US / SECOND, "inside": {KEY: -9, FENCE: -9}}
        hours = {KEY: read_periods([{"kind": "night"}])}
        assert causes(judged(FORBIDDEN_PERIOD, given(row, hours=hours))) == ({(0, KEY)} if held else set())
        assert not judged(FORBIDDEN_PERIOD, given(row | {"status": IDLE}, hours=hours))


class TestConfirmed:
    def test_until_the_day_ends(self):
        rows = [{"asset": 1}, {"asset": 2}, {"asset": 3}]
        confirmed = {1: (NOW_US + 1, KEY, "油库"), 2: (NOW_US, KEY, "油库")}
        verdicts = judged(CONFIRMED_WORK, given(*rows, confirmed=confirmed))
        assert causes(verdicts) == {(0, KEY)}
        assert verdicts.evidence["place"] == ["油库"]

    def test_of_an_area_that_is_no_more(self):
        assert causes(judged(CONFIRMED_WORK, given({"asset": 1}, confirmed={1: (NOW_US + 1, 77, "旧库")}))) == {(0, 0)}


def test_a_whole_batch_in_a_moment():
    n = 6000
    rows = [{"asset": i, "region": 3, "inside": {KEY: -9} if i % 10 == 0 else {}} for i in range(1, n + 1)]
    made = given(*rows, periods=(TestForbiddenPeriod.REGION,))
    assert len(judged(KEY_AREA_WORK, made)) == n // 10
    # Only the first nine know of the period: it is the same for all, and the rule asks once.
    assert len(judged(FORBIDDEN_PERIOD, made)) == n
    assert np.all(np.diff(made.inside_row) > 0)
