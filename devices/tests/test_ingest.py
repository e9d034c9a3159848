"""From a device's message to the history, the present and the answer, over a real broker and a real database."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.utils import timezone
from paho.mqtt.enums import CallbackAPIVersion

from devices.keys import issue_key, revoke_key
from devices.models import Device, DeviceEvent, Numbering, Refusal, RefusalCount
from devices.tests.broker import wait_for
from devices.tests.road import Road, Station
from devices.topics import topic
from twin.models import Area, AreaEvent, Presence, State


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
        (b'{"seq":1,"time":NOW,"lon":121,"lat":31,"attrs":{"a":"' + b"x" * 1_000_000 + b'"}}', "payload_too_large"),
    ],
)
def test_bad_messages_are_refused_counted_and_disturb_nothing(station, payload, reason):
    station.raw(payload.replace(b"NOW", str(int(time.time() * 1000)).encode()), qos=1)
    wait_for(lambda: reasons() == {reason: 1})
    record = Refusal.objects.get()
    assert (record.reason, record.device) == (reason, "W-0001")
    station.send(seq=2)
    wait_for(lambda: len(station.tracks()) == 1)
    assert reasons() == {reason: 1}


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
