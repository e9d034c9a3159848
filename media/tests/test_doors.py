"""Who sees and changes video devices and channels: by scope, and nobody who is not signed in."""

from __future__ import annotations

from random import Random
from unittest.mock import Mock

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client
from django.utils import timezone

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from gis.models import Region
from media import admin, api
from media.exceptions import NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.gb28181.items import Entry
from media.models import Channel, VideoDevice
from media.passwords import password_of, set_password
from media.store import load_known, take_catalogues
from media.whep.ledger import Asked, may_not_watch, note_end
from twin.models import Asset, State

pytestmark = pytest.mark.django_db

CODES = {"west": "31010100001180000001", "east": "31010200001180000001"}

UNSAID = ("heading_deg", "view_deg", "view_v_deg", "view_m")


def entry(code, **more):
    plain = dict.fromkeys(Entry._fields, "") | {"code": code, "name": code, "online": True, "parental": False, "ptz": 1}
    return Entry(**plain | {"lon": 121.5, "lat": 31.2} | dict.fromkeys(UNSAID) | more)


@pytest.fixture
def town():
    firms = {}
    for i, name in enumerate(CODES):
        west = 121 + i
        boundary = MultiPolygon(Polygon.from_bbox((west, 31, west + 1, 32)), srid=4326)
        region = Region.objects.create(code=f"31010{i + 1}", name=name, level="district", boundary=boundary)
        firms[name] = Organization.objects.create(
            name=name, uscc=make_uscc(Random(i)), kind="enterprise", region=region
        )
        device = VideoDevice.objects.create(code=CODES[name], name=name, owner=firms[name])
        set_password(device, f"secret-{name}")
    catalogues = [(known, [entry(f"{known.code[:10]}1310000001")], True) for known in load_known()]
    take_catalogues(catalogues)
    return firms


def signed_in(role, **place):
    user = User.objects.create_user(f"u-{role}")
    Grant.objects.create(user=user, role=role, **place)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["videodevice", "channel"])
def test_an_officer_sees_the_own_district_only(town, model):
    client = signed_in("enterprise", organization=town["west"])
    page = client.get(f"/admin/media/{model}/").content.decode()
    assert CODES["west"][:10] in page
    assert CODES["east"][:10] not in page
    rows = VideoDevice.objects if model == "videodevice" else Channel.objects
    other = rows.get(**{"owner" if model == "videodevice" else "device__owner": town["east"]})
    assert client.get(f"/admin/media/{model}/{other.pk}/change/").status_code == 302
    assert "secret" not in page
    assert client.get("/admin/media/gb28181setting/").status_code == 403
    assert Client().get(f"/admin/media/{model}/").status_code == 302


def test_passwords_are_shown_once_sealed_and_never_read_again(town):
    client = signed_in("enterprise", organization=town["west"])
    west, east = (VideoDevice.objects.get(code=code) for code in CODES.values())
    before = bytes(east.sealed)
    told = client.post(
        "/admin/media/videodevice/", {"action": "make_passwords", "_selected_action": [west.pk, east.pk]}, follow=True
    )
    west.refresh_from_db()
    east.refresh_from_db()
    password = password_of(west.code, west.provider, west.sealed)
    assert told.content.decode().count(password) == 1
    assert password.encode() not in bytes(west.sealed)
    assert bytes(east.sealed) == before
    record = AuditRecord.objects.filter(model="media.VideoDevice", action="change").order_by("-pk").first()
    assert "sealed" in record.changes
    assert password not in str(record.changes)
    page = client.get(f"/admin/media/videodevice/{west.pk}/change/").content.decode()
    assert password not in page
    assert "SIP 服务器编号" in page
    out = client.post("/admin/media/videodevice/export/", {"kind": "csv"}).content.decode("utf-8-sig")
    assert password not in out
    assert "密码" not in out.splitlines()[0] or west.provider not in out


def test_a_device_gets_the_password_that_was_typed(town):
    client = signed_in("administrator")
    form = {"protocol": "gb28181", "code": "31010100001180000009", "name": "新", "active": "on", "media": "udp",
            "networks": "10.0.0.0/8", "password": "typed-it"}  # fmt: skip
    assert client.post("/admin/media/videodevice/add/", form).status_code == 302
    device = VideoDevice.objects.get(name="新")
    assert password_of(device.code, device.provider, device.sealed) == "typed-it"
    for wrong in ({"code": "123"}, {"networks": "ten"}, {"code": CODES["west"]}):
        assert client.post("/admin/media/videodevice/add/", form | wrong).status_code == 200
    assert VideoDevice.objects.count() == 3


