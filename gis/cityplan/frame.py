"""The drawing board: metres east and north of a point, and soft noise over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True)
class Frame:
    """A plane through a city's middle: good to a percent over a hundred kilometres, and a drawing needs no more.

    Attributes
    ----------
    lon, lat : float
        Degrees of the origin.
    """

    lon: float
    lat: float

    def _scale(self) -> Floats:
        return np.array([METRES_PER_DEGREE * np.cos(np.radians(self.lat)), METRES_PER_DEGREE])

    def to_plane(self, lonlat: ArrayLike) -> Floats:
        """Metres, shape (..., 2), of degrees, shape (..., 2)."""
        return (np.asarray(lonlat, dtype=np.float64) - (self.lon, self.lat)) * self._scale()

    def to_degrees(self, xy: ArrayLike) -> Floats:
        """Degrees of metres; the reverse of :meth:`to_plane`."""
        return np.asarray(xy, dtype=np.float64) / self._scale() + (self.lon, self.lat)

    def shape_to_plane(self, shape: Any) -> Any:
        """A shapely geometry, or an array of them, in metres."""
        return shapely.transform(shape, self.to_plane)

    def shape_to_degrees(self, shape: Any) -> Any:
        """A shapely geometry, or an array of them, in degrees with seven decimals (a centimetre)."""
        return shapely.transform(shape, lambda xy: np.round(self.to_degrees(xy), 7))


class SoftNoise:
    """A smooth field over the plane with values around 0, mostly within ±1: waves of many directions.

    Parameters
    ----------
    rng : numpy Generator
        Decides the waves.
    shortest_m, longest_m : float
        Range of the wavelengths in metres.
    count : int
        How many waves; more look less regular.
    """

    def __init__(self, rng: np.random.Generator, shortest_m: float, longest_m: float, count: int = 14) -> None:
        length_m = np.exp(rng.uniform(np.log(shortest_m), np.log(longest_m), count))
        direction = rng.uniform(0, 2 * np.pi, count)
        self._waves = (2 * np.pi / length_m)[:, None] * np.column_stack([np.cos(direction), np.sin(direction)])
        self._phase = rng.uniform(0, 2 * np.pi, count)

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """Values at points in metres; the shape is that of ``x`` and ``y`` together."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape))
        for (across, along), phase in zip(self._waves, self._phase, strict=True):
            total += np.sin(x * across + y * along + phase)
        return total / np.sqrt(len(self._phase) / 2) / 1.5


def smooth_line(points: ArrayLike, closed: bool = False, steps: int = 12) -> Floats:
    """A Catmull-Rom curve through points.

    Parameters
    ----------
    points : array_like, shape (n, 2)
    closed : bool
        Whether the curve returns to its first point.
    steps : int
        Points per piece.

    Returns
    -------
    array of float64, shape (m, 2)
    """
    given = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([given[-1:], given, given[:2]])
    else:
        padded = np.concatenate([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
    before, start, end, after = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), padded[-2:-1]])
