"""The ingest worker's ear: an MQTT client that heaps messages up and forgets none it has taken on."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from devices.ingest import wire
from devices.ingest.decode import Received
from devices.ingest.link import Link, Session
from devices.ingest.queues import OVERHEAD_BYTES, size_of
from devices.messages import MOST_BYTES
from devices.topics import PREFIX, UP

MOST_WAITING = 200_000
MOST_WAITING_BYTES = 256 << 20
"""Held while the database is away, in memory with all that belongs to a message; beyond, numbering devices send theirs
again. The receiver hears, and the worker's heaps keep, so much each."""
MOST_UNACKNOWLEDGED = 1000
"""QoS 1 messages that the broker hands over before the first of them is stored: they cannot be sent again on demand."""
MOST_HANDED_ON = 8
"""QoS 1 messages of ours that the broker has not taken yet; some brokers close a connection over more."""


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
        self._handing: deque[Received] = deque()
        self._handed: set[int] = set()
        address = urlsplit(mqtt_url)
        # A session that outlives the connection: the broker keeps QoS 1 messages while this worker is away.
        session = Session(
            address.hostname or "127.0.0.1",
            address.port or 1883,
            unquote(address.username or ""),
            unquote(address.password or ""),
            _client_id(name, address.password or ""),
            MOST_UNACKNOWLEDGED,
        )
        self._link = Link(session, self._came_up, self._went_down, self._came, self._taken)

    def start(self) -> None:
        """Begin to connect; goes on trying for ever."""
        self._link.start()

    def stop(self) -> None:
        """Disconnect; what was not acknowledged stays with the broker."""
        self._link.stop()

    def follow(self, mine: frozenset[int], others: frozenset[int]) -> None:
        """Listen to the shards ``mine`` from now on, and no longer to those that ``others`` listen to.

        What nobody listens to yet is listened to as before: were there a moment without a listener, the broker would
        forget what unnumbered devices send in it. A session that the broker kept from an earlier life may listen to
        anything, so it is told of all shards of others once.
        """
        with self._lock:
            fresh, gone = mine - self._wanted, others - mine - self._left
            self._wanted = (self._wanted | mine) - gone
            if not self._link.is_up:
                return
            self._left = (self._left | gone) - mine
        if gone:
            self._link.send(wire.unsubscribe(self._link.next_number(), _topics(gone)))
        self._subscribe(fresh)

    def listens(self, shard: int) -> bool:
        """Whether the broker may still give this worker messages of ``shard``."""
        return shard not in self._left

    @property
    def waiting(self) -> int:
        """Messages that have arrived and were not taken."""
        return len(self._heap)

    @property
    def waiting_bytes(self) -> int:
        """What these take in memory."""
        return self._bytes

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
        frames = [wire.acknowledge(message.ack[1]) for message in heap if message.ack and self.is_open(message)]
        if frames:
            self._link.send(b"".join(frames))

    def hand_on(self, heap: list[Received]) -> None:
        """Give messages of shards that moved away back to the broker, for whoever owns them now."""
        with self._lock:
            self._handing += [message for message in heap if self.is_open(message)]
        self._hand_on()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send without waiting; while the broker is away the message is lost, and meant to be."""
        self._link.send(wire.publish(topic, payload))

    def send(self, packets: bytes) -> None:
        """Send many messages at once, as :meth:`publish` does: :func:`packed`."""
        if packets:
            self._link.send(packets)

    def _hand_on(self) -> None:
        """As many as the broker may be given at once. It takes them before it hears that we let go of them."""
        with self._lock:
            frames = []
            while self._handing and len(self._handed) < MOST_HANDED_ON:
                message = self._handing.popleft()
                assert message.ack is not None
                number = self._link.next_number()
                self._handed.add(number)
                frames += [wire.publish(message.topic, message.payload, number), wire.acknowledge(message.ack[1])]
        if frames:
            self._link.send(b"".join(frames))

    def _taken(self, number: int) -> None:
        with self._lock:
            self._handed.discard(number)
        self._hand_on()

    def _subscribe(self, shards: frozenset[int]) -> None:
        if shards:
            self._link.send(wire.subscribe(self._link.next_number(), _topics(shards)))

    def _came_up(self) -> None:
        with self._lock:
            self._connection += 1
            self._left = frozenset()
            wanted = self._wanted
        self._subscribe(wanted)
        self.connected.set()

    def _went_down(self) -> None:
        self.connected.clear()
        with self._lock:
            # Unacknowledged QoS 1 messages come again; those still in the heap must not be acknowledged twice.
            self._heap = [message for message in self._heap if message.ack is None]
            self._bytes = size_of(self._heap)
            self._handing.clear()
            self._handed.clear()

    def _came(self, messages: list[wire.Published]) -> None:
        now_us = time.time_ns() // 1000
        with self._lock:
            for topic, payload, number in messages:
                # Enough to see that it is too large.
                kept = payload if len(payload) <= MOST_BYTES else payload[: MOST_BYTES + 1]
                # Of those that wait for an acknowledgement the broker sends few: there is room for them.
                if number or (len(self._heap) < MOST_WAITING and self._bytes < MOST_WAITING_BYTES):
                    ack = (self._connection, number) if number else None
                    self._heap.append(Received(topic, kept, now_us, ack))
                    self._bytes += len(kept) + OVERHEAD_BYTES
                else:
                    self._overflowed += 1
        self.arrived.set()


def packed(messages: Iterable[tuple[str, bytes]]) -> bytes:
    """Topics and payloads as packets."""
    return b"".join([wire.publish(topic, payload) for topic, payload in messages])


def _client_id(name: str, password: str) -> str:
    """Stable, so that the broker knows the session again; not to be guessed, or a device could take it over."""
    return f"ingest-{name}-{hashlib.sha256(f'{name}:{password}'.encode()).hexdigest()[:16]}"


def _topics(shards: frozenset[int]) -> list[str]:
    return [f"{PREFIX}/+/{shard}/+/{channel}" for shard in sorted(shards) for channel in UP]
