"""Who is near whom: pairs of points within a distance, and each point's nearest other, by a grid of columns. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.plane import M_PER_DEG, distances_m

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
_AROUND = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]


def pairs_within(lon: Floats, lat: Floats, to_lon: Floats, to_lat: Floats, radius_m: float) -> tuple[Ids, Ids, Floats]:
    """Find every pair of a point and another no further apart than a radius.

    Parameters
    ----------
    lon, lat : float64[n]
        Points, degrees of EPSG:4326. One that is not finite is near nothing.
    to_lon, to_lat : float64[m]
        The others, of one city: the grid narrows towards the poles with the northernmost and southernmost of them.
    radius_m : float
        Metres, above 0, inclusive.

    Returns
    -------
    point, other : int64[k]
        One pair each, ordered by point, then by distance.
    distance_m : float64[k]

    Raises
    ------
    ValueError
        The radius is not a positive number.

    Notes
    -----
    Cells are as wide as the radius, so whoever is near stands in one of nine. Points are sorted by cell once, and each
    of the nine is a pair of binary searches for all points together. Where ``k`` points stand in one place there are
    ``k`` squared pairs: they are found, because they are asked for.
    """
    if not (np.isfinite(radius_m) and radius_m > 0):
        raise ValueError(f"a radius is a positive number of metres, not {radius_m}")
    here, there = (np.flatnonzero(np.isfinite(x) & np.isfinite(y)) for x, y in ((lon, lat), (to_lon, to_lat)))
    if not len(here) or not len(there):
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0)
    every_lat = np.r_[lat[here], to_lat[there]]
    # A hair wider: what is exactly at the radius must not fall into the cell after the next.
    north_deg = radius_m * (1 + 1e-9) / M_PER_DEG
    narrowest = np.cos(np.radians(np.abs(every_lat).max()))
    east_deg = north_deg / max(float(narrowest), 1e-6)
    west, south = min(lon[here].min(), to_lon[there].min()), every_lat.min()
    columns = int((max(lon[here].max(), to_lon[there].max()) - west) / east_deg) + 3
    column, row = _cells(lon[here], west, east_deg), _cells(lat[here], south, north_deg)
    cell = _cells(to_lat[there], south, north_deg) * columns + _cells(to_lon[there], west, east_deg)
    order = np.argsort(cell, kind="stable")
    cell = cell[order]
    points, others = [], []
    for up, right in _AROUND:
        wanted = (row + up) * columns + column + right
        first, end = np.searchsorted(cell, wanted), np.searchsorted(cell, wanted, "right")
        count = end - first
        points.append(np.repeat(here, count))
        others.append(there[order[ranges(first, count)]])
    point, other = np.concatenate(points), np.concatenate(others)
    distance_m = distances_m(lon[point], lat[point], to_lon[other], to_lat[other])
    near = np.flatnonzero(distance_m <= radius_m)
    near = near[np.lexsort((other[near], distance_m[near], point[near]))]
    return point[near], other[near], distance_m[near]


def ranges(first: Ids, count: Ids) -> Ids:
    """The numbers ``first[i], first[i] + 1, …``, ``count[i]`` of them, one run after the other: int64[sum(count)]."""
    total = int(count.sum())
    return np.repeat(first - np.cumsum(count) + count, count) + np.arange(total)


def _cells(degrees: Floats, low: float, width: float) -> Ids:
    # One empty cell on each side: a neighbour of the last column is no cell of the next row.
    return ((degrees - low) / width).astype(np.int64) + 1
