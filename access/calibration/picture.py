"""The map of residuals: where the control points lie, and where each would have landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, MARGIN = 720, 480, 56
LONGEST = 60.0
"""Length of the longest arrow, pixels."""
MOST_NAMED = 40
"""With more points, only those that stand out have their names drawn."""


@dataclass(frozen=True)
class Mark:
    """A point on the picture: its place, the arrow's end, its name if drawn, and whether it stands out."""

    x: float
    y: float
    to_x: float
    to_y: float
    name: str
    out: bool
    unused: bool
    title: str


@dataclass(frozen=True)
class Picture:
    """Everything the template draws; pixels from the upper left.

    Attributes
    ----------
    marks : tuple of Mark
    scale_m, scale_px : float
        Bar of distance.
    arrow_mm, arrow_px : float
        Bar of residuals.
    """

    marks: tuple[Mark, ...]
    scale_m: float
    scale_px: float
    arrow_mm: float
    arrow_px: float
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def scale_end(self) -> float:
        """Where the bar of distance ends; it begins at 20."""
        return 20 + self.scale_px

    @property
    def scale_text(self) -> str:
        """Its length, as it is labelled."""
        return f"{self.scale_m / 1000:g} km" if self.scale_m >= 1000 else f"{self.scale_m:g} m"

    @property
    def arrow_start(self) -> float:
        """Where the bar of residuals begins; it ends at 700."""
        return 700 - self.arrow_px

    @property
    def arrow_text(self) -> str:
        """What its length means."""
        return f"{self.arrow_mm / 1000:g} m" if self.arrow_mm >= 1000 else f"{self.arrow_mm:g} mm"


def draw(
    names: Sequence[str],
    place_m: NDArray[np.float64],
    residuals_m: NDArray[np.float64],
    outliers: frozenset[int],
    unused: frozenset[int],
) -> Picture:
    """Lay the points out.

    Parameters
    ----------
    names : sequence of str, n
    place_m, residuals_m : array of float64, shape (n, 2)
        East and north, metres.
    outliers, unused : frozenset of int
        Points marked, and points not used.
    """
    low, high = place_m.min(axis=0), place_m.max(axis=0)
    span = np.maximum(high - low, 1.0)
    per_m = float(min((WIDTH - 2 * MARGIN) / span[0], (HEIGHT - 2 * MARGIN) / span[1]))
    middle = (low + high) / 2
    x = WIDTH / 2 + (place_m[:, 0] - middle[0]) * per_m
    y = HEIGHT / 2 - (place_m[:, 1] - middle[1]) * per_m
    used = [i for i in range(len(names)) if i not in unused]
    # Arrows are scaled by the points in use: one taken out may lie kilometres away.
    longest = float(np.linalg.norm(residuals_m[used], axis=1).max()) if used else 0.0
    arrow_mm = _round(max(longest, 1e-5) * 1000)
    per_residual = LONGEST / max(longest, 1e-5)
    end = residuals_m * per_residual
    length = np.linalg.norm(end, axis=1)
    end *= np.minimum(1.0, 2 * LONGEST / np.maximum(length, 1e-12))[:, None]
    marks = tuple(
        Mark(
            round(float(x[i]), 1),
            round(float(y[i]), 1),
            round(float(x[i] + end[i, 0]), 1),
            round(float(y[i] - end[i, 1]), 1),
            name if len(names) <= MOST_NAMED or i in outliers else "",
            i in outliers,
            i in unused,
            f"{name} {np.linalg.norm(residuals_m[i]) * 1000:.1f} mm",
        )
        for i, name in enumerate(names)
    )
    scale_m = _round(float(span.max()) / 4)
    return Picture(marks, scale_m, round(scale_m * per_m, 1), arrow_mm, round(arrow_mm / 1000 * per_residual, 1))


def _round(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not larger."""
    power = 10.0 ** np.floor(np.log10(value))
    step = next(step for step in (5, 2, 1) if step * power <= value * 1.000001)
    return float(f"{step * power:.1g}")
