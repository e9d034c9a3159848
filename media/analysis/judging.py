"""What of findings counts for a task, and how long a cause lasts: pure, of values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from media.analysis.interface import WHOLE, Box, Seen
from twin.periods import Period, in_force

SECOND_US = 1_000_000
QUIET_US = 30 * SECOND_US
MISSES = 2
"""What is not seen in so many looks, and for so long, is gone; a person who turns round is not another one."""


@dataclass(frozen=True)
class Task:
    """A task as the process knows it; keys of the database, ``labels`` empty: all."""

    pk: int
    channel: int
    analyser: str
    every_s: int
    confidence: float
    labels: frozenset[str] = frozenset()
    part: Box = WHOLE
    grade: int = 3
    periods: tuple[Period, ...] = ()
    camera: str = ""
    place: tuple[float, float] | None = None

    def applies_at(self, now_us: int) -> bool:
        """Whether the camera is to be looked at now."""
        return in_force(self.periods, datetime.fromtimestamp(now_us / SECOND_US, UTC))


def counted(found: Iterable[Seen], confidence: float, labels: frozenset[str] = frozenset()) -> dict[str, list[Seen]]:
    """Findings that are sure enough and asked for, by label, the surest first."""
    by_label: dict[str, list[Seen]] = {}
    for seen in sorted(found, key=lambda each: -each.confidence):
        if seen.confidence >= confidence and (not labels or seen.label in labels):
            by_label.setdefault(seen.label, []).append(seen)
    return by_label


@dataclass
class Lasting:
    """A cause that lasts: since it was first seen it is one finding and one alert."""

    last_us: int
    looks: int = 1
    misses: int = 0
    told_us: int = 0


class Steps(NamedTuple):
    """What a look changed: causes that began (label and where), that went on, and that ended."""

    began: dict[str, Sequence[Seen]]
    went_on: list[str]
    ended: dict[str, Lasting]


@dataclass
class Following:
    """Causes of one task, by label."""

    lasting: dict[str, Lasting] = field(default_factory=dict)

    def looked(self, seen: dict[str, list[Seen]], at_us: int, every_s: int) -> Steps:
        """A picture of ``at_us`` was looked at.

        What was not looked at ends nothing: a camera or an analyser that failed says nothing about what is there.
        """
        steps = Steps({}, [], {})
        quiet_us = max(QUIET_US, MISSES * every_s * SECOND_US)
        for label, found in seen.items():
            if (lasting := self.lasting.get(label)) is None:
                self.lasting[label] = Lasting(at_us, told_us=at_us)
                steps.began[label] = found
            else:
                lasting.last_us, lasting.misses = max(lasting.last_us, at_us), 0
                lasting.looks += 1
                steps.went_on.append(label)
        for label, lasting in list(self.lasting.items()):
            if label in seen:
                continue
            lasting.misses += 1
            if lasting.misses >= MISSES and at_us - lasting.last_us >= quiet_us:
                steps.ended[label] = self.lasting.pop(label)
        return steps

    def forget(self, labels: Iterable[str]) -> None:
        """These do not last; seen again, they begin."""
        for label in labels:
            self.lasting.pop(label, None)
