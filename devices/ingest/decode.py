"""From messages to columns: each message ends as rows of a batch, as something else a device said, or refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np

from devices.exceptions import RefusedError
from devices.ingest.columns import as_columns, check_rows, check_time
from devices.ingest.registry import KnownDevice
from devices.messages import (
    BadRow,
    Event,
    Position,
    PowerStatus,
    Reply,
    read_batch,
    read_other,
    read_position,
    time_us,
)
from devices.numbering import Numbering
from devices.topics import PREFIX, UP, parse_topic
from twin.batch import PositionBatch, nothing

PAYLOAD_KEPT = 2000

Recall = Callable[[Iterable[KnownDevice]], Mapping[int, Numbering]]


class Received(NamedTuple):
    """A message as it came. ``ack`` (connection, packet) lets the broker forget it; None for QoS 0."""

    topic: str
    payload: bytes
    at_us: int
    ack: tuple[int, int] | None = None


class Refused(NamedTuple):
    """A message or row that was not taken."""

    at_us: int
    reason: str
    detail: str
    device: str
    topic: str
    payload: str


class Said(NamedTuple):
    """Something a device said that is no position."""

    device: KnownDevice
    at_us: int
    time_us: int
    message: PowerStatus | Event | Reply


class _Route(NamedTuple):
    """What a topic leads to."""

    device: KnownDevice
    channel: str


@dataclass
class Decoded:
    """What a heap of messages came to."""

    batch: PositionBatch
    said: list[Said] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    numberings: Mapping[int, Numbering] = field(default_factory=dict)
    """Numberings by device key, those that the heap touched among them: they go on to change with the next heap."""
    numbering: list[KnownDevice] = field(default_factory=list)
    """Numbering devices that the heap came from: they are answered."""
    moved: set[int] = field(default_factory=set)
    """Keys of the devices whose numbering is another now."""
    faults: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Of numbering devices, by identifier: the numbers refused, and why."""
    shards: set[int] = field(default_factory=set)
    """Shards that something of this heap is written for."""
    rows: int = 0
    """Positions looked at, whatever became of them."""
    repeated: int = 0
    """Positions that had been settled before."""
    early: int = 0
    """Positions left for their devices to send again, after those before them."""


class Decoder:
    """Turns heaps of messages into columns.

    Parameters
    ----------
    devices : mapping
        Registered devices by identifier; say :meth:`forget` when some change.
    """

    def __init__(self, devices: Mapping[str, KnownDevice]) -> None:
        self._devices = devices
        self._routes: dict[str, _Route] = {}

    def decode(self, heap: list[Received], recall: Recall, patient: frozenset[int] = frozenset()) -> Decoded:
        """Decode a heap of messages; never raises for what is in them.

        Parameters
        ----------
        recall : callable
            Gives the numberings of numbering devices by device key, for all devices asked for. The decoder changes
            them; the caller stores them or reads them again.
        patient : frozenset of int, optional
            Shards of which something may be lost on the way, so that a number before its turn is left for its device
            to send again: in order, or borders would be crossed unseen.
        """
        work = _Work(Decoded(nothing()))
        for message in heap:
            try:
                route = self._routes.get(message.topic) or self._route(message.topic)
                work.take(message, route)
            except RefusedError as refusal:
                work.refuse(message, refusal)
        work.settle(recall, patient)
        return work.out

    def forget(self, identifiers: Collection[str]) -> None:
        """Devices that changed: their topics are looked up anew."""
        for topic in [topic for topic, route in self._routes.items() if route.device.identifier in identifiers]:
            del self._routes[topic]

    def _route(self, topic: str) -> _Route:
        """Whose topic it is, and what is read from it; found once for each topic that is in order."""
        place, _, channel = topic.rpartition("/")
        device = self._devices.get(place.rpartition("/")[2])
        # Nearly always as it is registered; else it is looked at closely, which says what is wrong with it.
        if device is None or channel not in UP or place != f"{PREFIX}/{device.kind}/{device.shard}/{device.identifier}":
            device = self._device_at(topic)
        if device.revoked:
            raise RefusedError("revoked_device", device.identifier)
        if device.asset is None:
            raise RefusedError("no_asset", f"{device.identifier} is tied to no asset in use")
        route = self._routes[topic] = _Route(device, channel)
        return route

    def _device_at(self, topic: str) -> KnownDevice:
        """Whose topic it is.

        Raises
        ------
        RefusedError
            It is no topic, or not its device's own.
        """
        try:
            address = parse_topic(topic)
        except ValueError as error:
            raise RefusedError("wrong_topic", str(error)) from None
        device = self._devices.get(address.device)
        if device is None:
            raise RefusedError("unknown_device", address.device)
        if device.revoked:
            raise RefusedError("revoked_device", address.device)
        if device.kind != address.kind:
            raise RefusedError("wrong_topic", f"{address.device} is registered as {device.kind}, not {address.kind}")
        if device.shard != address.shard:
            raise RefusedError("wrong_shard", f"{address.device} belongs to shard {device.shard}, not {address.shard}")
        return device


