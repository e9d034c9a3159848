"""Two platforms, one above the other, and a simulated recorder below both: real sockets, one loop."""

from __future__ import annotations

import contextlib
import functools
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from media.cascade import link as links
from media.cascade.upper import Shared, Upper
from media.exceptions import RefusedByDeviceError
from media.gb28181.answers import Answers
from media.gb28181.call import Recorded
from media.gb28181.items import BEIJING, Alarm, Fix, read_alarm, read_entry
from media.gb28181.peers import Binding
from media.gb28181.talk import query
from media.models import Superior
from media.passwords import set_password
from media.simulator.past import Past
from media.tests.alone import Alone, Seen, alone, device, until
from media.tests.platform import CODE, PLATFORM

pytestmark = pytest.mark.slow
TOP, OWN, PASSWORD = PLATFORM, "31011500002000000002", "upwards1"
GIVEN, ALSO = "31011500001320000901", "31011500001320000902"
DAY = datetime(2026, 11, 20, 10, 0, tzinfo=BEIJING)
CHANNELS = ("31011500001310000001", "31011500001310000002")
SHARED = {
    GIVEN: Shared(GIVEN, 1, CODE, CHANNELS[0], "gb28181", "北门<一号>", True, lon=121.5, lat=31.2, ptz=1),
    ALSO: Shared(ALSO, 2, CODE, CHANNELS[1], "gb28181", "南门", False),
}


@functools.cache
def sealed_of(password):
    row = Superior(code=TOP)
    set_password(row, password, save=False)
    return row


def upper_of(top, **changed):
    """The platform above, as the lower one knows it."""
    sealed = sealed_of(changed.pop("password", PASSWORD))
    plain = {"expires_s": 3600, "keepalive_s": 60, "misses": 2, "shared": SHARED, "controls": True}
    return Upper(1, TOP, TOP[:10], *top.address, changed.pop("transport", "udp"), OWN, OWN, sealed.provider,
                 sealed.sealed, **plain | changed)  # fmt: skip


@contextlib.asynccontextmanager
async def two(media="udp", follows=("Catalog", "Alarm", "MobilePosition"), **changed):
    """One above, one below and signed in there."""
    async with Alone(TOP) as top, Alone("31000000002000000009", (31_500, 31_698)) as below:
        top.knows(OWN, PASSWORD, media=media, follows=follows)
        below.knows()
        await below.cascade.learn([upper_of(top, **changed)])
        await until(lambda: top.peers.online(OWN) and below.cascade.links[0].online)
        yield top, below


def told(top):
    """What the upper one hears of itself: (root, body) of every message that nobody there has asked for."""
    heard = []
    take = top.bodies.take

    def taken(binding, body, call_id):
        heard.append(body)
        take(binding, body, call_id)

    top.bodies.take = taken
    return heard


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_lower_platform_answers_for_its_cameras(transport):
    async def work():
        async with two(transport=transport) as (top, below), device(below):
            assert top.peers.online(OWN).flow.transport == transport.upper()
            catalogue = await top.talker.ask(OWN, "Query", "Catalog", query("Catalog", OWN))
            entries = {entry.code: entry for entry in map(read_entry, catalogue.items)}
            assert set(entries) == {GIVEN, ALSO}
            first = entries[GIVEN]
            assert (first.name, first.online, first.lon, first.parent, first.ptz) == (
                "北门<一号>", True, 121.5, OWN, 1,
            )  # fmt: skip
            assert not entries[ALSO].online
            one = await top.talker.ask(OWN, "Query", "Catalog", query("Catalog", ALSO), ALSO)
            assert [item.get("DeviceID") for item in one.items] == [ALSO]
            # What it was not given is not there.
            for hidden in (CODE, CHANNELS[0], "31011500001320000999"):
                none = await top.talker.ask(OWN, "Query", "Catalog", query("Catalog", hidden), hidden)
                assert (none.items, none.whole) == ([], True)
            info = (await top.talker.ask(OWN, "Query", "DeviceInfo", query("DeviceInfo", OWN))).body
            assert (info.get("Result"), info.get("Channel")) == ("OK", "2")
            for code, online in ((OWN, "ONLINE"), (GIVEN, "ONLINE"), (ALSO, "OFFLINE"), (CODE, "OFFLINE")):
                said = await top.talker.ask(OWN, "Query", "DeviceStatus", query("DeviceStatus", code), code)
                assert said.body.get("Online") == online
            answers = Answers(top.talker, top.newcomers, top.calls).handlers
            presets = await answers["presets"]({"device": OWN, "channel": GIVEN})
            assert [preset["name"] for preset in presets] == ["大门", "仓库"]
            piece = {"begins": DAY.isoformat(), "ends": (DAY + timedelta(minutes=75)).isoformat()}
            past = await answers["recordings"]({"device": OWN, "channel": GIVEN, **piece})
            assert past["whole"]
            assert [one["code"] for one in past["recordings"]] == [GIVEN] * 8

    alone(work())


