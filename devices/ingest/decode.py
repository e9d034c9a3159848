"""From messages to columns: each message ends as rows of a batch, as something else a device said, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from devices.exceptions import RefusedError
from devices.ingest.registry import KnownDevice
from devices.messages import (
    BadRow,
    Event,
    Position,
    PowerStatus,
    Reply,
    read_batch,
    read_other,
    read_positions,
    time_us,
)
from devices.numbering import Numbering
from devices.topics import Address, parse_topic
from gis.crs import to_wgs84
from gis.exceptions import OutOfRangeError
from twin.batch import UNSAID, PositionBatch
from twin.kinds import Status

FUTURE_TOLERANCE_US = 120 * 1_000_000
UNCHANGED_DATUMS = frozenset({"wgs84", "cgcs2000"})
PAYLOAD_KEPT = 2000
# No datum shifts by more than a small part of a degree.
SURELY_LON, SURELY_LAT = 179.0, 89.0


class Received(NamedTuple):
    """A message as it came. ``ack`` (connection, packet, QoS) lets the broker forget it; None for QoS 0."""

    topic: str
    payload: bytes
    at_us: int
    ack: tuple[int, int, int] | None = None


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


@dataclass
class Decoded:
    """What a heap of messages came to."""

    batch: PositionBatch
    said: list[Said] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    numberings: dict[int, Numbering] = field(default_factory=dict)
    """Numberings that the heap touched, by device key."""
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Numbering devices to be answered, with the numbers refused and why."""
    shards: set[int] = field(default_factory=set)
    """Shards that something of this heap is written for."""
    rows: int = 0
    """Positions looked at, whatever became of them."""
    repeated: int = 0
    """Positions that had been settled before."""


class Decoder:
    """Turns heaps of messages into columns.

    Parameters
    ----------
    devices : mapping
        Registered devices by identifier.
    numbering_of : callable
        Gives the numbering of a device; the decoder changes it, the caller stores it or reads it again.
    """

    def __init__(self, devices: Mapping[str, KnownDevice], numbering_of: Callable[[KnownDevice], Numbering]) -> None:
        self._devices = devices
        self._numbering_of = numbering_of

    def decode(self, heap: list[Received]) -> Decoded:
        """Decode a heap of messages; never raises for what is in them."""
        work = _Work(Decoded(_EMPTY))
        for message in heap:
            try:
                self._one(message, work)
            except RefusedError as refusal:
                work.refuse(message, refusal)
        work.out.batch = work.columns()
        return work.out

    def _one(self, message: Received, work: _Work) -> None:
        try:
            address = parse_topic(message.topic)
        except ValueError as error:
            raise RefusedError("wrong_topic", str(error)) from None
        device = self._device(address)
        work.out.shards.add(device.shard)
        if address.channel in ("pos", "batch"):
            self._positions(message, address, device, work)
            return
        said = read_other(address.channel, message.payload)
        at = message.at_us if isinstance(said, Reply) else time_us(said.time)
        _check_time(at, message.at_us, device)
        work.out.said.append(Said(device, message.at_us, at, said))

    def _device(self, address: Address) -> KnownDevice:
        device = self._devices.get(address.device)
        if device is None:
            raise RefusedError("unknown_device", address.device)
        if device.revoked:
            raise RefusedError("revoked_device", address.device)
        if device.kind != address.kind:
            raise RefusedError("wrong_topic", f"{address.device} is registered as {device.kind}, not {address.kind}")
        if device.shard != address.shard:
            raise RefusedError("wrong_shard", f"{address.device} belongs to shard {device.shard}, not {address.shard}")
        if device.asset is None:
            raise RefusedError("no_asset", f"{address.device} is tied to no asset in use")
        return device

    def _positions(self, message: Received, address: Address, device: KnownDevice, work: _Work) -> None:
        rows = (read_positions if address.channel == "pos" else read_batch)(message.payload)
        numbering = self._numbering_of(device) if device.numbered else None
        if numbering is not None:
            work.out.numberings[device.id] = numbering
            work.out.answers.setdefault(device.identifier, [])
        for row in rows:
            work.out.rows += 1
            try:
                self._row(row, message, device, numbering, work)
            except RefusedError as refusal:
                work.refuse(message, refusal, device.identifier)

    def _row(
        self, row: Position | BadRow, message: Received, device: KnownDevice, numbering: Numbering | None, work: _Work
    ) -> None:
        refusal = row.refusal if isinstance(row, BadRow) else None
        at = 0
        if isinstance(row, Position):
            try:
                at = time_us(row.time)
                _check_time(at, message.at_us, device)
                _check_place(row, device)
            except RefusedError as error:
                refusal = error
        if numbering is not None:
            if row.seq is None:
                raise refusal or RefusedError("missing_field", "seq: this device is registered as numbering")
            oldest = row.oldest
            if oldest is not None and oldest > row.seq:
                refusal = refusal or RefusedError("out_of_range_oldest", f"oldest {oldest} is above seq {row.seq}")
                oldest = None
            if not numbering.settle(row.epoch, row.seq, oldest):
                work.out.repeated += 1
                return
            if refusal is not None:
                work.out.answers[device.identifier].append((row.seq, refusal.reason))
        if refusal is not None or isinstance(row, BadRow):
            raise refusal or RefusedError("wrong_type")
        work.add(row, device, at, message.at_us)