class _Work:
    """Rows on their way to columns."""

    def __init__(self, out: Decoded) -> None:
        self.out = out
        self._rows: list[Position | BadRow] = []
        self._devices: list[KnownDevice] = []
        self._messages: list[Received] = []
        self._numbering: dict[int, KnownDevice] = {}

    def refuse(self, message: Received, refusal: RefusedError, device: str = "") -> None:
        self.out.refused.append(
            Refused(
                message.at_us,
                refusal.reason,
                refusal.detail,
                device or message.topic.split("/")[-2] if "/" in message.topic else device,
                message.topic,
                message.payload[:PAYLOAD_KEPT].decode("utf-8", "replace").replace("\x00", "�"),
            )
        )

    def take(self, message: Received, route: _Route) -> None:
        """Read a message's rows, or what else it says."""
        device, channel = route
        self.out.shards.add(device.shard)
        if channel == "pos":
            self._rows.append(read_position(message.payload))
            self._devices.append(device)
            self._messages.append(message)
        elif channel == "batch":
            rows = read_batch(message.payload)
            self._rows += rows
            self._devices += [device] * len(rows)
            self._messages += [message] * len(rows)
        else:
            said = read_other(channel, message.payload)
            at = message.at_us if isinstance(said, Reply) else time_us(said.time)
            check_time(at, message.at_us, device)
            self.out.said.append(Said(device, message.at_us, at, said))
            return
        if device.numbered:
            self._numbering[device.id] = device

    def settle(self, recall: Recall, patient: frozenset[int]) -> None:
        """Settle the numbers of all rows; those that are new and good become columns."""
        out = self.out
        out.rows = len(self._rows)
        if self._numbering:
            out.numberings = recall(self._numbering.values())
            out.numbering = [*self._numbering.values()]
            self._leave_out_settled(out.numberings)
        at_us, refusals = check_rows(self._rows, self._devices, [message.at_us for message in self._messages])
        kept = []
        numberings, moved = out.numberings, out.moved
        for i, (row, device) in enumerate(zip(self._rows, self._devices, strict=True)):
            refusal = refusals.get(i)
            taken = refusal is None and device.numbered and row.seq is not None
            if taken and numberings[device.id].takes_next(row.epoch, cast("int", row.seq), row.oldest):
                moved.add(device.id)
                kept.append(i)
                continue
            early = device.shard in patient and device.numbered and row.seq is not None
            if early and out.numberings[device.id].skips(row.epoch, cast("int", row.seq), row.oldest):
                out.early += 1
                continue
            try:
                if device.numbered and not self._settle_one(row, device, out.numberings[device.id], refusal):
                    out.repeated += 1
                elif refusal is not None:
                    raise refusal
                else:
                    kept.append(i)
            except RefusedError as error:
                self.refuse(self._messages[i], error, device.identifier)
        if kept:
            rows: list[Any] = [self._rows[i] for i in kept]
            devices = [self._devices[i] for i in kept]
            seq = np.array([row.seq if device.numbered else 0 for row, device in zip(rows, devices, strict=True)])
            received_us = np.array([self._messages[i].at_us for i in kept], np.int64)
            out.batch = as_columns(rows, devices, seq.astype(np.int64), at_us[kept], received_us)

    def _leave_out_settled(self, numberings: Mapping[int, Numbering]) -> None:
        """Drop rows that are repetitions for certain, before anything else is asked of them: there may be millions."""
        fresh = [
            i
            for i, (row, device) in enumerate(zip(self._rows, self._devices, strict=True))
            if not device.numbered or row.seq is None or not numberings[device.id].has_passed(row.epoch, row.seq)
        ]
        self.out.repeated = len(self._rows) - len(fresh)
        if self.out.repeated:
            self._rows = [self._rows[i] for i in fresh]
            self._devices = [self._devices[i] for i in fresh]
            self._messages = [self._messages[i] for i in fresh]

    def _settle_one(
        self, row: Position | BadRow, device: KnownDevice, numbering: Numbering, refusal: RefusedError | None
    ) -> bool:
        """Whether the row's number was open; from now on it is not."""
        if row.seq is None:
            raise refusal or RefusedError("missing_field", "seq: this device is registered as numbering")
        oldest = row.oldest
        if oldest is not None and oldest > row.seq:
            refusal = refusal or RefusedError("out_of_range_oldest", f"oldest {oldest} is above seq {row.seq}")
            oldest = None
        before = numbering.epoch, numbering.acked
        try:
            is_new = numbering.settle(row.epoch, row.seq, oldest)
        except RefusedError:
            self.out.moved.add(device.id)  # perhaps: ``oldest`` may have closed a gap
            raise
        if is_new or before != (numbering.epoch, numbering.acked):
            self.out.moved.add(device.id)
        if not is_new:
            return False
        if refusal is not None:
            self.out.faults.setdefault(device.identifier, []).append((row.seq, refusal.reason))
            raise refusal
        return True
