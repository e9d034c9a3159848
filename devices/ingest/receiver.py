"""The ingest worker's ear: an MQTT client that heaps messages up and forgets none it has taken on."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.ingest.decode import Received
from devices.messages import MOST_BYTES
from devices.topics import PREFIX, UP

logger = logging.getLogger(__name__)

MOST_WAITING = 200_000
MOST_WAITING_BYTES = 256 << 20
"""Held while the database is away; beyond, numbering devices send theirs again."""
MOST_UNACKNOWLEDGED = 1000
"""QoS 1 messages that the broker hands over before the first of them is stored: they cannot be sent again on demand."""
SESSION_S = 86_400


class Receiver:
    """Subscribed to the shards it is told; a network thread of its own fills the heap."""

    def __init__(self, name: str, mqtt_url: str) -> None:
        self.arrived = threading.Event()
        self.connected = threading.Event()
        self._heap: list[Received] = []
        self._overflowed = 0
        self._lock = threading.Lock()
        self._bytes = 0
        self._connection = 0
        self._wanted: frozenset[int] = frozenset()
        self._left: frozenset[int] = frozenset()
        address = urlsplit(mqtt_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 1883
        # A session that outlives the connection: the broker keeps QoS 1 messages while this worker is away.
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=_client_id(name, address.password or ""),
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.reconnect_delay_set(1, 3)
        client.max_queued_messages_set(0)
        client.max_inflight_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def start(self) -> None:
        """Begin to connect; goes on trying for ever."""
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = MOST_UNACKNOWLEDGED
        self._client.connect_async(self._host, self._port, keepalive=10, clean_start=False, properties=properties)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what was not acknowledged stays with the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def follow(self, mine: frozenset[int], others: frozenset[int]) -> None:
        """Listen to the shards ``mine`` from now on, and no longer to those that ``others`` listen to.

        What nobody listens to yet is listened to as before: were there a moment without a listener, the broker would
        forget what unnumbered devices send in it. A session that the broker kept from an earlier life may listen to
        anything, so it is told of all shards of others once.
        """
        with self._lock:
            fresh, gone = mine - self._wanted, others - mine - self._left
            self._wanted = (self._wanted | mine) - gone
            if not self._client.is_connected():
                return
            self._left = (self._left | gone) - mine
        if gone:
            self._client.unsubscribe([topic for shard in sorted(gone) for topic in _topics(shard)])
        self._subscribe(fresh)

    def listens(self, shard: int) -> bool:
        """Whether the broker may still give this worker messages of ``shard``."""
        return shard not in self._left

    def take(self) -> tuple[list[Received], int]:
        """Everything that has arrived, oldest first, and how many there was no room for."""
        with self._lock:
            heap, self._heap = self._heap, []
            self._bytes = 0
            overflowed, self._overflowed = self._overflowed, 0
            self.arrived.clear()
        return heap, overflowed

    def is_open(self, message: Received) -> bool:
        """Whether the broker waits for an acknowledgement on the present connection; after a new one it sends again."""
        return message.ack is not None and message.ack[0] == self._connection

    def done(self, heap: list[Received]) -> None:
        """Tell the broker that these are stored."""
        for message in heap:
            if message.ack is not None and self.is_open(message):
                self._client.ack(*message.ack[1:])

    def hand_on(self, heap: list[Received]) -> None:
        """Give messages of shards that moved away back to the broker, for whoever owns them now."""
        for message in heap:
            if message.ack is not None and self.is_open(message):
                self._client.publish(message.topic, message.payload, qos=1)
                self._client.ack(*message.ack[1:])

    def publish(self, topic: str, payload: bytes) -> None:
        """Send without waiting; while the broker is away the message is lost, and meant to be."""
        if self._client.is_connected():
            self._client.publish(topic, payload)

    def _subscribe(self, shards: frozenset[int]) -> None:
        options = SubscribeOptions(qos=1, noLocal=False, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        wanted = [(topic, options) for shard in sorted(shards) for topic in _topics(shard)]
        if wanted:
            self._client.subscribe(wanted)

    def _on_connect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            logger.error("ingest: the broker refused us: %s", reason)
            return
        logger.info("ingest: connected to the broker")
        with self._lock:
            self._connection += 1
            self._left = frozenset()
        self._subscribe(self._wanted)
        self.connected.set()

    def _on_disconnect(self, *_args: object) -> None:
        self.connected.clear()
        with self._lock:
            # Unacknowledged QoS 1 messages come again; those still in the heap must not be acknowledged twice.
            self._heap = [message for message in self._heap if message.ack is None]
            self._bytes = sum(len(message.payload) for message in self._heap)
        logger.warning("ingest: the broker is away")

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        ack = (self._connection, message.mid, message.qos) if message.qos else None
        # Enough to see that it is too large.
        payload = bytes(message.payload[: MOST_BYTES + 1])
        received = Received(message.topic, payload, time.time_ns() // 1000, ack)
        with self._lock:
            # Of those that wait for an acknowledgement the broker sends few: there is room for them.
            if ack is not None or (len(self._heap) < MOST_WAITING and self._bytes < MOST_WAITING_BYTES):
                self._heap.append(received)
                self._bytes += len(payload)
            else:
                self._overflowed += 1
        self.arrived.set()


def _client_id(name: str, password: str) -> str:
    """Stable, so that the broker knows the session again; not to be guessed, or a device could take it over."""
    return f"ingest-{name}-{hashlib.sha256(f'{name}:{password}'.encode()).hexdigest()[:16]}"


def _topics(shard: int) -> list[str]:
    return [f"{PREFIX}/+/{shard}/+/{channel}" for channel in UP]
