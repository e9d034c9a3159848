"""Real tracks, told of: marks, stays, trips and lengths, with the recording whose time stamps are broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from devices.replay.read import Choices, read_tracks
from twin.tracks.quality import Mark
from twin.tracks.trips import tell

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "trajectories"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the recordings are not on this machine")
AIRCRAFT_M_S = 290


def tracks(name, choices=None):
    """Time, longitude, latitude and reported speed of each thing in a file."""
    read = read_tracks(REAL / name, choices)
    for track in dict.fromkeys(read.track.tolist()):
        one = read.track == track
        yield read.time_us[one], read.lon[one], read.lat[one], read.speed_m_s[one]


def raw_m(lon, lat):
    return Geod(ellps="WGS84").line_length(lon, lat)


def test_broken_time_stamps_are_found_and_the_way_is_still_as_long():
    ((time_us, lon, lat, speed_m_s),) = tracks("adsb_noisy_time_issue.json.gz")
    told = tell(time_us, lon, lat, AIRCRAFT_M_S)
    marked = np.bincount(told.marks, minlength=4)
    # The aircraft was where it says, but not then.
    assert marked[Mark.TIME] > 2000 and marked[Mark.PLACE] + marked[Mark.ACCELERATION] <= 5
    good = told.marks == Mark.NONE
    hop_s, hop_m = (
        np.diff(time_us[good]) / 1e6,
        [raw_m(lon[good][i : i + 2], lat[good][i : i + 2]) for i in range(3000)],
    )
    too_fast = np.array(hop_m) > hop_s[:3000] * AIRCRAFT_M_S + 15
    assert too_fast.mean() < 0.01
    by_speed_m = np.nansum(speed_m_s[1:] * np.diff(time_us) / 1e6)
    assert told.distance_m + told.unexplained_m == pytest.approx(by_speed_m, rel=0.02)


def test_a_sound_recording_is_left_alone():
    for name, fastest_m_s in (
        ("geolife_small.csv", 60),
        ("liverpool_bus_route14.csv", 60),
        ("pneuma_athens_vehicles_1hz.csv", 60),
        ("car_around-visnjan.gpx", 60),
        ("hike_korita-zbevnica.gpx", 15),
    ):
        for time_us, lon, lat, _speed in tracks(name):
            told = tell(time_us, lon, lat, fastest_m_s)
            assert (told.marks != Mark.NONE).mean() <= 0.005, name
            assert told.distance_m <= raw_m(lon, lat) * 1.001, name


def test_a_car_drives_and_a_walker_rests():
    ((time_us, lon, lat, _speed),) = tracks("car_around-visnjan.gpx")
    car = tell(time_us, lon, lat, 60)
    assert (car.stays, len(car.trips)) == ([], 1)
    assert car.distance_m == pytest.approx(raw_m(lon, lat), rel=0.01)
    walks = [tell(*columns[:3], 15) for columns in tracks("hike_korita-zbevnica.gpx")]
    assert all(walk.stays for walk in walks)


def test_a_survey_flight_is_as_long_as_its_speed_says():
    ((time_us, lon, lat, speed_m_s),) = tracks("adsb_survey_fontainebleau.json.gz")
    told = tell(time_us, lon, lat, AIRCRAFT_M_S)
    assert (told.marks != Mark.NONE).mean() < 0.02
    by_speed_m = np.nansum(speed_m_s[1:] * np.diff(time_us) / 1e6)
    assert told.distance_m == pytest.approx(by_speed_m, rel=0.02)


def test_a_ship_that_waits_in_the_roads_stays():
    fleet = tracks("evergiven_ais_positions.csv", Choices(time_format="%d/%m/%Y %H:%M"))
    told = [tell(*columns[:3], 20) for columns in fleet]
    assert sum(bool(one.stays) for one in told) > len(told) / 2
    assert max(len(one.stays) for one in told) < 60
