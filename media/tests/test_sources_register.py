"""Sources in the register: forms, scope, channels and cameras, who is there, the publishers' door."""

from __future__ import annotations

import asyncio

import pytest
from django.test import Client

from access.models import AuditRecord
from media.exceptions import MediaError, NoReplyError, NotOfferedError, RefusedByDeviceError
from media.models import Channel, VideoDevice, VideoSource
from media.passwords import password_of, set_password
from media.sources import admin, discovering
from media.sources.answers import SourceAnswers
from media.sources.attendance import Attendance
from media.sources.faults import FAULTS, explain
from media.sources.making import make_source
from media.sources.store import give_channel, new_code
from media.sources.whip import views
from media.store import load_cameras, load_known
from media.tests.onvif_camera import OnvifCamera
from media.tests.rtsp_server import RtspServer
from media.tests.test_doors import signed_in, town  # noqa: F401 (a fixture)
from media.tests.test_sources_rtsp import PICTURES, Kept, run
from twin.database import DatabaseThread

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

FORM = {"protocol": "rtsp", "name": "北门", "active": "on", "media": "tcp_active", "address": "rtsp://10.0.0.9/1",
        "username": "admin", "password": "pw 1", "lon": "121.5", "lat": "31.2"}  # fmt: skip


def source(owner=None, **fields):
    device = VideoDevice(code=new_code(), name="源", owner=owner, **fields)
    set_password(device, "pw 1", save=False)
    device.save()
    return device, give_channel(device)


def test_a_source_is_added_on_the_desk_and_becomes_a_camera_on_the_map(town):  # noqa: F811
    client = signed_in("enterprise", organization=town["west"])
    form = FORM | {"owner": town["west"].pk}
    page = client.post("/admin/media/videosource/add/", form)
    assert page.status_code == 302, page.context["adminform"].form.errors
    device = VideoSource.objects.get(name="北门")
    assert len(device.code) == 20
    assert password_of(device.code, device.provider, device.sealed) == "pw 1"
    channel = Channel.objects.get(device=device)
    assert (channel.asset.kind, channel.asset.owner, channel.lon) == ("camera", town["west"], 121.5)
    assert channel.terminal in {camera.terminal for camera in load_cameras()}
    assert device.code not in {known.code for known in load_known()}  # it cannot sign in by GB/T 28181
    # Nothing secret is shown or kept in the ledger; what is left empty stays.
    page = client.get(f"/admin/media/videosource/{device.pk}/change/").content.decode()
    assert "pw 1" not in page
    assert "31.2" in page
    client.post(f"/admin/media/videosource/{device.pk}/change/", form | {"password": "", "lat": "31.3"})
    device.refresh_from_db()
    assert password_of(device.code, device.provider, device.sealed) == "pw 1"
    assert Channel.objects.get(device=device).lat == 31.3
    assert "pw 1" not in str(list(AuditRecord.objects.values_list("changes", flat=True)))
    client.get("/admin/media/videosource/")  # the messages are read
    assert device.code not in client.get("/admin/media/videodevice/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"address": "http://10.0.0.9/"}, {"address": "rtsp://u:p@10.0.0.9/"}, {"address": ""}, {"lat": ""},
     {"protocol": "gb28181"}, {"protocol": "file", "address": "../../secret.mp4"},
     {"protocol": "onvif", "address": "a b"}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong):
    client = signed_in("administrator")
    assert client.post("/admin/media/videosource/add/", FORM | wrong).status_code == 200
    assert VideoSource.objects.count() == 0


