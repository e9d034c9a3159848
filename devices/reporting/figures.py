"""Prometheus figures as plain numbers: totals at a moment, and what happened between two moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.samples import Sample

OURS = ("sandtable_", "process_cpu_seconds", "process_resident_memory")
QUANTILE = 0.95
UNBOUNDED = float("inf")


@dataclass(frozen=True)
class Spread:
    """Observations of one histogram: how many, their sum, and how many were at or below each bound, ascending."""

    count: float
    sum: float
    below: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Seen:
    """What was observed between two moments. ``p95`` is None where nothing was, and for what has no bounds."""

    count: float
    sum: float
    p95: float | None

    @property
    def mean(self) -> float | None:
        """Mean; None where nothing was observed."""
        return self.sum / self.count if self.count else None


@dataclass(frozen=True)
class Totals:
    """A registry at a moment; ``at`` in seconds of any clock that only goes forward.

    Names are Prometheus's, with labels behind: ``sandtable_positions_refused_total{reason=not_json}``.
    """

    at: float
    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class Interval:
    """What a process did in ``seconds``: growth of counters, gauges at the end, what histograms saw.

    What did not happen is left out.
    """

    seconds: float
    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)

    def rate(self, name: str) -> float:
        """Growth a second of a counter, over all its labels."""
        return self.count(name) / self.seconds if self.seconds > 0 else 0.0

    def count(self, name: str) -> float:
        """Growth of a counter, over all its labels."""
        return sum(value for key, value in self.counters.items() if base(key) == name)

    def by(self, name: str) -> dict[str, float]:
        """Growth of a counter by the value of its only label."""
        return {label(key): value for key, value in self.counters.items() if base(key) == name}

    def gauges_by(self, name: str) -> dict[str, float]:
        """Values of a gauge by the value of its only label."""
        return {label(key): value for key, value in self.gauges.items() if base(key) == name}

    def without(self, labelled: str) -> Interval:
        """Less the counters and gauges that have this label."""
        sign = "{" + labelled + "="
        return Interval(
            self.seconds,
            {key: value for key, value in self.counters.items() if sign not in key},
            {key: value for key, value in self.gauges.items() if sign not in key},
            self.seen,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them."""
        return {
            "s": round(self.seconds, 3),
            "c": {key: _short(value) for key, value in self.counters.items()},
            "g": {key: _short(value) for key, value in self.gauges.items()},
            "h": {
                key: [_short(seen.count), _short(seen.sum), None if seen.p95 is None else _short(seen.p95)]
                for key, seen in self.seen.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Interval:
        """Read what :meth:`as_json` gave."""
        return cls(
            values.get("s", 0.0),
            values.get("c", {}),
            values.get("g", {}),
            {key: Seen(*seen) for key, seen in values.get("h", {}).items()},
        )


def base(key: str) -> str:
    """Name of a metric without its labels."""
    return key.partition("{")[0]


def label(key: str) -> str:
    """Value of a metric's only label; empty where it has none."""
    return key.partition("=")[2].removesuffix("}")


def read_totals(at: float, registry: CollectorRegistry = REGISTRY) -> Totals:
    """All figures of ours in a registry, as they are now."""
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    spreads: dict[str, Spread] = {}
    for family in registry.collect():
        if not family.name.startswith(OURS):
            continue
        if family.type == "counter":
            counters |= {_key(s): s.value for s in family.samples if s.name.endswith("_total")}
        elif family.type == "gauge":
            gauges |= {_key(s): s.value for s in family.samples}
        elif family.type in ("histogram", "summary"):
            spreads |= _spreads(family.name, family.samples)
    return Totals(at, counters, gauges, spreads)


def between(before: Totals, after: Totals) -> Interval:
    """What happened from one moment to a later one of the same process."""
    counters = {key: value - before.counters.get(key, 0.0) for key, value in after.counters.items()}
    seen: dict[str, Seen] = {}
    for key, spread in after.spreads.items():
        old = before.spreads.get(key, Spread(0.0, 0.0))
        if spread.count > old.count:
            was = dict(old.below)
            below = tuple((bound, count - was.get(bound, 0.0)) for bound, count in spread.below)
            count = spread.count - old.count
            seen[key] = Seen(count, spread.sum - old.sum, quantile(below, count))
    return Interval(
        after.at - before.at, {key: value for key, value in counters.items() if value}, dict(after.gauges), seen
    )


def quantile(below: Iterable[tuple[float, float]], count: float, share: float = QUANTILE) -> float | None:
    """The value that ``share`` of ``count`` observations do not exceed, straight between bounds.

    Beyond the last finite bound it is that bound: "at least so much". None without bounds.
    """
    bounds = [(0.0, 0.0), *below]
    if len(bounds) == 1 or not count:
        return None
    wanted = share * count
    for (low, under), (high, at_most) in pairwise(bounds):
        if at_most >= wanted:
            if high == UNBOUNDED:
                return low
            return low + (high - low) * (wanted - under) / (at_most - under) if at_most > under else high
    return bounds[-1][0]


def _spreads(name: str, samples: Iterable[Sample]) -> dict[str, Spread]:
    counts: dict[str, float] = {}
    sums: dict[str, float] = {}
    bounds: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        labels = {k: v for k, v in sample.labels.items() if k != "le"}
        key = _name(name, labels)
        if sample.name.endswith("_count"):
            counts[key] = sample.value
        elif sample.name.endswith("_sum"):
            sums[key] = sample.value
        elif sample.name.endswith("_bucket"):
            bounds.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
    return {key: Spread(n, sums.get(key, 0.0), tuple(sorted(bounds.get(key, ())))) for key, n in counts.items()}


def _key(sample: Sample) -> str:
    return _name(sample.name, sample.labels)


def _name(name: str, labels: Mapping[str, str]) -> str:
    return name + ("{" + ",".join(f"{k}={v}" for k, v in sorted(labels.items())) + "}" if labels else "")


def _short(value: float) -> float:
    """Six figures are enough for people, and half the room."""
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.6g}")
