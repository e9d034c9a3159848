"""Where a track stays and where it travels, and how far: pure functions on columns of a cleaned track."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twin.tracks.measures import distances_m
from twin.tracks.quality import Mark, breaks, mark_outliers

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

STAY_RADIUS_M = 50.0
STAY_S = 300
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Stay:
    """停留: for a while within a small circle; microseconds since 1970 UTC, degrees."""

    start_us: int
    end_us: int
    lon: float
    lat: float


@dataclass(frozen=True)
class Trip:
    """行程: from one stay to the next; metres along the believed positions."""

    start_us: int
    end_us: int
    distance_m: float


@dataclass(frozen=True)
class Told:
    """What a track tells.

    Attributes
    ----------
    marks : uint8[n]
        :class:`twin.tracks.quality.Mark` of each position.
    stays, trips : list
        In the order of time.
    distance_m : float
        Of all trips; what a receiver wanders while the thing stays is none.
    unexplained_m : float
        Between believed positions so far apart that the thing cannot have travelled by itself in that time.
    hours : list of (int, float)
        Beginning of each hour in which it travelled (microseconds), and metres.
    """

    marks: NDArray[np.uint8]
    stays: list[Stay]
    trips: list[Trip]
    distance_m: float
    unexplained_m: float
    hours: list[tuple[int, float]]


def tell(time_us: Whole, lon: Floats, lat: Floats, fastest_m_s: float) -> Told:
    """Mark what cannot be true in a track, and cut the rest in stays and trips.

    Parameters
    ----------
    time_us : int64[n]
        Ascending.
    lon, lat : float64[n]
        Degrees.
    fastest_m_s : float
        What the thing is capable of.
    """
    marks = mark_outliers(time_us, lon, lat, fastest_m_s)
    good = marks == Mark.NONE
    time_us, lon, lat = time_us[good], lon[good], lat[good]
    spans = find_stays(time_us, lon, lat)
    hop_m = distances_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    broken = breaks(time_us, lon, lat, fastest_m_s)
    unexplained_m = float(hop_m[broken].sum())
    hop_m[broken] = 0
    for first, last in spans:
        hop_m[first:last] = 0
    edges = [(-1, 0), *spans, (len(time_us) - 1, -1)]
    trips = [
        Trip(int(time_us[a]), int(time_us[b]), float(hop_m[a:b].sum()))
        for (_, a), (b, _) in pairwise(edges)
        if b > a and hop_m[a:b].any()
    ]
    stays = [
        Stay(int(time_us[a]), int(time_us[b]), float(np.median(lon[a : b + 1])), float(np.median(lat[a : b + 1])))
        for a, b in spans
    ]
    hour = time_us[1:] // HOUR_US
    starts, which = np.unique(hour[hop_m > 0], return_inverse=True)
    metres = np.bincount(which, hop_m[hop_m > 0], len(starts)) if len(starts) else np.zeros(0)
    hours = list(zip((starts * HOUR_US).tolist(), metres.tolist(), strict=True))
    return Told(marks, stays, trips, float(hop_m.sum()), unexplained_m, hours)


def find_stays(
    time_us: Whole, lon: Floats, lat: Floats, radius_m: float = STAY_RADIUS_M, least_s: float = STAY_S
) -> list[tuple[int, int]]:
    """First and last position of each stay.

    A stay begins at a position from which the thing does not go farther than ``radius_m`` for ``least_s``, and ends
    with the last one before it does. Silence inside the circle belongs to it.

    Notes
    -----
    The stay points of Li, Q. et al. (2008), "Mining user similarity based on location history", ACM GIS.
    """
    n = len(time_us)
    # Who is beyond the circle when the time is over stays nowhere: most of a moving track is done with at once.
    later = np.minimum(np.searchsorted(time_us, time_us + int(least_s * 1e6)), n - 1)
    may = np.flatnonzero(distances_m(lon, lat, lon[later], lat[later]) <= 2 * radius_m)
    spans: list[tuple[int, int]] = []
    at = 0
    while True:
        k = int(np.searchsorted(may, at))
        if k == len(may):
            return spans
        at = int(may[k])
        last = _last_within(at, lon, lat, radius_m)
        if time_us[last] - time_us[at] >= least_s * 1e6:
            spans.append((at, last))
            at = last
        at += 1


def _last_within(at: int, lon: Floats, lat: Floats, radius_m: float) -> int:
    """The last of the positions in a row from ``at`` that lie within the circle around it."""
    step, first = 64, at
    while first < len(lon):
        stretch = slice(first, first + step)
        far = np.flatnonzero(distances_m(lon[at], lat[at], lon[stretch], lat[stretch]) > radius_m)
        if len(far):
            return first + int(far[0]) - 1
        first, step = first + step, step * 2
    return len(lon) - 1
