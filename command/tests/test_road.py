"""The whole road: a device's message, the rule, the alert on an open socket, a person's answer on another."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from access.models import Grant, User
from command.failures import RULE_FAILED
from command.lifecycle import AlertAction, advance
from command.models import Alert
from command.rules import registry
from command.tests.rulebook import KEY_AREA, SOS, district, draw
from devices.tests.broker import wait_for
from devices.tests.test_ingest import Road, Station
from twin.live.conversation import Conversation
from twin.live.hub import Hub
from twin.models import AreaEvent, Asset

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
WITHIN_S = 2.0


@pytest.fixture
def road(tmp_path, settings, transactional_db, monkeypatch):
    monkeypatch.setattr(registry, "_rules", {r.id: r for r in (KEY_AREA, SOS, RULE_FAILED)})
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
    district()
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def station(road):
    road.ingest()
    station = Station(road)
    yield station
    station.close()


@pytest.fixture
def officer(transactional_db):
    user = User.objects.create_user("city", display_name="值班员")
    Grant.objects.create(user=user, role="city")
    return user


class Wall:
    """A screen: an open socket on a hub of its own."""

    def __init__(self, client):
        self.session = client.session.session_key
        self.hub = Hub()
        self.inbox = asyncio.Queue()
        self.told = []

    async def __aenter__(self):
        await self.hub.start()
        self.talk = asyncio.create_task(Conversation(self.hub, self.session, "en", self.inbox.get, self._send).run())
        await self.until(lambda: self.of("alerts"))
        return self

    async def __aexit__(self, *_):
        await self.inbox.put({"type": "websocket.disconnect"})
        await asyncio.wait_for(self.talk, 5)
        await self.hub.stop()

    async def _send(self, event):
        if event.get("text"):
            self.told.append(json.loads(event["text"]))

    def of(self, kind):
        return [message for message in self.told if message["type"] == kind]

    async def until(self, condition, within_s=10.0):
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)


def test_a_machine_enters_a_key_area_and_it_is_on_the_wall(station, officer, client):
    area = draw()
    time.sleep(0.5)  # the ingest hears of the area by a notice
    client.force_login(officer)
    now = timezone.now()

    async def story():
        async with Wall(client) as wall:
            assert wall.of("alerts")[0]["alerts"] == []
            station.send(seq=1, at=now, lon=121.4, working=True)
            await wall.until(lambda: station.answers)
            station.send(seq=2, at=now + timedelta(seconds=1), lon=121.5, working=True)
            await wall.until(lambda: wall.of("alert"), WITHIN_S)
            (message,) = wall.of("alert")
            alert = message["alert"]
            assert (alert["rule"], alert["state"], alert["grade"]) == (KEY_AREA.id, "raised", 2)
            assert (alert["area"]["id"], alert["asset"]["code"]) == (area.pk, "W-0001")
            assert alert["region"]["name"] == "黄浦区"
            await asyncio.to_thread(answer, alert["id"])
            await wall.until(lambda: len(wall.of("alert")) == 2, WITHIN_S)
            assert wall.of("alert")[1]["alert"]["state"] == "acknowledged"
            station.send(seq=3, at=now + timedelta(seconds=2), lon=121.6, working=True)
            await wall.until(lambda: len(wall.of("alert")) == 3, WITHIN_S)
            assert wall.of("alert")[2]["alert"]["cause_ended_at"] is not None
        async with Wall(client) as late:
            assert [alert["id"] for alert in late.of("alerts")[0]["alerts"]] == [alert["id"]]

    def answer(key):
        advance(key, AlertAction.ACKNOWLEDGE, officer)
        connection.close()

    asyncio.run(story())


def test_an_sos_event_raises_and_a_second_press_does_not(station):
    station.send(seq=1)
    wait_for(lambda: station.answers)
    body = {"time": timezone.now().isoformat(), "code": "sos"}
    station.raw(json.dumps(body), "event", qos=1)
    wait_for(lambda: Alert.objects.filter(rule=SOS.id).exists())
    station.raw(json.dumps(body), "event", qos=1)  # delivered twice
    station.raw(json.dumps({**body, "time": (timezone.now()).isoformat()}), "event", qos=1)
    station.send(seq=2)
    wait_for(lambda: station.answers[-1]["acked"] == 2)
    assert Alert.objects.get().grade == 1


def test_a_killed_connection_neither_loses_nor_doubles_an_alert(road):
    """The database ends the worker's sessions under it while machines drive in and out."""
    draw()
    road.ingest()
    stations = [Station(road, f"W-{n}") for n in range(4)]
    start = timezone.now() - timedelta(minutes=5)
    rounds = 12
    for step in range(rounds):
        for station in stations:
            at = start + timedelta(seconds=step)
            station.send(seq=step + 1, at=at, lon=121.5 if step % 2 else 121.6, working=True)
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE 'LISTEN%'
                     AND query NOT LIKE 'SELECT pg_terminate%' AND backend_type = 'client backend'"""
            )
        time.sleep(0.15)
    for station in stations:
        wait_for(lambda station=station: station.answers and station.answers[-1]["acked"] == rounds, 20)
        station.close()
    for asset in Asset.objects.all():
        entered = AreaEvent.objects.filter(asset=asset, entered=True).count()
        raised = Alert.objects.filter(asset=asset)
        assert (entered, raised.count(), raised.filter(cause_ended_at=None).count()) == (rounds // 2, rounds // 2, 1)
