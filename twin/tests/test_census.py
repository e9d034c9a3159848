"""The census: what is counted, when nothing is, and who may see which part of it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from access.scope import Scope, scope_of
from gis.models import Region
from twin import tasks
from twin.census import EVERY_S, KEPT, SILENT, UNHEARD, drop_old, read_trend, take_census
from twin.models import Asset, Census, CensusRun, State

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

EVERYTHING = Scope(everything=True)
STEP = timedelta(seconds=EVERY_S)


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


class Town:
    """Two districts, a firm at home in each."""

    def __init__(self):
        box = MultiPolygon(Polygon.from_bbox((121, 31, 122, 31.5)), srid=4326)
        city = Region.objects.create(code="310000", name="上海市", level="city", boundary=box)
        self.regions = {
            name: Region.objects.create(code=code, name=name, level="district", parent=city, boundary=box)
            for name, code in (("west", "310101"), ("east", "310102"))
        }
        self.firms = {
            name: Organization.objects.create(name=name, uscc=make_uscc(Random(i)), kind="enterprise", region=region)
            for i, (name, region) in enumerate(self.regions.items())
        }
        self.now = timezone.now()

    def thing(self, home, here, *, kind="machine", status=1, age_s=0.0, heard=True):
        asset = Asset.objects.create(
            kind=kind, code=f"T-{Asset.objects.count()}", name="焊机", owner=self.firms.get(home)
        )
        if heard:
            State.objects.create(
                asset=asset, ts=self.now - timedelta(seconds=age_s), received_at=self.now, lon=121.2, lat=31.2,
                status=status, region=self.regions.get(here),
            )  # fmt: skip
        return asset

    def client(self, role, **place):
        user = User.objects.create_user(f"{role}-{User.objects.count()}")
        if role:
            Grant.objects.create(user=user, role=role, **place)
        client = Client()
        client.force_login(user)
        return client


@pytest.fixture
def town(db):
    return Town()


def counted(at):
    rows = Census.objects.filter(at=at).values_list("kind", "status", "owner__name", "region__name", "count")
    return sorted(rows, key=str)


def test_things_are_counted_by_kind_state_owner_and_place(town):
    for _ in range(2):
        town.thing("west", "east")
    town.thing("west", "west", status=0, age_s=119)
    town.thing("west", "west", status=0, age_s=121)
    town.thing(None, None, kind="drone", status=3, age_s=9999)
    town.thing("east", None, heard=False)
    out_of_use = town.thing("west", "west")
    Asset.objects.filter(pk=out_of_use.pk).update(active=False)
    assert take_census(town.now) == 6
    assert counted(town.now) == sorted(
        [
            ("machine", 1, "west", "east", 2),
            ("machine", 0, "west", "west", 1),
            ("machine", SILENT, "west", "west", 1),
            ("drone", 3, None, None, 1),
            ("machine", UNHEARD, "east", None, 1),
        ],
        key=str,
    )
    run = CensusRun.objects.get()
    assert (run.at, run.things) == (town.now, 6)


def test_a_job_that_was_late_does_not_count_twice(town):
    town.thing("west", "west")
    assert take_census(town.now) == 1
    assert take_census(town.now + STEP / 3) is None
    assert take_census(town.now + STEP) == 1
    assert CensusRun.objects.count() == 2


def test_nothing_there_and_nobody_counted_are_two_things(town):
    take_census(town.now - 3 * STEP)
    town.thing("west", "west")
    take_census(town.now)
    trend = read_trend(EVERYTHING, town.now)
    # Two moments, 15 minutes apart: what was between nobody knows, and nobody is told a figure for it.
    assert [b - a for a, b in zip(trend.moments, trend.moments[1:], strict=False)] == [3 * EVERY_S * 1000]
    assert trend.counts == {1: [0, 1]}
    assert trend.sum_of((1, 0)) == [0, 1]
    assert trend.sum_of((3,)) == [0, 0]


def test_a_trend_is_of_one_day(town):
    town.thing("west", "west")
    for back in (timedelta(hours=25), timedelta(hours=23), timedelta(0)):
        take_census(town.now - back)
    assert len(read_trend(EVERYTHING, town.now).moments) == 2


def test_old_counts_go(town):
    town.thing("west", "west")
    for back in (KEPT + STEP, KEPT - STEP, timedelta(0)):
        take_census(town.now - back)
    assert drop_old(town.now) == 1
    assert CensusRun.objects.count() == Census.objects.count() == 2


def test_the_job_counts_the_present(town):
    town.thing("west", "west")
    tasks.count_things(timestamp=0)
    assert abs(CensusRun.objects.get().at - timezone.now()) < timedelta(seconds=10)


SEEN = {
    # Things are named home-now: of a firm of the west, in the east: "west-east".
    "west": {"west-west", "west-east", "east-west"},
    "east": {"east-east", "west-east", "east-west"},
    "firm": {"west-west", "west-east"},
    "city": {"west-west", "west-east", "east-west", "east-east", "none-none"},
    "nobody": set(),
}


@pytest.mark.parametrize("who", SEEN)
def test_scope_holds_for_counts_as_for_the_things_themselves(town, who):
    weights = {}
    for i, (home, here) in enumerate(
        (("west", "west"), ("west", "east"), ("east", "west"), ("east", "east"), (None, None))
    ):
        weights[f"{home or 'none'}-{here or 'none'}"] = 10**i
        for _ in range(10**i if i < 3 else 1):
            town.thing(home, here)
    weights |= {"east-east": 1, "none-none": 1}
    places = {
        "west": ("district", {"region": town.regions["west"]}),
        "east": ("district", {"region": town.regions["east"]}),
        "firm": ("enterprise", {"organization": town.firms["west"]}),
        "city": ("city", {}),
        "nobody": (None, {}),
    }
    role, place = places[who]
    client = town.client(role, **place)
    take_census(town.now)
    user = User.objects.latest("pk")
    told = client.get("/api/v1/charts/things").json()
    wanted = sum(weights[name] for name in SEEN[who])
    if not wanted:
        assert told["moments"] == []
        assert "没有数据范围" in told["empty"]
        return
    assert [series["values"] for series in told["series"]] == [[wanted]]
    # The census and the things themselves agree, by the same rule.
    assert Asset.objects.within(scope_of(user)).count() == wanted
    assert sum(Census.objects.within(scope_of(user)).values_list("count", flat=True)) == wanted


def test_a_district_filters_by_where_things_are_and_opens_nothing(town):
    town.thing("west", "west")
    town.thing("west", "east")
    town.thing("east", "east")
    take_census(town.now)

    def working(client, code):
        told = client.get("/api/v1/charts/things", {"district": code}).json()
        return [value for series in told["series"] for value in series["values"]]

    city, west = town.client("city"), town.client("district", region=town.regions["west"])
    assert working(city, "310101") == [1]
    assert working(city, "310102") == [2]
    # Of the east an officer of the west sees what belongs to the west.
    assert working(west, "310102") == [1]
    assert city.get("/api/v1/charts/things?district=999999").status_code == 404


def test_a_chart_says_what_when_and_from_where(town):
    client = town.client("city")
    empty = client.get("/api/v1/charts/things").json()
    assert (empty["moments"], empty["as_of"]) == ([], None)
    assert "每 5 分钟" in empty["empty"]
    town.thing("west", "west")
    town.thing("west", "west", age_s=500)
    take_census(town.now)
    told = client.get("/api/v1/charts/things").json()
    assert (told["unit"], told["form"], told["every_s"]) == ("个", "lines", 300)
    assert told["as_of"] == told["moments"][-1] == round(town.now.timestamp() * 1000)
    assert told["next_at"] == told["as_of"] + 300_000
    assert "每 5 分钟" in told["source"]
    assert {series["key"]: (series["title"], series["values"]) for series in told["series"]} == {
        "working": ("作业中", [1]),
        "silent": ("静默", [1]),
    }
    client.cookies["django_language"] = "en"
    assert client.get("/api/v1/charts/things").json()["series"][0]["title"] == "Working"


def test_an_unchanged_chart_is_not_sent_again(town, django_assert_max_num_queries):
    town.thing("west", "west")
    take_census(town.now)
    client = town.client("city")
    first = client.get("/api/v1/charts/things")
    again = client.get("/api/v1/charts/things", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first["Cache-Control"]
    with django_assert_max_num_queries(5):  # session, user, grants, latest run
        client.get("/api/v1/charts/things")
    take_census(town.now + STEP)
    assert client.get("/api/v1/charts/things", headers={"if-none-match": first["ETag"]}).status_code == 200
    other = town.client("district", region=town.regions["east"])
    told = other.get("/api/v1/charts/things").json()
    assert (told["moments"], told["series"]) == ([], [])
    assert "没有这类对象" in told["empty"]
