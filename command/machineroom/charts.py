"""Small charts of the last hour, drawn by the server: the page's policy allows no script that would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from command.machineroom.state import Machine, Sample

MINUTES = 60
WIDTH, HEIGHT = 240, 56


@dataclass(frozen=True)
class Chart:
    """One line over the last hour.

    Attributes
    ----------
    lines : tuple of str
        ``points`` of SVG polylines; minutes of which nothing is known part them.
    now, most : str
        The last minute's figure, and the greatest, as people read them.
    """

    title: str
    lines: tuple[str, ...]
    now: str
    most: str
    view: str = f"0 0 {WIDTH} {HEIGHT}"


def by_minute(machine: Machine, value: Callable[[list[Sample]], float | None]) -> list[float | None]:
    """One figure for each of the last 60 minutes, the oldest first; None where no process told anything."""
    minutes: list[list[Sample]] = [[] for _ in range(MINUTES)]
    for sample in machine.samples:
        ago = int((machine.now - sample.at).total_seconds() // 60)
        if 0 <= ago < MINUTES:
            minutes[MINUTES - 1 - ago].append(sample)
    return [value(samples) if samples else None for samples in minutes]


def rate_of(counter: str) -> Callable[[list[Sample]], float | None]:
    """Growth a second of a counter, over all processes: each counts for the time it tells of."""

    def rate(samples: list[Sample]) -> float:
        found = 0.0
        for _process, mine in groupby(sorted(samples, key=whose), key=whose):
            own = list(mine)
            found += sum(s.did.count(counter) for s in own) / max(sum(s.did.seconds for s in own), 1e-9)
        return found

    return rate


def worst_of(histogram: str) -> Callable[[list[Sample]], float | None]:
    """The highest 95 % value of any process; None where nothing was observed."""

    def worst(samples: list[Sample]) -> float | None:
        seen = [s.did.seen[histogram].p95 for s in samples if histogram in s.did.seen]
        return max((value for value in seen if value is not None), default=None)

    return worst


def chart(title: str, values: Iterable[float | None], spoken: Callable[[float | None], str]) -> Chart:
    """A chart of 60 figures from 0 up."""
    figures = list(values)
    most = max((value for value in figures if value is not None), default=None)
    scale = (HEIGHT - 4) / most if most else 0.0
    step = WIDTH / (MINUTES - 1)
    points = [None if v is None else f"{i * step:.1f},{HEIGHT - 2 - v * scale:.1f}" for i, v in enumerate(figures)]
    lines = [list(run) for known, run in groupby(points, key=lambda point: point is not None) if known]
    return Chart(title, tuple(_line(line) for line in lines), spoken(figures[-1]), spoken(most))


def _line(points: list[str | None]) -> str:
    known = [point for point in points if point is not None]
    # A polyline of one point draws nothing.
    return " ".join(known if len(known) > 1 else known * 2)


def whose(sample: Sample) -> tuple[str, str]:
    """The process that a sample is of."""
    return sample.key
