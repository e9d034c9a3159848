"""From a device's message to the history, the present and the answer, over a real broker and a real database."""

from __future__ import annotations

import json
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
import psycopg
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.utils import timezone
from paho.mqtt.enums import CallbackAPIVersion

from devices.ingest.meters import handed_on_total
from devices.ingest.storing import Storing
from devices.keys import issue_key, revoke_key
from devices.models import Device, DeviceEvent, Numbering, Refusal, RefusalCount
from devices.tests.broker import wait_for
from devices.tests.road import Road, Station
from devices.topics import topic
from twin.kinds import MACHINE, VEHICLE
from twin.models import Area, AreaEvent, Asset, Presence, State

pytestmark = pytest.mark.slow


@pytest.fixture
def road(tmp_path, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")  # no model, so no test's flush empties it
    road = Road(tmp_path)
    yield road
    road.stop()


@pytest.fixture
def station(road):
    road.ingest()
    station = Station(road)
    yield station
    station.close()


def reasons():
    return dict(RefusalCount.objects.values_list("reason", "count"))


def reasons_let_in():
    """But for a device that knocked before the broker had read its new key."""
    return {reason: count for reason, count in reasons().items() if reason != "not_authorised"}


@pytest.mark.django_db(transaction=True)
def test_a_position_is_stored_answered_and_present(station):
    station.send(seq=1, speed_m_s=2.5, working=True, attrs={"current_a": 120})
    wait_for(lambda: station.answers)
    assert station.answers[-1] == {"epoch": 0, "acked": 1, "ahead": [], "refused": []}
    assert [row[:3] for row in station.tracks()] == [(1, 121.5, 31.2)]
    state = State.objects.get(asset=station.asset)
    assert (state.lon, state.lat, state.status, state.attrs) == (121.5, 31.2, 1, {"current_a": 120})


@pytest.mark.django_db(transaction=True)
def test_a_gap_stays_open_until_it_is_filled(station):
    now = datetime.now(UTC)
    station.send(seq=1, at=now)
    station.send(seq=3, at=now + timedelta(seconds=2))
    wait_for(lambda: station.answers and station.answers[-1]["ahead"])
    assert station.answers[-1]["acked"] == 1
    assert station.answers[-1]["ahead"] == [[3, 3]]
    station.send(seq=2, at=now + timedelta(seconds=1))
    station.send(seq=3, at=now + timedelta(seconds=2))
    wait_for(lambda: station.answers[-1]["acked"] == 3)
    assert [row[0] for row in station.tracks()] == [1, 2, 3]
    assert Numbering.objects.get(device=station.device).acked == 3


@pytest.mark.django_db(transaction=True)
def test_late_positions_enter_history_but_not_the_present(station):
    now = datetime.now(UTC)
    station.send(seq=1, at=now, lon=121.6)
    wait_for(lambda: station.answers and station.answers[-1]["acked"] == 1)
    station.send(seq=2, at=now - timedelta(minutes=10), lon=121.4)
    wait_for(lambda: station.answers[-1]["acked"] == 2)
    assert [row[0] for row in station.tracks()] == [2, 1]
    assert State.objects.get(asset=station.asset).lon == 121.6


@pytest.mark.django_db(transaction=True)
def test_late_beyond_the_partitions_made_ahead(station):
    station.send(seq=1, at=datetime.now(UTC) - timedelta(days=20))
    wait_for(lambda: station.answers and station.answers[-1]["acked"] == 1)
    assert len(station.tracks()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{nonsense", "not_json"),
        (b'{"seq":1,"time":1,"lon":NaN,"lat":31}', "not_finite"),
        (b'{"seq":1,"time":NOW,"lon":"121","lat":31}', "wrong_type"),
        (b'{"seq":1,"time":NOW,"lat":31}', "missing_field"),
        (b'{"seq":1,"time":NOW,"lon":121,"lat":31,"colour":1}', "unknown_field"),
        (b'{"seq":1,"time":NOW,"lon":181,"lat":31}', "out_of_range_lon"),
        (b'{"seq":1,"time":NOW,"lon":121,"lat":-91}', "out_of_range_lat"),
        (b'{"seq":1,"time":"2099-01-01T00:00:00Z","lon":121,"lat":31}', "time_in_future"),
        (b'{"seq":1,"time":"2001-01-01T00:00:00Z","lon":121,"lat":31}', "time_too_old"),
        (b'{"seq":1,"time":"2026-01-01T00:00:00","lon":121,"lat":31}', "wrong_type"),
        (b'{"time":NOW,"lon":121,"lat":31}', "missing_field"),
        (b'{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":"\\u0000"}}', "out_of_range_attrs"),
        pytest.param(
            b'{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":"' + b"x" * 1_000_000 + b'"}}',
            "payload_too_large",
            id="a megabyte",
        ),
    ],
)
@pytest.mark.slow
def test_bad_messages_are_refused_counted_and_disturb_nothing(station, payload, reason):
    station.raw(payload.replace(b"NOW", str(int(time.time() * 1000)).encode()), qos=1)
    wait_for(lambda: reasons_let_in() == {reason: 1})
    record = Refusal.objects.exclude(reason="not_authorised").get()
    assert (record.reason, record.device) == (reason, "W-0001")
    station.send(seq=2)
    wait_for(lambda: len(station.tracks()) == 1)
    assert reasons_let_in() == {reason: 1}


@pytest.mark.django_db(transaction=True)
def test_a_refused_number_is_settled_and_said_so(station):
    station.send(seq=1, lon=200)
    wait_for(lambda: station.answers)
    assert station.answers[-1] == {"epoch": 0, "acked": 1, "ahead": [], "refused": [[1, "out_of_range_lon"]]}


@pytest.mark.django_db(transaction=True)
def test_one_bad_row_leaves_the_batch_whole(station):
    now = int(time.time() * 1000)
    rows = [{"seq": i, "time": now + i, "lon": 121 if i != 2 else 999, "lat": 31} for i in (1, 2, 3)]
    station.raw(json.dumps({"rows": rows}), "batch")
    wait_for(lambda: station.answers and station.answers[-1]["acked"] == 3)
    assert [row[0] for row in station.tracks()] == [1, 3]
    assert station.answers[-1]["refused"] == [[2, "out_of_range_lon"]]


@pytest.mark.django_db(transaction=True)
def test_nobody_publishes_for_another(road, station):
    other = Station(road, "W-0002")
    station.client.publish(topic("machine", "W-0002", "pos"), b'{"seq":1,"time":1,"lon":1,"lat":1}', 1)
    wait_for(lambda: reasons().get("foreign_topic") == 1)
    other.send(seq=1)
    wait_for(lambda: other.answers)
    assert other.answers[-1]["acked"] == 1
    assert len(other.tracks()) == 1
    other.close()


@pytest.mark.django_db(transaction=True)
def test_an_unknown_key_and_a_revoked_one_are_turned_away(road, station):
    stranger = mqtt.Client(CallbackAPIVersion.VERSION2)
    stranger.username_pw_set("machine/1/nobody", "guess")
    stranger.reconnect_delay_set(30, 30)
    stranger.connect("127.0.0.1", road.broker.port)
    stranger.loop_start()
    wait_for(lambda: reasons().get("not_authorised") == 1)
    stranger.loop_stop()
    revoke_key(station.device)
    wait_for(lambda: not station.client.is_connected())
    wait_for(lambda: reasons().get("not_authorised", 0) > 1)


@pytest.mark.django_db(transaction=True)
def test_a_new_key_ends_the_old_one_without_a_restart(road, station):
    fresh = issue_key(Device.objects.get(pk=station.device.pk))
    wait_for(lambda: not station.client.is_connected())
    station.client.username_pw_set(station.device.username, fresh)
    wait_for(station.client.is_connected)
    station.send(seq=1)
    wait_for(lambda: station.answers)


@pytest.mark.django_db(transaction=True)
def test_unnumbered_devices_are_kept_by_the_broker_and_filtered_by_time(road):
    worker = road.ingest()
    station = Station(road, "F-1", numbered=False)
    now = datetime.now(UTC)
    station.send(qos=1, at=now).wait_for_publish(5)
    station.send(qos=1, at=now).wait_for_publish(5)
    wait_for(lambda: len(station.tracks()) == 1)
    worker.stop()
    road.threads[-1].join(10)
    for i in range(5):
        station.send(qos=1, at=now + timedelta(seconds=i + 1)).wait_for_publish(5)
    road.ingest()
    wait_for(lambda: len(station.tracks()) == 6)
    station.close()


@pytest.mark.django_db(transaction=True)
def test_source_coordinates_are_kept_beside(road):
    road.ingest()
    station = Station(road, "G-1", datum="gcj02")
    station.send(seq=1)
    wait_for(lambda: station.answers)
    with connection.cursor() as cursor:
        cursor.execute("SELECT lon, lat, source_x, source_y, datum FROM twin_track")
        lon, lat, x, y, datum = cursor.fetchone()
    assert (x, y, datum) == (121.5, 31.2, "gcj02")
    assert 0.003 < x - lon < 0.006
    assert abs(lat - y) > 0.0015
    station.close()


@pytest.mark.django_db(transaction=True)
def test_areas_drawn_while_running_are_entered_and_left(station):
    square = Polygon.from_bbox((121.49, 31.19, 121.51, 31.21))
    area = Area.objects.create(name="重点区域", kind="key_area", boundary=MultiPolygon(square, srid=4326))
    time.sleep(0.5)
    now = timezone.now()
    station.send(seq=1, at=now, lon=121.4)
    station.send(seq=2, at=now + timedelta(seconds=1), lon=121.5)
    station.send(seq=3, at=now + timedelta(seconds=2), lon=121.6)
    station.send(seq=4, at=now + timedelta(seconds=3), lon=121.5)
    wait_for(lambda: station.answers and station.answers[-1]["acked"] == 4)
    events = AreaEvent.objects.order_by("ts").values_list("entered", "lon", "area_version")
    assert list(events) == [(True, 121.5, 1), (False, 121.6, 1), (True, 121.5, 1)]
    assert Presence.objects.get().area == area


@pytest.mark.django_db(transaction=True)
def test_power_events_and_replies(station):
    station.send(seq=1, working=True)
    wait_for(lambda: station.answers)
    body = {"time": datetime.now(UTC).isoformat(), "power": "off", "battery_pct": 40}
    station.raw(json.dumps(body), "status", qos=1)
    wait_for(lambda: State.objects.get(asset=station.asset).status == 3)
    event = DeviceEvent.objects.get()
    assert (event.channel, event.body) == ("status", {"power": "off", "battery_pct": 40})


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_shards_and_one_takes_over(road):
    first, second = road.ingest("a"), road.ingest("b")
    wait_for(lambda: len(first._leases.tokens) == len(second._leases.tokens) == 32)
    station = Station(road, "T-1")
    station.send(seq=1)
    wait_for(lambda: station.answers)
    owner = first if station.device.shard in first._leases.tokens else second
    owner.stop()
    wait_for(lambda: len((second if owner is first else first)._leases.tokens) == 64)
    time.sleep(0.3)
    station.send(seq=2)
    wait_for(lambda: station.answers[-1]["acked"] == 2)
    station.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        ("pos", '{"seq":1,"time":NOW,"lon":121,"lat":31,"\\u0000":1}'),
        ("pos", '{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":' + "[" * 40 + "1e999" + "]" * 40 + "}}"),
        ("pos", '{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":' + "[" * 900 + "]" * 900 + "}}"),
        ("pos", '{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":' + "7" * 4000 + "}}"),
        ("event", '{"time":NOW,"code":"long","attrs":{"a":"RANDOM"}}'),
        ("event", '{"time":NOW,"code":"long","\\u0000":"RANDOM"}'),
        ("reply", '{"id":9007199254740992,"result":"ok","text":"' + "好" * 512 + '"}'),
    ],
)
def test_no_message_stops_the_road(station, channel, payload):
    text = payload.replace("NOW", str(int(time.time() * 1000))).replace("RANDOM", secrets.token_urlsafe(3000)[:3900])
    station.raw(text, channel, qos=1).wait_for_publish(5)
    station.send(seq=2)
    wait_for(lambda: 2 in [row[0] for row in station.tracks()])
    assert "event" not in channel or DeviceEvent.objects.count() + sum(reasons_let_in().values()) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_flood_of_rubbish_is_counted_in_full_and_recorded_in_part(road, station):
    other = Station(road, "W-0002")
    for _ in range(3000):
        station.raw(b"rubbish", qos=0)
    other.raw(b"{}")
    wait_for(lambda: reasons_let_in() == {"not_json": 3000, "missing_field": 1})
    assert Refusal.objects.filter(device="W-0002").count() == 1
    assert Refusal.objects.filter(device="W-0001").count() < 300
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_device_at_the_edge_of_its_datum_stops_nobody(road, station):
    edge = Station(road, "B-1", datum="bd09")
    edge.send(seq=1, lon=-180, lat=-90)
    wait_for(lambda: edge.answers)
    assert edge.answers[-1]["refused"][0][0] == 1
    station.send(seq=1)
    wait_for(station.tracks)
    edge.close()


