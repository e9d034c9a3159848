"""Tracks: what cannot be true, where they stay, how far they go."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod

from twin.tracks.measures import distances_m
from twin.tracks.quality import Mark, mark_outliers
from twin.tracks.trips import HOUR_US, find_stays, tell

DEGREE_M = 95_000  # of longitude, at 31.2 degrees north, roughly


def path(*speeds_m_s, every_s=10, start_us=0):
    """Eastward along a parallel: time, longitude, latitude; a speed for each hop."""
    east_m = np.cumsum([0, *speeds_m_s]) * every_s
    time_us = start_us + np.arange(len(east_m)) * every_s * 1_000_000
    return time_us, 121.5 + east_m / DEGREE_M, np.full(len(east_m), 31.2)


def test_lengths_are_those_of_the_ellipsoid():
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-180, 180, 500), rng.uniform(-75, 75, 500)
    lon2, lat2 = (lon + rng.uniform(-0.3, 0.3, 500) + 180) % 360 - 180, lat + rng.uniform(-0.3, 0.3, 500)
    right = Geod(ellps="WGS84").inv(lon, lat, lon2, lat2)[2]
    assert distances_m(lon, lat, lon2, lat2) == pytest.approx(right, rel=2e-4)


def test_a_place_where_it_cannot_have_been_is_marked_and_nothing_else():
    time_us, lon, lat = path(*[10.0] * 40)
    lat[[7, 20, 21, 22]] += 0.5
    marks = mark_outliers(time_us, lon, lat, 60)
    assert np.flatnonzero(marks).tolist() == [7, 20, 21, 22]
    assert set(marks[marks > 0].tolist()) == {Mark.PLACE}
    told = tell(time_us, lon, lat, 60)
    assert told.distance_m == pytest.approx(distances_m(lon[:1], lat[:1], lon[-1:], lat[-1:])[0], rel=1e-3)


@pytest.mark.parametrize("where", [0, -1])
def test_the_first_and_the_last_may_be_wrong_too(where):
    time_us, lon, lat = path(*[10.0] * 30)
    lat[where] += 0.5
    assert np.flatnonzero(mark_outliers(time_us, lon, lat, 60)).tolist() == [range(31)[where]]


def test_a_position_of_another_time_is_told_from_one_of_another_place():
    time_us, lon, lat = path(*[30.0] * 60)
    lon[40] = lon[20]  # a message of three minutes before with the time of now
    assert mark_outliers(time_us, lon, lat, 60)[40] == Mark.TIME


def test_two_places_at_one_time_cannot_both_be_true():
    time_us, lon, lat = path(*[10.0] * 30)
    time_us[15] = time_us[14]
    lat[15] += 0.1
    assert np.flatnonzero(mark_outliers(time_us, lon, lat, 60)).tolist() == [15]


def test_a_leap_aside_that_is_not_too_fast_is_too_sudden():
    time_us, lon, lat = path(*[5.0] * 30, every_s=1)
    lat[12] += 40 / 111_000
    marks = mark_outliers(time_us, lon, lat, 60)
    assert (np.flatnonzero(marks).tolist(), marks[12]) == ([12], Mark.ACCELERATION)


def test_what_a_receiver_wanders_is_not_marked():
    rng = np.random.default_rng(1)
    time_us, lon, lat = path(*[0.0] * 500, every_s=1)
    marks = mark_outliers(time_us, lon + rng.normal(0, 3 / DEGREE_M, 501), lat + rng.normal(0, 3 / 111_000, 501), 60)
    assert not marks.any()


def test_a_thing_that_was_carried_off_is_believed_on_both_sides():
    time_us, lon, lat = path(*[5.0] * 60)
    lon[30:] += 3.0
    told = tell(time_us, lon, lat, 60)
    assert not told.marks.any()
    assert told.unexplained_m == pytest.approx(3 * DEGREE_M, rel=0.02)
    assert told.distance_m == pytest.approx(59 * 50, rel=0.02)


def test_stays_and_trips():
    moving, resting = [10.0] * 30, [0.0] * 60
    time_us, lon, lat = path(*moving, *resting, *moving, start_us=HOUR_US - 200_000_000)
    told = tell(time_us, lon, lat, 60)
    (stay,) = told.stays
    assert ((stay.end_us - stay.start_us) / 1e6, stay.lon) == (
        pytest.approx(600, abs=100),
        pytest.approx(lon[60], abs=5e-4),
    )
    assert [trip.distance_m for trip in told.trips] == [pytest.approx(3000, rel=0.05)] * 2
    assert told.trips[0].end_us == stay.start_us and told.trips[1].start_us == stay.end_us
    assert [hour for hour, _m in told.hours] == [0, HOUR_US]
    assert sum(metres for _hour, metres in told.hours) == pytest.approx(told.distance_m)


def test_who_stays_does_not_travel():
    rng = np.random.default_rng(2)
    time_us, lon, lat = path(*[0.0] * 2000)
    told = tell(time_us, lon + rng.normal(0, 5 / DEGREE_M, 2001), lat + rng.normal(0, 5 / 111_000, 2001), 60)
    assert (len(told.stays), told.trips, told.distance_m) == (1, [], 0)


def test_a_stay_is_shorter_than_the_rest_it_is_not():
    time_us, lon, lat = path(*[10.0] * 10, *[0.0] * 20, *[10.0] * 10)
    assert find_stays(time_us, lon, lat, least_s=300) == []
    assert len(find_stays(time_us, lon, lat, least_s=180)) == 1


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_a_track(n):
    time_us, lon, lat = (column[:n] for column in path(10.0, 10.0))
    told = tell(time_us, lon, lat, 60)
    assert (len(told.marks), told.stays, len(told.trips)) == (n, [], int(n == 2))