def test_others_sources_are_neither_seen_nor_changed(town, monkeypatch):  # noqa: F811
    monkeypatch.setattr(discovering, "ask", lambda *_: [])
    rows = {name: source(town[name], protocol="whip")[0] for name in town}
    client = signed_in("enterprise", organization=town["west"])
    page = client.get("/admin/media/videosource/").content.decode()
    assert f"/videosource/{rows['west'].pk}/" in page
    assert f"/videosource/{rows['east'].pk}/" not in page
    assert client.get(f"/admin/media/videosource/{rows['east'].pk}/change/").status_code == 302
    told = client.post(
        "/admin/media/videosource/",
        {"action": "make_keys", "_selected_action": [row.pk for row in rows.values()]},
        follow=True,
    )
    before = bytes(rows["east"].sealed)
    for row in rows.values():
        row.refresh_from_db()
    assert bytes(rows["east"].sealed) == before
    key = password_of(rows["west"].code, rows["west"].provider, rows["west"].sealed)
    assert told.content.decode().count(key) == 1
    # Looking around the network is for who keeps the whole city's devices.
    assert client.get("/admin/cameras-nearby/").status_code == 403
    assert Client().get("/admin/cameras-nearby/").status_code == 302
    assert Client().get("/admin/media/videosource/").status_code == 302


