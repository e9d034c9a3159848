"""Annotations: who draws, sees, changes, locks and hides them; every version kept; photographs; the live socket."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client
from django.utils import timezone
from PIL import ExifTags, Image

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from gis.models import Region
from twin.annotations import past_api, photographs
from twin.annotations.feed import AnnotationFeed, AnnotationTeller
from twin.annotations.models import Annotation, AnnotationPhotograph, AnnotationVersion
from twin.annotations.push import record_of
from twin.annotations.symbols import SYMBOLS
from twin.live.feeds import Feed
from twin.live.sight import sight_of
from twin.models import Area, Asset

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

API = "/api/v1/annotations"
WEST, EAST = (121.0, 31.0, 121.5, 31.5), (121.5, 31.0, 122.0, 31.5)
IN_WEST, IN_EAST = [121.2, 31.2], [121.8, 31.2]
ACROSS = {"type": "LineString", "coordinates": [IN_WEST, IN_EAST]}
BOW_TIE = [[121, 31], [122, 32], [122, 31], [121, 32], [121, 31]]
TRIANGLE = {"type": "Polygon", "coordinates": [[[121.2, 31.2], [121.3, 31.2], [121.3, 31.3], [121.2, 31.2]]]}
DRAWERS = {"city", "west", "east", "dispatcher", "planner", "administrator"}


def box(bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


def point(place):
    return {"type": "Point", "coordinates": place}


@dataclass
class Town:
    users: dict[str, User]
    firms: dict[str, Organization]
    regions: dict[str, Region]
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, who):
        if who not in self.clients:
            self.clients[who] = Client()
            self.clients[who].force_login(self.users[who])
        return self.clients[who]

    def ask(self, who, method, path="", body=None):
        answer = self.client(who).generic(method, API + path, json.dumps(body or {}), "application/json")
        return answer.status_code, json.loads(answer.content) if answer.content else None

    def draw(self, who, kind="point", shape=None, **more):
        status, said = self.ask(who, "POST", "", {"kind": kind, "shape": shape or point(IN_WEST), **more})
        assert status == 201, said
        return said

    def sees(self, who, question=""):
        return {each["title"] for each in self.ask(who, "GET", question)[1]["annotations"]}


@pytest.fixture
def town():
    city = Region.objects.create(code="310000", name="上海市", level="city", boundary=box((121.0, 31.0, 122.0, 31.5)))
    regions, firms = {}, {}
    for i, (name, bounds) in enumerate({"west": WEST, "east": EAST}.items()):
        regions[name] = Region.objects.create(
            code=f"31010{i}", name=name, level="district", parent=city, boundary=box(bounds)
        )
        firms[name] = Organization.objects.create(
            name=f"{name} firm", uscc=make_uscc(Random(i)), kind="enterprise", region=regions[name]
        )
    grants = {
        "city": {"role": "city"},
        "west": {"role": "district", "region": regions["west"]},
        "east": {"role": "district", "region": regions["east"]},
        "firm": {"role": "enterprise", "organization": firms["west"]},
        "dispatcher": {"role": "dispatcher"},
        "planner": {"role": "planner", "region": regions["west"]},
        "administrator": {"role": "administrator"},
        "nobody": None,
    }
    users = {name: User.objects.create_user(name, display_name=f"{name}同志") for name in grants}
    for name, grant in grants.items():
        if grant:
            Grant.objects.create(user=users[name], **grant)
    return Town(users, firms, regions)


def test_who_draws_where(town):
    for who in town.users:
        place = IN_EAST if who == "east" else IN_WEST
        status, said = town.ask(who, "POST", "", {"kind": "pollution", "shape": point(place)})
        assert (status == 201) == (who in DRAWERS), (who, said)
        assert town.ask(who, "GET", "/symbols")[1]["draws"] == (who in DRAWERS)
    status, said = town.ask("west", "POST", "", {"kind": "point", "shape": point(IN_EAST)})
    assert (status, said["detail"]) == (403, "这里不在您可标绘的范围内，请画到本辖区内。")


def test_who_sees_which_and_through_which_door(town):
    kept = {
        "west": town.draw("city", title="west"),
        "east": town.draw("city", shape=point(IN_EAST), title="east"),
        "across": town.draw("city", "rescue_route", ACROSS, title="across"),
        "shared": town.draw("city", title="shared", shape=point(IN_EAST), organizations=[town.firms["west"].pk]),
    }
    sees = {
        "city": set(kept),
        "west": {"west", "across", "shared"},
        "east": {"east", "across", "shared"},
        "firm": {"shared"},
        "nobody": set(),
    }
    now = str(int(timezone.now().timestamp() * 1000) + 1000)
    for who, titles in sees.items():
        client = town.client(who)
        assert town.sees(who) == titles
        features = client.get(f"{API}.geojson").json()["features"]
        assert {each["properties"]["title"] for each in features} == titles
        past = client.get(f"/api/v1/past/annotations?at={now}").json()["annotations"]
        assert {each["title"] for each in past} == titles
        for title, said in kept.items():
            for door in (f"{API}/{said['id']}", f"{API}/{said['id']}/versions"):
                assert client.get(door).status_code == (200 if title in titles else 404)
            if title not in titles:
                body = {"kind": "point", "shape": point(IN_WEST), "version": 1}
                assert town.ask(who, "PUT", f"/{said['id']}", body)[0] == 404
                assert town.ask(who, "POST", f"/{said['id']}/hide", {"version": 1})[0] == 404
                assert town.ask(who, "POST", f"/{said['id']}/copy", {})[0] == 404
    assert Client().get(API).status_code == Client().get("/api/v1/past/annotations?at=1").status_code == 401
    # Whom it is shared with is told to those who share, not to the firms themselves.
    assert "organizations" not in town.ask("firm", "GET", f"/{kept['shared']['id']}")[1]
    assert town.ask("east", "GET", f"/{kept['shared']['id']}")[1]["organizations"] == []
    assert town.ask("west", "GET", f"/{kept['shared']['id']}")[1]["organizations"][0]["name"] == "west firm"


def test_sharing_only_with_whom_one_sees(town):
    body = {"kind": "point", "shape": point(IN_WEST), "organizations": [town.firms["east"].pk]}
    assert town.ask("west", "POST", "", body)[0] == 403
    found = town.ask("west", "GET", "/organizations?q=firm")[1]["organizations"]
    assert [each["name"] for each in found] == ["west firm"]
    assert town.ask("firm", "GET", "/organizations?q=firm")[0] == 403


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "dragon"}, "没有这种标绘符号：dragon"),
        ({"kind": "line"}, "要画成一条线"),
        ({"kind": "line", "shape": {"type": "LineString", "coordinates": [IN_WEST, IN_WEST]}}, "没有长度"),
        ({"shape": {"type": "Point"}}, "要画成一个点"),
        ({"shape": {"type": "Point", "coordinates": [31.2, 121.2]}}, "坐标不是经纬度"),
        ({"kind": "cordon", "shape": {"type": "Polygon", "coordinates": [BOW_TIE]}}, "自己相交"),
        ({"kind": "line", "shape": {"type": "LineString", "coordinates": [IN_WEST] * 2001}}, "最多 2000 个"),
        ({"kind": "text"}, "请填写要标在图上的文字"),
        ({"kind": "photograph"}, "请先选择一张照片"),
        ({"photograph": 99}, "没有这张照片"),
        ({"colour": "#fff"}, "没有这种颜色"),
        ({"keywords": ["长" * 21]}, "关键词最多"),
        ({"subject": {"kind": "asset", "key": "99"}}, "没有这个对应对象"),
        ({"subject": {"kind": "x", "key": "1; drop"}}, "没有这个对应对象"),
        ({"happened_at": "2026-11-21T08:00:00"}, "要带时区"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(town, body, said):
    status, answer = town.ask("city", "POST", "", {"kind": "point", "shape": point(IN_WEST), **body})
    assert status == 400
    assert said in answer["detail"]
    assert not Annotation.objects.exists()


def test_nobody_overwrites_somebody_elses_change(town):
    first = town.draw("west", title="旧")
    body = {"kind": "point", "shape": point(IN_WEST), "version": first["version"]}
    status, changed = town.ask("city", "PUT", f"/{first['id']}", {**body, "title": "市里改的"})
    assert (status, changed["version"]) == (200, 2)
    for method, path, given in (("PUT", "", {**body, "title": "区里改的"}), ("POST", "/hide", {"version": 1})):
        status, said = town.ask("west", method, f"/{first['id']}{path}", given)
        assert status == 409
        assert "市里改的" in said["detail"]
        assert "city同志" in said["detail"]
        assert said["now"]["version"] == 2
    assert Annotation.objects.get().title == "市里改的"
    # What changes nothing is no version.
    town.ask("city", "PUT", f"/{first['id']}", {**body, "title": "市里改的", "version": 2})
    assert Annotation.objects.get().version == 2


def test_locked_hidden_and_removed(town):
    key = town.draw("west", title="研判")["id"]
    body = {"kind": "point", "shape": point(IN_WEST)}
    assert town.ask("city", "POST", f"/{key}/lock", {"version": 1})[0] == 403
    assert town.ask("west", "POST", f"/{key}/lock", {"version": 1})[1]["locked"]
    assert town.ask("city", "GET", f"/{key}")[1]["may"] == {"edit": False, "manage": False}
    status, said = town.ask("city", "PUT", f"/{key}", {**body, "version": 2})
    assert status == 403
    assert "已锁定" in said["detail"]
    assert town.ask("west", "PUT", f"/{key}", {**body, "title": "研判", "text": "本人可改", "version": 2})[0] == 200
    assert town.ask("administrator", "POST", f"/{key}/hide", {"version": 3})[1]["hidden"]
    seen = {who for who in town.users if "研判" in town.sees(who)}
    assert seen == {"west", "administrator"}
    assert town.ask("city", "GET", f"/{key}")[0] == 404
    assert town.sees("west", "?hidden=true") == {"研判"}
    assert town.ask("west", "POST", f"/{key}/remove", {"version": 4})[1] == {"id": key, "removed": True}
    assert "研判" not in town.sees("administrator")
    assert AuditRecord.objects.filter(model="twin.Annotation", object_id=str(key)).count() == 5


def test_every_version_is_kept_and_a_moment_shows_its_own(town):
    said = town.draw("west", title="一", keywords=["化工"])
    Annotation.objects.filter(pk=said["id"]).update(title="二")  # whoever changes it, and how
    town.ask("west", "POST", f"/{said['id']}/hide", {"version": 2})
    town.ask("west", "POST", f"/{said['id']}/show", {"version": 3})
    town.ask("west", "POST", f"/{said['id']}/remove", {"version": 4})
    rows = list(AnnotationVersion.objects.filter(annotation=said["id"]).order_by("version"))
    assert [(row.version, row.title, row.hidden, row.removed) for row in rows] == [
        (1, "一", False, False), (2, "二", False, False), (3, "二", True, False),
        (4, "二", False, False), (5, "二", False, True),
    ]  # fmt: skip
    assert [row.valid_to for row in rows[:-1]] == [row.valid_from for row in rows[1:]]
    assert rows[0].keywords == ["化工"]
    for who, titles in {"city": ["一", "二", None, "二", None], "west": ["一", "二", "二", "二", None]}.items():
        for row, title in zip(rows, titles, strict=True):
            at = row.valid_from.timestamp() * 1000 + 0.001
            answer = town.client(who).get(f"/api/v1/past/annotations?at={at}").json()
            assert [each["title"] for each in answer["annotations"]] == ([title] if title else [])
            assert answer["since"] <= at + 1
    Annotation.objects.all().delete()
    assert not AnnotationVersion.objects.filter(valid_to=None).exists()
    assert town.client("city").get("/api/v1/past/annotations?at=x").status_code == 400


def test_found_by_keyword_author_time_place_and_subject(town):
    asset = Asset.objects.create(kind="machine", code="M-1", name="焊机", owner=town.firms["west"])
    subject = {"kind": "asset", "key": str(asset.pk)}
    town.draw("west", title="泄漏点", text="罐区北侧", keywords=["化工", "苯"], subject=subject)
    town.draw("east", "fire", point(IN_EAST), title="起火点", happened_at="2026-11-20T08:00:00+08:00")
    town.draw("city", "rescue_route", ACROSS, title="北线")
    day = 1763596800_000  # 2025-11-20
    questions = {
        "": {"泄漏点", "起火点", "北线"},
        "?q=化工": {"泄漏点"},
        "?q=北侧 苯": {"泄漏点"},
        "?q=北": {"泄漏点", "北线"},
        "?q=焊机": {"泄漏点"},
        "?author=east": {"起火点"},
        "?kind=fire,rescue_route": {"起火点", "北线"},
        f"?since={day}&until={day + 366 * 86_400_000}": {"泄漏点", "起火点", "北线"},
        "?until=1795200000000": {"起火点"},
        "?bbox=121.7,31.1,121.9,31.3": {"起火点", "北线"},
        f"?subject=asset:{asset.pk}": {"泄漏点"},
        "?q=没有": set(),
    }
    Annotation.objects.exclude(title="起火点").update(happened_at="2026-12-01T00:00:00Z")
    questions[f"?since={day}&until={day + 366 * 86_400_000}"] = {"起火点"}
    for question, titles in questions.items():
        assert town.sees("city", question) == titles, question
    assert town.ask("city", "GET", "?bbox=1,2")[0] == town.ask("city", "GET", "?since=-1")[0] == 400


def test_a_window_of_place_and_time_is_read_page_by_page_and_of_the_past_too(town, monkeypatch):
    for number in range(3):
        town.draw("city", title=f"西{number}")
    town.draw("city", shape=point(IN_EAST), title="东")
    west, pages = "bbox=121.1,31.1,121.3,31.3", []
    for skip in (0, 2, 4):
        said = town.ask("city", "GET", f"?{west}&limit=2&skip={skip}")[1]
        pages.append(([each["title"] for each in said["annotations"]], said["count"], said["truncated"]))
    assert pages == [(["西2", "西1"], 3, True), (["西0"], 3, False), ([], 3, False)]
    assert [town.ask("city", "GET", f"?{wrong}")[0] for wrong in ("limit=0", "limit=2001", "skip=-1")] == [422] * 3
    monkeypatch.setattr(past_api, "MOST_LISTED", 2)
    then = town.client("city").get(f"/api/v1/past/annotations?at={timezone.now().timestamp() * 1000}&{west}").json()
    assert [each["title"] for each in then["annotations"]] == ["西2", "西1"]
    assert (then["count"], then["truncated"]) == (3, True)
    assert town.client("city").get("/api/v1/past/annotations?at=0&bbox=1").status_code == 400


def test_used_again_for_another_subject(town):
    Area.objects.create(name="东区围栏", kind="fence", boundary=box(EAST), region=town.regions["east"])
    source = town.draw("city", "spread", TRIANGLE, title="扩散", keywords=["苯"])
    assert source["area_m2"] == pytest.approx(52.8e6, rel=0.01)
    found = town.ask("city", "GET", "/subjects?q=东区")[1]["subjects"]
    assert [(each["kind"], each["title"]) for each in found] == [("area", "东区围栏")]
    assert town.ask("west", "GET", "/subjects?q=东区")[1]["subjects"] == []
    town.ask("city", "POST", f"/{source['id']}/lock", {"version": 1})
    status, copy = town.ask("west", "POST", f"/{source['id']}/copy", {})
    assert (status, copy["title"], copy["keywords"], copy["locked"]) == (201, "扩散", ["苯"], False)
    assert copy["copied_from"] == source["id"]
    assert copy["source"]["author"]["name"] == "city同志"
    assert copy["author"]["name"] == "west同志"
    subject = {key: found[0][key] for key in ("kind", "key")}
    assert town.ask("city", "POST", f"/{source['id']}/copy", {"subject": subject})[1]["subject"]["title"] == "东区围栏"


def jpeg(exif=None, size=(3000, 1500)):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG", exif=exif or Image.Exif())
    return out.getvalue()


def test_photographs_are_drawn_anew_and_shown_within_scope(town, settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "somebody"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:11:20 08:00:00"
    gps = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (31.0, 12.0, 0.0),
           ExifTags.GPS.GPSLongitudeRef: "E", ExifTags.GPS.GPSLongitude: (121.0, 30.0, 0.0)}  # fmt: skip
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)

    def send(who, content):
        answer = town.client(who).post(f"{API}/photographs", content, content_type="image/jpeg")
        return answer.status_code, answer.json()

    def look(who):
        answer = town.client(who).get(address)
        if answer.streaming:
            assert b"".join(answer.streaming_content)
        return answer.status_code

    status, said = send("west", jpeg(exif))
    assert status == 201
    assert (said["width"], said["height"]) == (1024, 2048)  # upright
    assert said["place"] == {"lon": pytest.approx(121.5), "lat": pytest.approx(31.2)}
    assert said["taken_at"] == "2026-11-20T00:00:00.000Z"
    address = f"{API}/photographs/{said['id']}"
    # Not shown by anything yet: only for who sent it.
    assert [look(who) for who in ("west", "city", "east")] == [200, 404, 404]
    town.draw("west", "photograph", photograph=said["id"])
    assert [look(who) for who in ("city", "east", "firm")] == [200, 404, 404]
    assert Client().get(address).status_code == 401
    answer = town.client("city").get(address)
    assert answer["Content-Type"] == "image/jpeg"
    shown = Image.open(io.BytesIO(b"".join(answer.streaming_content)))
    assert (shown.size, dict(shown.getexif())) == ((1024, 2048), {})
    small = town.client("city").get(f"{address}?small=true")
    assert max(Image.open(io.BytesIO(b"".join(small.streaming_content))).size) == 320
    for who, content, wrong in (
        ("firm", jpeg(), 403), ("west", b"<svg onload=alert(1)>", 400), ("west", jpeg()[:2000], 400),
        ("west", b"", 400),
    ):  # fmt: skip
        assert send(who, content)[0] == wrong
    body = {"kind": "photograph", "shape": point(IN_EAST), "photograph": said["id"]}
    assert town.ask("east", "POST", "", body)[0] == 400
    assert send("west", jpeg(size=(20, 20)))[0] == 201
    assert photographs.forget_unused(timezone.now() + timedelta(hours=23)) == 0
    assert photographs.forget_unused(timezone.now() + timedelta(hours=25)) == 1
    assert AnnotationPhotograph.objects.count() == 1
    assert len(list(tmp_path.rglob("*.jpg"))) == 2


def test_a_photograph_too_large_is_refused(town, monkeypatch):
    monkeypatch.setattr(photographs, "MOST_BYTES", 100)
    client = town.client("west")
    assert "太大" in client.post(f"{API}/photographs", jpeg(), content_type="image/jpeg").json()["detail"]
    monkeypatch.undo()
    monkeypatch.setattr(photographs, "MOST_PIXELS", 100)
    assert "像素太多" in client.post(f"{API}/photographs", jpeg(), content_type="image/jpeg").json()["detail"]


@pytest.fixture
def sockets(town, monkeypatch):
    """One teller for each person, on two web processes that hear each other."""
    here, there = Feed(AnnotationFeed(), AnnotationTeller), Feed(AnnotationFeed(), AnnotationTeller)
    here.publish = lambda _topic, payload: there.take(there.source.read(payload))
    there.publish = lambda _topic, payload: here.take(here.source.read(payload))

    async def in_database(work, *arguments):
        return work(*arguments)

    monkeypatch.setattr("twin.annotations.feed.in_database", in_database)
    monkeypatch.setattr(
        "twin.annotations.feed.annotates_at", lambda scope, *_: scope.everything or bool(scope.region_paths)
    )
    coverage = type(
        "Coverage", (), {"locate_one": lambda _self, lon, _lat: np.where(np.asarray(lon) < 121.5, west, east)}
    )
    west, east = town.regions["west"].pk, town.regions["east"].pk
    monkeypatch.setattr("twin.annotations.feed.districts", coverage)
    found = {}
    for i, (who, user) in enumerate(town.users.items()):
        teller = (here, there)[i % 2].teller("zh-hans")
        teller.meet(user)
        from access.scope import scope_of

        teller.allow(sight_of(scope_of(user)))
        asyncio.run(teller.hear({"type": "annotations"}))
        assert teller.messages() == [{"type": "annotations", "strokes": []}]
        found[who] = teller
    found["feeds"] = here, there
    return found


def told(sockets, town):
    return {who: sockets[who].messages() for who in town.users}


def test_a_stroke_reaches_those_who_see_the_place(town, sockets):
    stroke = {"type": "stroke", "kind": "rescue_route", "points": [IN_WEST, [121.3, 31.3]]}
    asyncio.run(sockets["west"].hear(stroke))
    heard = told(sockets, town)
    assert {who for who, messages in heard.items() if messages} == {"city", "dispatcher", "planner", "administrator"}
    (message,) = heard["city"]
    assert message["stroke"]["points"] == stroke["points"]
    assert message["stroke"]["author"]["name"] == "west同志"
    asyncio.run(sockets["west"].hear({**stroke, "points": []}))
    assert [message["stroke"]["points"] for message in told(sockets, town)["city"]] == [[]]
    # Whoever may not draw is not heard; and a hand that is gone draws no more.
    asyncio.run(sockets["firm"].hear(stroke))
    assert not any(told(sockets, town).values())
    asyncio.run(sockets["city"].hear(stroke))
    asyncio.run(sockets["city"].left())
    assert told(sockets, town)["planner"][-1]["stroke"]["points"] == []
    for wrong in (
        {"points": [[1]]},
        {"points": [[999, 0]]},
        {"points": "x"},
        {"kind": "x"},
        {"points": [[0, 0]] * 301},
    ):
        with pytest.raises(ValueError):
            asyncio.run(sockets["city"].hear({**stroke, **wrong}))


def test_a_change_reaches_those_who_see_it_and_its_end_those_who_saw_it(town, sockets, monkeypatch):
    said = []
    monkeypatch.setattr("twin.annotations.push.publish_messages", said.extend)

    def spread():
        for feed in sockets["feeds"]:
            for message in said:
                feed.take(feed.source.read(message.payload))
        said.clear()
        return {who: messages[-1]["type"] for who, messages in told(sockets, town).items() if messages}

    annotation = Annotation.objects.get(pk=town.draw("west", title="甲")["id"])
    everybody_there = ("city", "west", "dispatcher", "planner", "administrator")

    def change(**values):
        for name, value in values.items():
            setattr(annotation, name, value)
        annotation.save()
        annotation.refresh_from_db()
        said.append(type("Message", (), {"payload": json.dumps(record_of(annotation)).encode()}))
        return spread()

    assert change(text="乙") == dict.fromkeys(everybody_there, "annotation")
    hidden = change(hidden=True)
    assert hidden == dict.fromkeys(everybody_there, "annotation_gone") | dict.fromkeys(
        ("west", "administrator"), "annotation"
    )
    moved = change(hidden=False, regions=[town.regions["east"].pk])
    assert moved == {"west": "annotation_gone", "planner": "annotation_gone"} | dict.fromkeys(
        ("city", "dispatcher", "administrator", "east"), "annotation"
    )
    shared = change(organizations=[town.firms["west"].pk])
    assert shared["firm"] == shared["west"] == "annotation"
    assert set(change(removed=True).values()) == {"annotation_gone"}
    assert "nobody" not in shared


def test_every_symbol_can_be_drawn(town):
    shapes = {
        "point": point(IN_WEST),
        "line": ACROSS,
        "polygon": {"type": "Polygon", "coordinates": [[[121.1, 31.1], [121.2, 31.1], [121.2, 31.2], [121.1, 31.1]]]},
    }
    for symbol in SYMBOLS.values():
        if symbol.key != "photograph":
            assert town.draw("city", symbol.key, shapes[symbol.sort], title="字")["kind"] == symbol.key
    assert {each["key"] for each in town.ask("firm", "GET", "/symbols")[1]["symbols"]} == set(SYMBOLS)
