"""What the ingest tells of itself beside its counters: lag of what it stored, and what came of which kind and shard."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from devices.ingest.decode import Decoded, Received
from devices.ingest.registry import KnownDevice
from devices.topics import SHARDS
from twin.batch import MICROSECOND, PositionBatch
from twin.intake import Outcome
from twin.kinds import kinds

received_total = Counter("sandtable_positions_received", "Positions that arrived, whatever became of them")
stored_total = Counter("sandtable_positions_stored", "Positions stored in the history")
repeated_total = Counter("sandtable_positions_repeated", "Positions that had been stored before")
repeated_waiting_total = Counter(
    "sandtable_messages_repeated_waiting", "Messages dropped unread because what they say waited to be stored already"
)
early_total = Counter(
    "sandtable_positions_early", "Positions before their turn after a change of owner; their devices send them again"
)
late_total = Counter("sandtable_positions_late", "Positions stored that were older than the present state")
overflow_total = Counter("sandtable_messages_overflowed", "Messages without room in memory; their devices send again")
handed_on_total = Counter("sandtable_messages_handed_on", "Messages of shards that belong to another worker")
failures_total = Counter("sandtable_ingest_failures", "Transactions that failed and were tried again")
shards_held = Gauge("sandtable_ingest_shards", "Shards this worker holds")
flush_seconds = Histogram(
    "sandtable_ingest_flush_seconds", "Time to decode and store a heap", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)

LAG_BOUNDS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)


class LagHistogram(Collector):
    """A Prometheus histogram that takes a whole column at once.

    Parameters
    ----------
    name, documentation : str
        As of any metric; the unit, seconds, belongs to the name.
    """

    def __init__(self, name: str, documentation: str) -> None:
        self._name, self._documentation = name, documentation
        self._bounds = np.array(LAG_BOUNDS_S)
        self._counts = np.zeros(len(LAG_BOUNDS_S) + 1, np.int64)
        self._sum_s = 0.0
        self._lock = threading.Lock()
        REGISTRY.register(self)

    def observe(self, values_s: NDArray[np.float64]) -> None:
        """Count a column; a clock that runs ahead counts as no lag."""
        values_s = np.maximum(values_s, 0.0)
        counts = np.bincount(np.searchsorted(self._bounds, values_s), minlength=len(self._counts))
        with self._lock:
            self._counts += counts
            self._sum_s += float(values_s.sum())

    def collect(self) -> Iterator[Metric]:
        """The present state, as the registry asks for it."""
        with self._lock:
            below, sum_s = np.cumsum(self._counts).tolist(), self._sum_s
        bounds = [*map(str, LAG_BOUNDS_S), "+Inf"]
        yield HistogramMetricFamily(
            self._name, self._documentation, buckets=list(zip(bounds, below, strict=True)), sum_value=sum_s
        )


lag_seconds = LagHistogram("sandtable_ingest_lag_seconds", "From a position's arrival at the platform to its commit")
age_seconds = LagHistogram("sandtable_ingest_age_seconds", "From a position's own time to its commit")
queue_messages = Gauge("sandtable_ingest_queue_messages", "Messages that arrived and are not stored yet")
past_messages = Gauge("sandtable_ingest_past_messages", "Messages of the past that wait behind those of the present")
messages_total = Counter("sandtable_ingest_messages", "Messages taken in, by the way they came", ["source"])
kind_total = Counter("sandtable_ingest_kind_positions", "Positions taken in and well-formed, by kind", ["kind"])
shard_total = Counter("sandtable_ingest_shard_positions", "Positions taken in and well-formed, by shard", ["shard"])
shard_lag = Gauge("sandtable_ingest_shard_lag_seconds", "Longest lag in a shard's last batch", ["shard"])


class Meters:
    """Counts what a worker stored. Costs some ten microseconds a batch, whatever its size."""

    def __init__(self) -> None:
        self._shard_of = np.zeros(1, np.int8)
        self._kind_names = {kind.code: kind.key for kind in kinds()}

    def know(self, devices: Iterable[KnownDevice]) -> None:
        """Learn which device belongs to which shard."""
        pairs = np.array([(device.id, device.shard) for device in devices], np.int64).reshape(-1, 2)
        more = int(pairs[:, 0].max(initial=0)) + 1 - len(self._shard_of)
        self._shard_of = np.r_[self._shard_of, np.zeros(max(more, 0), np.int8)]
        self._shard_of[pairs[:, 0]] = pairs[:, 1]

    def count(self, decoded: Decoded, outcome: Outcome) -> None:
        """What became of the positions of a transaction."""
        received_total.inc(decoded.rows)
        stored_total.inc(outcome.stored)
        repeated_total.inc(decoded.repeated + len(decoded.batch) - outcome.stored)
        late_total.inc(outcome.late)
        early_total.inc(decoded.early)

    def committed(self, messages: Sequence[Received], batch: PositionBatch, now_us: int) -> None:
        """A batch of these messages was committed at ``now_us`` (microseconds since 1970)."""
        for source, count in Tally(message.topic.rpartition("/")[2] for message in messages).items():
            messages_total.labels(source).inc(count)
        if not len(batch):
            return
        lag_s = (now_us - batch.received_us) / MICROSECOND
        lag_seconds.observe(lag_s)
        age_seconds.observe((now_us - batch.time_us) / MICROSECOND)
        for code, count in enumerate(np.bincount(batch.kind).tolist()):
            if count:
                kind_total.labels(self._kind_names[code]).inc(count)
        shards = self._shard_of[batch.device]
        counts, longest = np.bincount(shards, minlength=SHARDS), np.zeros(SHARDS)
        np.maximum.at(longest, shards, lag_s)
        for shard in np.flatnonzero(counts).tolist():
            shard_total.labels(str(shard)).inc(int(counts[shard]))
            shard_lag.labels(str(shard)).set(float(longest[shard]))
