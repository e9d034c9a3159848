"""Layer tree, counts and search: within the user's scope, in the user's language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test.utils import CaptureQueriesContext

from layers import search
from layers.contract import (
    Filter,
    FilterOption,
    LayerModule,
    MenuEntry,
    Panel,
    PolygonStyle,
    StatisticsBy,
    TileSource,
)
from layers.registry import registry
from layers.tests.conftest import DISTRICTS, LAYERS, layer
from twin.models import Area, Asset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kites")]


def counted(client, name):
    told = client.get(f"/api/v1/layers/kites.{name}/statistics").json()
    parts = {part: {each["value"]: each["count"] for each in told[part]} for part in ("state", "kind", "district")}
    return told["total"], parts


def test_the_layer_tree(town):
    told = town.client("district", region=town.regions["west"]).get("/api/v1/layers").json()
    assert [each["id"] for each in told] == [each.id for each in LAYERS]
    drones = told[0]
    assert (drones["title"], drones["group"], drones["module"], drones["visible"]) == (
        "图层drones", "飞行", "kites", True,
    )  # fmt: skip
    assert [each["title"] for each in drones["legend"]] == ["待机", "作业中", "告警", "关机", "静默"]
    assert [each["field"] for each in drones["filters"]] == ["status"]
    assert drones["card"] == [{"field": "state.alt_m", "title": "高度", "unit": "m", "format": "text"}]


def test_nobody_without_a_scope_is_told_of_layers(town):
    client = town.client(None)
    assert client.get("/api/v1/layers").json() == client.get("/api/v1/modules").json() == []
    assert counted(client, "drones")[0] == counted(client, "rows")[0] == 0
    assert client.get("/api/v1/search", {"q": "无人机"}).json() == {"results": [], "more": False}
    assert client.get("/layers/export?bbox=121,31,122,32").status_code == 403


def test_live_things_are_counted_by_state_and_district(town):
    total, parts = counted(town.client("city"), "drones")
    assert total == 2
    assert parts == {"state": {1: 1, "silent": 1}, "kind": {"drone": 2}, "district": {"310100": 1, "310101": 1}}
    Asset.objects.create(kind="drone", code="UAV-9", name="新机", owner=town.firms["west"])
    total, parts = counted(town.client("city"), "drones")
    assert (total, parts["state"]["unknown"], parts["district"][""]) == (3, 1, 1)


@pytest.mark.parametrize("where", ["west", "east"])
def test_counts_end_at_the_scope(town, where):
    for client in (
        town.client("district", region=town.regions[where]),
        town.client("enterprise", organization=town.firms[where]),
    ):
        assert counted(client, "drones")[1]["district"] == {town.regions[where].code: 1}
        total, parts = counted(client, "rows")
        assert (total, parts["kind"]) == (1, {town.fences[where].kind: 1})


def test_areas_rows_and_tiles_are_counted_from_their_own_tables(town):
    client = town.client("city")
    assert counted(client, "areas") == (1, {"state": {}, "kind": {"fence": 1}, "district": {"310100": 1}})
    assert counted(client, "rows") == (
        2,
        {
            "state": {"fence": 1, "key_area": 1},
            "kind": {"fence": 1, "key_area": 1},
            "district": {"310100": 1, "310101": 1},
        },
    )
    assert counted(client, "districts")[0] == 2
    titles = {
        each["value"]: each["title"] for each in client.get("/api/v1/layers/kites.rows/statistics").json()["state"]
    }
    assert titles == {"fence": "围栏", "key_area": "重点区域"}


def parts_of(client, name):
    told = client.get(f"/api/v1/layers/kites.{name}/statistics").json()["parts"]
    return {(part["district"], part["state"], *part["values"]): part["count"] for part in told}


def test_counts_by_filter_are_told_at_once(town, monkeypatch):
    client = town.client("city")
    assert parts_of(client, "drones") == {("310100", 1, 1): 1, ("310101", "silent", "silent"): 1}
    assert parts_of(client, "rows") == {("310100", "fence"): 1, ("310101", "key_area"): 1}
    by_kind = Filter("kind", "类别", (FilterOption("fence", "围栏"), FilterOption("key_area", "重点区域")))
    narrowed = replace(next(each for each in LAYERS if each.id == "kites.rows"), filters=(by_kind,))
    monkeypatch.setattr(registry, "_map_layers", {**registry._map_layers, "kites.rows": narrowed})
    assert parts_of(client, "rows") == {("310100", "fence", "fence"): 1, ("310101", "key_area", "key_area"): 1}
    west = town.client("district", region=town.regions["west"])
    assert parts_of(west, "rows") == {("310100", "fence", "fence"): 1}


def test_a_filter_by_silence_asks_just_that(town, monkeypatch):
    chosen = Filter("silent", "静默", (FilterOption(True, "是"), FilterOption(False, "否")))
    narrowed = replace(LAYERS[0], filters=(chosen,))
    monkeypatch.setattr(registry, "_map_layers", {**registry._map_layers, LAYERS[0].id: narrowed})
    assert parts_of(town.client("city"), "drones") == {("310100", 1, False): 1, ("310101", "silent", True): 1}


def test_counts_of_tables_are_kept_until_the_table_changes(town):
    client = town.client("city")
    before = client.get("/api/v1/layers/kites.rows/statistics").json()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get("/api/v1/layers/kites.rows/statistics").json() == before
    assert not any("ST_PointOnSurface" in query["sql"] for query in queries)
    town.fences["west"].active = False
    town.fences["west"].save()
    after = client.get("/api/v1/layers/kites.rows/statistics").json()
    assert (before["total"], after["total"]) == (2, 1)
    assert after["as_of"] > before["as_of"]


def test_districts_are_named_in_the_language_of_the_reader(town):
    client = town.client("city")
    told = client.get("/api/v1/layers/kites.drones/statistics").json()
    assert [each["title"] for each in told["district"]] == ["西区", "东区"]
    client.cookies["django_language"] = "en"
    told = client.get("/api/v1/layers/kites.drones/statistics").json()
    assert [each["title"] for each in told["district"]] == ["West", "East"]


def test_one_layer_fails_alone(town, monkeypatch):
    broken = replace(DISTRICTS, name="kites.broken", where="r.nothing = 1")
    broken_layer = layer("broken", TileSource(broken, "polygon"), PolygonStyle())
    monkeypatch.setattr(registry, "_map_layers", {**registry._map_layers, "kites.broken": broken_layer})
    client = town.client("city")
    answer = client.get("/api/v1/layers/kites.broken/statistics")
    assert (answer.status_code, answer.json()["detail"]) == (503, "图层“区”暂时无法读取")
    assert counted(client, "drones")[0] == 2
    several = client.get("/api/v1/statistics?layers=kites.broken,kites.drones").json()
    assert [each["id"] for each in several["layers"]] == ["kites.drones"]
    assert several["failed"] == {"kites.broken": "图层“区”暂时无法读取"}
    assert client.get("/layers/export?bbox=121,31,122,32&layers=kites.broken").status_code == 503


def test_an_unknown_layer_is_not_found(town):
    for address in ("layers/kites.none/statistics", "statistics?layers=kites.drones,kites.none"):
        answer = town.client("city").get(f"/api/v1/{address}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "没有名为“kites.none”的图层"})


@pytest.mark.parametrize("who", ["city", "west"])
@pytest.mark.parametrize("district", ["", "310101"])
def test_several_layers_are_counted_at_once_as_each_alone(town, who, district):
    client = town.client(who)
    names = ["kites.drones", "kites.rows"]
    together = client.get("/api/v1/statistics", {"layers": ",".join([*names, names[0]]), "district": district}).json()
    alone = [client.get(f"/api/v1/layers/{name}/statistics", {"district": district}).json() for name in names]
    for each in (*together["layers"], *alone):
        del each["as_of"]
    assert (together["layers"], together["failed"]) == (alone, {})


def test_nobody_signed_in_counts_anything(client):
    assert client.get("/api/v1/statistics?layers=kites.drones").status_code == 401


def test_modules_offer_what_the_reader_may_open(town, monkeypatch):
    module = LayerModule(
        key="kites",
        title="风筝",
        map_layers=LAYERS,
        panels=(Panel("kites.count", "数量", "kites.drones", StatisticsBy.DISTRICT, unit="架"),),
        menu=(
            MenuEntry("kites.page", "地图", "map"),
            MenuEntry("kites.keep", "管理", "admin:index", requires="administer"),
        ),
    )
    monkeypatch.setattr(registry, "_modules", {"kites": module})
    told = {role: town.client(role).get("/api/v1/modules").json()[0] for role in ("city", "administrator")}
    assert [each["url"] for each in told["city"]["menu"]] == ["/"]
    assert [each["url"] for each in told["administrator"]["menu"]] == ["/", "/admin/"]
    assert told["city"]["panels"] == [
        {"id": "kites.count", "title": "数量", "layer": "kites.drones", "by": "district", "place": "left", "unit": "架"}
    ]


def found(client, query):
    return [each["title"] for each in client.get("/api/v1/search", {"q": query}).json()["results"]]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("UAV-000", ["巡检无人机"]),
        ("uav-000", ["巡检无人机"]),
        ("测绘", ["测绘无人机"]),
        ("xjwrj", ["巡检无人机"]),
        ("cehui", ["测绘无人机"]),
        ("无人机", ["巡检无人机", "测绘无人机"]),
        ("东侧", ["东侧禁飞区"]),
        ("dcjfq", ["东侧禁飞区"]),
        ("船厂", ["巡检无人机", "西侧围栏", "西郊船厂"]),
        ("东区", ["东区"]),
        ("xq", ["西区"]),
        ("没有这个", []),
        ("", []),
        ("  ", []),
        ("\n", []),
        ("\x1f", []),
    ],
)
def test_search_by_name_code_and_pinyin(town, query, titles):
    assert found(town.client("city"), query) == titles


def test_search_tells_where_a_thing_is_and_which_layer_shows_it(town):
    client = town.client("city")
    drone = client.get("/api/v1/search", {"q": "UAV-000"}).json()["results"][0]
    assert drone == {
        "type": "asset", "id": town.drones["west"].pk, "layer": "kites.drones", "kind": "drone", "title": "巡检无人机",
        "subtitle": "UAV-000 · 西郊船厂", "lon": 121.25, "lat": 31.2,
    }  # fmt: skip
    fence = client.get("/api/v1/search", {"q": "西侧"}).json()["results"][0]
    assert (fence["type"], fence["layer"], fence["subtitle"]) == ("area", "kites.areas", "电子围栏 · 西郊船厂")
    assert (round(fence["lon"], 2), round(fence["lat"], 2)) == (121.25, 31.2)
    row = [each for each in client.get("/api/v1/search", {"q": "船厂"}).json()["results"] if each["type"] == "row"]
    assert [(each["layer"], each["title"], each["id"]) for each in row] == [
        ("kites.rows", "西侧围栏", town.fences["west"].pk)
    ]


@pytest.mark.parametrize("where", ["west", "east"])
def test_search_ends_at_the_scope(town, where):
    other = {"west": "东", "east": "西"}[where]
    for client in (
        town.client("district", region=town.regions[where]),
        town.client("enterprise", organization=town.firms[where]),
    ):
        assert found(client, "无人机") == [town.drones[where].name]
        # Names of districts are no secret.
        assert [title for title in found(client, other) if title.startswith(other)] == [f"{other}区"]


def test_search_knows_a_change_at_once(town, monkeypatch):
    monkeypatch.setattr(search, "_REST", 0)
    client = town.client("city")
    assert found(client, "浦江") == []
    town.drones["west"].name = "浦江一号"
    town.drones["west"].save()
    assert found(client, "pjyh") == ["浦江一号"]
    Asset.objects.filter(pk=town.drones["west"].pk).update(active=False)
    assert found(client, "pjyh") == []
    Area.objects.create(
        name="浦江禁飞区", kind="fence", boundary=MultiPolygon(Polygon.from_bbox((121.1, 31.1, 121.2, 31.2)), srid=4326)
    )
    assert found(client, "浦江") == ["浦江禁飞区"]


def test_more_than_fits_says_so(town):
    Asset.objects.bulk_create(Asset(kind="drone", code=f"X-{i}", name=f"编队机{i}") for i in range(60))
    told = town.client("city").get("/api/v1/search", {"q": "编队"}).json()
    assert (len(told["results"]), told["more"]) == (50, True)


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("layers", 8),
        ("modules", 8),
        ("layers/kites.drones/statistics", 10),
        ("statistics?layers=kites.drones", 10),
        ("search?q=无人机", 16),
    ],
)
def test_what_a_screen_asks_costs_the_same_however_much_there_is(town, django_assert_max_num_queries, address, most):
    Asset.objects.bulk_create(
        Asset(kind="drone", code=f"F-{i}", name="无人机", owner=town.firms["west"]) for i in range(40)
    )
    client = town.client("city")
    client.get(f"/api/v1/{address}")
    with django_assert_max_num_queries(most):
        client.get(f"/api/v1/{address}")
