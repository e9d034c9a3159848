"""Scenes, tours and walls: who sees, keeps and drives them, and what a wall is told."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from access.models import AuditRecord, Grant
from access.scope import NOWHERE, WHOLE_CITY, Scope
from command.director import demo, store
from command.director.messages import Report
from command.director.models import Scene, Tour, TourStep, Wall
from command.director.rights import covers
from command.tests.rulebook import TOO_FAST
from gis.models import Stamp
from twin.models import Asset

pytestmark = pytest.mark.django_db

VIEW = {"lon": 121.5, "lat": 31.2, "zoom": 11.0, "pitch": 40.0, "bearing": -10.0}
SCENE = {"name": "西区全景", **VIEW, "layers": ["hotwork.machines"], "folded": ["what-there-is"]}
STATE = {"view": VIEW, "layers": ["a.b"], "folded": ["what-is-wrong"], "solid": True}
DRIVES = {
    "city": {"city", "west", "east", "firm", "planner"},
    "planner": {"planner"},
    "west": {"west"},
    "east": {"east"},
    "firm": {"firm"},
    "nobody": set(),
}
"""Whose walls each may see and drive."""


def ask(client, method, address, body=None):
    answer = client.generic(method, f"/api/v1/{address}", json.dumps(body or {}), "application/json")
    return answer.status_code, json.loads(answer.content) if answer.content else None


def wall_of(user, name="", key=None):
    return store.announce(user, key or uuid4(), name, False, uuid4().hex)


def says(wall, **fields):
    said = {"type": "wall_state", "state": STATE, "done": wall.number, **fields}
    return store.report(wall.pk, wall.holder, Report.model_validate(said))


@pytest.fixture
def walls(town, monkeypatch):
    # A machine that is busy may take longer than twelve seconds from here to the order; none of these walls reports.
    monkeypatch.setattr("command.director.store.ALIVE_S", 3600.0)
    return {name: wall_of(user) for name, user in town.users.items() if name != "nobody"}


@pytest.mark.parametrize("who", DRIVES)
def test_who_sees_and_drives_which_wall(town, walls, who):
    client = town.client(who)
    _status, answer = ask(client, "GET", "walls")
    assert {wall["user"]["name"] for wall in answer["walls"]} == DRIVES[who]
    for name, wall in walls.items():
        status, _answer = ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": "home"}})
        assert status == (202 if name in DRIVES[who] else 404), name
        wall.refresh_from_db()
        assert bool(wall.orders) == (name in DRIVES[who])
        says(wall)
        status, _answer = ask(client, "POST", f"walls/{wall.pk}/scene", {"name": f"{who} {name}"})
        assert status == (201 if name in DRIVES[who] else 404), name


def test_an_administrator_of_the_district_drives_its_walls_too(town, walls):
    town.employ(keeper=("administrator", {"region": town.west}))
    keeper = town.users["keeper"]
    client = Client()
    client.force_login(keeper)
    _status, answer = ask(client, "GET", "walls")
    assert {wall["user"]["name"] for wall in answer["walls"]} == {"west"}
    Grant.objects.create(user=town.users["west"], role="planner")
    _status, answer = ask(client, "GET", "walls")
    assert answer["walls"] == [], "it now shows more than the administrator oversees"


def test_nobody_without_a_session_and_no_foreign_page(town, walls):
    addresses = [("GET", "walls"), ("GET", "scenes"), ("GET", "tours"), ("POST", "scenes"), ("POST", "tours")]
    addresses += [("POST", f"walls/{walls['west'].pk}/orders"), ("POST", f"walls/{walls['west'].pk}/scene")]
    for method, address in [
        *addresses,
        ("PUT", "scenes/1"),
        ("DELETE", "scenes/1"),
        ("PUT", "tours/1"),
        ("DELETE", "tours/1"),
    ]:
        assert ask(Client(), method, address)[0] == 401, address
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(town.users["west"])
    answer = ask(strict, "POST", f"walls/{walls['west'].pk}/orders", {"order": {"do": "home"}})
    assert answer[0] == 403
    assert Wall.objects.get(pk=walls["west"].pk).orders == []


def test_subtrees_cover_subtrees():
    pudong, street, firm = (
        Scope(region_paths=("/31/15/",)),
        Scope(region_paths=("/31/15/1/",)),
        Scope(False, (), ("/7/",)),
    )
    assert covers(WHOLE_CITY, pudong)
    assert covers(WHOLE_CITY, WHOLE_CITY)
    assert covers(pudong, street)
    assert not covers(street, pudong)
    assert not covers(pudong, firm), "what an enterprise owns may be anywhere"
    assert covers(pudong | firm, street | firm)
    assert not covers(pudong, WHOLE_CITY)
    for outer in (WHOLE_CITY, pudong):
        assert not covers(outer, NOWHERE)


def test_scenes_are_kept_where_their_maker_is(town):
    west, city, east = (town.client(name) for name in ("west", "city", "east"))
    status, scene = ask(west, "POST", "scenes", SCENE)
    assert (status, scene["name"], scene["kept"]) == (201, "西区全景", True)
    assert Scene.objects.get().region == town.west
    _status, of_city = ask(city, "POST", "scenes", {**SCENE, "name": "全市"})
    assert {each["name"] for each in ask(west, "GET", "scenes")[1]["scenes"]} == {"西区全景"}
    assert {each["name"] for each in ask(city, "GET", "scenes")[1]["scenes"]} == {"西区全景", "全市"}
    assert ask(east, "GET", "scenes")[1] == {"scenes": []}
    planned = {each["name"]: each["kept"] for each in ask(town.client("planner"), "GET", "scenes")[1]["scenes"]}
    assert planned == {"西区全景": False, "全市": False}
    address = f"scenes/{scene['id']}"
    assert ask(east, "PUT", address, SCENE)[0] == 404
    assert ask(east, "DELETE", address)[0] == 404
    assert ask(town.client("planner"), "DELETE", address)[0] == 403
    assert ask(city, "PUT", address, {**SCENE, "name": "改名"})[1]["name"] == "改名"
    assert AuditRecord.objects.filter(model="command.Scene", action="change", actor=town.users["city"]).exists()
    assert ask(west, "DELETE", address)[0] == 204
    assert ask(west, "DELETE", f"scenes/{of_city['id']}")[0] == 404
    assert Stamp.objects.filter(name="scenes").exists()


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "  "},
        {"lat": 91},
        {"zoom": "nah"},
        {"layers": ["x" * 81]},
        {"layers": [""]},
        {"folded": "left"},
        {"district": "1" * 13},
    ],
)
def test_a_scene_that_makes_no_sense_is_refused(town, fault):
    assert ask(town.client("west"), "POST", "scenes", {**SCENE, **fault})[0] == 422
    assert not Scene.objects.exists()


def test_a_scene_holds_nothing_its_maker_does_not_see(town):
    theirs = Asset.objects.create(kind="machine", code="E-1", owner=town.firms["东厂"])
    own = Asset.objects.create(kind="machine", code="W-1", owner=town.firms["西厂"])
    client = town.client("west")
    assert ask(client, "POST", "scenes", {**SCENE, "asset": theirs.pk})[1]["asset"] is None
    assert ask(client, "POST", "scenes", {**SCENE, "asset": own.pk})[1]["asset"] == own.pk


def test_one_place_at_most(town):
    with pytest.raises(IntegrityError), transaction.atomic():
        Scene.objects.create(name="x", lon=1, lat=1, zoom=1, region=town.west, organization=town.firms["西厂"])


def make_tour(client, *names, loop=False):
    scenes = [ask(client, "POST", "scenes", {**SCENE, "name": name})[1]["id"] for name in names]
    steps = [{"scene": key, "dwell_s": 5} for key in scenes]
    return ask(client, "POST", "tours", {"name": "迎检路线", "loop": loop, "steps": steps})


def test_tours_go_through_scenes_that_one_sees(town):
    west, east = town.client("west"), town.client("east")
    status, tour = make_tour(west, "一", "二")
    assert (status, [step["name"] for step in tour["steps"]]) == (201, ["一", "二"])
    assert ask(east, "GET", "tours")[1] == {"tours": []}
    address, stolen = f"tours/{tour['id']}", {"name": "x", "steps": tour["steps"]}
    assert ask(east, "PUT", address, stolen)[0] == 404
    assert ask(east, "POST", "tours", stolen)[0] == 404
    assert ask(west, "POST", "tours", {"name": "空", "steps": []})[0] == 422
    turned = {"name": "反向", "steps": tour["steps"][::-1]}
    assert [step["name"] for step in ask(west, "PUT", address, turned)[1]["steps"]] == ["二", "一"]
    assert ask(west, "DELETE", f"scenes/{tour['steps'][0]['scene']}")[0] == 204
    assert TourStep.objects.count() == 1
    assert ask(west, "DELETE", address)[0] == 204
    assert not Tour.objects.exists()


def test_a_wall_is_told_and_says_when_it_is_done(town, walls):
    client, wall = town.client("city"), walls["west"]
    _status, scene = ask(client, "POST", "scenes", {**SCENE, "district": town.west.code})
    status, told = ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": "scene", "scene": scene["id"]}})
    assert (status, told) == (202, {"number": 1})
    wall.refresh_from_db()
    (order,) = wall.orders
    assert (order["do"], order["number"], order["driver"]) == ("scene", 1, "city")
    assert order["shown"]["view"] == VIEW
    assert order["shown"]["district"] == town.west.code
    ledger = AuditRecord.objects.get(model="command.Wall", action="change")
    assert (ledger.actor, ledger.detail["order"]["name"]) == (town.users["city"], "西区全景")
    seen = ask(client, "GET", "walls")[1]["walls"]
    assert [(w["number"], w["done"], w["present"]) for w in seen if w["id"] == wall.pk] == [(1, 0, True)]
    wall = says(wall, done=1, fault="有 1 个图层看不到")
    assert (wall.done, wall.fault, wall.orders, wall.state["solid"]) == (1, "有 1 个图层看不到", [], True)
    assert says(wall, done=99).done == 1, "it cannot have done what nobody told it"
    status, kept = ask(client, "POST", f"walls/{wall.pk}/scene", {"name": "现在的画面"})
    assert (status, kept["zoom"], kept["layers"], kept["folded"]) == (201, 11.0, ["a.b"], ["what-is-wrong"])


def test_a_scene_shows_a_wall_nothing_its_account_may_not_see(town, walls):
    theirs = Asset.objects.create(kind="machine", code="E-1", owner=town.firms["东厂"])
    client, wall = town.client("city"), walls["west"]
    body = {**SCENE, "district": town.east.code, "asset": theirs.pk}
    _status, scene = ask(client, "POST", "scenes", body)
    assert (scene["asset"], scene["district"]) == (theirs.pk, town.east.code)
    ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": "scene", "scene": scene["id"]}})
    wall.refresh_from_db()
    assert (wall.orders[0]["shown"]["asset"], wall.orders[0]["shown"]["district"]) == (None, "")
    alert = town.alert(TOO_FAST, owner=town.firms["东厂"], region=town.east)
    for order in (
        {"do": "district", "district": town.east.code},
        {"do": "asset", "id": theirs.pk},
        {"do": "alert", "id": alert.pk},
    ):
        status, answer = ask(client, "POST", f"walls/{wall.pk}/orders", {"order": order})
        assert (status, "无权查看" in answer["detail"]) == (409, True)
    own = town.alert(TOO_FAST, owner=town.firms["西厂"], region=town.west)
    for order in ({"do": "district", "district": ""}, {"do": "alert", "id": own.pk}):
        assert ask(client, "POST", f"walls/{wall.pk}/orders", {"order": order})[0] == 202


def test_somebody_elses_scene_is_not_shown_on_ones_own_wall(town, walls):
    _status, scene = ask(town.client("east"), "POST", "scenes", SCENE)
    order = {"order": {"do": "scene", "scene": scene["id"]}}
    assert ask(town.client("west"), "POST", f"walls/{walls['west'].pk}/orders", order)[0] == 404
    order = {"order": {"do": "tour", "tour": 10**9}}
    assert ask(town.client("west"), "POST", f"walls/{walls['west'].pk}/orders", order)[0] == 404


@pytest.mark.parametrize(
    "order",
    [{"do": "explode"}, {}, {"do": "fly", "lon": 121}, {"do": "fly", "lon": 1e400, "lat": 1}, {"do": "zoom", "by": 40}],
)
def test_an_order_that_makes_no_sense_is_refused(town, walls, order):
    text = json.dumps({"order": order}).replace("Infinity", "1e400")
    answer = town.client("west").post(f"/api/v1/walls/{walls['west'].pk}/orders", text, "application/json")
    assert answer.status_code == 422
    assert Wall.objects.get(pk=walls["west"].pk).number == 0


def test_a_tour_lives_in_the_record_of_the_wall(town, walls):
    client, wall = town.client("city"), walls["west"]
    _status, tour = make_tour(client, "一", "二", "三")

    def tell(do, **more):
        return ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": do, **more}})

    status, answer = tell("pause")
    assert (status, "没有在播放" in answer["detail"]) == (409, True)
    assert tell("tour", tour=tour["id"]) == (202, {"number": 1})
    # Sent before the order arrived: it does not end what the wall has not heard of.
    wall.refresh_from_db()
    assert says(wall, done=0).run["step"] == 0
    wall = says(wall, playing={"run": 1, "step": 1, "until": 1e12})
    assert (wall.run["step"], wall.run["until"], [step["name"] for step in wall.run["steps"]]) == (
        1,
        1e12,
        ["一", "二", "三"],
    )
    wall = says(wall, playing={"run": 1, "step": 1, "paused": True, "why": "touch"})
    seen = next(each for each in ask(client, "GET", "walls")[1]["walls"] if each["id"] == wall.pk)
    assert (seen["run"]["why"], seen["run"]["steps"][2]) == ("touch", {"name": "三", "dwell_s": 5})
    assert says(wall, playing={"run": 1, "step": 7}).run["step"] == 1
    # The page is loaded anew: it is told where it was.
    again = store.announce(town.users["west"], wall.key, "", True, "another socket")
    assert (again.pk, again.run["step"], again.run["paused"]) == (wall.pk, 1, True)
    # Tour and scenes may go meanwhile; the wall plays on.
    assert ask(client, "DELETE", f"tours/{tour['id']}")[0] == 204
    Scene.objects.all().delete()
    assert len(Wall.objects.get(pk=wall.pk).run["steps"]) == 3
    assert tell("next")[0] == 202
    assert tell("stop")[0] == 202
    again = says(Wall.objects.get(pk=wall.pk), playing=None)
    assert again.run is None
    assert tell("next")[0] == 409


def test_an_empty_tour_is_not_played(town, walls):
    tour = Tour.objects.create(name="空", region=town.west)
    answer = ask(
        town.client("west"), "POST", f"walls/{walls['west'].pk}/orders", {"order": {"do": "tour", "tour": tour.pk}}
    )
    assert (answer[0], "没有您可以播放的场景" in answer[1]["detail"]) == (409, True)


def test_a_wall_that_is_gone_shows_as_gone_and_takes_no_orders(town, walls):
    client, wall = town.client("west"), walls["west"]
    assert store.leave(wall.pk, "not its socket") is None
    store.leave(wall.pk, wall.holder)
    (seen,) = ask(client, "GET", "walls")[1]["walls"]
    assert (seen["present"], seen["left_at"] is None) == (False, False)
    status, answer = ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": "home"}})
    assert (status, "已离线" in answer["detail"]) == (409, True)
    # One that fell silent without a word is as gone.
    wall = store.announce(town.users["west"], wall.key, "", True, "x")
    Wall.objects.filter(pk=wall.pk).update(seen_at=timezone.now() - timedelta(hours=2))
    assert ask(client, "POST", f"walls/{wall.pk}/orders", {"order": {"do": "home"}})[0] == 409
    Wall.objects.filter(pk=wall.pk).update(seen_at=timezone.now() - timedelta(days=2))
    assert ask(client, "GET", "walls")[1] == {"walls": []}


def test_two_pages_are_never_one_wall(town):
    user, key = town.users["west"], uuid4()
    first = store.announce(user, key, "大厅", False, "one")
    assert store.announce(user, key, "大厅", False, "two") is None, "a new page takes another key"
    taken = store.announce(user, key, "大厅", True, "three")
    assert taken.pk == first.pk, "a reloaded page takes over"
    assert store.report(first.pk, "one", Report.model_validate({"type": "wall_state", "state": STATE})) is None
    assert store.announce(town.users["east"], key, "", False, "four").pk != first.pk, "a key opens nobody else's wall"
    assert (taken.title, store.announce(user, uuid4(), "", False, "five").title[:4]) == ("大厅", "west")


def test_an_order_a_wall_was_away_for_is_not_carried_out_much_later(town):
    wall = wall_of(town.users["west"])
    wall = store.give(wall.pk, {"do": "home"}, town.users["west"])
    wall.orders[0]["at"] -= 60
    wall.save()
    wall = store.give(wall.pk, {"do": "close"}, town.users["west"])
    again = store.announce(town.users["west"], wall.key, "", True, "x")
    assert [order["do"] for order in again.orders] == ["close"]


def test_the_desk_shows_scenes_in_scope(town):
    Scene.objects.create(name="西景", region=town.west, **VIEW)
    scene = Scene.objects.create(name="东景", region=town.east, **VIEW)
    client = town.client("west")
    page = client.get("/admin/command/scene/").content.decode()
    assert "西景" in page
    assert "东景" not in page
    assert client.get(f"/admin/command/scene/{scene.pk}/change/").status_code == 302
    assert "东景" not in client.get("/admin/command/tour/add/").content.decode()
    body = {"name": "新路线", "position": 0, "region": town.west.pk, "organization": "", "steps-TOTAL_FORMS": 1}
    body |= {
        "steps-INITIAL_FORMS": 0,
        "steps-0-scene": Scene.objects.get(name="西景").pk,
        "steps-0-dwell_s": 9,
        "steps-0-position": 0,
    }
    assert client.post("/admin/command/tour/add/", body).status_code == 302
    tour = Tour.objects.get()
    assert (tour.created_by, tour.steps.get().dwell_s) == (town.users["west"], 9)
    stolen = {**body, "steps-0-scene": scene.pk}
    assert client.post("/admin/command/tour/add/", stolen).status_code == 200
    assert client.post("/admin/command/tour/add/", {**body, "region": town.east.pk}).status_code == 200
    assert Tour.objects.count() == 1
    assert town.client("planner").get("/admin/command/tour/add/").status_code == 403


def test_the_demo_is_made_once_and_never_again(town):
    from access.audit import acting

    region = town.west
    with acting(demo.LOADER):
        assert demo.fill(region, ["a.b"])
        assert Tour.objects.get().steps.count() == Scene.objects.count() >= 1
        Tour.objects.all().delete()
        Scene.objects.all().delete()
        assert not demo.fill(region, ["a.b"])
    assert not Scene.objects.exists()


def test_an_order_arrives_with_its_own_words(town, walls):
    """What the server adds to an order hides nothing of what was ordered."""
    client, wall = town.client("west"), walls["west"]
    orders = [
        {"do": "zoom", "by": 1.5},
        {"do": "fly", "lon": 121.0, "lat": 31.0, "zoom": None},
        {"do": "fold", "folded": ["day"]},
        {"do": "layer", "layer": "a.b", "shown": False},
        {"do": "solid", "solid": True},
        {"do": "past", "moment": 1.7e12, "since": 1.8e12, "speed": 60, "playing": False},
    ]
    for order in orders:
        assert ask(client, "POST", f"walls/{wall.pk}/orders", {"order": order})[0] == 202
    wall.refresh_from_db()
    assert [{key: given[key] for key in order} for order, given in zip(orders, wall.orders, strict=True)] == orders
