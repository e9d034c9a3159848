"""The planners' desk: drafts, four eyes, scope, and what becomes of an approved draft."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from access.models import AuditRecord
from command.plan.models import AreaDraft
from devices.models import Worker
from gis.notices import stamp_of
from twin.models import Area, AreaVersion

pytestmark = pytest.mark.slow
DRAFTS = "/api/v1/plan/drafts"


BOW = {"type": "Polygon", "coordinates": [[[121, 31], [121.1, 31.1], [121.1, 31], [121, 31.1], [121, 31]]]}


def square(lon, lat, half=0.01):
    ring = [[lon - half, lat - half], [lon + half, lat - half], [lon + half, lat + half], [lon - half, lat + half]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def send(client, method, address, body=None):
    answer = getattr(client, method)(address, json.dumps(body or {}), content_type="application/json")
    return answer.status_code, answer.json()


@pytest.fixture
def desk(town):
    """Clients by name: planners of the whole city and of the west, a city officer, an administrator, others."""
    town.employ(
        planner_west=("planner", {"region": town.west}),
        admin=("administrator", {}),
        admin_west=("administrator", {"region": town.west}),
        dispatcher=("dispatcher", {}),
    )
    return Desk(town)


class Desk:
    """Each is signed in when first asked for."""

    def __init__(self, town):
        self.town = town

    def __getitem__(self, name):
        return self.town.client(name)


def draft_of(client, lon=121.2, lat=31.2, **fields):
    body = {"name": "新围栏", "kind": "key_area", "shape": square(lon, lat), **fields}
    status, said = send(client, "post", DRAFTS, body)
    assert status == 201, said
    return said


def do(client, draft, action, **more):
    return send(client, "post", f"{DRAFTS}/{draft['id']}/{action}", {"revision": draft["revision"], **more})


def test_from_draft_to_area_with_four_eyes(desk, town):
    draft = draft_of(
        desk["planner_west"],
        owner=town.firms["西厂"].pk,
        z_min_m=0,
        z_max_m=60,
        periods=[{"kind": "night"}],
        source="手工绘制",
        attributes={"level": "1", "contact": "王工"},
    )
    assert (draft["state"], draft["region"]) == ("draft", "西区")
    assert set(draft["actions"]) == {"change", "submit", "discard"}
    assert not Area.objects.exists()
    status, said = do(desk["city"], draft, "approve")
    assert (status, "不能批准" in said["detail"]) == (400, True)
    _, draft = do(desk["planner_west"], draft, "submit")
    assert draft["state"] == "submitted"
    # Neither the author, nor somebody who may not approve, nor an approver of elsewhere.
    for who, expected in (("planner_west", 403), ("planner", 403), ("west", 403), ("east", 404), ("dispatcher", 403)):
        assert do(desk[who], draft, "approve")[0] == expected, who
    status, said = do(desk["city"], draft, "return")
    assert (status, said["detail"]) == (400, "请填写退回原因。")
    _, draft = do(desk["city"], draft, "return", text="北边多画了一块")
    assert draft["steps"][-1]["text"] == "北边多画了一块"
    _, draft = do(desk["planner_west"], draft, "submit")
    status, draft = do(desk["admin_west"], draft, "approve", activate=True)
    assert (status, draft["state"], draft["made_version"]) == (200, "active", 1)
    area = Area.objects.get()
    assert (area.name, area.kind, area.region, area.owner) == ("新围栏", "key_area", town.west, town.firms["西厂"])
    assert (area.z_max_m, area.periods, area.source) == (60, [{"kind": "night"}], "手工绘制")
    assert area.attributes == {"level": "1", "contact": "王工"}
    version = AreaVersion.objects.get(area=area)
    assert (version.source, version.attributes, version.changed_by) == (
        area.source,
        area.attributes,
        town.users["admin_west"],
    )
    assert [step["action"] for step in draft["steps"]] == [
        "create",
        "submit",
        "return",
        "submit",
        "approve",
        "activate",
    ]
    assert AuditRecord.objects.filter(model="command.AreaDraft", actor=town.users["planner_west"]).exists()


def test_whoever_had_a_hand_in_it_does_not_approve(desk):
    draft = draft_of(desk["planner"])
    body = {"name": "改名", "kind": "fence", "shape": square(121.2, 31.2), "revision": draft["revision"]}
    _, draft = send(desk["city"], "put", f"{DRAFTS}/{draft['id']}", body)
    _, draft = do(desk["planner"], draft, "submit")
    status, said = do(desk["city"], draft, "approve")
    assert (status, "须由他人批准" in said["detail"]) == (403, True)
    assert do(desk["admin"], draft, "approve")[0] == 200


def test_a_district_plans_only_within_the_district(desk, town):
    for lon, expected in ((121.2, 201), (121.9, 403), (121.55, 403)):
        body = {"name": "围栏", "kind": "fence", "shape": square(lon, 31.2)}
        assert send(desk["planner_west"], "post", DRAFTS, body)[0] == expected, lon
    # Its own firm's ground in the other district is seen, but not planned.
    there = Area.objects.create(
        name="东", kind="fence", boundary=box(121.9), owner=town.firms["西厂"], region=town.east
    )
    assert desk["planner_west"].get(f"/api/v1/plan/areas/{there.pk}").json()["plans"] is False
    body = {"name": "东", "kind": "fence", "shape": square(121.2, 31.2), "area": there.pk}
    assert send(desk["planner_west"], "post", DRAFTS, body)[0] == 403
    # Nor does a foreign firm become an owner.
    body = {"name": "围栏", "kind": "fence", "shape": square(121.2, 31.2), "owner": town.firms["东厂"].pk}
    assert send(desk["planner_west"], "post", DRAFTS, body)[0] == 403


def box(lon, half=0.01):
    from django.contrib.gis.geos import MultiPolygon, Polygon

    return MultiPolygon(Polygon.from_bbox((lon - half, 31.19, lon + half, 31.21)), srid=4326)


def test_nobody_else_sees_a_draft(desk):
    draft = draft_of(desk["planner_west"])
    for who, expected in (("east", 404), ("firm", 403), ("nobody", 403), ("dispatcher", 403), ("city", 200)):
        assert desk[who].get(f"{DRAFTS}/{draft['id']}").status_code == expected, who
    assert Client().get(f"{DRAFTS}/{draft['id']}").status_code == 401
    assert desk["east"].get(DRAFTS).json() == {"drafts": [], "more": False}
    assert [d["id"] for d in desk["west"].get(DRAFTS).json()["drafts"]] == [draft["id"]]
    for address in ("/api/v1/plan/areas", "/api/v1/plan/shapes", DRAFTS):
        assert Client().get(address).status_code in (401, 405)


def test_a_change_of_an_area_is_based_on_a_version(desk, town):
    area = Area.objects.create(name="西", kind="fence", boundary=box(121.2), region=town.west)
    draft = draft_of(desk["planner"], area=area.pk)
    status, said = send(
        desk["city"], "post", DRAFTS, {"name": "又", "kind": "fence", "shape": square(121.2, 31.2), "area": area.pk}
    )
    assert (status, "已有未完成的方案" in said["detail"]) == (409, True)
    assert desk["city"].get(f"/api/v1/plan/areas/{area.pk}").json()["draft"] == draft["id"]
    _, draft = do(desk["planner"], draft, "submit")
    _, draft = do(desk["city"], draft, "approve")
    area.refresh_from_db()
    area.z_max_m = 30
    area.save()
    status, said = do(desk["planner"], draft, "activate")
    assert (status, "已有第 2 版" in said["detail"]) == (409, True)
    assert AreaDraft.objects.get().state == "approved"
    versions = desk["city"].get(f"/api/v1/plan/areas/{area.pk}/versions").json()["versions"]
    assert [row["version"] for row in versions] == [2, 1]
    first = desk["city"].get(f"/api/v1/plan/areas/{area.pk}/versions/1").json()
    assert (first["z_max_m"], first["shape"]["type"]) == (None, "MultiPolygon")
    assert desk["east"].get(f"/api/v1/plan/areas/{area.pk}/versions/1").status_code == 404


def test_two_planners_do_not_overwrite_each_other(desk):
    draft = draft_of(desk["planner"])
    body = {"name": "一", "kind": "fence", "shape": square(121.2, 31.2), "revision": draft["revision"]}
    assert send(desk["planner"], "put", f"{DRAFTS}/{draft['id']}", body)[0] == 200
    status, said = send(desk["city"], "put", f"{DRAFTS}/{draft['id']}", body)
    assert (status, "已被他人修改" in said["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shape": BOW}, "自相交"),
        ({"shape": {"type": "Polygon", "coordinates": [[[121.2, 31.2], [121.3, 31.3], [121.3, 31.2]]]}}, "首尾"),
        ({"shape": {"type": "Point", "coordinates": [31.2, 121.2]}}, "颠倒"),
        ({"shape": {"type": "Polygon", "coordinates": []}}, "空"),
        ({"shape": None}, "无法识别图形"),
        ({"figure": {"type": "circle", "lon": 121.2, "lat": 31.2, "radius_m": 0}}, "长度须在"),
        ({"figure": {"type": "circle", "lon": 121.2}}, "数据不全"),
        ({"figure": {"type": "star"}}, "没有这种画法"),
        ({"z_min_m": 5, "z_max_m": 5}, "顶高须大于底高"),
        ({"kind": "nothing"}, "请选择类别"),
        ({"name": " "}, "请填写名称"),
        ({"attributes": {"capacity": 3}}, "没有属性"),
        ({"periods": [{"kind": "yearly"}]}, "第 1 个时段"),
        ({"owner": 99999}, "没有这个所属单位"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(desk, fields, said):
    body = {"name": "围栏", "kind": "fence", "shape": square(121.2, 31.2), **fields}
    status, answer = send(desk["planner"], "post", DRAFTS, body)
    assert (status, said in answer["detail"]) == (400, True), answer
    assert not AreaDraft.objects.exists()


def test_points_and_lines_are_drawn_but_are_no_areas_yet(desk):
    for shape, said in (
        ({"type": "Point", "coordinates": [121.2, 31.2]}, "半径"),
        ({"type": "LineString", "coordinates": [[121.2, 31.2], [121.21, 31.2]]}, "走廊"),
    ):
        draft = draft_of(desk["planner"], shape=shape, kind="fence")
        status, answer = do(desk["planner"], draft, "submit")
        assert (status, said in answer["detail"]) == (400, True)


def test_lines_and_figures_become_areas(desk):
    line = {"type": "LineString", "coordinates": [[121.2, 31.2], [121.21, 31.2]]}
    for fields in (
        {"kind": "line", "shape": line},
        {"kind": "fence", "figure": {"type": "corridor", "width_m": 30, "line": line}},
        {"kind": "fence", "figure": {"type": "circle", "lon": 121.2, "lat": 31.2, "radius_m": 500}},
    ):
        draft = draft_of(desk["planner"], **{"shape": None, **fields})
        _, draft = do(desk["planner"], draft, "submit")
        status, draft = do(desk["city"], draft, "approve", activate=True)
        assert (status, draft["state"]) == (200, "active")
        assert draft["figure"].get("type") == fields.get("figure", {}).get("type")
    assert Area.objects.exclude(line=None).count() == 1


def test_an_area_is_taken_out_of_force_by_a_draft(desk, town):
    area = Area.objects.create(name="西", kind="fence", boundary=box(121.2), region=town.west)
    draft = draft_of(desk["planner"], area=area.pk, retire=True)
    _, draft = do(desk["planner"], draft, "submit")
    assert do(desk["city"], draft, "approve", activate=True)[0] == 200
    area.refresh_from_db()
    assert (area.active, area.version, area.name) == (False, 2, "西")


def test_in_force_once_every_ingest_process_says_so(desk):
    draft = draft_of(desk["planner"])
    address = f"{DRAFTS}/{draft['id']}/force"
    assert desk["planner"].get(address).status_code == 409
    _, draft = do(desk["planner"], draft, "submit")
    do(desk["city"], draft, "approve", activate=True)
    assert desk["planner"].get(address).json() == {"in_force": False, "workers": 0, "told": 0, "after_s": None}
    now, stamp = timezone.now(), stamp_of(["areas"])
    alive = now + timedelta(hours=1)
    Worker.objects.create(name="a", seen_at=alive, areas_stamp=stamp, areas_read_at=now)
    Worker.objects.create(name="b", seen_at=alive, areas_stamp=stamp - 1, areas_read_at=now)
    said = desk["planner"].get(address).json()
    assert (said["in_force"], said["workers"], said["told"]) == (False, 2, 1)
    Worker.objects.filter(name="b").update(areas_stamp=stamp)
    said = desk["planner"].get(address).json()
    assert said["in_force"] is True
    assert 0 <= said["after_s"] < 60


def test_areas_are_listed_by_search_view_and_page(desk, town, monkeypatch):
    from command.plan import areas

    monkeypatch.setattr(areas, "MOST_LISTED", 2)
    for k in range(5):
        Area.objects.create(name=f"西{k}", kind="fence", boundary=box(121.15 + k / 50, 0.001), region=town.west)
    Area.objects.create(name="东", kind="zone", boundary=box(121.9), region=town.east)
    first = desk["west"].get("/api/v1/plan/areas").json()
    assert ([a["name"] for a in first["areas"]], first["count"], first["counted"]) == (["西0", "西1"], 5, True)
    second = desk["west"].get(f"/api/v1/plan/areas?after={first['next']}").json()
    assert [a["name"] for a in second["areas"]] == ["西2", "西3"]
    names = lambda query: [a["name"] for a in desk["city"].get(f"/api/v1/plan/areas?{query}").json()["areas"]]  # noqa: E731
    assert names("q=西4") == ["西4"]
    assert names("kind=zone") == ["东"]
    assert names("bbox=121.8,31,122,32") == ["东"]
    assert desk["city"].get("/api/v1/plan/areas?bbox=1,2").status_code == 400


def test_shapes_are_worked_on(desk):
    def ask(**body):
        return send(desk["planner"], "post", "/api/v1/plan/shapes", body)

    one, two = square(121.2, 31.2), square(121.21, 31.2)
    status, merged = ask(op="merge", shapes=[one, two])
    assert (status, merged["shapes"][0]["type"]) == (200, "Polygon")
    knife = {"type": "LineString", "coordinates": [[121.2, 31.1], [121.2, 31.3]]}
    assert len(ask(op="split", shapes=[one, knife])[1]["shapes"]) == 2
    assert len(ask(op="cut", shapes=[one, square(121.2, 31.2, 0.001)])[1]["shapes"][0]["coordinates"]) == 2
    status, said = ask(op="split", shapes=[one, {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}])
    assert (status, "没有贯穿" in said["detail"]) == (400, True)
    status, said = ask(op="buffer", shapes=[one], distance_m=-5000)
    assert (status, "什么也不剩" in said["detail"]) == (400, True)
    assert ask(op="merge", shapes=[])[0] == 400
    circle = {"type": "circle", "lon": 121.2, "lat": 31.2, "radius_m": 1000}
    area_m2 = ask(op="figure", figure=circle)[1]["measures"][0]["area_m2"]
    assert area_m2 == pytest.approx(3.1416e6, rel=2e-3)
