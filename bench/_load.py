"""Load on a running installation: registered devices that report as real ones do, and what became of it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import shapely
from django.conf import settings
from django.db import connection, transaction

from devices.keys import hash_key
from devices.models import Device
from devices.simulator.client import Broker, DeviceClient, new_unsettled, now_ms
from devices.topics import shard_of
from twin.copying import Column, copy_columns
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
    columns: dict[str, Column] = {
        "shard": ("int2", np.array([shard_of(name) for name in names], np.int16)),
        "name": ("text", names),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bench_devices (shard int2, name text) ON COMMIT DROP")
        copy_columns(cursor.cursor, "bench_devices", columns)
        cursor.execute(
            """INSERT INTO twin_asset (kind, code, name, active, created_at)
               SELECT 'machine', name, name, true, now() FROM bench_devices"""
        )
        cursor.execute(
            """INSERT INTO devices_device (identifier, kind, datum, numbered, shard, key_hash, created_at, asset_id)
               SELECT b.name, a.kind, 'wgs84', true, b.shard, %s, now(), a.id
               FROM bench_devices b JOIN twin_asset a ON a.kind = 'machine' AND a.code = b.name
               ORDER BY b.name RETURNING id, identifier""",
            [hashed],
        )
        ids = {identifier: id_ for id_, identifier in cursor.fetchall()}
    return [Registered(ids[name], name, key) for name in names]


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
    """Draw ``count`` round fences over the city: 250 m where there are 10,000.

    The fewer, the larger: together they always cover as much, so a thing is in as many of them, and enters and leaves
    as often. What grows with their number is then the search, and not what is found.
    """
    wide = (10_000 / count) ** 0.5 if count else 0.0
    rng = np.random.default_rng(1)
    centre = np.c_[rng.uniform(121.2, 121.8, count), rng.uniform(31.0, 31.5, count)]
    angle = np.arange(37) / 18 * np.pi
    rings = centre[:, None, :] + wide * np.c_[0.0026 * np.cos(angle), 0.0022 * np.sin(angle)]
    shapes = shapely.multipolygons(shapely.polygons(rings)[:, None])
    columns: dict[str, Column] = {
        "number": ("int4", np.arange(count, dtype=np.int32)),
        "shape": ("text", shapely.to_wkb(shapes, hex=True).tolist()),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bench_areas (number int4, shape text) ON COMMIT DROP")
        copy_columns(cursor.cursor, "bench_areas", columns)
        cursor.execute(
            """INSERT INTO twin_area (name, kind, boundary, version, active, periods)
               SELECT %s || number, 'fence', ST_GeomFromWKB(decode(shape, 'hex'), 4326), 1, true, '[]'
               FROM bench_areas""",
            [PREFIX],
        )