@pytest.mark.parametrize("media", ["udp", "tcp_passive", "tcp_active"])
def test_pictures_are_passed_up(media):
    async def work():
        async with two(media) as (top, below), device(below) as camera:
            seen = Seen()
            call = await top.calls.begin(OWN, GIVEN, seen)
            await until(lambda: len(seen.pictures) > 12)
            assert (len(below.cascade.passing), len(below.calls)) == (1, 1)
            assert seen.pictures[0][2]
            times = [pts for pts, _at, _key in seen.pictures]
            assert {b - a for a, b in itertools.pairwise(times)} == {3600}
            assert (call.receiving.counts.lost, call.receiving.counts.damaged) == (0, 0)
            await call.stop()  # the upper one hangs up: so do we
            await until(lambda: not camera.end.calls and not len(below.cascade.passing))
            await top.calls.begin(OWN, GIVEN, seen := Seen())
            await until(lambda: seen.pictures)
            for task in camera.end._tasks:  # the camera falls silent, and leaves
                task.cancel()
            await camera.sign_out()
            await until(lambda: seen.why)
            assert seen.why in ("device hung up", "connection closed")
            assert not len(below.calls)
            with pytest.raises(RefusedByDeviceError, match="480"):
                await top.calls.begin(OWN, GIVEN, Seen())
            with pytest.raises(RefusedByDeviceError, match="404"):
                await top.calls.begin(OWN, CHANNELS[0], Seen())
        free = len(below.announcements._ports._free)
        assert free == 100

    alone(work())


def test_the_past_is_passed_up_and_steered():
    async def work():
        async with two() as (top, below), device(below, past=Past()) as camera:
            seen = Seen()
            piece = Recorded(DAY, DAY + timedelta(seconds=40))
            call = await top.calls.begin(OWN, GIVEN, seen, piece)
            await until(lambda: seen.pictures)
            sending = next(iter(camera.showing.shown.values())).sending
            await call.pause()
            assert sending.paused
            await call.resume()
            await call.seek(30)
            await until(lambda: seen.pictures[-1][1] >= DAY.timestamp() * 1000 + 30_000)
            await call.speed(4)
            assert sending.speed == 4
            camera.end.handlers["INFO"] = lambda packet: camera.end.answer(packet, 400, "Bad Request")
            with pytest.raises(RefusedByDeviceError, match="400"):
                await call.speed(2)
            await until(lambda: seen.why)
            assert seen.why == "recording ended"
            assert seen.pictures[-1][1] == (DAY.timestamp() + 39.96) * 1000
            await until(lambda: not camera.end.calls and not len(below.cascade.passing))
            # A download, as fast as was asked for, and its size with it.
            fast = await top.calls.begin(OWN, GIVEN, loaded := Seen(), Recorded(DAY, DAY + timedelta(seconds=4), 4))
            assert fast.offer.size > 10_000
            await until(lambda: loaded.why)
            assert (loaded.why, len(loaded.pictures)) == ("recording ended", 100)

    alone(work())


def test_who_is_above_may_turn_cameras_where_that_was_allowed():
    async def work():
        async with two() as (top, below), device(below) as camera:
            answers = Answers(top.talker, top.newcomers, top.calls).handlers
            here = {"device": OWN, "channel": GIVEN}
            await answers["control"]({**here, "name": "move", "args": {"pan": 1}})
            await until(lambda: camera.plan.channels[0].pan_deg == 10)
            await answers["control"]({**here, "name": "guard", "args": {"on": True}})
            await answers["control"]({**here, "name": "home", "args": {"on": True, "preset": 2}})
            await until(lambda: "<PresetIndex>2</PresetIndex>" in camera.obeying.said[-1])
            assert f"<DeviceID>{CHANNELS[0]}</DeviceID>" in camera.obeying.said[-1]
            obeyed = len(camera.obeying.said)
            await answers["control"]({**here, "name": "reboot"})
            await answers["control"]({"device": OWN, "channel": CHANNELS[0], "name": "move", "args": {"pan": 1}})
            await below.cascade.learn([upper_of(top, controls=False, past=False)])
            await answers["control"]({**here, "name": "move", "args": {"pan": 1}})
            with pytest.raises(RefusedByDeviceError, match="ERROR"):
                await answers["control"]({**here, "name": "guard", "args": {"on": True}})
            assert len(camera.obeying.said) == obeyed
            with pytest.raises(RefusedByDeviceError, match="403"):
                await top.calls.begin(OWN, GIVEN, Seen(), Recorded(DAY, DAY + timedelta(seconds=40)))

    alone(work())


