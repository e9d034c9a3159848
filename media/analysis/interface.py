"""What an analyser is: a picture in, findings out (``docs/protocols/analysers.md``).

Analysers run in a process of their own that knows neither Django nor the database; whatever they need comes with their
settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

LONGEST_PX = 1920
"""Longer sides are made smaller before anybody looks: analysers, people and disks get the same picture."""
MOST_FINDINGS = 100
MOST_LABEL = 64


class Box(NamedTuple):
    """Where in the picture: parts of its width and height, 0 to 1, from the upper left corner."""

    left: float
    top: float
    width: float
    height: float

    def within(self, outer: Box) -> Box:
        """The same place in a picture of which this one was the part ``outer``."""
        return Box(
            outer.left + self.left * outer.width,
            outer.top + self.top * outer.height,
            self.width * outer.width,
            self.height * outer.height,
        )


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


class Seen(NamedTuple):
    """One finding: what, how sure (0 to 1), where; the whole picture where an analyser does not say where."""

    label: str
    confidence: float
    box: Box = WHOLE


class Picture(NamedTuple):
    """What an analyser looks at.

    Attributes
    ----------
    rgb : uint8[height, width, 3]
        Red, green, blue; the longer side of the whole picture has :data:`LONGEST_PX` pixels at most.
    taken_us : int
        When it was taken, microseconds since 1970-01-01 UTC.
    camera : str
        Code of the channel; empty for uploads that belong to none.
    """

    rgb: NDArray[np.uint8]
    taken_us: int
    camera: str


class Analyser(Protocol):
    """Looks at pictures, one after another, in a process of its own."""

    def look(self, picture: Picture, /) -> Iterable[Seen]:
        """What is in it; raises whatever it likes where it cannot tell, which is never taken for "nothing"."""


Make = Callable[[Mapping[str, Any]], Analyser]
"""What an entry names: gets the settings, gives the analyser; raises :class:`AnalyserError` where it cannot be."""


class AnalyserError(Exception):
    """An analyser cannot be had as it is set, and why, in words for whoever keeps it."""


def checked(found: Iterable[Seen], part: Box) -> list[Seen]:
    """Findings of a part of the picture as findings of the picture; what an analyser says is not believed unseen.

    Raises
    ------
    ValueError
        It is no finding, or there are too many.
    """
    taken: list[Seen] = []
    for label, confidence, box in found:
        if not isinstance(label, str) or not 0 < len(label.strip()) <= MOST_LABEL or "\0" in label:
            raise ValueError(f"a label has 1 to {MOST_LABEL} signs, not {label!r:.80}")
        numbers = [float(confidence), *(float(number) for number in box)]
        if len(numbers) != 5 or not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{label}: confidence and box must be five numbers")
        if not 0 <= numbers[0] <= 1:
            raise ValueError(f"{label}: confidence {numbers[0]} is not between 0 and 1")
        left, top = (min(1.0, max(0.0, number)) for number in numbers[1:3])
        right, bottom = (
            min(1.0, max(0.0, begin + size)) for begin, size in zip(numbers[1:3], numbers[3:], strict=True)
        )
        if right <= left or bottom <= top:
            raise ValueError(f"{label}: its box is empty or outside the picture")
        taken.append(Seen(label.strip(), numbers[0], Box(left, top, right - left, bottom - top).within(part)))
        if len(taken) > MOST_FINDINGS:
            raise ValueError(f"more than {MOST_FINDINGS} findings in one picture")
    return taken


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
