"""Charts of alerts: hours, what was open, and whose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from access.scope import Scope
from command.charts import HOURS, MARK_S, _first_hour, _first_mark, open_at, raised_by_hour
from command.models import Alert
from command.tests.rulebook import KEY_AREA, SOS, TOO_FAST

pytestmark = pytest.mark.django_db

EVERYTHING = Scope(everything=True)
SHARES = {"city": 7, "planner": 7, "west": 5, "east": 6, "firm": 5, "nobody": 0}


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


@pytest.fixture
def alerts(town):
    """One of the west (1), two of the east (2), four of the west's firm in the east (4)."""
    now = timezone.now()
    west, east = town.firms["西厂"], town.firms["东厂"]
    for count, owner, region in ((1, west, town.west), (2, east, town.east), (4, west, town.east)):
        for _ in range(count):
            town.alert(KEY_AREA, owner=owner, region=region, raised_at=now)
    return now


def total(chart):
    return sum(series["values"][-1] for series in chart["series"])


@pytest.mark.parametrize("who", SHARES)
@pytest.mark.parametrize("name", ["alerts", "open-alerts"])
def test_charts_end_at_the_scope(town, alerts, who, name):
    told = town.client(who).get(f"/api/v1/charts/{name}").json()
    assert total(told) == SHARES[who]
    assert bool(told["moments"]) == bool(SHARES[who])
    assert "24 小时" in told["empty"]
    assert (told["unit"], told["source"]) == ("条", "预警记录")


@pytest.mark.parametrize("name", ["alerts", "open-alerts"])
def test_a_district_filters_and_opens_nothing(town, alerts, name):
    def seen(who, code):
        return total(town.client(who).get(f"/api/v1/charts/{name}", {"district": code}).json())

    assert (seen("city", "310101"), seen("city", "310102")) == (1, 6)
    assert (seen("west", "310101"), seen("west", "310102")) == (1, 4)
    assert town.client("city").get(f"/api/v1/charts/{name}?district=1").status_code == 404


def test_hours_are_the_clocks(town):
    now = timezone.now()
    start = _first_hour(now)
    assert (start.minute, start.second) == (0, 0)
    moments = {
        start - timedelta(seconds=1): None,
        start: 0,
        start + timedelta(minutes=59, seconds=59): 0,
        start + timedelta(hours=1): 1,
        now: HOURS - 1,
    }
    for at in moments:
        town.alert(TOO_FAST, raised_at=at)
    town.alert(SOS, raised_at=start)
    counts = raised_by_hour(EVERYTHING, start, now)
    fast = [0] * HOURS
    for hour in moments.values():
        if hour is not None:
            fast[hour] += 1
    assert counts[int(TOO_FAST.grade)] == fast
    assert counts[int(SOS.grade)] == [1] + [0] * (HOURS - 1)


def test_what_was_open_is_counted_at_each_mark(town):
    now = timezone.now()
    start, marks = _first_mark(now)
    mark = timedelta(seconds=MARK_S)
    lives = [
        (start - 9 * mark, None),  # all day
        (start - 9 * mark, start - mark),  # before
        (start - 9 * mark, start + mark),  # closed exactly at a mark: not open there
        (start + 1.5 * mark, start + 3.5 * mark),
        (start + 5.2 * mark, start + 5.8 * mark),  # between two marks: at none
        (start + 6 * mark, None),  # from exactly a mark on
    ]
    for raised, closed in lives:
        town.alert(TOO_FAST, raised_at=raised, closed_at=closed)
    counts = open_at(EVERYTHING, start, marks, now)[int(TOO_FAST.grade)]
    wanted = [
        sum(raised <= at and (closed is None or closed > at) for raised, closed in lives)
        for at in [*(start + i * mark for i in range(marks)), now]
    ]
    assert counts == wanted
    assert counts[:7] == [2, 1, 2, 2, 1, 1, 2]


def test_figures_are_read_once_for_many_screens(town, alerts, django_assert_max_num_queries):
    client = town.client("city")
    client.get("/api/v1/charts/alerts")
    Alert.objects.all().delete()
    with django_assert_max_num_queries(4):
        assert total(client.get("/api/v1/charts/alerts").json()) == 7
    # Somebody of another scope has figures of their own.
    assert total(town.client("west").get("/api/v1/charts/alerts").json()) == 0
