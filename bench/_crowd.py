"""Twenty thousand machines that move, told to web workers as an ingest worker tells them.

What is measured is the browser. So positions neither come from devices nor go into the history: frames are published on
the broker, and the real web process, its live socket and the page do the rest.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import numpy as np
import paho.mqtt.client as mqtt
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from twin.batch import MICROSECOND, PositionBatch
from twin.kinds import MACHINE, Status
from twin.live.frames import encode_update
from twin.live.hub import live_topic
from twin.models import Asset, State
from twin.present import Current

PREFIX = "CROWD-"
FRAME_S = 0.25
SPEED_M_S = 10.0
METRES_PER_DEGREE = 111_320.0


def fill(count: int, centre: tuple[float, float], half: tuple[float, float]) -> NDArray[np.int64]:
    """Register ``count`` machines that are now within ``half`` degrees of the centre; their keys, int64[count]."""
    remove()
    rng = np.random.default_rng(1)
    lon, lat = (rng.uniform(c - h, c + h, count) for c, h in zip(centre, half, strict=True))
    names = [f"{PREFIX}{i:06d}" for i in range(count)]
    assets = Asset.objects.bulk_create(
        [Asset(kind=MACHINE.key, code=name, name=name) for name in names], batch_size=2000
    )
    now = timezone.now()
    State.objects.bulk_create(
        [
            State(asset=asset, ts=now, received_at=now, lon=x, lat=y, status=i % 2)
            for i, (asset, x, y) in enumerate(zip(assets, lon.tolist(), lat.tolist(), strict=True))
        ],
        batch_size=2000,
    )
    return np.array([asset.pk for asset in assets], np.int64)


def remove() -> None:
    """Take them away."""
    Asset.objects.filter(code__startswith=PREFIX).delete()


@dataclass
class Crowd:
    """Machines that walk in circles and are heard ``rate`` times a second together, until told to stop."""

    keys: NDArray[np.int64]
    centre: tuple[float, float]
    half: tuple[float, float]
    rate: float
    told: int = 0
    """Positions published so far."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        n = len(self.keys)
        self._lon, self._lat = (rng.uniform(c - h, c + h, n) for c, h in zip(self.centre, self.half, strict=True))
        self._turn = rng.uniform(0, 2 * np.pi, n)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Be silent; waits until the last frame is out."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        address = urlsplit(settings.MQTT_URL)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.connect(address.hostname or "127.0.0.1", address.port or 1883)
        client.loop_start()
        began, frame, at = time.monotonic(), 0, 0
        some = min(len(self.keys), round(self.rate * FRAME_S))
        while not self._stop.wait(max(0.0, began + frame * FRAME_S - time.monotonic())):
            rows = np.arange(at, at + some) % len(self.keys)
            at = (at + some) % len(self.keys)
            frame += 1
            client.publish(live_topic("crowd"), encode_update(frame, self._move(rows)))
            self.told += some
        client.disconnect()
        client.loop_stop()

    def _move(self, rows: NDArray[np.int64]) -> Current:
        """The rows a step further on: as far as they drove since they were heard last."""
        n = len(rows)
        step = SPEED_M_S * len(self.keys) / self.rate / METRES_PER_DEGREE
        self._turn[rows] += 0.3
        self._lon[rows] += step * np.sin(self._turn[rows]) / np.cos(np.radians(self.centre[1]))
        self._lat[rows] += step * np.cos(self._turn[rows])
        now_us = np.full(n, int(time.time() * MICROSECOND), np.int64)
        nothing = np.full(n, np.nan)
        batch = PositionBatch(
            asset=self.keys[rows],
            device=np.zeros(n, np.int64),
            kind=np.full(n, MACHINE.code, np.uint8),
            owner=np.zeros(n, np.int64),
            seq=np.zeros(n, np.int64),
            time_us=now_us,
            received_us=now_us,
            lon=self._lon[rows],
            lat=self._lat[rows],
            alt_m=nothing.astype(np.float32),
            speed_m_s=np.full(n, SPEED_M_S, np.float32),
            heading_deg=(np.degrees(self._turn[rows]) % 360).astype(np.float32),
            accuracy_m=nothing.astype(np.float32),
            status=np.where(rows % 2, Status.WORKING, Status.IDLE).astype(np.int16),
            source_x=nothing,
            source_y=nothing,
            datum=[""] * n,
            attrs=[""] * n,
        )
        return Current(batch, np.zeros(n, np.int64))
