"""Live layers counted as they were at a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from twin.history import write_tracks
from twin.kinds import DRONE
from twin.tests.states import states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kites")]


@pytest.fixture
def moment(town):
    """Ten minutes ago: the drone of the west works in the east, that of the east has been silent for a minute."""
    at = timezone.now() - timedelta(minutes=10)
    ms = at.timestamp() * 1000
    west, east = town.drones["west"].pk, town.drones["east"].pk
    rows = states(
        asset=[west, east], kind=[DRONE.code] * 2, lon=[121.75, 121.75], lat=[31.2, 31.2], status=[1, 0],
        time_ms=[ms - 1000, ms - 60_000], seq=[1, 1],
    )  # fmt: skip
    write_tracks(connection.cursor().cursor, rows.batch)
    return ms


def counted(client, **asked):
    told = client.get("/api/v1/layers/kites.drones/statistics", asked).json()
    return told["total"], *({each["value"]: each["count"] for each in told[part]} for part in ("state", "district"))


def test_counts_are_of_then(town, moment):
    city = town.client("city")
    assert counted(city, at=moment) == (2, {1: 1, "silent": 1}, {"310101": 2})
    assert counted(city, at=moment, district="310100") == (0, {}, {})
    assert counted(city, at=moment - 3_600_000) == (0, {}, {})
    assert counted(city)[2] == {"310100": 1, "310101": 1}


def test_counts_of_then_end_at_the_scope(town, moment):
    assert counted(town.client("district", region=town.regions["west"]), at=moment)[0] == 1
    assert counted(town.client("district", region=town.regions["east"]), at=moment)[0] == 2
    assert counted(town.client("enterprise", organization=town.firms["east"]), at=moment)[0] == 1
    assert counted(town.client(None), at=moment)[0] == 0


def test_long_ago_there_is_nothing_and_the_future_is_refused(town, moment):
    city = town.client("city")
    assert counted(city, at=1)[0] == 0
    answer = city.get("/api/v1/layers/kites.drones/statistics", {"at": moment + 3_600_000})
    assert (answer.status_code, answer.json()["detail"]) == (400, "这一时刻还没有到来。")


def test_what_stands_is_counted_as_it_is(town, moment):
    city = town.client("city")
    now, then = (city.get("/api/v1/layers/kites.rows/statistics", asked).json() for asked in ({}, {"at": moment}))
    assert now["total"] == then["total"] > 0
