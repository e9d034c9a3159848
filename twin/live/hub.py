"""The live hub of one web worker: hears the ingest workers, keeps the world, wakes the sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from django.conf import settings
from django.db import connection
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import Counter, Gauge, Histogram

from gis.notices import listen
from twin.live.beat import Beat
from twin.live.database import close_connection, in_database
from twin.live.doorkeeper import Doorkeeper
from twin.live.feeds import Feed, make_feeds
from twin.live.frames import Update, decode_update
from twin.live.world import World
from twin.meters import broker_connected
from twin.present import Current, read_current

logger = logging.getLogger(__name__)

LIVE_TOPICS = "st/live/+"
RELOADING_TOPICS = frozenset({"assets"})
SIGHT_TOPICS = frozenset({"access", "organizations", "regions"})

gaps_total = Counter("sandtable_live_gaps_total", "Gaps in what an ingest worker showed; the world was read again")
frames_total = Counter("sandtable_live_frames_received", "Frames that came from ingest workers")
age_seconds = Histogram(
    "sandtable_live_age_seconds",
    "From the newest position's own time to its arrival in this web worker",
    buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300),
)
assets_held = Gauge("sandtable_live_assets", "Assets in this web worker's live world")


def live_topic(worker: str) -> str:
    """Topic on which ``worker`` publishes its frames."""
    return f"st/live/{worker}"


class Hub:
    """One a process; started and stopped with it."""

    def __init__(self) -> None:
        self.world = World()
        self.heard_at: float | None = None
        """Monotonic time of the last frame of any ingest worker."""
        self.sight_version = 0
        """Grows when somebody's scope may have changed."""
        self.ready = False
        self.feeds: list[Feed] = []
        self._feeds_stale = True
        self._numbers: dict[str, int] = {}
        self._updates: list[Update] = []
        self.beat = Beat(lambda: self.world.tick, self._apply)
        self.doorkeeper = Doorkeeper(lambda: self.sight_version)
        self._stale = asyncio.Event()
        self._tasks: list[asyncio.Task] = []
        self._client: mqtt.Client | None = None
        self._stopping = threading.Event()

    async def start(self) -> None:
        """Connect, load the world, begin to tick."""
        self.feeds = make_feeds()
        self._client = client = self._connect(asyncio.get_running_loop())
        broker_connected.labels("web").set_function(lambda: float(self.broker_connected))
        for feed in self.feeds:
            feed.publish = client.publish
        self._stale.set()
        self._tasks = [asyncio.create_task(job) for job in (self._reload_when_stale(), self._watch_notices())]

    async def stop(self) -> None:
        """Let go of broker and database."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)
        await close_connection()

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stopping.is_set()

    @property
    def broker_connected(self) -> bool:
        """Whether frames can arrive at all."""
        return self._client is not None and self._client.is_connected()

    @property
    def is_current(self) -> bool:
        """Whether the world is as of now: it was read, and frames can arrive."""
        return self.ready and self.broker_connected

    def ingest_age_s(self) -> float | None:
        """Seconds since an ingest worker was last heard; None: never."""
        return None if self.heard_at is None else time.monotonic() - self.heard_at

    def _connect(self, loop: asyncio.AbstractEventLoop) -> mqtt.Client:
        address = urlsplit(settings.MQTT_URL)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.reconnect_delay_set(1, 3)

        def connected(client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _p: object) -> None:
            if reason.is_failure:
                logger.error("live hub: the broker refused us: %s", reason)
                return
            client.subscribe(LIVE_TOPICS)
            for feed in self.feeds:
                client.subscribe(feed.source.topic)
            self._feeds_stale = True
            # Frames were missed while the broker was away.
            loop.call_soon_threadsafe(self._stale.set)

        def received(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            for feed in self.feeds:
                if mqtt.topic_matches_sub(feed.source.topic, message.topic):
                    self._hear(loop, feed, message)
                    return
            try:
                update = decode_update(bytes(message.payload))
            except ValueError:
                logger.exception("live hub: unreadable frame on %s", message.topic)
                return
            loop.call_soon_threadsafe(self._take, message.topic, update)

        client.on_connect = connected
        client.on_message = received
        client.connect_async(address.hostname or "127.0.0.1", address.port or 1883, keepalive=10)
        client.loop_start()
        return client

    def _hear(self, loop: asyncio.AbstractEventLoop, feed: Feed, message: mqtt.MQTTMessage) -> None:
        try:
            items = feed.source.read(bytes(message.payload))
        except (ValueError, KeyError, TypeError):
            logger.exception("live hub: unreadable message on %s", message.topic)
            return
        loop.call_soon_threadsafe(feed.take, items)

    def _take(self, topic: str, update: Update) -> None:
        self.heard_at = time.monotonic()
        frames_total.inc()
        expected = self._numbers.get(topic, update.number - 1) + 1
        self._numbers[topic] = update.number
        if update.number != expected:
            gaps_total.inc()
            self._stale.set()
        if len(update):
            age_seconds.observe(max(time.time() - float(update.columns["time_ms"].max()) / 1000, 0.0))
            self._updates.append(update)
            if not self.beat.ringing:
                self._apply()

    def _apply(self) -> None:
        """Let the world move: at once, or after the sockets' turn if they are having it."""
        updates, self._updates = self._updates, []
        for update in updates:
            self.world.apply(update.columns)
        if updates:
            self.beat.wake()

    async def _reload_when_stale(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            asked = self.world.tick
            try:
                self.world.replace(await in_database(_load), asked)
                await self._reload_feeds()
            except Exception:
                logger.exception("live hub: the world could not be read; trying again")
                self._stale.set()
            else:
                self.ready = True
                assets_held.set(int(self.world.there.sum()))
                self.beat.wake()
            await asyncio.sleep(1)

    async def _reload_feeds(self) -> None:
        if not self._feeds_stale:
            return
        self._feeds_stale = False
        try:
            for feed in self.feeds:
                asked = feed.tick
                feed.replace(await in_database(feed.source.load), asked)
        except Exception:
            self._feeds_stale = True
            raise

    async def _watch_notices(self) -> None:
        loop = asyncio.get_running_loop()

        def watch() -> None:
            wanted = frozenset().union(RELOADING_TOPICS, SIGHT_TOPICS, *(feed.source.notices for feed in self.feeds))
            for topics in listen(wanted, stop=self._stopping):
                loop.call_soon_threadsafe(self._noticed, topics)

        await asyncio.to_thread(watch)

    def _noticed(self, topics: frozenset[str]) -> None:
        if topics & RELOADING_TOPICS:
            self._stale.set()
        if topics & SIGHT_TOPICS:
            self.sight_version += 1
            self.beat.wake()
        for feed in self.feeds:
            if topics & feed.source.notices:
                feed.tell_all()


def _load() -> Current:
    with connection.cursor() as cursor:
        return read_current(cursor)


hub = Hub()