def test_what_is_asked_of_a_device_is_asked_of_the_own_ones_only(town, monkeypatch):
    asked = []
    seen = {"codecs": ["h264"], "frames_a_second": 25, "kilobits": 9, "first_frame_ms": 80, "lost": 0, "damaged": 0,
            "frames": 99}  # fmt: skip
    monkeypatch.setattr(admin, "ask", lambda what, timeout_s, **args: asked.append((what, args["device"])) or seen)
    client = signed_in("enterprise", organization=town["west"])
    for model, action, rows in (
        ("videodevice", "refresh_catalogues", VideoDevice.objects), ("channel", "look", Channel.objects),
    ):  # fmt: skip
        chosen = {"action": action, "_selected_action": list(rows.values_list("pk", flat=True))}
        page = client.post(f"/admin/media/{model}/", chosen, follow=True).content.decode()
        assert "没有应答" not in page
    assert "25 帧/秒" in page
    assert asked == [("catalogue", CODES["west"]), ("look", CODES["west"])]


def test_catalogues_are_merged(town):
    (west, _east) = sorted(load_known(), key=lambda known: known.code)
    codes = [f"{west.code[:10]}1310000{i:03d}" for i in (1, 2, 3)]
    entries = [entry(codes[0], name="门"), entry(codes[1], lon=None, lat=None), entry(west.code), entry("310101")]
    placed = take_catalogues([(west, entries, True)])
    assert {camera.channel for camera in placed} == set(codes[:2])
    assert set(Channel.objects.filter(device=west.pk).values_list("code", flat=True)) == set(codes[:2])
    # Changes of a subscription say little and leave the rest alone.
    changes = [entry(codes[0], name="", lon=None, lat=None, event="OFF"), entry(codes[2], event="ADD")]
    take_catalogues([(west, changes, False)])
    first = Channel.objects.get(code=codes[0])
    assert (first.name, first.lon, first.online, first.listed) == ("门", 121.5, False, True)
    assert Channel.objects.filter(device=west.pk).count() == 3
    # What people have written stays; what is no longer there is not deleted.
    first.by_hand, first.name, first.lon = True, "北门", 121.6
    first.save()
    take_catalogues([(west, [entry(codes[0], name="门"), entry(codes[1])], True)])
    first.refresh_from_db()
    assert (first.name, first.lon, first.online) == ("北门", 121.6, True)
    assert Channel.objects.get(code=codes[2]).listed is False
    assert take_catalogues([(west, [entry(codes[0], name="门"), entry(codes[1])], True)]) == []


VIDEO = "/api/v1/video"


@pytest.fixture
def asked(monkeypatch):
    """What was asked of the process that talks to cameras."""
    said = []

    def ask(question, timeout_s=15.0, /, **args):
        said.append((question, args))
        return {"whep_open": {"session": "the-session", "answer": "v=0\r\n"}, "whep_peer": "abcd"}.get(question)

    monkeypatch.setattr(api, "ask", ask)
    return said


def test_cameras_are_watched_and_moved_in_the_own_district_only_and_on_the_record(town, asked):
    region = town["west"].region
    west, east = (Channel.objects.get(device__code=code) for code in CODES.values())
    client = signed_in("district", region=region)
    listed = client.get(f"{VIDEO}/channels").json()["channels"]
    assert [(one["id"], one["steerable"]) for one in listed] == [(west.pk, True)]
    assert client.get(f"{VIDEO}/channels?asset={east.asset_id}").json()["channels"] == []
    offer = {"data": "v=0", "content_type": "application/sdp"}
    move = {"data": {"word": "move", "args": {"pan": 0.5}}, "content_type": "application/json"}
    for channel, status in ((west, 200), (east, 404)):
        control = f"{VIDEO}/channels/{channel.pk}/control"
        assert client.post(f"{VIDEO}/channels/{channel.pk}/whep", **offer).status_code == {200: 201}.get(status, status)
        assert client.put(control).status_code == status
        assert client.post(control, **move).status_code == status
        assert client.delete(control).status_code == status
    user = User.objects.get(username="u-district").pk
    assert {args.get("channel") for _question, args in asked} == {west.pk}
    assert {args["user"] for _question, args in asked} == {user}
    assert {args["login"] for question, args in asked if question == "whep_open"} == {client.session.session_key}
    records = AuditRecord.objects.filter(actor=user, action__in=["watch", "steer"]).order_by("pk")
    assert [(record.action, record.object_id) for record in records] == [
        ("watch", str(west.pk)),
        ("steer", str(west.pk)),
    ]
    # Who sees but does not dispatch looks on; nobody else does anything.
    keeper = signed_in("administrator")
    assert keeper.get(f"{VIDEO}/channels").json()["channels"][0]["steerable"] is False
    assert keeper.put(f"{VIDEO}/channels/{west.pk}/control").status_code == 404
    anonymous = Client(enforce_csrf_checks=True)
    for address in ("channels", f"channels/{west.pk}/control", f"channels/{west.pk}/whep", "sessions/the-session"):
        assert anonymous.get(f"{VIDEO}/{address}").status_code in (401, 405)
        assert anonymous.post(f"{VIDEO}/{address}", **offer).status_code in (401, 403, 405)
    assert anonymous.get("/video/").status_code == 302
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(User.objects.get(pk=user))
    assert careless.post(f"{VIDEO}/channels/{west.pk}/whep", **offer).status_code == 403


