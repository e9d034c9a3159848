"""Who passed a line in the past, which way, and to whom it is told."""

from __future__ import annotations

import pytest
import shapely
from django.db import connection

from access.scope import scope_of
from twin.kinds import MACHINE, PERSON
from twin.live.sight import sight_of
from twin.passing import passes
from twin.past import Look
from twin.tests.test_past import Town

pytestmark = pytest.mark.django_db
LINE = shapely.LineString([(121.25, 31.0), (121.25, 31.4)])
"""Northwards: its right-hand side is the east."""


@pytest.fixture
def town():
    connection.cursor().execute("TRUNCATE twin_track")
    return Town()


def ask(town, who, start=-10, end=3000, line=LINE, codes=None):
    look = Look(sight_of(scope_of(town.users[who])))
    with connection.cursor() as cursor:
        found = passes(cursor, look, line, int(town.ms(start) * 1000), int(town.ms(end) * 1000), codes)
    names = {asset.pk: code for code, asset in town.assets.items()}
    seconds = [round(us / 1e6 - town.start.timestamp()) for us in found.time_us.tolist()]
    return list(zip([names[pk] for pk in found.asset.tolist()], seconds, found.inward.tolist(), strict=True))


def test_each_pass_with_its_direction_and_its_time(town):
    town.report("w", (0, 121.24, 1), (30, 121.249, 1), (60, 121.251, 1), (90, 121.252, 1), (120, 121.248, 1))
    town.report("r", (10, 121.251, 1), (40, 121.252, 1))
    assert ask(town, "city") == [("w", 60, True), ("w", 120, False)]
    assert ask(town, "city", start=70) == [("w", 120, False)]
    assert ask(town, "city", end=100) == [("w", 60, True)]
    assert ask(town, "city", codes=frozenset({PERSON.code})) == []
    assert ask(town, "city", line=shapely.reverse(LINE), end=100) == [("w", 60, False)]
    assert ask(town, "city", line=shapely.LineString([(121.25, 31.3), (121.25, 31.4)])) == []


def test_nothing_is_known_of_the_way_of_the_silent(town):
    town.report("w", (0, 121.249, 1), (MACHINE.silent_after_s + 1, 121.251, 1))
    assert ask(town, "city") == []


def test_it_is_told_to_those_who_see_where_it_came_to_be_or_whose_it_is(town):
    west_line = shapely.LineString([(121.5, 31.0), (121.5, 31.4)])
    town.report("r", (0, 121.499, 1), (30, 121.501, 1))
    town.report("w", (0, 121.499, 1), (30, 121.501, 1))
    assert {one[0] for one in ask(town, "city", line=west_line)} == {"r", "w"}
    assert {one[0] for one in ask(town, "east", line=west_line)} == {"r", "w"}
    assert {one[0] for one in ask(town, "west", line=west_line)} == {"r"}
    assert {one[0] for one in ask(town, "firm", line=west_line)} == {"r"}
    assert ask(town, "nobody", line=west_line) == []
