"""The areas of a past moment, as tiles and as GeoJSON, for whoever may see them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.cache import cache

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from gis.models import Region
from twin.models import Area, AreaVersion

pytestmark = pytest.mark.django_db

PAST = "/api/v1/past/areas"
TILE = "/tiles/areas/9/428/209.mvt"
WEST, EAST = (121.0, 31.0, 121.2, 31.2), (121.4, 31.0, 121.6, 31.2)
HOURS = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(4)]


def box(bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def town():
    """An area of the west that was renamed, moved and put out of use, an hour each; one of the east all the time."""
    city = Region.objects.create(code="310000", name="上海市", level="city", boundary=box((121, 31, 122, 32)))
    regions = {
        name: Region.objects.create(code=code, name=name, level="district", parent=city, boundary=box(bounds))
        for name, code, bounds in (("west", "310101", WEST), ("east", "310102", EAST))
    }
    firm = Organization.objects.create(
        name="firm", uscc=make_uscc(Random(1)), kind="enterprise", region=regions["west"]
    )
    area = Area.objects.create(name="旧名", kind="fence", boundary=box(WEST), region=regions["west"], owner=firm)
    other = Area.objects.create(name="东", kind="zone", boundary=box(EAST), region=regions["east"])
    for change in ({"name": "新名"}, {"boundary": box((121.1, 31.1, 121.2, 31.2))}, {"active": False}):
        Area.objects.filter(pk=area.pk).update(**change)
    for row, since in zip(AreaVersion.objects.filter(area=area), HOURS, strict=True):
        AreaVersion.objects.filter(pk=row.pk).update(valid_from=since)
        AreaVersion.objects.filter(area=area, version=row.version - 1).update(valid_to=since)
    AreaVersion.objects.filter(area=other).update(valid_from=None)
    for name, grant in {
        "city": {"role": "city"},
        "west": {"role": "district", "region": regions["west"]},
        "east": {"role": "district", "region": regions["east"]},
        "firm": {"role": "enterprise", "organization": firm},
    }.items():
        Grant.objects.create(user=User.objects.create_user(name), **grant)
    return area


def as_user(client, name):
    client.force_login(User.objects.get(username=name))
    return client


def names(client, moment, **more):
    answer = client.get(PAST, {"at": ms(moment), **more}).json()
    assert answer["count"] == len(answer["features"])
    return [feature["properties"]["name"] for feature in answer["features"]]


def test_areas_are_as_they_were(town, client):
    as_user(client, "city")
    before = datetime(2026, 11, 19, tzinfo=UTC)
    assert names(client, before) == ["东"]
    assert [names(client, hour) for hour in HOURS] == [["旧名", "东"], ["新名", "东"], ["新名", "东"], ["东"]]
    feature = client.get(PAST, {"at": ms(HOURS[2])}).json()["features"][0]
    assert feature["id"] == town.pk
    assert (feature["properties"]["version"], feature["properties"]["kind"]) == (3, "fence")
    assert feature["geometry"]["coordinates"][0][0][0] == [121.1, 31.1]
    assert names(client, HOURS[0], bbox="121.5,31,121.6,31.1") == ["东"]


@pytest.mark.parametrize(("who", "seen"), [("city", 2), ("west", 1), ("firm", 1), ("east", 1)])
def test_only_what_is_in_scope(town, client, who, seen):
    as_user(client, who)
    found = names(client, HOURS[0])
    assert len(found) == seen
    assert ("旧名" in found) == (who != "east")
    span = client.get(f"{PAST}/span", {"at": ms(HOURS[1]) + 1}).json()
    known = {"since": ms(HOURS[1]), "until": ms(HOURS[2])}
    assert span == known or (who == "east" and span["since"] is None and span["until"] > known["until"])
    tile = client.get(TILE, {"at": ms(HOURS[0])}).content
    assert ("旧名".encode() in tile, "东".encode() in tile) == (who != "east", who in ("city", "east"))


def test_a_tile_of_then_is_not_the_tile_of_now(town, client):
    as_user(client, "city")
    cache.clear()
    then = [client.get(TILE, {"at": ms(hour)}) for hour in HOURS]
    now = client.get(TILE)
    assert ["旧名".encode() in tile.content for tile in then] == [True, False, False, False]
    assert ["新名".encode() in tile.content for tile in then] == [False, True, True, False]
    assert "新名".encode() not in now.content
    assert len({tile["ETag"] for tile in (*then, now)}) == 5
    again = client.get(TILE, {"at": ms(HOURS[0])}, headers={"If-None-Match": then[0]["ETag"]})
    assert again.status_code == 304


def test_what_is_no_moment_is_refused(town, client):
    as_user(client, "city")
    assert client.get(TILE, {"at": "x"}).status_code == 400
    assert client.get(TILE, {"at": "1e30"}).status_code == 400
    assert client.get("/tiles/regions/9/428/209.mvt", {"at": "0"}).status_code == 404
    assert client.get(PAST, {"at": "x"}).status_code == 400
    assert client.get(PAST, {"at": (time.time() + 3600) * 1000}).status_code == 400
    assert client.get(PAST, {"at": "0", "bbox": "1,2"}).status_code == 400


def test_nobody_without_a_session(town, client):
    addresses = (PAST, f"{PAST}/span", TILE)
    assert [client.get(address, {"at": 0}).status_code for address in addresses] == [401, 401, 401]
