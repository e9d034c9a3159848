"""Asking the map: every question, its table and files, within the scope; the gazetteer; coordinates."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook
from pyproj import Geod

from access.audit import Action
from access.models import AuditRecord
from gis.crs import from_wgs84
from gis.models import BaseFeature
from layers.gazetteer import coordinates
from twin.history import write_tracks
from twin.kinds import kind_of
from twin.live import glance as glancing
from twin.live.hub import Hub, hub
from twin.live.world import World
from twin.models import Asset, State
from twin.present import read_current
from twin.tests.states import states

pytestmark = pytest.mark.slow
DRONES, ROWS, AREAS = "kites.drones", "kites.rows", "kites.areas"
WEST_DRONE, EAST_DRONE = (121.25, 31.2), (121.75, 31.2)
HALF = {"type": "rectangle", "bbox": [121.0, 31.0, 121.5, 31.5]}
WHOLE = {"type": "rectangle", "bbox": [120.9, 30.9, 122.1, 31.6]}
CIRCLE = {"type": "circle", "lon": 121.26, "lat": 31.2, "radius_m": 2000}


@pytest.fixture(autouse=True)
def _layers(kites):
    """The module of the flying things."""


def post(client, where, layers=(DRONES,), address="ask"):
    return client.post(f"/api/v1/{address}", {"where": where, "layers": list(layers)}, "application/json")


def ids(answer, layer=DRONES):
    return [row["id"] for row in next(each for each in answer.json()["layers"] if each["id"] == layer)["rows"]]


def drone_at(town, name, lon, lat, **columns):
    asset = Asset.objects.create(kind="drone", code=name, name=name, owner=town.firms["west"])
    now = timezone.now()
    State.objects.create(asset=asset, ts=now, received_at=now, lon=lon, lat=lat, status=0, **columns)
    return asset.pk


@pytest.mark.parametrize(("where", "found"), [
    (HALF, ["west"]),
    (WHOLE, ["west", "east"]),
    (CIRCLE, ["west"]),
    ({**CIRCLE, "radius_m": 900}, []),
    ({"type": "polygon", "ring": [[121.2, 31.1], [121.3, 31.1], [121.25, 31.3]]}, ["west"]),
    # A hand that crossed its own way: an eight, whose two halves both count.
    ({"type": "polygon", "ring": [[121.2, 31.1], [121.8, 31.3], [121.8, 31.1], [121.2, 31.3]]}, ["west", "east"]),
    ({"type": "corridor", "line": [[121.0, 31.21], [121.5, 31.21]], "width_m": 2500}, ["west"]),
    ({"type": "corridor", "line": [[121.0, 31.21], [122.0, 31.21]], "width_m": 1500}, []),
    ({"type": "district", "code": "310101"}, ["east"]),
    ({"type": "district", "code": "310000"}, ["west", "east"]),
    ({"type": "nearest", "lon": 121.7, "lat": 31.2, "k": 1}, ["east"]),
    ({"type": "nearest", "lon": 121.7, "lat": 31.2, "k": 5}, ["east", "west"]),
    ({"type": "nearest", "lon": 121.7, "lat": 31.2, "k": 5, "radius_m": 9000}, ["east"]),
])  # fmt: skip
def test_every_question(town, where, found):
    answer = post(town.client("city"), where)
    assert answer.status_code == 200, answer.content
    assert [*ids(answer)] == [town.drones[name].pk for name in found]
    told = answer.json()
    assert told["total"] == told["layers"][0]["total"] == len(found)
    assert told["shape"]["type"] in ("Polygon", "MultiPolygon")


def test_near_a_thing_of_any_sort(town):
    client = town.client("city")
    other = drone_at(town, "near", 121.26, 31.2)
    near = {"type": "near", "radius_m": 2000}
    assert ids(post(client, {**near, "thing": "asset", "id": other})) == [other, town.drones["west"].pk]
    fence = town.fences["west"].pk
    for thing in ({"thing": "area", "id": fence}, {"thing": "row", "id": fence, "layer": ROWS}):
        assert set(ids(post(client, {**near, **thing}))) == {other, town.drones["west"].pk}
    east = town.client("district", region=town.regions["east"])
    for thing in ({"thing": "asset", "id": other}, {"thing": "area", "id": fence},
                  {"thing": "row", "id": fence, "layer": ROWS}, {"thing": "asset", "id": 999_999}):  # fmt: skip
        assert post(east, {**near, **thing}).status_code == 400


def test_distances_are_those_of_the_ellipsoid_to_a_thousandth(town):
    row = post(town.client("city"), CIRCLE).json()["layers"][0]["rows"][0]
    true_m = Geod(ellps="WGS84").inv(121.26, 31.2, *WEST_DRONE)[2]
    assert row["distance_m"] == pytest.approx(true_m, rel=3e-3)


def test_everything_near_a_place_in_one_call(town):
    answer = post(town.client("city"), {"type": "nearest", "lon": 121.25, "lat": 31.2, "k": 3}, layers=())
    told = {each["id"]: each for each in answer.json()["layers"]}
    # Other pictures of the same things are no layers of their own.
    assert set(told) == {"kites.drones", "kites.points", "kites.areas", "kites.rows", "kites.districts"}
    assert told[ROWS]["total"] == 2
    assert [row["values"][0] for row in told[ROWS]["rows"]] == ["西侧围栏", "东侧禁飞区"]
    assert told[ROWS]["rows"][0]["distance_m"] == 0
    assert told[AREAS]["rows"][0]["id"] == town.fences["west"].pk


def test_the_table_counts_by_state_and_district(town):
    now = timezone.now()
    drone_at(town, "silent", 121.3, 31.2, region=town.regions["west"])
    State.objects.filter(asset__code="silent").update(ts=now - timedelta(hours=3))
    told = post(town.client("city"), HALF, (DRONES, ROWS)).json()["layers"]
    states_of = {each["title"]: each["count"] for each in told[0]["state"]}
    assert states_of == {"作业中": 1, "静默": 1}
    assert told[0]["district"] == [{"value": town.regions["west"].pk, "title": "西区", "count": 2}]
    assert [each["title"] for each in told[0]["columns"]] == ["编号", "名称", "所属单位", "状态", "时间"]
    assert told[0]["rows"][0]["values"][:4] == ["UAV-000", "巡检无人机", "西郊船厂", "作业中"]
    assert told[1]["state"] == [{"value": "fence", "title": "围栏", "count": 1}]


def scoped(town):
    return {
        "city": (town.client("city"), {"west", "east"}),
        "west": (town.client("district", region=town.regions["west"]), {"west"}),
        "east firm": (town.client("enterprise", organization=town.firms["east"]), {"east"}),
        "nobody": (town.client(None), set()),
    }


@pytest.mark.parametrize("where", [WHOLE, {"type": "district", "code": "310000"},
                                   {"type": "nearest", "lon": 121.5, "lat": 31.2, "k": 9}])  # fmt: skip
def test_scope(town, where):
    for who, (client, expected) in scoped(town).items():
        answer = post(client, where, (DRONES, ROWS))
        assert set(ids(answer)) == {town.drones[name].pk for name in expected}, who
        assert set(ids(answer, ROWS)) == {town.fences[name].pk for name in expected}, who
        file = post(client, where, (DRONES, ROWS), "ask/file.geojson")
        features = json.loads(file.content)["features"]
        shown = {(each["properties"]["layer"], each["properties"]["id"]) for each in features}
        assert len(shown) == 2 * len(expected), who
    for address in ("ask", "ask/file.xlsx", "ask/file.geojson"):
        assert post(Client(), where, address=address).status_code == 401


def test_a_web_process_answers_from_the_live_world(town, monkeypatch):
    """The same answers as the database gives, without reading its states."""
    client = town.client("city")
    from_database = post(client, CIRCLE).json()
    with connection.cursor() as cursor:
        world = World()
        world.replace(read_current(cursor))
    monkeypatch.setattr(hub, "world", world)
    monkeypatch.setattr(Hub, "is_current", True)
    State.objects.all().delete()
    from_world = post(client, CIRCLE).json()
    for told in (from_database, from_world):
        told.pop("as_of")
    assert from_world == from_database
    assert len(glancing.glance()["id"]) == 2


def test_the_workbook_and_the_geojson(town):
    Asset.objects.filter(pk=town.drones["west"].pk).update(name="=1+1")
    client = town.client("city")
    book = load_workbook(io.BytesIO(post(client, CIRCLE, (DRONES, ROWS), "ask/file.xlsx").content))
    assert book.sheetnames == ["汇总", "图层drones", "图层rows"]
    assert [[cell.value for cell in row] for row in book["汇总"]][1:] == [["图层drones", 1], ["图层rows", 1]]
    header, row = ([cell.value for cell in each] for each in book["图层drones"])
    assert header == ["编号", "名称", "所属单位", "状态", "时间", "经度", "纬度", "距离（米）"]
    assert row[:4] == ["UAV-000", "'=1+1", "西郊船厂", "作业中"]
    assert row[5:7] == list(WEST_DRONE)
    told = json.loads(post(client, CIRCLE, (DRONES,), "ask/file.geojson").content)
    assert told["features"][0]["geometry"]["coordinates"] == list(WEST_DRONE)
    assert told["features"][0]["properties"]["state"] == "作业中"
    last = AuditRecord.objects.filter(action=Action.EXPORT).order_by("-pk").first()
    assert (last.detail["where"], last.detail["kind"], last.detail["count"]) == ("circle", "geojson", 1)


def test_who_crossed_a_line(town):
    connection.cursor().execute("TRUNCATE twin_track")
    start = timezone.now().timestamp() - 600
    n = 4
    batch = states(
        asset=[town.drones["west"].pk] * n, kind=[kind_of("drone").code] * n, lon=[121.24, 121.249, 121.251, 121.26],
        lat=[31.2] * n, time_ms=[(start + 5 * k) * 1000 for k in range(n)], seq=list(range(1, n + 1)), status=[1] * n,
    ).batch  # fmt: skip
    write_tracks(connection.cursor().cursor, batch)
    line = {"type": "crossed", "line": [[121.25, 31.0], [121.25, 31.4]]}
    asked = {**line, "from": (start - 1) * 1000, "to": (start + 60) * 1000}
    told = post(town.client("city"), asked).json()["layers"][0]
    assert (told["total"], told["rows"][0]["values"][-1]) == (1, "从左到右")
    assert told["state"] == [{"value": True, "title": "从左到右", "count": 1}]
    assert post(town.client("district", region=town.regions["east"]), asked).json()["total"] == 0
    assert post(town.client("city"), {**asked, "to": (start + 7) * 1000}).json()["total"] == 0
    assert post(town.client("city"), {**asked, "from": (start - 90_000) * 1000}).status_code == 400
    assert post(town.client("city"), {**asked, "to": (start - 5) * 1000}).status_code == 400


@pytest.mark.parametrize(("where", "status"), [
    ({"type": "rectangle", "bbox": [121.5, 31.0, 121.0, 31.5]}, 400),
    ({"type": "polygon", "ring": [[121.2, 31.1], [121.3, 31.1], [121.25, 31.1]]}, 400),
    ({"type": "polygon", "ring": [[121.2, 31.1], [121.3, 31.1]]}, 422),
    ({"type": "corridor", "line": [[121.2, 31.1], [121.2, 31.1]], "width_m": 10}, 400),
    ({"type": "corridor", "line": [[121.2, 31.1]] * 6000, "width_m": 10}, 422),
    ({"type": "circle", "lon": 31.2, "lat": 121.2, "radius_m": 10}, 422),
    ({"type": "circle", "lon": 121.2, "lat": 31.2, "radius_m": 1e9}, 422),
    ({"type": "circle", "lon": "NaN", "lat": 31.2, "radius_m": 10}, 422),
    ({"type": "nearest", "lon": 121.2, "lat": 31.2, "k": 0}, 422),
    ({"type": "district", "code": "nowhere"}, 400),
    ({"type": "square"}, 422),
    ({"type": "near", "thing": "row", "id": 1, "layer": "kites.none", "radius_m": 5}, 400),
])  # fmt: skip
def test_what_cannot_be_asked_is_said(town, where, status):
    assert post(town.client("city"), where).status_code == status


def test_layers_that_cannot_be_asked(town):
    client = town.client("city")
    assert post(client, CIRCLE, ("kites.none",)).status_code == 404
    assert post(client, CIRCLE, ("kites.heat",)).status_code == 400


def found(client, query):
    return client.get("/api/v1/search", {"q": query}).json()["results"]


def test_the_gazetteer_knows_imported_places_and_regions(town):
    BaseFeature.objects.create(
        kind="road", category="trunk", name="中山东一路", min_zoom=9, generated=False, source="x",
        geometry="SRID=4326;LINESTRING(121.49 31.23, 121.49 31.24)",
    )  # fmt: skip
    client = town.client("district", region=town.regions["west"])
    for query in ("中山东", "zsdyl", "zhongshandong"):
        road = found(client, query)[0]
        assert (road["type"], road["title"], road["subtitle"]) == ("place", "中山东一路", "道路")
        assert road["lon"] == pytest.approx(121.49)
    east = found(client, "东区")[0]
    assert (east["type"], east["subtitle"]) == ("region", "区县 · 310101")
    assert found(client, "东海石化") == []
    assert "organization" in {each["type"] for each in found(client, "西郊船厂")}
    assert found(town.client(None), "中山东") == []


@pytest.mark.parametrize("text", [
    "121.4737, 31.2304", "121.4737，31.2304", " 121.4737 31.2304 ", "31.2304,121.4737", "wgs84 121.4737 31.2304",
    "121°28′25.32″E 31°13′49.44″N", "31°13'49.44\"N, 121°28'25.32\"E", "121度28分25.32秒 31度13分49.44秒",
])  # fmt: skip
def test_coordinates_as_people_write_them(text):
    first = coordinates(text)[0]
    assert (first.lon, first.lat) == pytest.approx((121.4737, 31.2304), abs=1e-6)


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "cgcs2000-gk3-cm120", "epsg:4549"])
def test_coordinates_in_any_datum(datum):
    x, y = from_wgs84(121.4737, 31.2304, datum)
    (only,) = coordinates(f"{datum} {x:.7f} {y:.7f}")
    assert (only.lon, only.lat) == pytest.approx((121.4737, 31.2304), abs=1e-6)


def test_bare_degrees_are_offered_in_the_usual_datums(town):
    told = found(town.client("city"), "121.4737, 31.2304")
    assert [each["subtitle"] for each in told] == ["按 WGS 84 坐标", "按 GCJ-02 坐标", "按 BD-09 坐标"]
    assert np.diff([each["lon"] for each in told]).all()


@pytest.mark.parametrize(
    "text", ["", "焊机 12", "121.4737", "1,2,3", "nothere 121 31", "W-12 3456", "999 999", "12-34"]
)
def test_what_is_no_pair_of_coordinates(text, db):
    assert coordinates(text) == []
