"""What cameras look at: read from what they say, kept where people wrote it, told to whom it concerns."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from access.models import Organization
from media.gb28181.control import RIGHT, ptz_bytes
from media.gb28181.items import read_entry, read_stance
from media.gb28181.xml import read_xml
from media.models import Channel
from media.sight.finding import sight_of
from media.sight.geometry import Sight, way
from media.sight.store import write_gazes
from media.simulator import replies
from media.store import load_cameras, load_known, take_catalogues
from media.tests.alone import Alone, alone, device, until
from media.tests.test_doors import CODES, signed_in, town  # noqa: F401 (a fixture)
from twin.models import Asset, State

VIDEO = "/api/v1/video"


def test_a_sector_covers_what_lies_in_it():
    east = Sight(121.5, 31.2, 90, 60, 100)
    assert way(121.5, 31.2, 121.501, 31.2) == pytest.approx((95.1, 90), abs=0.1)
    for lon, lat, inside in (
        (121.501, 31.2, True), (121.5011, 31.2, False), (121.4999, 31.2, False),
        (121.5005, 31.20023, True), (121.5005, 31.2003, False), (121.5, 31.2, True),
    ):  # fmt: skip
        assert east.covers(lon, lat) is inside, (lon, lat)
    north = Sight(121.5, 31.2, 350, 60, 100)
    assert north.covers(121.5001, 31.2005)
    assert not north.covers(121.5, 31.1995)
    assert Sight(121.5, 31.2, 0, 360, 100).covers(121.5, 31.1995)


def read(body):
    return read_xml(body)


def test_stances_and_lenses_are_read_as_devices_write_them():
    plan = replies.ChannelPlan("31011500001310000001", "门", 121.5, 31.2, pan_deg=-190.0, tilt_deg=5.5)
    stance = read_stance(read(replies.stance(1, plan)))
    assert stance == (plan.code, 350.0, 5.5, 60.0, 35.0, 120.0)
    wrapped = (
        b"<Response><DeviceID>a</DeviceID><PTZStatus><pan>370</pan><Tilt>x</Tilt><MaxViewDistance>0</MaxViewDistance>"
    )
    assert read_stance(read(wrapped + b"</PTZStatus></Response>")) == ("a", 10.0, None, None, None, None)
    (listed,) = replies.catalogue("1", "31011500001180000001", [plan], 4)
    item = next(read(listed).find("DeviceList").all("Item"))
    assert read_entry(item)[-3:] == (60.0, 35.0, 120.0)
    for info in (item.find("Info").children[2], item.find("Info").children[4]):
        info.text = "-1e9"
    assert read_entry(item)[-3:] == (None, 35.0, None)


def test_a_device_of_2022_tells_how_its_cameras_stand_when_they_are_turned(monkeypatch):
    async def work():
        async with Alone() as server:
            server.knows(follows={"PTZPosition"})
            said = []
            monkeypatch.setattr(server.stances, "take", lambda pk, stance: said.append((pk, stance)))
            async with device(server, channels=1) as camera:
                await server.subscriptions.renew(camera.plan.code)
                await until(lambda: said)
                assert (said[0][0], said[0][1].pan_deg) == (1, 180.0)
                turn = f"<PTZCmd>{ptz_bytes(RIGHT, 255)}</PTZCmd>"
                camera.obeying._obey(turn.replace("A5", "A6"), camera.plan.channels[0])  # its sum is wrong
                camera.obeying._obey(turn, camera.plan.channels[0])
                await until(lambda: len(said) == 2)
                assert said[1][1].pan_deg == 190.0
                # One of the edition before is not asked: many take any subscription for one to alarms.
                server.peers.bindings[camera.plan.code].version = "2.0"
                server.subscriptions.forget(camera.plan.code)
                await server.subscriptions.renew(camera.plan.code)
                assert len(server.subscriptions) == 0

    alone(work())


@pytest.mark.django_db
def test_what_people_wrote_stays_and_what_the_head_says_turns_the_icon(town):  # noqa: F811
    channel = Channel.objects.select_related("device").get(device__code=CODES["west"])
    known = next(each for each in load_known() if each.pk == channel.device_id)
    assert sight_of(channel) is None
    channel.view_deg, channel.heading_deg, channel.pan_zero_deg = 40, 90, 20
    channel.save()
    sight = sight_of(channel)
    assert (sight.heading_deg, sight.view_deg, sight.assumed) == (90, 40, True)
    plan = replies.ChannelPlan(channel.code, channel.name, 121.5, 31.2)
    (listed,) = replies.catalogue("1", known.code, [plan], 4)
    entry = read_entry(next(read(listed).find("DeviceList").all("Item")))
    take_catalogues([(known, [entry._replace(view_deg=None)], True)])
    channel.refresh_from_db()
    assert (channel.view_deg, channel.view_m, channel.heading_deg) == (40, 120, 180)
    stance = read_stance(read(replies.stance(1, plan)))
    placed = write_gazes({(known.pk, channel.code): stance, (known.pk, "nobody's"): stance})
    assert [(camera.channel, camera.heading_deg) for camera in placed] == [(channel.code, 200.0)]
    write_gazes({(known.pk, channel.code): stance._replace(pan_deg=350.0, view_deg=12.0)})
    assert next(each for each in load_cameras() if each.channel == channel.code).heading_deg == 10.0
    sight = sight_of(Channel.objects.select_related("device", "gaze").get(pk=channel.pk))
    assert (sight.heading_deg, sight.view_deg, sight.view_m, sight.assumed) == (10.0, 12.0, 120.0, False)


@pytest.mark.django_db
def test_views_and_cameras_near_a_place_are_told_of_the_own_district_only(town):  # noqa: F811
    west = Channel.objects.get(device__code=CODES["west"])
    Channel.objects.update(heading_deg=90, view_deg=60, view_m=300, online=True)
    other = Channel.objects.create(device=west.device, code="behind", name="背向", lon=121.5011, lat=31.2, online=True)
    other.heading_deg = 90
    other.save()
    client = signed_in("district", region=town["west"].region)
    place = "lon=121.501&lat=31.2"
    bbox = "bbox=121.49,31.19,121.51,31.21"
    seen = client.get(f"{VIDEO}/views?{bbox}").json()["views"]
    assert [(view["channel"], view["view_deg"], view["assumed"]) for view in seen] == [
        (west.pk, 60.0, False), (other.pk, 60.0, True),
    ]  # fmt: skip
    near = client.get(f"{VIDEO}/near?{place}").json()["channels"]
    # The one that looks there comes first though the other is nearer.
    assert [(camera["id"], camera["covers"], camera["distance_m"]) for camera in near] == [
        (west.pk, True, 95), (other.pk, False, 10),
    ]  # fmt: skip
    assert len(client.get(f"{VIDEO}/near?{place}&most=1").json()["channels"]) == 1
    # Those of the thing it is about come before all, wherever they are by now; not those of other districts.
    other.asset = Asset.objects.create(kind="camera", code="C-1", name="C-1", owner=town["west"])
    other.lon = 121.6
    other.save()
    own = client.get(f"{VIDEO}/near?{place}&asset={other.asset_id}").json()["channels"]
    assert [camera["id"] for camera in own] == [other.pk, west.pk]
    foreign = client.get(f"{VIDEO}/near?{place}&asset={Channel.objects.get(device__code=CODES['east']).asset_id}")
    assert [camera["id"] for camera in foreign.json()["channels"]] == [west.pk]
    east = Channel.objects.get(device__code=CODES["east"])
    assert client.get(f"{VIDEO}/views?asset={east.asset_id}").json()["views"] == []
    assert [view["channel"] for view in client.get(f"{VIDEO}/views?asset={west.asset_id}").json()["views"]] == [west.pk]
    for wrong in ("1,2,3", "a,b,c,d", "121,31,122,32", "121.5,31,121.4,32"):
        assert client.get(f"{VIDEO}/views?bbox={wrong}").status_code == 422
    for wrong in ("lon=121.5&lat=inf", "lon=nan&lat=31", "lon=121.5&lat=91"):
        assert client.get(f"{VIDEO}/near?{wrong}").status_code == 422
    # A drone of the east over the west is seen there, and so is its picture; it has a footprint instead of a sector.
    drone = Asset.objects.create(kind="drone", code="D-1", name="D-1", owner=Organization.objects.get(name="east"))
    state = {"ts": timezone.now(), "received_at": timezone.now(), "status": 1, "region": town["west"].region}
    State.objects.create(asset=drone, lon=121.5, lat=31.2, **state)
    east.carrier = drone
    east.save()
    (carried,) = client.get(f"{VIDEO}/channels?asset={drone.pk}").json()["channels"]
    assert (carried["id"], carried["carrier"], carried["view_deg"]) == (east.pk, drone.pk, 60.0)
    assert east.pk not in {view["channel"] for view in client.get(f"{VIDEO}/views?{bbox}").json()["views"]}
    for address in (f"views?{bbox}", f"near?{place}"):
        assert Client().get(f"{VIDEO}/{address}").status_code == 401


@pytest.mark.django_db
def test_fields_of_view_are_kept_in_the_desk(town):  # noqa: F811
    client = signed_in("enterprise", organization=town["west"])
    west = Channel.objects.get(device__code=CODES["west"])
    address = f"/admin/media/channel/{west.pk}/change/"
    form = {"name": west.name, "address": "", "lon": "121.5", "lat": "31.2", "heading_deg": "45", "view_deg": "70",
            "view_v_deg": "", "view_m": "150", "pan_zero_deg": "0", "carrier": "", "by_hand": "on"}  # fmt: skip
    assert "云台零位方位" in client.get(address).content.decode()
    assert client.post(address, form).status_code == 302
    west.refresh_from_db()
    assert (west.heading_deg, west.view_deg, west.view_m, west.by_hand) == (45, 70, 150, True)
    theirs = Asset.objects.create(kind="drone", code="D-2", name="D-2", owner=town["east"])
    for wrong in ({"view_deg": "400"}, {"view_m": "-1"}, {"carrier": str(theirs.pk)}):
        assert client.post(address, form | wrong).status_code == 200, wrong
