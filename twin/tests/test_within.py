"""Who was within a polygon, and the track's summary, over HTTP; to whom it is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from twin.archive.models import ArchivedDay
from twin.kinds import MACHINE
from twin.summaries import summarize
from twin.tests.test_past import EAST, IN_EAST, IN_WEST, SEES, Town

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ADDRESS = "/api/v1/past/within"


def ring(bounds):
    west, south, east, north = bounds
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(bounds):
    return {"type": "Polygon", "coordinates": [ring(bounds)]}


@pytest.fixture
def town():
    connection.cursor().execute("TRUNCATE twin_track, twin_late, twin_place, twin_digest, twin_keyframe")
    return Town()


@pytest.fixture
def quiet_town(town):
    for code, lon in (("w", IN_WEST), ("e", IN_EAST), ("r", IN_EAST)):
        town.report(code, *((60 * i, lon, 1) for i in range(10)))
    return town


def ask(town, who, bounds=(120.0, 30.0, 123.0, 32.0), start=-10, end=3000, client=None, **more):
    asked = {"polygon": polygon(bounds), "from": town.ms(start), "to": town.ms(end), **more}
    return (client or town.client(who)).post(ADDRESS, asked, "application/json")


@pytest.mark.parametrize("who", SEES)
def test_only_who_may_be_seen_is_told_of(quiet_town, who):
    answer = ask(quiet_town, who).json()
    assert {one["code"] for one in answer["assets"]} == set(SEES[who])
    assert (answer["count"], answer["truncated"]) == (len(SEES[who]), False)


def test_nobody_signed_in_is_told_nothing(quiet_town):
    assert ask(quiet_town, None, client=Client()).status_code in (401, 403)


def test_who_passed_through_and_when(town):
    town.report("w", (0, 121.1, 1), (60, 121.2, 1), (120, 121.3, 1), (180, 121.4, 1))
    town.report("e", (0, IN_EAST, 1))
    around = (121.15, 31.0, 121.35, 31.5)
    (one,) = ask(town, "city", around).json()["assets"]
    assert (one["code"], one["kind"], one["positions"]) == ("w", "machine", 2)
    assert (one["first"][11:19], one["last"][11:19]) == tuple(
        f"{moment:%H:%M:%S}" for moment in (at(town, 60), at(town, 120))
    )
    assert ask(town, "city", around, 61, 119).json()["assets"] == []
    assert ask(town, "city", around, 60, 60).json()["count"] == 1


def test_what_is_summed_up_says_the_same(town):
    for n, code in enumerate("wer"):
        town.report(code, *((60 * i, 121.05 + 0.1 * n + 0.03 * i, 1) for i in range(20)))
    everywhere, somewhere, nowhere = (120.0, 30.0, 123.0, 32.0), (121.15, 31.0, 121.35, 31.5), (1.0, 1.0, 2.0, 2.0)
    asked = [(who, bounds) for who in ("city", "west") for bounds in (everywhere, somewhere, nowhere)]
    before = [ask(town, *one).json() for one in asked]
    assert summarize(town.start + timedelta(hours=1), most=20)  # the newest: the hour that is asked about, and more
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM twin_place")
        assert cursor.fetchone()[0] > 0
    assert [ask(town, *one).json() for one in asked] == before


def at(town, second):
    return town.start + timedelta(seconds=second)


def test_the_boundary_belongs_to_it_and_a_hole_does_not(quiet_town):
    west, south, east, north = EAST
    assert ask(quiet_town, "city", (IN_EAST, south, east, north)).json()["count"] == 2
    holed = {"type": "Polygon", "coordinates": [ring(EAST), ring((IN_EAST - 0.1, 31.1, IN_EAST + 0.1, 31.3))]}
    assert ask(quiet_town, "city", polygon=holed).json()["count"] == 0
    two = {
        "type": "MultiPolygon",
        "coordinates": [[ring((west + 0.1, 31.3, east, north))], [ring((121.0, 31.0, 121.5, 31.5))]],
    }
    assert [one["code"] for one in ask(quiet_town, "city", polygon=two).json()["assets"]] == ["w"]


def test_only_kinds_that_are_wanted(quiet_town):
    assert {one["code"] for one in ask(quiet_town, "city", kinds=["machine"]).json()["assets"]} == {"w", "r"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 100, "end": 0},
        {"start": -9 * 86_400, "end": 0},
        {"end": 10**7},
        {"kinds": ["kite that is none"]},
        {"polygon": {"type": "Polygon", "coordinates": []}},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}},
        {"polygon": {"type": "Polygon", "coordinates": [[[n / 10_000, n % 2] for n in range(6000)] + [[0, 0]]]}},
        {"polygon": {"type": "Polygon", "coordinates": [ring((-200, 0, 0, 80))]}},
    ],
)
def test_wrong_questions_are_refused_with_a_word(quiet_town, wrong):
    answer = ask(quiet_town, "city", **wrong)
    assert (answer.status_code, bool(answer.json()["detail"])) == (400, True)


def test_a_point_is_no_polygon(quiet_town):
    for wrong in ({"type": "Point", "coordinates": [1, 2]}, {"type": "Polygon", "coordinates": "everywhere"}):
        assert ask(quiet_town, "city", polygon=wrong).status_code == 422


def test_a_track_tells_how_far_and_where_it_stayed(town):
    driving = [(10 * i, 121.2 + 0.001 * i, 1) for i in range(40)]
    resting = [(400 + 60 * i, 121.24, 1) for i in range(10)]
    town.report("w", *driving, *resting, (1001, 121.9, 1))
    machine = town.assets["w"].pk
    for address in (
        f"/api/v1/assets/{machine}/track?minutes=120",
        f"/api/v1/past/assets/{machine}/track?at={town.ms(1100)}",
    ):
        answer = town.client("city").get(address).json()
        assert answer["distance_m"] == pytest.approx(40 * 95.4, rel=0.02)
        (stay,) = answer["stays"]
        assert stay["lon"] == pytest.approx(121.24, abs=1e-3)
        assert [trip["distance_m"] for trip in answer["trips"]] == [answer["distance_m"]]
        assert answer["marks"] == [[town.ms(1001), "place"]]
        assert sum(metres for _hour, metres in answer["distance_by_hour"]) == pytest.approx(answer["distance_m"], abs=1)
        assert len(answer["points"]) == 51


def test_a_damaged_file_is_said_in_a_sentence(quiet_town, settings, tmp_path):
    """The past is told as unreadable, not as empty."""
    settings.ARCHIVE_URL = str(tmp_path)
    day = (quiet_town.start - timedelta(days=10)).date()
    ArchivedDay.objects.create(
        kind=MACHINE.code, day=day, name="machine/gone.parquet", rows=1, size_bytes=1, sha256="0" * 64,
        first_at=quiet_town.start, last_at=quiet_town.start, west=0, south=0, east=0, north=0,
        archived_at=quiet_town.start,
    )  # fmt: skip
    answer = ask(quiet_town, "city", start=-10 * 86_400 - 3600, end=-10 * 86_400 + 3600)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"{day} 这一天（UTC）的归档文件缺失或已损坏")
