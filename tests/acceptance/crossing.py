"""Runs inside an installation: machines drive in and out of an area while an ingest worker is killed.

``main`` prints one JSON object: what was sent, what was stored, who took over and when, who served the sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlsplit

import websockets
from django.conf import settings
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test import Client

from access.models import Grant, User
from devices.keys import issue_key
from devices.models import Device
from devices.simulator.client import Broker, DeviceClient, new_unsettled, now_ms
from devices.topics import SHARDS
from launcher.status import parse_counters
from twin.models import Area, AreaEvent, Asset

MACHINES = 24
STEPS = 64
STEP_S = 0.25
KILLED_AT = 24
SOCKETS = 16
BATCH = 0x02
INSIDE, OUTSIDE = (121.5, 31.2), (121.6, 31.2)


def state():
    return json.loads((settings.VAR_DIR / "run" / "supervisor.json").read_text())["processes"]


def installation():
    return json.loads((settings.VAR_DIR / "installation.json").read_text())


def pids():
    return {row["name"]: row["pid"] for row in state()}


def shards_of_others(pid):
    """How many shards have a living owner that is not process ``pid``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM devices_shardlease WHERE expires_at > clock_timestamp() AND owner NOT LIKE %s",
            [f"%:{pid}"],
        )
        return cursor.fetchone()[0]


def register():
    zone = MultiPolygon(Polygon.from_bbox((121.49, 31.19, 121.51, 31.21)), srid=4326)
    Area.objects.create(name="SCALE", kind="fence", boundary=zone)
    machines = []
    for number in range(MACHINES):
        asset = Asset.objects.create(kind="machine", code=f"SCALE-{number}", name="焊机")
        device = Device.objects.create(identifier=asset.code, kind="machine", asset=asset)
        machines.append((asset, device, issue_key(device)))
    deadline = time.monotonic() + 30
    while f"SCALE-{MACHINES - 1}:" not in (settings.BROKER_DIR / "passwords").read_text():
        assert time.monotonic() < deadline, "the warden did not hand the keys over"
        time.sleep(0.1)
    time.sleep(1)
    return machines


def session():
    user = User.objects.create_user("scale")
    Grant.objects.create(user=user, role="city")
    client = Client()
    client.force_login(user)
    return client.session.session_key


class Screen:
    """An open map; ``frames`` counts batches of things that moved."""

    def __init__(self):
        self.frames = 0
        self.socket = None

    async def open(self, url, key):
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"}
        address = f"ws://{urlsplit(url).netloc}/live"
        self.socket = await websockets.connect(address, origin=url, additional_headers=headers, max_size=None)
        await self.socket.send(json.dumps({"type": "view", "bbox": [121, 31, 122, 32], "zoom": 13}))
        return asyncio.create_task(self._listen())

    async def _listen(self):
        async for message in self.socket:
            if isinstance(message, bytes) and message[0] == BATCH:
                self.frames += 1


def sockets_of(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return parse_counters(answer.read().decode())["sandtable_live_sockets"]


async def drive(machines, key):
    broker = urlsplit(settings.MQTT_URL)
    known = installation()
    url = f"http://127.0.0.1:{known['ports']['web']}"
    clients = [
        DeviceClient(Broker(broker.hostname, broker.port), "machine", device.identifier, secret, new_unsettled(None))
        for _asset, device, secret in machines
    ]
    for client in clients:
        client.start()
    async with asyncio.timeout(90):
        while not all(client.connected for client in clients):
            await asyncio.sleep(0.05)
    screens = [Screen() for _ in range(SOCKETS)]
    listening = [await screen.open(url, key) for screen in screens]
    expected = [[] for _ in clients]
    was_inside = [False] * len(clients)
    victim, taken_s, watching = None, None, None
    for step in range(STEPS):
        for number, client in enumerate(clients):
            inside = ((step + number) // 6) % 2 == 1
            at = now_ms()
            client.position({"time": at, "lon": (INSIDE if inside else OUTSIDE)[0], "lat": INSIDE[1]})
            if inside != was_inside[number]:
                expected[number].append((inside, at))
                was_inside[number] = inside
        if step == KILLED_AT:
            victim = pids()["ingest"]
            seen = [screen.frames for screen in screens]
            os.kill(victim, signal.SIGKILL)
            watching = asyncio.create_task(asyncio.to_thread(until_taken, victim))
        await asyncio.sleep(STEP_S)
    taken_s = await watching
    drained = [await client.drained(60) for client in clients]
    served = [await asyncio.to_thread(sockets_of, known["ports"][f"metrics:{name}"]) for name in ("web", "web.2")]
    for screen, listener in zip(screens, listening, strict=True):
        await screen.socket.close()
        await asyncio.gather(listener, return_exceptions=True)
    for client in clients:
        await client.stop()
    return expected, {
        "victim": victim,
        "taken_s": taken_s,
        "drained": all(drained),
        "sockets": served,
        "screens_that_went_on": sum(screen.frames > before for screen, before in zip(screens, seen, strict=True)),
    }


def until_taken(victim):
    """Seconds until every shard has another owner."""
    began = time.monotonic()
    try:
        while shards_of_others(victim) < SHARDS:
            assert time.monotonic() - began < 60, "nobody took the shards"
            time.sleep(0.05)
        return round(time.monotonic() - began, 2)
    finally:
        connection.close()


def stored(asset):
    rows = AreaEvent.objects.filter(asset=asset).order_by("ts", "pk").values_list("entered", "ts")
    return [(entered, round((ts - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)) for entered, ts in rows]


def main():
    machines = register()
    shared = {name: shards_of_others(pid) for name, pid in pids().items() if name.startswith("ingest")}
    expected, told = asyncio.run(drive(machines, session()))
    wrong = {
        asset.code: {"expected": want, "stored": got}
        for (asset, _device, _key), want in zip(machines, expected, strict=True)
        if (got := stored(asset)) != [(entered, int(at)) for entered, at in want]
    }
    crossings = sum(map(len, expected))
    print(json.dumps({**told, "shards_of_the_other": shared, "crossings": crossings, "wrong": wrong}))
