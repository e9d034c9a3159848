"""The ingest worker's second ear: heaps of positions that other ways in hand over (:mod:`devices.pushed`).

What is heard stays here until the worker's transaction is through; then the heap's sender is answered. A heap that
cannot be taken for lack of room is dropped without a word: its sender waits in vain and says so to whoever sent it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import Counter

from devices.exceptions import RefusedError
from devices.ingest.columns import as_columns, check_place, check_time
from devices.ingest.decode import PAYLOAD_KEPT, Decoded, Refused
from devices.ingest.meters import messages_total
from devices.ingest.registry import KnownDevice
from devices.messages import time_us
from devices.pushed import ANSWERS, SIGNED_IN, TOPIC, Answer, Heap, PushedRow, RowRefused, device_of, read_heap
from devices.topics import shard_of
from twin.batch import PositionBatch, concatenate

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 << 20
MOST_ROWS_AT_ONCE = 20_000

dropped_total = Counter("sandtable_pushes_dropped", "Heaps without room in memory; their senders are told nothing")


@dataclass
class _Heard:
    heap: Heap
    rows: list[PushedRow | RefusedError]
    at_us: int
    size: int


@dataclass
class Part:
    """What becomes of one heap: which of its rows are this worker's, and which of those are refused."""

    heap: Heap
    mine: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    refused: list[RowRefused] = field(default_factory=list)


class Pushes:
    """Heaps that wait for the worker. Everything but hearing belongs to the worker's thread.

    Parameters
    ----------
    mqtt_url : str
        Broker, with the platform's account.
    arrived : Event
        Set when something is heard.
    """

    def __init__(self, mqtt_url: str, arrived: threading.Event) -> None:
        self._arrived = arrived
        self._heard: deque[_Heard] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._taken = 0
        address = urlsplit(mqtt_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 1883
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.reconnect_delay_set(1, 3)
        client.on_connect = lambda client, *_: client.subscribe(TOPIC)
        client.on_message = self._on_message
        self._client = client

    def start(self) -> None:
        """Begin to listen; goes on trying for ever."""
        self._client.connect_async(self._host, self._port, keepalive=10)
        self._client.loop_start()

    def stop(self) -> None:
        """Listen no more; senders of what was not stored are never answered, and send again."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def waiting(self) -> int:
        """Heaps that were heard and that no transaction has taken yet."""
        return len(self._heard) - self._taken

    @property
    def rows(self) -> int:
        """Rows of the heaps that wait."""
        return sum(len(heard.rows) for heard in list(self._heard)[self._taken :])

    def decode(self, into: Decoded, devices: Mapping[str, KnownDevice], shards: Collection[int]) -> list[Part]:
        """Add what waits, as far as it is for ``shards``, to what a transaction is about to store.

        Returns
        -------
        list of Part
            For :meth:`settle`, once that transaction is through; transactions are settled in their order.
        """
        parts: list[Part] = []
        batches = [into.batch]
        total = 0
        for heard in list(self._heard)[self._taken :]:
            if total and total + len(heard.rows) > MOST_ROWS_AT_ONCE:
                break
            total += len(heard.rows)
            part = Part(heard.heap)
            batch = _take(heard, part, into, devices, shards)
            parts.append(part)
            if batch is not None:
                batches.append(batch)
        self._taken += len(parts)
        if len(batches) > 1:
            into.batch = concatenate(batches)
        return parts

    def put_back(self) -> None:
        """What was taken and is not settled waits again."""
        self._taken = 0

    def settle(self, parts: list[Part], stored: Decoded) -> None:
        """The transaction is through: answer, and forget what was in it."""
        unstorable = {(r.device, r.payload) for r in stored.refused if r.reason == "storage_refused"}
        for part in parts:
            heard = self._heard.popleft()
            self._taken -= 1
            messages_total.labels("jt808" if part.heap.source == SIGNED_IN else "push").inc(len(part.mine))
            with self._lock:
                self._bytes -= heard.size
            if unstorable:
                part.refused += [
                    RowRefused(i, "storage_refused") for i in part.kept if _mark(heard.rows[i]) in unstorable
                ]
            if part.mine:
                bits = np.zeros(len(heard.rows), np.uint8)
                bits[part.mine] = 1
                settled = int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
                answer = Answer(part.heap.id, f"{settled:x}", part.refused)
                self._client.publish(f"{ANSWERS}/{part.heap.sender}", msgspec.json.encode(answer))

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if self._bytes + len(payload) > MOST_WAITING_BYTES:
            dropped_total.inc()
            return
        try:
            heap, rows = read_heap(payload)
        except msgspec.MsgspecError:
            logger.exception("ingest: unreadable heap of a way in")
            return
        with self._lock:
            self._bytes += len(payload)
        self._heard.append(_Heard(heap, rows, time.time_ns() // 1000, len(payload)))
        self._arrived.set()


def _mark(row: PushedRow | RefusedError) -> tuple[str, str]:
    return (row.device, _attrs(row)) if isinstance(row, PushedRow) else ("", "")


def _attrs(row: PushedRow) -> str:
    return msgspec.json.encode(row.attrs).decode() if row.attrs else ""


def _take(
    heard: _Heard, part: Part, into: Decoded, devices: Mapping[str, KnownDevice], shards: Collection[int]
) -> PositionBatch | None:
    """Sort the rows of a heap: others', refused, kept; returns the kept ones."""
    rows: list[PushedRow] = []
    known: list[KnownDevice] = []
    times_us: list[int] = []
    source = heard.heap.source
    for i, row in enumerate(heard.rows):
        name = row.device if isinstance(row, PushedRow) else device_of(heard.heap.rows[i])
        device = devices.get(name)
        if (shard_of(name) if device is None else device.shard) not in shards:
            continue
        part.mine.append(i)
        try:
            if isinstance(row, RefusedError):
                raise row
            device = _in_order(name, device, source)
            at = time_us(row.time)
            check_time(at, heard.at_us, device)
            check_place(row, device)
        except RefusedError as refusal:
            part.refused.append(RowRefused(i, refusal.reason, refusal.detail[:200]))
            text = bytes(heard.heap.rows[i])[:PAYLOAD_KEPT].decode("utf-8", "replace").replace("\x00", "�")
            into.refused.append(Refused(heard.at_us, refusal.reason, refusal.detail, name, TOPIC, text))
            continue
        part.kept.append(i)
        rows.append(row)
        known.append(device)
        times_us.append(at)
        into.shards.add(device.shard)
    into.rows += len(part.mine)
    n = len(rows)
    seq, received_us = np.zeros(n, np.int64), np.full(n, heard.at_us, np.int64)
    return as_columns(rows, known, seq, np.array(times_us, np.int64), received_us) if n else None


def _in_order(name: str, device: KnownDevice | None, source: int) -> KnownDevice:
    if device is None:
        raise RefusedError("unknown_device", name)
    if source != SIGNED_IN and device.platform != source:
        raise RefusedError("foreign_device", f"{name} is not assigned to this platform")
    if device.revoked:
        raise RefusedError("revoked_device", name)
    if device.asset is None:
        raise RefusedError("no_asset", f"{name} is tied to no asset in use")
    return device
