"""The platform as it is now, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.reporting.figures import Interval

FRESH_S = 30
"""A process heard within this time lives."""


@dataclass(frozen=True)
class Process:
    """A process as it last told of itself."""

    line: str
    name: str
    host: str
    pid: int
    revision: str
    started_at: datetime
    reported_at: datetime
    did: Interval
    """What it did in its last seconds."""

    @property
    def key(self) -> tuple[str, str]:
        """Machine and name."""
        return self.host, self.name


@dataclass(frozen=True)
class Sample:
    """What a process did in the half minute until ``at``."""

    at: datetime
    line: str
    name: str
    host: str
    did: Interval

    @property
    def key(self) -> tuple[str, str]:
        """Machine and name."""
        return self.host, self.name


@dataclass(frozen=True)
class Lease:
    """Who takes in a shard; ``free_s``: for how long nobody has, 0 where somebody does."""

    shard: int
    owner: str
    free_s: float


@dataclass(frozen=True)
class FailingJob:
    """A job that failed since it last went well."""

    task: str
    times: int
    last_at: datetime


@dataclass(frozen=True)
class Jobs:
    """Jobs that wait to be done, for how long the oldest has, and those that fail."""

    waiting: int = 0
    oldest_s: float = 0.0
    failing: tuple[FailingJob, ...] = ()


@dataclass(frozen=True)
class Database:
    """Size, connections, and the days of which the history has a partition (``None``: none at all)."""

    size_bytes: int
    connections: int
    most_connections: int
    oldest_day: str | None = None
    newest_day: str | None = None


@dataclass(frozen=True)
class Machine:
    """Everything the checks and the page look at.

    Attributes
    ----------
    samples : tuple of Sample
        Of the last hour, the oldest first.
    expected : tuple of str
        Lines of the Procfile of which one process at least must run.
    missing_partitions : tuple of str
        Kinds whose history has no partition for tomorrow (UTC).
    held : mapping
        Open causes of the platform's alerts by rule.
    """

    now: datetime
    processes: tuple[Process, ...] = ()
    samples: tuple[Sample, ...] = ()
    expected: tuple[str, ...] = ()
    leases: tuple[Lease, ...] = ()
    jobs: Jobs = Jobs()
    database: Database = Database(0, 0, 0)
    missing_partitions: tuple[str, ...] = ()
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def silent_s(self, process: Process) -> float:
        """For how long a process has not been heard."""
        return max((self.now - process.reported_at).total_seconds(), 0.0)

    def living(self, line: str | None = None) -> list[Process]:
        """Processes heard lately, of one line or of all."""
        return [p for p in self.processes if line in (None, p.line) and self.silent_s(p) <= FRESH_S]

    def since(self, seconds: float) -> list[Sample]:
        """Samples of the last seconds."""
        first = self.now - timedelta(seconds=seconds)
        return [sample for sample in self.samples if sample.at > first]

    def count(self, counter: str, seconds: float = 3600) -> float:
        """Growth of a counter in the samples of the last seconds, over all processes."""
        return sum(sample.did.count(counter) for sample in self.since(seconds))

    def by(self, counter: str, seconds: float = 3600) -> dict[str, float]:
        """Growth of a counter by its label in the samples of the last seconds, over all processes."""
        found: dict[str, float] = {}
        for sample in self.since(seconds):
            for name, count in sample.did.by(counter).items():
                found[name] = found.get(name, 0.0) + count
        return found

    def last_samples(self, line: str, count: int) -> dict[tuple[str, str], list[Sample]]:
        """The newest samples of each process of a line that lives, the oldest of them first."""
        alive = {process.key for process in self.living(line)}
        found: dict[tuple[str, str], list[Sample]] = {key: [] for key in alive}
        for sample in self.samples:
            if sample.key in alive:
                found[sample.key].append(sample)
        return {key: samples[-count:] for key, samples in found.items() if samples}