def test_changes_alarms_and_positions_go_up():
    async def work():
        async with two() as (top, below):
            heard = told(top)
            await top.subscriptions.renew(OWN)
            assert len(below.cascade.following) == 3
            new = "31011500001320000903"
            changed = {
                GIVEN: SHARED[GIVEN]._replace(online=False),
                new: SHARED[GIVEN]._replace(code=new, name="新"),
            }
            await below.cascade.learn([upper_of(top, shared=changed)])
            await until(lambda: sum(len(list(body.find("DeviceList").all("Item"))) for body in heard) == 3)
            items = [item for body in heard for item in body.find("DeviceList").all("Item")]
            assert {item.get("DeviceID"): item.get("Event") for item in items} == {
                GIVEN: "OFF", ALSO: "DEL", new: "ADD",
            }  # fmt: skip
            assert [item.get("Name") for item in items if item.get("Event") == "ADD"] == ["新"]
            heard.clear()
            now = datetime.now(UTC).replace(microsecond=0)
            below.cascade.alarm(CODE, Alarm(CHANNELS[0], now, 1, 5, 2, "移动", 121.5, 31.2))
            below.cascade.alarm("31011500001180000099", Alarm(CHANNELS[0], now, 1, 5, 2, "别处", None, None))
            await until(lambda: len(heard) == 2)  # both codes of that camera
            alarms = {body.get("DeviceID"): read_alarm(body, now) for body in heard}
            assert set(alarms) == {GIVEN, new}
            assert alarms[GIVEN][1:] == (now, 1, 5, 2, "移动", 121.5, 31.2)
            heard.clear()
            for lon in (121.6, 121.7):  # twice within the interval: once told
                below.cascade.moved(CODE, Fix(CHANNELS[0], now, lon, 31.2, 10.0, 90.0, None))
            below.cascade.alarm(CODE, Alarm(CODE, now, 1, 2, 0, "本机", None, None))
            await until(lambda: len(heard) == 3)
            assert [body.get("Longitude") for body in heard if body.get("CmdType") == "MobilePosition"] == [
                "121.600000", "121.600000",
            ]  # fmt: skip

    alone(work())


def test_a_link_that_breaks_is_made_again(monkeypatch):
    monkeypatch.setattr(links, "RETRY_S", 0.05)

    async def work():
        async with Alone(TOP) as top, Alone("31000000002000000009", (31_500, 31_698)) as below:
            notes = []
            below._linked = lambda link, why: notes.append((link.online, why))
            below.cascade._on_state = below._linked
            top.knows(OWN, PASSWORD)
            await below.cascade.learn([upper_of(top, password="wrong", transport="tcp")])
            await until(lambda: notes)
            assert notes[0] == (False, "403 Forbidden")
            await below.cascade.learn([upper_of(top, transport="tcp")])
            await until(lambda: below.cascade.links[0].online)
            (first,) = below.cascade.links
            first.flow.close()
            await until(lambda: (False, "connection lost") in notes)
            await until(lambda: first.online)
            await below.cascade.learn([])
            assert not below.cascade.links
            await until(lambda: top.peers.online(OWN) is None)  # signed out
            # Silence above: after as many keepalives as agreed, it is begun anew.
            notes.clear()
            await below.cascade.learn([upper_of(top, keepalive_s=0.05)])
            await until(lambda: below.cascade.links[0].online)
            top.incoming.receive = lambda data, flow: None
            await until(lambda: any("keepalives" in why for _online, why in notes))
            del top.incoming.receive
            await until(lambda: below.cascade.links[0].online)

    alone(work())


def test_nobody_else_speaks_from_above():
    async def work():
        async with two() as (_top, below), Alone("31000000002000000077", (31_700, 31_798)) as stranger:
            flow = stranger.endpoint.flow_to(below.address)
            binding = Binding(stranger.knows(OWN, PASSWORD), flow, "", 0, 2**40, 2**40)
            request = stranger.talker.request("INVITE", binding, GIVEN)
            stranger.transactions.send(request, flow, print, print)
            await until(lambda: below.turned)
            assert below.turned[0][0] == "sip_stranger"
            assert not len(below.cascade.passing)

    alone(work())