def test_viewings_speak_whep(town, asked, monkeypatch):
    client = signed_in("city")
    west = Channel.objects.get(device__code=CODES["west"])
    offer = f"{VIDEO}/channels/{west.pk}/whep"
    answer = client.post(offer, "v=0", content_type="application/sdp")
    assert (answer.status_code, answer["Location"], answer["Content-Type"]) == (
        201, f"{VIDEO}/sessions/the-session", "application/sdp",
    )  # fmt: skip
    assert client.post(offer, "{}", content_type="application/json").status_code == 415
    assert client.post(offer, "a" * 100_000, content_type="application/sdp").status_code == 413
    trickle = {"content_type": "application/trickle-ice-sdpfrag"}
    assert client.patch(answer["Location"], "a=ice-ufrag:abcd\r\na=candidate:1", **trickle).status_code == 204
    assert client.patch(answer["Location"], "a=ice-ufrag:efgh\r\n", **trickle).status_code == 422
    assert client.delete(answer["Location"]).status_code == 200
    for error, status in (
        (OfflineError("x"), 503), (NoReplyError("x"), 504),
        (NotOfferedError("x"), 422), (RefusedByDeviceError("x"), 409),
    ):  # fmt: skip
        monkeypatch.setattr(api, "ask", Mock(side_effect=error))
        refused = client.post(offer, "v=0", content_type="application/sdp")
        assert (refused.status_code, bool(refused.json()["detail"])) == (status, True)
    monkeypatch.setattr(api, "ask", Mock(side_effect=NotOfferedError("no such viewing")))
    for method in (client.get, client.delete):
        assert method(answer["Location"]).status_code == 404


def test_who_may_watch_is_asked_again_and_the_end_is_on_the_record(town):
    client = signed_in("district", region=town["west"].region)
    user, login = User.objects.get(), client.session.session_key
    west, east = (Channel.objects.get(device__code=code) for code in CODES.values())
    wrong = {"b": (user.pk, east.pk, login), "c": (0, west.pk, ""), "d": (user.pk, west.pk, "another's")}
    asked = [Asked(key, *about) for key, about in {"a": (user.pk, west.pk, login), **wrong}.items()]
    assert may_not_watch(asked) == {"b": "not permitted", "c": "not permitted", "d": "signed out"}
    note_end(user.pk, west.pk, {"seconds": 3})
    note_end(user.pk, 0, {})
    record = AuditRecord.objects.get(action="watch_ended")
    assert (record.actor, record.object_id, record.detail) == (user, str(west.pk), {"seconds": 3})
    # What carries a camera into another district shows it there, and takes it away again.
    east.carrier = Asset.objects.create(kind="drone", code="D-1", name="D-1")
    east.save()
    over_west = State.objects.create(
        asset=east.carrier, ts=timezone.now(), received_at=timezone.now(), lon=121.5, lat=31.2, status=1,
        region=town["west"].region,
    )  # fmt: skip
    assert set(may_not_watch(asked)) == {"c", "d"}
    over_west.delete()
    Grant.objects.all().delete()
    assert may_not_watch(asked[:1]) == {"a": "not permitted"}
    client.logout()
    assert may_not_watch(asked[:1]) == {"a": "signed out"}
    user.is_active = False
    user.save()
    assert may_not_watch([Asked("a", user.pk, west.pk, "")]) == {"a": "not permitted"}
