"""Cameras over real sockets: signed in, listed, on the map, looked through, obeyed; and all others kept out."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from django.db import connection

from access.models import AuditRecord
from devices.models import Device, DeviceEvent, Refusal, RefusalCount
from devices.tests.broker import wait_for
from devices.tests.road import Road
from media.asking import ask
from media.exceptions import NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.gb28181 import newcomers, presence, reports, server
from media.models import Channel, Registration, SharedChannel, Superior, Uplink, VideoDevice
from media.passwords import set_password
from media.recordings.keeping import verify
from media.recordings.models import RecordingPolicy, RecordingSegment
from media.recordings.store import order
from media.simulator import replies, sending
from media.tests.platform import CODE, DOMAIN, PASSWORD, PLATFORM, Cameras, Process, Wire, register
from media.tests.test_doors import entry
from twin.models import State

pytestmark = pytest.mark.slow


@pytest.fixture
def road(tmp_path, settings, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    settings.CITY_CODE = "310000"
    yield road
    road.stop()


@pytest.fixture
def process(road, settings, monkeypatch, tmp_path):
    settings.VAR_DIR = tmp_path
    for module, name, short in (
        (newcomers, "JITTER_S", 0.05), (newcomers, "HEAP_S", 0.05),
        (reports, "NOTICE_S", 1.5), (reports, "EVERY_S", 0.2),
        (presence, "HOUSE_S", 0.2), (presence, "WRITE_S", 0.2), (server, "REREAD_S", 0.2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, short)
    process = Process(settings.MQTT_URL)
    yield process
    process.stop()


@pytest.fixture
def cameras(process):
    cameras = Cameras(process.address)
    yield cameras
    cameras.stop()


@pytest.fixture
def wires(process):
    made = []

    def make(host="127.0.0.1"):
        made.append(Wire(process.address, host))
        return made[-1]

    yield make
    for each in made:
        each.close()


def known(process, code=CODE):
    wait_for(lambda: code in process.server.peers.known)


def reasons():
    return dict(RefusalCount.objects.values_list("reason", "count"))


def look(**more):
    return ask("look", 30, device=CODE, channel="31011500001310000001", **more)


@pytest.mark.slow
def test_a_camera_is_on_the_map_seen_and_obeyed(road, process, cameras):
    road.ingest()
    device = register(follow_position=True)
    known(process)
    camera = cameras.add(keepalive_s=0.5, moves=True)
    wait_for(lambda: Channel.objects.filter(online=True).count() == 2, 20)
    wait_for(lambda: State.objects.filter(asset__kind="camera").count() == 2, 30)
    channel = Channel.objects.get(code="31011500001310000001")
    assert (channel.name, channel.lon, channel.heading_deg, channel.ptz) == ("摄像机1", 121.5, 180.0, 1)
    assert channel.asset.code == channel.terminal == f"{CODE}.31011500001310000001"
    assert Device.objects.get(identifier=channel.terminal).asset == channel.asset
    wait_for(lambda: Registration.objects.filter(pk=device.pk, online=True, manufacturer="Sandtable").exists())
    assert AuditRecord.objects.filter(actor_name="GB/T 28181", model="media.Channel").exists()

    # It moves, and gives alarm.
    wait_for(lambda: State.objects.get(asset=channel.asset).lon > 121.50005, 20)
    cameras.do(camera.end.message(replies.alarm(7, camera.plan.channels[0])))
    wait_for(lambda: DeviceEvent.objects.filter(channel="event").exists(), 20)
    body = DeviceEvent.objects.filter(channel="event").get().body
    assert (body["code"], body["text"], body["attrs"]["method"]) == ("video_alarm", "移动侦测", 5)

    # It is asked, and obeys.
    here = {"device": CODE, "channel": channel.code}
    assert ask("presets", **here) == [{"number": 1, "name": "大门"}, {"number": 2, "name": "仓库"}]
    ask("control", **here, name="move", args={"pan": 1, "tilt": -0.5})
    wait_for(lambda: camera.plan.channels[0].pan_deg > 9)
    ask("control", **here, name="preset", args={"action": "delete", "number": 2})
    ask("control", **here, name="guard", args={"on": True})
    assert [preset["number"] for preset in ask("presets", **here)] == [1]
    past = ask("recordings", **here, begins="2026-11-21T10:00:00", ends="2026-11-21T11:15:00")
    assert past["whole"]
    assert len(past["recordings"]) == 8
    assert past["recordings"][-1]["ends"] == "2026-11-21T11:15:00+08:00"
    assert ask("status", device=CODE)["Online"] == "ONLINE"
    for bad, error in (({"name": "dance"}, NotOfferedError), ({}, NotOfferedError)):
        with pytest.raises(error):
            ask("control", **here, **bad)
    with pytest.raises(OfflineError):
        ask("status", device="31011500001180000099")
    with pytest.raises(NotOfferedError):
        ask("nonsense")

    # It is looked through, each way.
    for media in ("udp", "tcp_passive", "tcp_active"):
        VideoDevice.objects.update(media=media)
        wait_for(lambda media=media: process.server.peers.known[CODE].media == media)
        seen = look(seconds=1.5)
        assert (seen["codecs"], seen["lost"], seen["damaged"], seen["foreign"]) == (["h264"], 0, 0, 0), media
        assert seen["frames"] >= 15, media
        assert seen["keys"] >= 1
        assert seen["frames_a_second"] == 25.0
    wait_for(lambda: cameras.tally.streams == 0)
    assert len(process.server.calls) == 0
    cameras.tally.streams = 100
    with pytest.raises(RefusedByDeviceError, match="486"):
        look()

    # It is spoken to.
    cameras.tally.streams = 0
    ask("announce", **here, sound=base64.b64encode(b"\xd5" * 1600).decode())
    wait_for(lambda: cameras.tally.heard_ms == 200)

    # It is passed up: to ourselves, for want of another.
    above = "31011500002000000077"
    register(above)
    known(process, above)
    superior = Superior(
        name="上级", code=PLATFORM, domain=DOMAIN, host="127.0.0.1", port=process.address[1], own_code=above
    )
    set_password(superior, PASSWORD, save=False)
    superior.save()
    SharedChannel.objects.create(superior=superior, channel=channel, code="31011500001320000777")
    wait_for(lambda: Uplink.objects.filter(online=True, fault="").exists())
    wait_for(lambda: Channel.objects.filter(device__code=above, code="31011500001320000777", online=True).exists(), 20)
    passed = ask("look", 30, device=above, channel="31011500001320000777", seconds=1)
    assert (passed["codecs"], passed["lost"], passed["damaged"]) == (["h264"], 0, 0)
    superior.delete()
    wait_for(lambda: not Registration.objects.get(device__code=above).online)

    # It leaves.
    cameras.do(camera.sign_out())
    wait_for(lambda: not Registration.objects.get(pk=device.pk).online)
    assert not Channel.objects.filter(online=True).exists()
    wait_for(lambda: State.objects.get(asset=channel.asset).status == 3, 20)
    # What it told of itself is stored when it has left already.
    late = entry(channel.code, name="改了名")
    assert late.online
    process.server.newcomers.take(process.server.peers.known[CODE], [late], whole=False)
    wait_for(lambda: Channel.objects.filter(pk=channel.pk, name="改了名", online=False).exists())
    assert not Channel.objects.filter(online=True).exists()


def test_strangers_learn_nothing(process, wires):
    register(networks="127.0.0.0/30")
    register("31011500001180000002", networks="10.0.0.0/8")
    known(process, "31011500001180000002")
    good, bad, far = wires(), wires(), wires("127.0.0.9")
    # Known or unknown, the same words.
    answers = [bad.sign_in(code, "wrong") for code in (CODE, "31011500001180000077")]
    answers.append(bad.sign_in("31011500001180000002"))  # the right password, from elsewhere
    assert {(a.status, a.first, tuple(sorted(n for n, _v in a.headers))) for a in answers} == {
        (403, "SIP/2.0 403 Forbidden", ("CSeq", "Call-ID", "From", "To", "Via"))
    }
    assert far.sign_in().status == 403
    # Nobody's business: no answer at all.
    bad.send("REGISTER", "1001")
    bad.send("REGISTER", headers=[("User-Agent", "friendly-scanner")])
    bad.send("OPTIONS", "100")
    bad.send("INVITE", "101")
    bad.send("MESSAGE", body=replies.keepalive(1, CODE))
    bad.socket.sendto(b"\x00" * 400, process.address)
    bad.socket.sendto(b"\r\n\r\n", process.address)
    # Guessing ends.
    for _ in range(3):
        assert bad.sign_in(CODE, "guess").status == 403
    assert bad.sign_in(CODE, "guess").status == 403
    bad.send("REGISTER")
    assert good.ask("REGISTER", "31011500001180000055").status == 401
    assert bad.hears_nothing()
    wait_for(lambda: reasons().get("sip_locked_out"))
    assert reasons() == {
        "sip_wrong_password": 6,
        "sip_wrong_network": 2,
        "sip_stranger": 4,
        "sip_scanner": 1,
        "sip_malformed": 1,
        "sip_locked_out": 1,
    }
    assert Refusal.objects.filter(reason="sip_wrong_password", device=CODE).exists()
    assert not Registration.objects.exists()


def test_nobody_speaks_for_another(process, wires, cameras):
    register()
    register("31011500001180000002")
    known(process, "31011500001180000002")
    camera = cameras.add(keepalive_s=0.3)
    wait_for(lambda: Channel.objects.filter(online=True).count() == 2, 20)
    second, far = wires(), wires("127.0.0.9")
    assert second.sign_in("31011500001180000002").status == 200
    # From elsewhere, in its name.
    far.send("MESSAGE", body=replies.alarm(1, camera.plan.channels[0]))
    far.send("BYE", headers=[("Max-Forwards", "70")])
    assert far.hears_nothing()
    wait_for(lambda: reasons().get("sip_stranger") == 2)

    # A stream goes on while somebody hangs up for it and somebody sends to its port.
    class Meddling(sending.Sending):
        async def _send(self, stream):
            call = next(iter(process.server.calls._begun))
            while call.dialog is None:
                await asyncio.sleep(0.01)
            forged = {"Call-ID": call.dialog.call_id, "To": call.dialog.ours}
            second.send("BYE", "31011500001180000002", From=call.dialog.theirs, **forged)
            far.send("BYE", CODE, From=call.dialog.theirs, **forged)
            for _ in range(50):
                far.socket.sendto(b"\x80\x60" + b"\x00" * 200, ("127.0.0.1", call.port))
                second.socket.sendto(b"\x80\x60" + b"\x01" * 200, ("127.0.0.1", call.port))
            await super()._send(stream)

    from media.simulator import showing

    original, showing.Sending = showing.Sending, Meddling
    try:
        seen = look(seconds=2)
    finally:
        showing.Sending = original
    assert (seen["codecs"], seen["lost"], seen["damaged"]) == (["h264"], 0, 0)
    assert seen["frames"] >= 20
    assert seen["foreign"] >= 50
    assert second.answer().status == 481
    wait_for(lambda: reasons().get("rtp_foreign") and reasons().get("sip_forged"))
    # Late and doubled BYE of a call that is over are no fault.
    before = reasons()["sip_forged"]
    key = next(iter(process.server.calls._ended))
    camera.end.send(
        f"BYE sip:{PLATFORM}@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKlate\r\n"
        f"From: <sip:{CODE}@x>;tag={key[2]}\r\n"
        f"To: <sip:{PLATFORM}@x>;tag={key[1]}\r\nCall-ID: {key[0]}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n".encode()
    )
    with pytest.raises(NoReplyError):
        ask("status", 2, device="31011500001180000002")  # a device that says nothing at all
    assert reasons()["sip_forged"] == before


def test_bodies_that_are_rubbish_cost_nobody_else(process, wires, cameras):
    register()
    register("31011500001180000002")
    known(process, "31011500001180000002")
    bad = wires()
    assert bad.sign_in("31011500001180000002").status == 200
    bad.socket.settimeout(1)
    head = b'<?xml version="1.0" encoding="GB2312"?><Response><CmdType>Catalog</CmdType><SN>1</SN>'
    rubbish = [
        b"\xff\xfe\xb2\xe2\x81",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Notify/>',
        b"<x>" * 5000,
        head
        + b"<DeviceList Num='9999999'><Item><DeviceID>31011500001310000501</DeviceID><Name>\x81\xff\xb2\x01\xe2</Name>"
        b"<Longitude>NaN</Longitude></Item><Item><DeviceID>\xb2\xe2</DeviceID></Item><Item></DeviceList>",
    ]
    for body in rubbish:
        bad.send("MESSAGE", "31011500001180000002", [("Content-Type", "Application/MANSCDP+xml")], body)
    camera = cameras.add()
    wait_for(lambda: Channel.objects.filter(device__code=CODE, online=True).count() == 2, 20)
    odd = Channel.objects.get(device__code="31011500001180000002")
    assert (odd.code, odd.lon, "\x01" in odd.name) == ("31011500001310000501", None, False)
    wait_for(lambda: reasons().get("manscdp_unreadable") == 3)
    # An answer of 100 kB, by TCP, which has room for it.
    big = cameras.add("31011500001180000002", transport="TCP")
    wait_for(lambda: process.server.peers.bindings["31011500001180000002"].flow.transport == "TCP")
    wait_for(lambda: Channel.objects.filter(device__code="31011500001180000002").count() == 3, 20)
    answered = big.end.answer

    def swollen(request, status, reason, more=None, body=b"", tag=""):
        answered(request, status, reason, more, body + b"a=x\r\n" * 20_000 if body else body, tag)

    big.end.answer = swollen
    with pytest.raises(NoReplyError, match="SDP"):
        ask("look", device="31011500001180000002", channel="31011500001310000001", seconds=1)
    wait_for(lambda: reasons().get("sdp_unusable") == 1)
    assert look(seconds=1)["frames"] > 5
    assert camera.registered


def test_a_restart_forgets_nobody_and_a_new_password_ends_it(road, settings, wires, process):
    device = register()
    known(process)
    mine = wires()
    answer = mine.sign_in()
    assert (answer.status, answer.get("expires"), answer.get("x-gb-ver")) == (200, "3600", "3.0")
    assert answer.get("contact") == f"<sip:{CODE}@192.0.2.1:5060>"
    assert answer.get("via").split("rport=")[1].split(";")[0] == str(mine.local[1])
    assert len(answer.get("date")) == 23
    assert mine.sign_in(expires="30").status == 423
    wait_for(lambda: Registration.objects.filter(online=True).exists())
    process.stop()
    again = Process(settings.MQTT_URL, process.address[1])
    try:
        wait_for(lambda: CODE in again.server.peers.bindings)
        assert mine.ask("MESSAGE", body=replies.keepalive(1, CODE)).status == 200
        assert again.server.peers.bindings[CODE].online
        set_password(device, "another12")
        wait_for(lambda: CODE not in again.server.peers.bindings)
        wait_for(lambda: not Registration.objects.get(pk=device.pk).online)
        assert wires().sign_in(password=PASSWORD).status == 403
    finally:
        again.stop()


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_foreign_end_registers_keeps_alive_and_leaves(process, transport, tmp_path, monkeypatch):
    if shutil.which("sipp") is None:
        pytest.skip("sipp (Debian: sip-tester) is not installed")
    register()
    known(process)
    monkeypatch.setattr(newcomers, "JITTER_S", 60)  # sipp takes questions for calls it knows nothing of
    done = subprocess.run(
        ["sipp", "-sf", str(Path(__file__).parent / "sipp/camera.xml"), "-s", CODE, "-au", CODE, "-ap", PASSWORD,
         "-m", "1", "-t", transport, "-timeout", "20", "-nostdin", "-i", "127.0.0.1", "-trace_err",
         f"127.0.0.1:{process.address[1]}"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    wait_for(lambda: Registration.objects.filter(online=False).exists())
    assert CODE not in process.server.peers.bindings
    assert reasons() == {}


@pytest.mark.slow
def test_a_camera_is_recorded_as_planned_and_by_hand(road, process, cameras):
    road.ingest()
    register()
    known(process)
    cameras.add(channels=1)
    wait_for(lambda: Channel.objects.filter(online=True).count() == 1, 20)
    channel = Channel.objects.get()
    policy = RecordingPolicy.objects.create(name="连续", mode="continuous")
    wait_for(lambda: RecordingSegment.objects.filter(state="writing", size_bytes__gt=0).exists(), 30)
    policy.enabled = False
    policy.save()
    wait_for(lambda: RecordingSegment.objects.filter(state="kept").exists(), 20)
    order(channel, "巡查", None)
    wait_for(lambda: RecordingSegment.objects.filter(state="writing", reasons="hand").exists(), 30)
    process.stop()  # a process that ends in good order leaves nothing open
    rows = RecordingSegment.objects.order_by("number")
    assert [(row.state, row.reasons) for row in rows] == [("kept", "continuous"), ("kept", "hand")]
    assert list(verify(channel)) == []
