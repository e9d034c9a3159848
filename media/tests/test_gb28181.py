"""What GB/T 28181 means, without a network: codes, bodies, descriptions, controls, guards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from media.exceptions import NotOfferedError
from media.gb28181.codes import domain_of, is_camera, is_folder, read_code, ssrc_text
from media.gb28181.control import WORDS, control_fields, is_ptz, ptz_bytes
from media.gb28181.guard import MOST_FAILURES, Buckets, Lock, is_scanner
from media.gb28181.items import moment, read_alarm, read_entry, read_fixes, read_recording, write_moment
from media.gb28181.sdp import Wanted, read_sdp, write_sdp
from media.gb28181.xml import MOST_DEPTH, Element, XmlError, decode, read_xml, write_xml
from media.simulator import wire
from media.simulator.device import SimulatedDevice
from media.simulator.plan import Plan, Tally
from media.sip.message import read_message
from media.tests.captures import datagrams
from media.tests.sources import looped, until

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def test_codes():
    code = read_code("31011500001320000001")
    assert code == ("31011500", 0, 132, 0, 1)
    assert (str(code.type_name), str(code.industry_name)) == ("网络摄像机", "公安")
    assert read_code("31011555999990000001").type_name == "999"
    assert domain_of("31011500001320000001") == "3101150000"
    for bad in ("", "3101150000132000000", "3101150000132000000x", "３１０１１５００００１３２０００００１"):
        with pytest.raises(ValueError, match="twenty"):
            read_code(bad)
    assert [is_folder(code) for code in ("31", "310115", "31011500002160000001", "31011500001320000001")] == [
        True,
        True,
        True,
        False,
    ]
    assert [is_camera(code) for code in ("31011500001310000001", "31011500001340000001", "cam-1", "310115")] == [
        True,
        False,
        True,
        False,
    ]
    assert ssrc_text("3101150000", 12_345) == "0115002345"
    assert ssrc_text("3101150000", 7, history=True) == "1115000007"


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("<a>测试</a>".encode("gb18030"), "", "测试"),
        ('<?xml version="1.0" encoding="GB2312"?><a>镕㐀</a>'.encode("gb18030"), "", "镕㐀"),
        ('<?xml version="1.0" encoding="UTF-8"?><a>测试</a>'.encode(), "", "测试"),
        ('<?xml version="1.0" encoding="GB2312"?><a>摄像机</a>'.encode(), "", "摄像机"),  # says one, is the other
        ("<a>联通</a>".encode("gb18030"), "", "联通"),  # its bytes are UTF-8 by accident
        ("<a>测试</a>".encode("gb18030"), "gb18030", "测试"),
        ("﻿<a>测试</a>".encode(), "gb18030", "测试"),
        (b"<a>\xff\xfe\xb2</a>", "utf-8", None),
    ],
)
def test_charsets_as_declared_and_as_they_are(body, charset, text):
    found = read_xml(body, charset).text
    assert found == text if text is not None else found


def test_xml_as_cameras_write_it():
    body = read_xml(
        b'<?xml version="1.0"?>\n<Response><CmdType>Catalog</cmdtype>\x01\x02<Name>A & B <![CDATA[<c>]]></Name>'
        b'<DeviceList Num="2"><Item><DeviceID>1</DeviceID><Empty/></Item><Item>open'
        b"</DeviceList><!-- x --></Response>\r\n\0\0trailing <junk"
    )
    assert body.get("Name") == "A & B<c>"
    listed = body.find("devicelist")
    assert listed is None or [item.get("DeviceID") for item in listed.all("Item")]
    assert read_xml(b"<a><b>1</b></a><a>second</a>").get("b") == "1"
    assert read_xml(b"<a/>").name == "a"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\xb2\xe2",
        b"text",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b"<a>" * (MOST_DEPTH + 2),
    ],
)
def test_what_is_no_body_is_refused(body):
    with pytest.raises(XmlError):
        read_xml(body)


def test_bodies_are_written_and_read_alike():
    fields = (("CmdType", "Alarm"), ("Name", "<测试> & 𠮷"), ("Info", [("A", "1")]), ("List Num=1", [("Item", "x")]))
    for charset in ("gb18030", "utf-8"):
        root = read_xml(write_xml("Notify", fields, charset))
        assert (root.name, root.get("Name"), root.find("Info").get("A")) == ("Notify", "<测试> & 𠮷", "1")
        assert root.find("List").attributes == {"Num": "1"}
    assert "\x00" not in decode(write_xml("a", ()))


def test_a_real_catalogue():
    message = read_message(datagrams("gb28181_invite-live-catalog.pcapng")[8])
    (item,) = read_xml(message.body).find("DeviceList").all("Item")
    entry = read_entry(item)
    assert (entry.code, entry.name, entry.manufacturer, entry.online) == ("34010000001310000001", "Camera01", "", True)
    assert (entry.lon, entry.civil_code, entry.parental) == (None, "", False)


def item(**fields):
    return Element("Item", children=[Element(name, text=text) for name, text in fields.items()])


def test_entries_with_what_cameras_leave_out_or_get_wrong():
    entry = read_entry(
        item(DeviceID=" 31011500001320000001 ", Name="x" * 400, CivilCode="CivilCode", Longitude="", Latitude="31.2",
             ParentID="a/b", Status="off", Parental="no", PTZType="1/2", Event="add")
    )  # fmt: skip
    assert (entry.code, len(entry.name), entry.civil_code) == ("31011500001320000001", 255, "")
    assert (entry.lon, entry.lat, entry.parent, entry.online, entry.ptz, entry.event) == (
        None, None, "a", False, 1, "ADD",
    )  # fmt: skip
    assert read_entry(item(DeviceID="../etc")) is None
    assert read_entry(item(Name="x")) is None
    for lon, lat in (("181", "0"), ("0", "0"), ("nan", "1"), ("1e400", "1")):
        assert read_entry(item(DeviceID="1", Longitude=lon, Latitude=lat)).lon is None


def test_positions_of_2016_and_of_2022():
    old = Element("Notify", children=item(DeviceID="1", Time="2026-11-21T10:00:00", Longitude="121.5", Latitude="31.2",
                                          Speed="36", Direction="370").children)  # fmt: skip
    (fix,) = read_fixes(old, NOW)
    assert (fix.at.isoformat(), fix.speed_m_s, fix.heading_deg) == ("2026-11-21T10:00:00+08:00", 10.0, 10.0)
    items = [
        item(DeviceID=str(i), CaptureTime="2026-11-21T10:00:00.250", Longitude="121", Latitude="31") for i in (1, 2)
    ]
    new = Element("Notify", children=[Element("DeviceList", children=[*items, item(DeviceID="3")])])
    assert [fix.code for fix in read_fixes(new, NOW)] == ["1", "2"]
    assert read_fixes(Element("Notify"), NOW) == []


def test_alarms_recordings_and_times():
    body = Element("Notify", children=[*item(DeviceID="1", AlarmPriority="1", AlarmMethod="5", AlarmTime="rubbish",
                                             AlarmDescription="动").children, item(AlarmType="2")])  # fmt: skip
    body.children[-1].name = "Info"
    alarm = read_alarm(body, NOW)
    assert (alarm.at, alarm.priority, alarm.method, alarm.type, alarm.description) == (NOW, 1, 5, 2, "动")
    times = {"StartTime": "2026-11-21T10:00:00", "EndTime": "2026-11-21T10:10:00Z"}
    recording = read_recording(item(DeviceID="1", FileSize="-1", **times))
    assert recording.size is None
    assert recording.begins.utcoffset().seconds == 8 * 3600
    assert read_recording(item(DeviceID="1", StartTime="x", EndTime="y")) is None
    assert write_moment(NOW) == "2026-11-21T18:00:00"
    assert moment("2026-13-01") is None


# PTZ commands worked out by hand from A.3.
@pytest.mark.parametrize(
    ("name", "args", "digits"),
    [
        ("move", {}, "A50F0100000000B5"),
        ("move", {"pan": 1}, "A50F0101FF0000B5"),
        ("move", {"pan": -0.5, "tilt": 1.0}, "A50F010A80FF003E"),
        ("move", {"zoom": 1}, "A50F01100000F0B5"),
        ("lens", {}, "A50F0140000000F5"),
        ("lens", {"focus": -1, "iris": 1}, "A50F0146FFFF00F9"),
        ("lens", {"focus": 0.5}, "A50F014180000076"),
        ("lens", {"iris": -0.25}, "A50F01480040003D"),
        ("move", {"pan": -1, "tilt": -1, "zoom": -1}, "A50F0126FFFFF0C9"),
        ("preset", {"action": "set", "number": 255}, "A50F018100FF0035"),
        ("preset", {"action": "delete", "number": 1}, "A50F018300010039"),
        ("cruise", {"action": "start", "group": 9}, "A50F018809000046"),
        ("scan", {"action": "speed", "group": 1, "value": 513}, "A50F018A01012061"),
        ("switch", {"number": 1, "on": False}, "A50F018D01000043"),
        ("preset", {"action": "call", "number": 3}, "A50F01820003003A"),
        ("cruise", {"action": "dwell", "group": 1, "value": 300}, "A50F0187012C1079"),
        ("scan", {"action": "right", "group": 2}, "A50F018902020042"),
        ("switch", {"number": 1, "on": True}, "A50F018C01000042"),
    ],
)
def test_the_eight_bytes(name, args, digits):
    fields, word = control_fields(name, args)
    assert dict(fields) == {"PTZCmd": digits}
    assert not word.answered
    assert is_ptz(digits)
    assert not is_ptz(digits[:-1] + ("0" if digits[-1] != "0" else "1"))


def test_controls():
    fields, word = control_fields("record", {"on": False})
    assert (fields, word.answered) == ((("RecordCmd", "StopRecord"),), True)
    assert dict(control_fields("key_frame", {})[0]) == {"IFameCmd": "Send", "IFrameCmd": "Send"}
    (name, inside), = control_fields("home", {"on": True, "after_s": 30, "preset": 2})[0]  # fmt: skip
    assert (name, dict(inside)) == ("HomePosition", {"Enabled": "1", "ResetTime": "30", "PresetIndex": "2"})
    assert set(WORDS) >= {"guard", "reset_alarm", "reboot", "drag_zoom"}
    for bad in (("dance", {}), ("move", {"pan": 2}), ("move", {"pan": "x"}), ("preset", {"action": "call"}),
                ("preset", {"action": "call", "number": 0}), ("reboot", {"now": True})):  # fmt: skip
        with pytest.raises(NotOfferedError):
            control_fields(*bad)
    assert ptz_bytes(0, address=0x123) == "A50F2300000001D8"


def test_real_descriptions():
    found = datagrams("gb28181_invite-live-catalog.pcapng")
    offered = read_sdp(read_message(found[2]).body)
    assert (offered.host, offered.port, offered.codecs[96], offered.ssrc) == ("192.168.230.11", 6000, "ps", None)
    answered = read_sdp(read_message(found[4]).body)
    assert (answered.host, answered.port, answered.direction, answered.ssrc) == (
        "192.168.230.100", 56147, "sendonly", 0,
    )  # fmt: skip


def test_descriptions_there_and_back():
    wanted = Wanted("31000000002000000001", "10.0.0.1", 30_000, "0100000007", "Playback", "31011500001320000001",
                    "passive", NOW, NOW.replace(hour=11), 4)  # fmt: skip
    text = write_sdp(wanted).decode()
    lines = text.split("\r\n")
    assert [line for line in lines if line[:2] in ("s=", "u=", "t=")] == [
        "s=Playback",
        "u=31011500001320000001:0",
        "t=1795255200 1795258800",
    ]
    assert max(i for i, line in enumerate(lines) if line.startswith("a=")) < lines.index("y=0100000007")
    offer = read_sdp(text.encode())
    assert (offer.tcp, offer.setup, offer.ssrc, offer.port, offer.session) == (
        True,
        "passive",
        100000007,
        30_000,
        "Playback",
    )
    assert read_sdp(write_sdp(Wanted("1", "::1", 4, "1", audio=True))).codecs == {8: "g711a"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"m=video",
        b"m=video x RTP/AVP 96",
        b"m=video 99999 RTP/AVP 96",
        b"v=0\r\n" * 20_000,
        b"\xff" * 500,
    ],
)
def test_descriptions_that_cannot_be_used(body):
    with pytest.raises(NotOfferedError):
        read_sdp(body)


@pytest.mark.parametrize("address", ["", "0.0.0.0", "224.1.1.1", "not an address"])  # noqa: S104 (read, not bound)
def test_a_description_without_an_address(address):
    offer = read_sdp(f"v=0\no=- 0 0 IN IP4\nc=IN IP4 {address}\nm=video 7 RTP/AVP 96\ny=x\na=filesize:-1\n".encode())
    assert (offer.host, offer.port, offer.ssrc, offer.size) == ("", 7, None, None)


def test_guards():
    buckets = Buckets(10, 3)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b", 0.0)
    assert buckets.take("a", 0.1)
    lock = Lock()
    for i in range(MOST_FAILURES):
        assert not lock.holds("c", "1.2.3.4", 0.0)
        assert lock.failed("c", "1.2.3.4", 0.0) == (i == MOST_FAILURES - 1)
    assert lock.holds("c", "1.2.3.4", 10.0)
    assert not lock.holds("c", "5.6.7.8", 10.0)  # the camera itself is not locked out by somebody elsewhere
    assert not lock.holds("c", "1.2.3.4", 901.0)
    assert not lock.failed("c", "1.2.3.4", 901.0)
    assert is_scanner("friendly-scanner")
    assert not is_scanner("eXosip/4.1.0")


@looped
async def test_a_simulated_device_renews_its_registration_before_it_runs_out(monkeypatch):
    plan = Plan("31011500001180000001", "x", [], ("127.0.0.1", 5060), "31000000002000000001", "3100000000",
                expires_s=0.04, keepalive_s=0.01)  # fmt: skip
    device = SimulatedDevice(plan, Tally(), lambda _data: None, ("127.0.0.1", 5061), (), 1)
    signed_in = []

    async def sign_in():
        signed_in.append(len(alive))
        return len(signed_in) != 2  # once nobody answers

    async def message(body):
        alive.append(body)
        return wire.Packet("SIP/2.0 200 OK", [], b"")

    alive = []
    monkeypatch.setattr(device, "_sign_in", sign_in)
    monkeypatch.setattr(device.end, "message", message)
    life = asyncio.create_task(device.live(0))
    await until(lambda: len(signed_in) >= 4)
    life.cancel()
    assert (len(alive) > 2, device.tally.unanswered) == (True, 1)