def test_cameras_nearby_are_offered_for_adding(monkeypatch):
    found = [{"address": "http://10.0.0.5/x", "name": "<b>北门", "hardware": "X"}]
    monkeypatch.setattr(discovering, "ask", lambda *_: found)
    client = signed_in("administrator")
    assert "10.0.0.5" not in client.get("/admin/cameras-nearby/").content.decode()
    page = client.post("/admin/cameras-nearby/").content.decode()
    assert "protocol=onvif&amp;address=http%3A%2F%2F10.0.0.5%2Fx" in page
    assert "<b>" not in page.partition("<table>")[2]

    def silent(*_):
        raise NoReplyError("no network to ask")

    monkeypatch.setattr(discovering, "ask", silent)
    assert "no network" in client.post("/admin/cameras-nearby/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_cameras_are_asked_whether_they_are_there_and_pulled_only_when_wanted():
    async def work():
        database = DatabaseThread("test-sources")
        do = database.do
        async with RtspServer(PICTURES, "digest") as server, OnvifCamera(server.url) as camera:
            device, channel = await do(make, "rtsp", server.url)
            onvif, first = await do(make, "onvif", camera.address)
            others = [
                (await do(make, *each))[0].pk
                for each in (
                    ("rtsp", server.url, "nobody"), ("rtsp", "rtsp://127.0.0.1:9/"), ("file", "none.mp4"), ("whip", ""),
                )
            ]  # fmt: skip
            attendance = Attendance(database, every_s=0.05)
            job = asyncio.create_task(attendance.run())
            while await do(VideoDevice.objects.filter(registration=None, fault="").exists):
                await asyncio.sleep(0.02)
            pulled = "SETUP" in [method for method, _uri, _headers in server.asked]
            tries = sum("nobody" in headers.get("authorization", "") for _m, _u, headers in server.asked)
            kept = Kept(5)
            opened = await do(lambda: make_source(Channel.objects.select_related("device").get(pk=first.pk)))
            running = await opened.open(kept)
            await kept.full.wait()
            await running.stop()
            # The head, through the same questions as for any other camera.
            answers = SourceAnswers(database, attendance, {"control": None}).handlers
            where = {"device": onvif.code, "channel": first.code}
            await answers["control"](where | {"name": "move", "args": {"pan": 1}})
            presets = await answers["presets"](where)
            seen = await answers["look"]({"device": device.code, "channel": channel.code, "seconds": 1})
            for wrong in ({"device": device.code, "channel": channel.code, "name": "move"}, where | {"name": "reboot"}):
                with pytest.raises(NotOfferedError):
                    await answers["control"](wrong)
            found = await do(states)
            # Gone away: one lost question says nothing, two do.
            camera.close()
            while (await do(states))[onvif.pk][0]:
                await asyncio.sleep(0.02)
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
            after = await do(states)
            await database.stop()
        assert (pulled, tries) == (False, 1)
        assert found[device.pk] == found[onvif.pk] == (True, "")
        assert sorted(found[pk][1].partition(":")[0] for pk in others) == [
            "no file", "nobody publishes", "unreachable", "wrong login",
        ]  # fmt: skip
        assert after[onvif.pk][1].startswith("unreachable")
        assert "ContinuousMove" in dict(camera.asked)
        assert presets == [{"number": 7, "name": "门口"}]
        assert (seen["codecs"], seen["frames"]) == (["h264"], 10)
        return onvif

    onvif = run(work())
    eyes = list(Channel.objects.filter(device=onvif).order_by("code").values_list("name", "profile", "ptz"))
    assert eyes == [("源", "main", 1), ("源 2", "second", 3)]
    assert Channel.objects.filter(device=onvif, asset__kind="camera").count() == 2
    assert VideoDevice.objects.get(pk=onvif.pk).registration.manufacturer == "厂商"


def make(protocol, address, username="admin"):
    return source(protocol=protocol, address=address, username=username, media="tcp_active")


def states():
    """Of each source: whether it and its channels are online, and what is wrong."""
    rows = VideoDevice.objects.select_related("registration").prefetch_related("channels")
    return {
        row.pk: (
            bool(getattr(row, "registration", None) and row.registration.online)
            and all(channel.online for channel in row.channels.all()),
            row.fault,
        )
        for row in rows
    }


def test_every_fault_says_what_to_do():
    assert all(explain(fault) != fault for fault in FAULTS)
    assert explain("unreachable: 10.0.0.1:554").endswith("（10.0.0.1:554）")
    assert explain("something else") == "something else"


def test_publishers_come_with_their_key_and_nobody_without(monkeypatch):
    device, channel = source(protocol="whip")
    other, _channel = source(protocol="rtsp", address="rtsp://10.0.0.1/")
    asked = []

    def answer(what, *_timeout, **args):
        asked.append((what, args))
        if isinstance(said["value"], MediaError):
            raise said["value"]
        return said["value"]

    said = {"value": ["n1", "v=0"]}
    monkeypatch.setattr(views, "ask", answer)
    client = Client(enforce_csrf_checks=True)
    address = f"/whip/{device.code}"

    def post(key="pw 1", to=address, body="v=0 offer", type_="application/sdp"):
        return client.post(to, body, content_type=type_, headers={"authorization": f"Bearer {key}"})

    assert client.post(address, "v=0", content_type="application/sdp").status_code == 401
    assert client.get(address).status_code == 401
    assert client.get(address, headers={"authorization": "Bearer pw 1"}).status_code == 405
    for wrong in (post("pw 2"), post(""), post(to=f"/whip/{other.code}"), post(to="/whip/nobody")):
        assert (wrong.status_code, wrong.content) == (401, b"")
    assert post(type_="text/plain").status_code == 415
    assert post(body="x" * 70_000).status_code == 413
    assert asked == []
    good = post()
    assert (good.status_code, good.content, good["Content-Type"]) == (201, b"v=0", "application/sdp")
    assert good["Location"] == f"/whip/{device.code}/n1"
    assert asked == [("whip_publish", {"channel": channel.pk, "offer": "v=0 offer"})]
    for error, status in ((RefusedByDeviceError("busy"), 409), (NotOfferedError("x"), 406), (NoReplyError("x"), 503)):
        said["value"] = error
        assert post().status_code == status
    said["value"] = True
    shown = {"authorization": "Bearer pw 1"}
    assert client.delete(good["Location"], headers=shown).status_code == 200
    assert client.patch(good["Location"], headers=shown).status_code == 405
    assert client.delete(good["Location"]).status_code == 401
    VideoDevice.objects.filter(pk=device.pk).update(active=False)
    assert post().status_code == 401


def test_addresses_of_the_form_are_those_of_the_protocols():
    assert admin.check_address("whip", "anything") == ""
    assert admin.check_address("onvif", " 10.0.0.5 ") == "10.0.0.5"
