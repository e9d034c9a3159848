"""Commands: only what makes sense, by whom may, sent again until answered or expired, replies once and on record."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random

import paho.mqtt.client as mqtt
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test import Client
from django.utils import timezone
from paho.mqtt.enums import CallbackAPIVersion
from procrastinate.contrib.django.models import ProcrastinateJob

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from devices.commands import follow_up, later, send_command
from devices.exceptions import CommandInvalidError, CommandNotSentError
from devices.models import Device, DeviceCommand
from devices.simulator.behaviours import BEHAVIOURS
from devices.tests.broker import wait_for
from devices.tests.road import Road, Station
from devices.tests.test_reasons import PAGE
from devices.vocabulary import WORDS, check_command
from gis.models import Region
from twin.models import Asset


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("locate", {}),
        ("interval", {"seconds": 10}),
        ("permit_start", {"seconds": 3600}),
        ("stop", {}),
        ("stop", {"reason": "气体报警"}),
        ("text", {"text": "返场"}),
        ("restart", {}),
        ("x-relay", {"anything": [1, 2]}),
    ],
)
def test_commands_of_the_vocabulary(name, args):
    check_command(name, args)


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("format", {}, "没有这个指令"),
        ("x-", {}, "没有这个指令"),
        ("locate", {"now": True}, "now"),
        ("interval", {}, "seconds"),
        ("interval", {"seconds": 0}, "seconds"),
        ("permit_start", {"seconds": 86_401}, "seconds"),
        ("text", {"text": ""}, "text"),
        ("x-relay", {"a": "b" * 5000}, "4096"),
    ],
)
def test_commands_that_make_no_sense(name, args, said):
    with pytest.raises(CommandInvalidError, match=said):
        check_command(name, args)


def test_the_protocol_page_has_the_vocabulary():
    section = PAGE.read_text().split("\n## 7 ")[1].split("\n## 8 ")[0]
    assert all(f"| `{name}` |" in section for name in WORDS)


@pytest.fixture
def road(tmp_path, settings, transactional_db):
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def ear(road):
    """What comes on any device's ``cmd``."""
    heard = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set("platform", "road")
    client.on_message = lambda _c, _d, message: heard.append(json.loads(message.payload))
    subscribed = []
    client.on_subscribe = lambda *_: subscribed.append(True)
    client.connect("127.0.0.1", road.broker.port)
    client.loop_start()
    client.subscribe("st/v1/+/+/+/cmd", 1)
    wait_for(lambda: subscribed)
    yield heard
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def dispatcher(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")  # not the platform's own, so no test's flush empties it
    user = User.objects.create_user("d", display_name="调度一")
    Grant.objects.create(user=user, role="dispatcher")
    return user


def keyed(identifier="W-1", **fields):
    return Device.objects.create(identifier=identifier, kind="machine", key_hash="$7$", **fields)


def jobs(command):
    """Looks at ``command`` to come."""
    return ProcrastinateJob.objects.filter(
        task_name="devices.tasks.follow_up_command", args={"command_id": command.pk}
    ).order_by("id")


def test_an_unanswered_command_is_sent_again_with_its_number_and_expires(ear, dispatcher):
    command = send_command(keyed(), "permit_start", {"seconds": 60}, dispatcher)
    follow_up(command.pk)
    follow_up(command.pk)
    wait_for(lambda: len(ear) == 3)
    assert {message["id"] for message in ear} == {command.pk}
    waits = [(job.scheduled_at - timezone.now()).total_seconds() for job in jobs(command)]
    assert [round(wait / 5) for wait in waits] == [1, 2, 4]
    command.refresh_from_db()
    assert (command.attempts, command.state) == (3, "sent")
    DeviceCommand.objects.update(expires_at=timezone.now())
    follow_up(command.pk)
    command.refresh_from_db()
    assert command.state == command.state_now == "expired"
    assert AuditRecord.objects.filter(model="devices.DeviceCommand", changes__state__new="expired").exists()
    follow_up(command.pk)
    follow_up(0)
    assert jobs(command).count() == 3


def test_the_last_look_is_when_it_expires(dispatcher):
    command = DeviceCommand.objects.create(
        device=keyed(), name="locate", attempts=9, expires_at=timezone.now() + timedelta(seconds=3)
    )
    later(command)
    (job,) = jobs(command)
    assert 2 < (job.scheduled_at - timezone.now()).total_seconds() < 6


def test_a_broker_that_is_away_is_waited_for(dispatcher, settings):
    settings.MQTT_URL = "mqtt://platform:x@127.0.0.1:9"
    command = DeviceCommand.objects.create(
        device=keyed(), name="locate", expires_at=timezone.now() + timedelta(minutes=1)
    )
    follow_up(command.pk)
    command.refresh_from_db()
    assert (command.state, command.attempts, jobs(command).count()) == ("sent", 1, 1)
    with pytest.raises(CommandNotSentError):
        send_command(command.device, "locate", {}, dispatcher)


def test_a_reply_is_stored_once_and_on_the_ledger(road, dispatcher):
    road.ingest()
    station = Station(road)
    command = send_command(station.device, "locate", {}, dispatcher)
    station.raw(json.dumps({"id": command.pk, "result": "failed", "text": "no fix"}), "reply", 1)
    wait_for(lambda: DeviceCommand.objects.get().state == "failed")
    station.raw(json.dumps({"id": command.pk, "result": "ok"}), "reply", 1)
    station.raw(json.dumps({"id": command.pk + 1, "result": "ok"}), "reply", 1)
    station.send(seq=1)
    wait_for(lambda: station.answers)
    station.close()
    record = AuditRecord.objects.get(model="devices.DeviceCommand", action="change")
    assert (record.actor_name, record.label) == ("W-0001", "locate → W-0001")
    assert record.changes["state"] == {"old": "sent", "new": "failed"}
    assert DeviceCommand.objects.get().reply_text == "no fix"


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def ask(client, identifier, **body):
    return client.post(f"/api/v1/devices/{identifier}/commands", body, content_type="application/json")


def test_commands_over_the_api(ear, dispatcher):
    keyed()
    client = signed_in(dispatcher)
    answer = ask(client, "W-1", name="permit_start", args={"seconds": 60}, valid_s=30)
    assert answer.status_code == 201
    wait_for(lambda: ear)
    whole = answer.json()
    assert (whole["id"], whole["state"], whole["issued_by"]) == (ear[0]["id"], "sent", "调度一")
    assert [row["id"] for row in client.get("/api/v1/devices/W-1/commands").json()["commands"]] == [whole["id"]]
    assert ask(client, "W-1", name="format").status_code == 400
    assert ask(client, "W-1", name="locate", valid_s=99_999).status_code == 422
    Device.objects.update(key_hash="")
    assert ask(client, "W-1", name="locate").status_code == 503
    assert DeviceCommand.objects.count() == 1


def test_the_api_is_scoped(road, ear, city_of_two):
    west, east, planner = city_of_two
    assert ask(signed_in(west), "W-west", name="locate").status_code == 201
    assert ask(signed_in(west), "W-east", name="locate").status_code == 404
    assert (
        ask(signed_in(west), "W-nowhere", name="locate").json() == ask(signed_in(west), "W-east", name="locate").json()
    )
    assert signed_in(east).get("/api/v1/devices/W-west/commands").status_code == 404
    assert ask(signed_in(planner), "W-west", name="locate").status_code == 403
    assert signed_in(planner).get("/api/v1/devices/W-west/commands").status_code == 200
    assert ask(Client(), "W-west", name="locate").status_code == 401
    assert Client().get("/api/v1/devices/W-west/commands").status_code == 401
    assert DeviceCommand.objects.count() == 1


@pytest.fixture
def city_of_two(transactional_db):
    users = []
    for number, name in enumerate(("west", "east")):
        box = MultiPolygon(Polygon.from_bbox((121 + number, 31, 122 + number, 32)), srid=4326)
        region = Region.objects.create(code=f"31010{number}", name=name, level="district", boundary=box)
        firm = Organization.objects.create(name=name, uscc=make_uscc(Random(number)), kind="enterprise", region=region)
        asset = Asset.objects.create(kind="machine", code=name, name="焊机", owner=firm)
        keyed(f"W-{name}", asset=asset)
        users.append(User.objects.create_user(name))
        Grant.objects.create(user=users[-1], role="district", region=region)
    planner = User.objects.create_user("planner")
    Grant.objects.create(user=planner, role="planner")
    return (*users, planner)


def test_a_simulated_machine_stops_and_starts_again():
    ring = [[121.47, 31.23], [121.471, 31.23], [121.471, 31.231], [121.47, 31.231], [121.47, 31.23]]
    machine = BEHAVIOURS["machine"](Random(1), {"sites": [ring]})
    assert machine.permit(False)
    for _ in range(200):
        machine.advance(60)
        assert not machine.power
    assert machine.permit(True)
    assert machine.power
