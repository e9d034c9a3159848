"""When a period holds, tried over whole weeks; how people write one; what is refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from twin.period_text import check_periods, read_text, write_text
from twin.periods import CITY_TIME, PeriodError, in_force, read_periods

MONDAY = datetime(2026, 6, 1, tzinfo=CITY_TIME)


def hours_in_force(values, days=14):
    """Half hours from a Monday on in which the periods hold."""
    periods = read_periods(values)
    return {n / 2 for n in range(days * 48) if in_force(periods, MONDAY + timedelta(minutes=30 * n))}


def span(first, last):
    return {n / 2 for n in range(int(first * 2), int(last * 2))}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "daily", "start": "08:00", "end": "18:30"}, lambda d: span(d + 8, d + 18.5)),
        ({"kind": "daily", "start": "00:00", "end": "24:00"}, lambda d: span(d, d + 24)),
        ({"kind": "daily", "start": "22:00", "end": "06:00"}, lambda d: span(d, d + 6) | span(d + 22, d + 24)),
        ({"kind": "night"}, lambda d: span(d, d + 6) | span(d + 22, d + 24)),
        ({"kind": "night", "start": "20:00", "end": "24:00"}, lambda d: span(d + 20, d + 24)),
    ],
)
def test_every_day(value, expected):
    assert hours_in_force([value], 14) == set().union(*(expected(24 * day) for day in range(14)))


def test_a_window_past_midnight_belongs_to_the_day_it_begins_on():
    friday_night = {"kind": "weekly", "days": [5], "start": "22:00", "end": "06:00"}
    assert hours_in_force([friday_night], 7) == span(4 * 24 + 22, 5 * 24 + 6)
    sunday_night = {**friday_night, "days": [7]}
    assert hours_in_force([sunday_night], 8) == span(0, 6) | span(6 * 24 + 22, 7 * 24 + 6)
    two_nights = {"kind": "dated", "first": "2026-06-02", "last": "2026-06-03", "start": "23:00", "end": "01:00"}
    assert hours_in_force([two_nights], 7) == span(47, 49) | span(71, 73)


def test_days_and_dates():
    assert hours_in_force([{"kind": "weekly", "days": [1, 3]}], 7) == span(0, 24) | span(48, 72)
    assert hours_in_force([{"kind": "dated", "first": "2026-06-02", "last": "2026-06-03"}]) == span(24, 72)
    assert hours_in_force([]) == span(0, 14 * 24)


def test_the_wall_clock_is_the_citys():
    (period,) = read_periods([{"kind": "daily", "start": "08:00", "end": "09:00"}])
    assert in_force([period], datetime(2026, 6, 1, 0, 0, tzinfo=UTC))
    assert not in_force([period], datetime(2026, 6, 1, 8, 0, tzinfo=UTC))


def test_several_periods_hold_where_one_does_and_a_window_and_its_rest_make_the_day():
    rng = Random(7)
    for _ in range(60):
        start, end = rng.sample(range(48), 2)
        window = {"kind": "daily", "start": clock(start), "end": clock(end)}
        rest = {"kind": "daily", "start": clock(end), "end": clock(start)}
        one, other = hours_in_force([window], 3), hours_in_force([rest], 3)
        assert one | other == span(0, 72)
        assert not one & other
        assert hours_in_force([window, rest], 3) == span(0, 72)


def clock(half_hours):
    return f"{half_hours // 2:02d}:{half_hours % 2 * 30:02d}"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "list"),
        ([{"kind": "night"}] * 51, "list"),
        (["night"], "object"),
        ([{"kind": "hourly"}], "kind"),
        ([{"kind": ["daily"]}], "kind"),
        ([{"kind": "daily"}], "fields"),
        ([{"kind": "daily", "start": "08:00"}], "fields"),
        ([{"kind": "night", "days": [1]}], "fields"),
        ([{"kind": "daily", "start": "8:00", "end": "09:00"}], "clock"),
        ([{"kind": "daily", "start": "08:60", "end": "09:00"}], "clock"),
        ([{"kind": "daily", "start": "24:00", "end": "09:00"}], "clock"),
        ([{"kind": "daily", "start": 8, "end": 9}], "clock"),
        ([{"kind": "daily", "start": "08:00", "end": "08:00"}], "empty"),
        ([{"kind": "daily", "start": "24:00", "end": "00:00"}], "empty"),
        ([{"kind": "weekly", "days": []}], "days"),
        ([{"kind": "weekly", "days": [0]}], "days"),
        ([{"kind": "weekly", "days": [True]}], "days"),
        ([{"kind": "weekly", "days": "15"}], "days"),
        ([{"kind": "dated", "first": "2026-06-31", "last": "2026-07-01"}], "date"),
        ([{"kind": "dated", "first": "2026-07-02", "last": "2026-07-01"}], "date"),
        ([{"kind": "dated", "first": "2026-W27-1", "last": "2026-W27-2"}], "date"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(value, reason):
    with pytest.raises(PeriodError) as refused:
        read_periods(value)
    assert refused.value.reason == reason
    with pytest.raises(ValidationError):
        check_periods(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("每天 08:00-18:00", {"kind": "daily", "start": "08:00", "end": "18:00"}),
        ("每日 8:00—18:00", {"kind": "daily", "start": "08:00", "end": "18:00"}),
        ("Daily 08:00 - 18:00", {"kind": "daily", "start": "08:00", "end": "18:00"}),
        ("每周一至五 07:30-19:00", {"kind": "weekly", "days": [1, 2, 3, 4, 5], "start": "07:30", "end": "19:00"}),
        ("每周一、三、日", {"kind": "weekly", "days": [1, 3, 7]}),
        ("每周六日", {"kind": "weekly", "days": [6, 7]}),
        ("weekly Mon-Fri 07:30-19:00", {"kind": "weekly", "days": [1, 2, 3, 4, 5], "start": "07:30", "end": "19:00"}),
        ("weekly sat, sunday", {"kind": "weekly", "days": [6, 7]}),
        ("2026-10-01 至 2026-10-07", {"kind": "dated", "first": "2026-10-01", "last": "2026-10-07"}),
        ("2026-10-1", {"kind": "dated", "first": "2026-10-01", "last": "2026-10-01"}),
        ("夜间", {"kind": "night"}),
        ("夜间 21：00－05：00", {"kind": "night", "start": "21:00", "end": "05:00"}),
        ("工作日 08:00-18:00", {"kind": "workday", "start": "08:00", "end": "18:00"}),
        ("Days off", {"kind": "restday"}),
        ("节假日", {"kind": "holiday"}),
        ("make-up days", {"kind": "makeup"}),
    ],
)  # fmt: skip
def test_people_write_periods_and_read_them_back(text, value):
    assert read_text(text) == [value]
    for language in ("zh-hans", "en"):
        with override(language):
            assert read_text(write_text([value])) == [value]


@pytest.mark.parametrize(
    "text", ["偶尔", "每周八", "每周五至一", "08:00-18:00", "2026-13-01", "每天 08:00", "每天 8-18"]
)
def test_what_nobody_understands_is_said_with_its_line(text):
    with pytest.raises(ValidationError, match="第 2 个时段"):
        read_text(f"夜间\n{text}")


def test_several_lines_and_none():
    assert [value["kind"] for value in read_text("夜间\n\n每天 08:00-09:00；2026-10-01")] == ["night", "daily", "dated"]
    assert read_text("  \n") == []


@pytest.mark.parametrize(
    ("day", "sorts"),
    [
        ("2026-10-01", {"restday", "holiday"}),  # National Day
        ("2026-10-10", {"workday", "makeup"}),  # a Saturday that is worked
        ("2026-10-17", {"restday"}),
        ("2026-10-19", {"workday"}),
        ("2099-10-01", {"workday"}),  # not announced: a Thursday
        ("2099-10-03", {"restday"}),
    ],
)
def test_holidays_and_make_up_days(day, sorts):
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=CITY_TIME)
    kinds = ("workday", "restday", "holiday", "makeup")
    assert {kind for kind in kinds if in_force(read_periods([{"kind": kind}]), noon)} == sorts
    hours = [{"kind": kind, "start": "08:00", "end": "11:00"} for kind in kinds]
    assert not in_force(read_periods(hours), noon)