@pytest.mark.django_db(transaction=True)
def test_asset_and_owner_may_change_while_running(road, station):
    """History goes by the asset's present kind; one out of use is refused, and its number kept by the device."""
    station.send(seq=1)
    wait_for(lambda: station.answers)

    def known():
        return road.workers[0]._devices[station.device.identifier]

    Asset.objects.filter(pk=station.asset.pk).update(kind="vehicle")
    wait_for(lambda: known().kind_code == VEHICLE.code)
    station.send(seq=2)
    wait_for(lambda: len(station.tracks()) == 2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(kind ORDER BY seq) FROM twin_track")
        assert cursor.fetchone()[0] == [MACHINE.code, VEHICLE.code]
    Asset.objects.filter(pk=station.asset.pk).update(active=False)
    wait_for(lambda: known().asset is None)
    station.send(seq=3)
    wait_for(lambda: reasons_let_in() == {"no_asset": 1})
    assert station.answers[-1]["acked"] == 2
    second = Asset.objects.create(kind="machine", code="W-2", name="焊机")
    Device.objects.filter(pk=station.device.pk).update(asset=second)
    wait_for(lambda: known().asset == second.pk)
    station.send(seq=3)
    wait_for(lambda: station.answers[-1]["acked"] == 3)
    assert State.objects.filter(asset=second).exists()


def cut_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend'"""
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("numbered", [True, False])
def test_lost_connections_lose_and_double_nothing(road, numbered):
    road.ingest()
    station = Station(road, "K-1", numbered=numbered)
    now = datetime.now(UTC)
    sent = cuts = 0
    for _ in range(4):
        for _ in range(25):
            sent += 1
            more = {"seq": sent} if numbered else {}
            station.send(qos=1, at=now + timedelta(milliseconds=sent), **more)
            time.sleep(0.01)
        cuts += cut_connections()
    assert cuts > 0
    wait_for(lambda: len(station.tracks()) == sent, 20)
    times = [row[3] for row in station.tracks()]
    assert len(set(times)) == sent
    if numbered:
        wait_for(lambda: station.answers[-1]["acked"] == sent)
    station.close()


@pytest.mark.django_db(transaction=True)
def test_a_commit_whose_answer_is_lost(station, monkeypatch):
    """The heap is tried again; what was committed is recognised, answered, and not stored twice."""
    settle, failures = Storing.settle, []

    def settle_and_lose(self):
        written = settle(self)
        if written is not None and not failures:
            failures.append(1)
            self._parcels.appendleft(written.parcel)
            raise psycopg.OperationalError("the answer to COMMIT was lost")
        return written

    monkeypatch.setattr(Storing, "settle", settle_and_lose)
    station.send(seq=1)
    wait_for(lambda: station.answers)
    assert failures
    assert station.answers[-1]["acked"] == 1
    assert len(station.tracks()) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_frozen_worker_lets_go_of_its_leases(road, monkeypatch):
    """A zombie amid a transaction: another takes over, and what the zombie then wants to store is not stored twice."""
    monkeypatch.setattr("devices.ingest.session.LONGEST_PAUSE_S", 1)
    zombie = road.ingest("a")
    station = Station(road, "Z-1")
    frozen, thaw = threading.Event(), threading.Event()
    asserted = zombie._leases.assert_held

    def freeze(cursor, shards):
        asserted(cursor, shards)
        if shards and not thaw.is_set():
            frozen.set()
            thaw.wait(30)

    monkeypatch.setattr(zombie._leases, "assert_held", freeze)
    station.send(seq=1)
    assert frozen.wait(10)
    heir = road.ingest("b")
    wait_for(lambda: station.device.shard in heir._leases.tokens, 15)

    def answered():
        station.send(seq=1)  # again, as devices do until they are told
        time.sleep(0.3)
        return station.answers

    wait_for(answered, 30)
    thaw.set()
    station.send(seq=2)
    wait_for(lambda: len(station.tracks()) == 2)
    assert [row[0] for row in station.tracks()] == [1, 2]
    station.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nothing_circles_between_workers_and_nothing_is_lost_when_shards_move(road):
    """An unnumbered device has nothing but QoS 1: not one message may be lost while shards go from hand to hand."""
    first = road.ingest("a")
    stations = [Station(road, f"M-{n}", numbered=False) for n in range(6)]
    now = datetime.now(UTC)
    sent = 0

    def send(times):
        nonlocal sent
        for _ in range(times):
            sent += 1
            for station in stations:
                station.send(qos=1, at=now + timedelta(milliseconds=sent))
            time.sleep(0.02)

    send(20)
    second = road.ingest("b")
    send(150)
    wait_for(lambda: len(first._leases.tokens) == len(second._leases.tokens) == 32)
    first.stop()
    send(100)
    third = road.ingest("a")
    send(150)
    wait_for(lambda: len(third._leases.tokens) == 32)
    for station in stations:
        wait_for(lambda station=station: len(station.tracks()) == sent, 20)
    time.sleep(2.5)
    before = handed_on_total._value.get()
    send(20)
    time.sleep(1)
    assert handed_on_total._value.get() == before
    for station in stations:
        wait_for(lambda station=station: len(station.tracks()) == sent, 10)
        station.close()