def _check_time(at_us: int, received_us: int, device: KnownDevice) -> None:
    if at_us > received_us + FUTURE_TOLERANCE_US:
        raise RefusedError("time_in_future", f"{(at_us - received_us) // 1_000_000} s ahead of the platform's clock")
    if at_us < received_us - device.retention_us:
        raise RefusedError(
            "time_too_old", f"history of {device.kind} goes back {device.retention_us // 86_400_000_000} days"
        )


def _check_place(row: Position, device: KnownDevice) -> None:
    """Refuse what only turns out not to be on the globe when it is converted: a shifted datum ends within its edge."""
    if device.datum in UNCHANGED_DATUMS or (abs(row.lon) < SURELY_LON and abs(row.lat) < SURELY_LAT):
        return
    try:
        to_wgs84(row.lon, row.lat, device.datum)
    except OutOfRangeError as error:
        name = "lat" if abs(row.lat) >= SURELY_LAT else "lon"
        raise RefusedError(f"out_of_range_{name}", str(error)) from None


class _Work:
    """Rows on their way to columns."""

    def __init__(self, out: Decoded) -> None:
        self.out = out
        self._rows: list[tuple] = []
        self._attrs: list[str] = []
        self._datums: list[str] = []

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

    def add(self, row: Position, device: KnownDevice, at_us: int, received_us: int) -> None:
        status = UNSAID if row.working is None else Status.WORKING if row.working else Status.IDLE
        self._rows.append(
            (
                device.asset,
                device.id,
                device.kind_code,
                device.owner,
                row.seq if device.numbered else 0,
                at_us,
                received_us,
                row.lon,
                row.lat,
                _or_nan(row.alt_m),
                _or_nan(row.speed_m_s),
                _or_nan(row.heading_deg),
                _or_nan(row.accuracy_m),
                status,
            )
        )
        self._attrs.append(msgspec.json.encode(row.attrs).decode() if row.attrs else "")
        self._datums.append("" if device.datum in UNCHANGED_DATUMS else device.datum)

    def columns(self) -> PositionBatch:
        if not self._rows:
            return _EMPTY
        asset, device, kind, owner, seq, at, received, lon, lat, alt, speed, heading, accuracy, status = zip(
            *self._rows, strict=True
        )
        x, y = np.array(lon, np.float64), np.array(lat, np.float64)
        n = len(x)
        source_x, source_y = np.full(n, np.nan), np.full(n, np.nan)
        datums = np.array(self._datums)
        for datum in set(self._datums) - {""}:
            rows = np.flatnonzero(datums == datum)
            source_x[rows], source_y[rows] = x[rows], y[rows]
            x[rows], y[rows] = to_wgs84(source_x[rows], source_y[rows], datum)
        return PositionBatch(
            asset=np.array(asset, np.int64),
            device=np.array(device, np.int64),
            kind=np.array(kind, np.uint8),
            owner=np.array(owner, np.int64),
            seq=np.array(seq, np.int64),
            time_us=np.array(at, np.int64),
            received_us=np.array(received, np.int64),
            lon=x,
            lat=y,
            alt_m=np.array(alt, np.float32),
            speed_m_s=np.array(speed, np.float32),
            heading_deg=np.array(heading, np.float32),
            accuracy_m=np.array(accuracy, np.float32),
            status=np.array(status, np.int16),
            source_x=source_x,
            source_y=source_y,
            datum=self._datums,
            attrs=self._attrs,
        )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _empty() -> PositionBatch:
    whole, real, small = np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.float32)
    return PositionBatch(
        whole, whole, np.empty(0, np.uint8), whole, whole, whole, whole, real, real, small, small, small, small,
        np.empty(0, np.int16), real, real, [], [],
    )  # fmt: skip


_EMPTY = _empty()
