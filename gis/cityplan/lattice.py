"""The bent grid that streets and blocks follow, and how built-up each of its knots is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.cityplan.frame import Floats, SoftNoise

Mask = NDArray[np.bool_]

STEP_M = 250.0
BEND_M = 900.0
# How built-up (0 to 1) ground must be for streets and blocks, and for roads every 1, 2 and 4 km.
BUILT_UP = 0.32
REACH = {4: 0.2, 8: 0.06, 16: -9.0}


@dataclass(frozen=True)
class Centre:
    """A place that towns grow around: metres, radius in metres, weight up to 1."""

    x: float
    y: float
    radius_m: float
    weight: float


@dataclass(frozen=True)
class Lattice:
    """Knots ``(i, j)``, some 250 m apart.

    Attributes
    ----------
    x, y : array of float64, shape (n, m)
        Where the knots are, in metres.
    inside : array of bool, shape (n, m)
        Whether a knot lies in the city.
    density : array of float64, shape (n, m)
        How built-up it is there: 1 in the middle, 0 in the fields.
    """

    x: Floats
    y: Floats
    inside: Mask
    density: Floats

    def cells(self) -> Mask:
        """Cells with all four knots in the city; shape (n - 1, m - 1)."""
        ok = self.inside
        return ok[:-1, :-1] & ok[1:, :-1] & ok[1:, 1:] & ok[:-1, 1:]

    def corners(self, i: NDArray[np.int64], j: NDArray[np.int64], span: int = 1) -> Floats:
        """Corners of cells, counter-clockwise: shape (k, 4, 2)."""
        di, dj = np.array([0, span, span, 0]), np.array([0, 0, span, span])
        rows, columns = i[:, None] + di, j[:, None] + dj
        return np.stack([self.x[rows, columns], self.y[rows, columns]], axis=-1)


def bent_grid(city: shapely.Geometry, centres: list[Centre], rng: np.random.Generator) -> Lattice:
    """Lay the lattice over a city and say how built-up it is.

    Parameters
    ----------
    city : shapely geometry
        In metres.
    centres : list of Centre
    rng : numpy Generator
    """
    west, south, east, north = city.bounds
    # Whole steps of four kilometres, so that a grid line of every order passes near the origin.
    block_m = 16 * STEP_M
    first_x, first_y = np.floor(west / block_m) * block_m, np.floor(south / block_m) * block_m
    grid_x = np.arange(first_x, east + STEP_M, STEP_M)[:, None]
    grid_y = np.arange(first_y, north + STEP_M, STEP_M)[None, :]
    bend_x, bend_y = SoftNoise(rng, 9_000.0, 60_000.0), SoftNoise(rng, 9_000.0, 60_000.0)
    x = grid_x + BEND_M * bend_x(grid_x, grid_y)
    y = grid_y + BEND_M * bend_y(grid_x, grid_y)
    # A little disorder in the small streets; the roads every kilometre stay smooth.
    small = (np.arange(x.shape[0])[:, None] % 4 != 0) & (np.arange(x.shape[1])[None, :] % 4 != 0)
    x += small * rng.uniform(-22.0, 22.0, x.shape)
    y += small * rng.uniform(-22.0, 22.0, y.shape)
    shapely.prepare(city)
    inside = shapely.contains_xy(city, x, y)
    return Lattice(x, y, inside, _density(x, y, inside, centres, rng))


def _density(x: Floats, y: Floats, inside: Mask, centres: list[Centre], rng: np.random.Generator) -> Floats:
    density = np.zeros_like(x)
    for centre in centres:
        # Beyond two and a half radii a centre adds nothing that matters.
        reach = int((2.5 * centre.radius_m + 2 * BEND_M) / STEP_M) + 1
        i = int((centre.x - x[0, 0]) / STEP_M)
        j = int((centre.y - y[0, 0]) / STEP_M)
        window = np.s_[max(i - reach, 0) : max(i + reach, 0), max(j - reach, 0) : max(j + reach, 0)]
        squared = (x[window] - centre.x) ** 2 + (y[window] - centre.y) ** 2
        grown = centre.weight * np.exp(-squared / centre.radius_m**2)
        density[window] = np.maximum(density[window], grown)
    # Edges of towns are ragged, and fingers of fields reach far in.
    rough, fingers = SoftNoise(rng, 1_500.0, 7_000.0), SoftNoise(rng, 6_000.0, 22_000.0)
    density += (0.12 * rough(x, y) + 0.2 * fingers(x, y)) * np.sqrt(density) * (1.05 - density)
    return np.where(inside, np.clip(density, 0.0, 1.0), 0.0)


def strings(x: Floats, y: Floats, kept: Mask, longest: int = 48) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Join kept edges along grid lines into lines.

    Parameters
    ----------
    x, y : array of float64, shape (n, m)
        Knots; a line runs along the second axis.
    kept : array of bool, shape (n, m - 1)
        Edge ``(i, j)`` joins the knots ``(i, j)`` and ``(i, j + 1)``.
    longest : int
        Edges a line may have, so that a map tile need not read a whole city's street.

    Returns
    -------
    lines : array of LineString, shape (k,)
    row : array of int64, shape (k,)
        First index of each line.
    """
    before = np.zeros_like(kept)
    before[:, 1:] = kept[:, :-1]
    begins = kept & (~before | (np.arange(kept.shape[1]) % longest == 0))
    i, j = np.nonzero(kept)
    if not len(i):
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    number = np.cumsum(begins[i, j]) - 1
    first = np.flatnonzero(np.diff(number, prepend=-1))
    # Every edge gives its first knot, the last edge of a line its second one, too.
    last = np.append(first[1:], len(i)) - 1
    order = np.argsort(np.concatenate([number, number[last]]), kind="stable")
    rows = np.concatenate([i, i[last]])[order]
    columns = np.concatenate([j, j[last] + 1])[order]
    lines = shapely.linestrings(
        np.column_stack([x[rows, columns], y[rows, columns]]), indices=np.concatenate([number, number[last]])[order]
    )
    return lines, i[first]
