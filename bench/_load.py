"""Load on a running installation: registered devices that report as real ones do, and what became of it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection

from devices.keys import hash_key
from devices.models import Device
from devices.simulator.client import Broker, DeviceClient, new_unsettled, now_ms
from devices.topics import shard_of
from twin.models import Area, Asset

PREFIX = "BENCH-"


@dataclass(frozen=True)
class Registered:
    """A device of the benchmark."""

    id: int
    identifier: str
    key: str


def register(count: int, with_keys: bool = True) -> list[Registered]:
    """Register ``count`` machines without owner; without keys only the platform's account speaks for them."""
    remove()
    key = f"{random.SystemRandom().getrandbits(128):032x}" if with_keys else ""
    hashed = hash_key(key) if with_keys else ""
    names = [f"{PREFIX}{i:06d}" for i in range(count)]
    assets = Asset.objects.bulk_create([Asset(kind="machine", code=name, name=name) for name in names], batch_size=5000)
    devices = Device.objects.bulk_create(
        [
            Device(identifier=name, kind="machine", asset=asset, shard=shard_of(name), key_hash=hashed)
            for name, asset in zip(names, assets, strict=True)
        ],
        batch_size=5000,
    )
    return [Registered(device.pk, device.identifier, key) for device in devices]


def remove() -> None:
    """Take the benchmark's devices and their history away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM twin_track WHERE asset_id IN (SELECT id FROM twin_asset WHERE code LIKE %s)", [f"{PREFIX}%"]
        )
    Device.objects.filter(identifier__startswith=PREFIX).delete()
    Asset.objects.filter(code__startswith=PREFIX).delete()
    Area.objects.filter(name__startswith=PREFIX).delete()


@dataclass
class Load:
    """Devices that report at a fixed rate until told to stop."""

    devices: list[Registered]
    rate: float
    clients: list[DeviceClient] = field(default_factory=list)
    sent: int = 0
    settled_ms: list[float] = field(default_factory=list)
    """From device time to the answer that a position is stored, as far as :meth:`run` saw them."""
    _open: list[deque[tuple[int, int]]] = field(default_factory=list)

    @property
    def settled(self) -> int:
        """Numbers that the platform called settled, over all devices."""
        return sum(client.unsettled.settled for client in self.clients)

    @property
    def refused(self) -> int:
        """Numbers that the platform called refused."""
        return sum(sum(client.unsettled.refused.values()) for client in self.clients)

    async def connect(self) -> None:
        """Connect all devices; raises TimeoutError where one cannot within a minute."""
        address = urlsplit(settings.MQTT_URL)
        broker = Broker(address.hostname or "127.0.0.1", address.port or 1883)
        for device in self.devices:
            client = DeviceClient(broker, "machine", device.identifier, device.key, new_unsettled())
            client.start()
            self.clients.append(client)
            self._open.append(deque())
        async with asyncio.timeout(60):
            while not all(client.connected for client in self.clients):
                await asyncio.sleep(0.1)

    async def run(self, stop: asyncio.Event) -> None:
        """Report, evenly over devices and time."""
        began = time.monotonic()
        while not stop.is_set():
            due = int((time.monotonic() - began) * self.rate)
            for number in range(self.sent, due):
                self._report(number)
            self.sent = max(self.sent, due)
            await asyncio.sleep(0.02)
            self._note_settled()

    async def drained(self, timeout_s: float) -> bool:
        """Wait until everything sent is settled."""
        results = await asyncio.gather(*(client.drained(timeout_s) for client in self.clients))
        return all(results)

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(client.stop() for client in self.clients))

    def _note_settled(self) -> None:
        now = now_ms()
        for client, waiting in zip(self.clients, self._open, strict=True):
            acked = client.unsettled.acked
            while waiting and waiting[0][0] <= acked:
                self.settled_ms.append(now - waiting.popleft()[1])

    def _report(self, number: int) -> None:
        index = number % len(self.clients)
        turn = number // len(self.clients) / 60 + index
        now = now_ms()
        seq = self.clients[index].position(
            {
                "time": now,
                "lon": round(121.47 + 0.2 * math.cos(turn), 6),
                "lat": round(31.23 + 0.2 * math.sin(turn), 6),
                "speed_m_s": 5.0,
                "working": True,
            }
        )
        self._open[index].append((seq, now))


def stored_and_distinct(devices: list[Registered]) -> tuple[int, int]:
    """Rows of these devices in the history, and different numbers among them."""
    first, last = min(device.id for device in devices), max(device.id for device in devices)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(rows), 0), coalesce(sum(numbers), 0) FROM
               (SELECT count(*) AS rows, count(DISTINCT seq) AS numbers FROM twin_track
                WHERE device_id BETWEEN %s AND %s GROUP BY device_id) AS each""",
            [first, last],
        )
        rows, numbers = cursor.fetchone()
    return int(rows), int(numbers)


def stored_numbers(devices: list[Registered]) -> dict[int, list[int]]:
    """Numbers in the history by device, one for each row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, array_agg(seq) FROM twin_track WHERE device_id = ANY(%s) GROUP BY device_id",
            [[device.id for device in devices]],
        )
        return dict(cursor.fetchall())


def bytes_per_row() -> float | None:
    """Bytes on disk for each row of the history, indexes included; None without rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT sum(pg_total_relation_size(oid)) FROM pg_class
               WHERE relname LIKE 'twin\\_track\\_%' AND relkind = 'r' AND pg_relation_size(oid) > 0"""
        )
        (size,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM twin_track")
        (rows,) = cursor.fetchone()
    return round(float(size) / rows, 1) if rows else None


def draw_areas(count: int) -> None:
    """Draw ``count`` round fences of 250 m over the city."""
    rng = random.Random(1)  # noqa: S311 (places, not secrets)
    areas = []
    for i in range(count):
        lon, lat = rng.uniform(121.2, 121.8), rng.uniform(31.0, 31.5)
        ring = [
            (lon + 0.0026 * math.cos(a / 18 * math.pi), lat + 0.0022 * math.sin(a / 18 * math.pi)) for a in range(36)
        ]
        shape = MultiPolygon(Polygon([*ring, ring[0]]), srid=4326)
        areas.append(Area(name=f"{PREFIX}{i}", kind="fence", boundary=shape))
    Area.objects.bulk_create(areas)
