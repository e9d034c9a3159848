"""Grades of an index in four colours (四色分级), and what the cells of a region come to together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gis.exceptions import GridError

Floats = NDArray[np.floating]


class Grade(IntEnum):
    """高 red, 较高 orange, 中 yellow, 低 blue; 0: no value, nothing to grade."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4


@dataclass(frozen=True)
class Thresholds:
    """From where on an index is yellow, orange, red, the threshold included.

    Rising: the higher, the worse (a risk). Falling: the lower, the worse (a control).

    Raises
    ------
    GridError
        They neither rise nor fall.
    """

    yellow: float
    orange: float
    red: float

    def __post_init__(self) -> None:
        three = (self.yellow, self.orange, self.red)
        rises = self.yellow < self.orange < self.red
        if not np.isfinite(three).all() or not (rises or self.yellow > self.orange > self.red):
            raise GridError(f"thresholds {three}: they must rise, or fall, from yellow to red")

    @property
    def falling(self) -> bool:
        """Whether less is worse."""
        return self.red < self.yellow

    def grade(self, values: Floats) -> NDArray[np.uint8]:
        """Grades of an index: uint8[n], values of :class:`Grade`; 0 where it is NaN."""
        sign = -1.0 if self.falling else 1.0
        edges = sign * np.array([self.yellow, self.orange, self.red])
        grades = np.searchsorted(edges, sign * np.asarray(values, float), side="right") + 1
        return np.where(np.isnan(values), 0, grades).astype(np.uint8)


@dataclass(frozen=True)
class Summary:
    """What cells of one region come to.

    ``value``: mean of the worst tenth of its graded cells, at least one (a city is as safe as its worst quarters, and
    a mean over fields and water would say nothing); ``mean`` and ``worst`` over all of them; ``cells``: how many of
    each grade, none first.
    """

    value: float
    mean: float
    worst: float
    grade: Grade
    cells: tuple[int, int, int, int, int]


WORST_SHARE = 0.1


def summarize(values: Floats, thresholds: Thresholds) -> Summary:
    """Sum up an index over the cells of one region; NaN cells have no part in it."""
    known = np.sort(values[~np.isnan(values)])
    counts = np.bincount(thresholds.grade(values), minlength=5)
    cells = tuple(int(count) for count in counts)
    if not len(known):
        return Summary(np.nan, np.nan, np.nan, Grade.NONE, cells)  # type: ignore[arg-type]
    worst_first = known if thresholds.falling else known[::-1]
    value = float(worst_first[: max(1, round(len(known) * WORST_SHARE))].mean())
    grade = Grade(int(thresholds.grade(np.array([value]))[0]))
    return Summary(value, float(known.mean()), float(worst_first[0]), grade, cells)  # type: ignore[arg-type]
