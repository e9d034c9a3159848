"""Twenty thousand machines that move, told to web workers as an ingest worker tells them.

What is measured is what comes after the ingest: positions neither come from devices nor go into the history. Frames
are published on the broker, and the real web processes, their live sockets and the pages do the rest.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import numpy as np
import paho.mqtt.client as mqtt
import shapely
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from gis.models import Region
from twin.batch import MICROSECOND, PositionBatch
from twin.kinds import DRONE, MACHINE, Status
from twin.live.frames import encode_update
from twin.live.hub import live_topic
from twin.models import Asset, State
from twin.present import Current

PREFIX = "CROWD-"
FRAME_S = 0.25
SPEED_M_S = 10.0
METRES_PER_DEGREE = 111_320.0
BEACON_LON, BEACON_LAT = 121.96, 31.2  # in the sea, where nothing else flies
BEACON_DEG_S = 1e-5
BEACON_ROUND_S = 1000.0


def beacon_age_s(lon: float, now_s: float) -> float:
    """How long ago the frame was made that put the beacon at this longitude."""
    return (now_s - (lon - BEACON_LON) / BEACON_DEG_S) % BEACON_ROUND_S


@dataclass(frozen=True)
class Places:
    """Where things are.

    Attributes
    ----------
    lon, lat : float64[n]
        Degrees.
    region : int64[n]
        Key of the district, 0 for none.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    region: NDArray[np.int64]


def around(count: int, centre: tuple[float, float], half: tuple[float, float]) -> Places:
    """``count`` places within ``half`` degrees of the centre, in no district."""
    rng = np.random.default_rng(1)
    lon, lat = (rng.uniform(c - h, c + h, count) for c, h in zip(centre, half, strict=True))
    return Places(lon, lat, np.zeros(count, np.int64))


def in_districts(count: int) -> Places:
    """``count`` places in the districts, as many in each, wherever it has land."""
    rng = np.random.default_rng(1)
    districts = list(Region.objects.filter(level=Region.Level.DISTRICT).order_by("code"))
    lon, lat, region = [], [], []
    for number, district in enumerate(districts):
        wanted = count * (number + 1) // len(districts) - count * number // len(districts)
        shape = shapely.from_wkb(bytes(district.boundary.wkb))
        shapely.prepare(shape)
        west, south, east, north = shape.bounds
        found = np.zeros((0, 2))
        while len(found) < wanted:
            tried = rng.uniform((west, south), (east, north), (2 * wanted, 2))
            found = np.concatenate([found, tried[shapely.contains_xy(shape, tried[:, 0], tried[:, 1])]])
        lon.append(found[:wanted, 0])
        lat.append(found[:wanted, 1])
        region.append(np.full(wanted, district.pk, np.int64))
    mixed = rng.permutation(count)
    return Places(np.concatenate(lon)[mixed], np.concatenate(lat)[mixed], np.concatenate(region)[mixed])


def fill(places: Places) -> NDArray[np.int64]:
    """Register a machine at each place; their keys, int64[n]."""
    remove()
    names = [f"{PREFIX}{i:06d}" for i in range(len(places.lon))]
    assets = Asset.objects.bulk_create(
        [Asset(kind=MACHINE.key, code=name, name=name) for name in names], batch_size=2000
    )
    now = timezone.now()
    where = zip(assets, places.lon.tolist(), places.lat.tolist(), places.region.tolist(), strict=True)
    State.objects.bulk_create(
        [
            State(asset=asset, ts=now, received_at=now, lon=x, lat=y, region_id=region or None, status=i % 2)
            for i, (asset, x, y, region) in enumerate(where)
        ],
        batch_size=2000,
    )
    return np.array([asset.pk for asset in assets], np.int64)


def remove() -> None:
    """Take them away."""
    Asset.objects.filter(code__startswith=PREFIX).delete()


@dataclass
class Crowd:
    """Machines that walk in circles and are heard ``rate`` times a second together, until told to stop.

    With a ``beacon`` the first of them is a drone that stays where it is and whose longitude says when its frame was
    made (:func:`beacon_age_s`): where only counts are shown, no row carries a time.
    """

    keys: NDArray[np.int64]
    places: Places
    rate: float
    beacon: bool = False
    told: int = 0
    """Positions published so far."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        self._lon, self._lat = self.places.lon.copy(), self.places.lat.copy()
        self._turn = rng.uniform(0, 2 * np.pi, len(self.keys))
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
            if self.beacon and rows.min() > 0:
                rows = np.append(rows, 0)
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
        self._lon[rows] += step * np.sin(self._turn[rows]) / np.cos(np.radians(self.places.lat[rows]))
        self._lat[rows] += step * np.cos(self._turn[rows])
        now_us = np.full(n, int(time.time() * MICROSECOND), np.int64)
        nothing = np.full(n, np.nan)
        kind = np.full(n, MACHINE.code, np.uint8)
        if self.beacon:
            self._lon[0] = BEACON_LON + time.time() % BEACON_ROUND_S * BEACON_DEG_S
            self._lat[0] = BEACON_LAT
            kind[rows == 0] = DRONE.code
        batch = PositionBatch(
            asset=self.keys[rows],
            device=np.zeros(n, np.int64),
            kind=kind,
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
        return Current(batch, self.places.region[rows])
