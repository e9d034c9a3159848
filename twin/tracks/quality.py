"""Which positions of a track cannot be true: pure functions on columns.

A track falls apart wherever the thing would have had to be faster than it can be. Of the pieces, the chain is believed
that holds most positions and in which each piece can be reached from the one before; what stands beside it is marked.
A chain may be broken where many positions stand on both sides, so that a thing that was carried off, or a recording
with a hole in it, is not thrown away. A marked position that lies on the believed path came with a wrong time; one
that does not, with a wrong place.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from twin.tracks.measures import distances_m, offsets_m

Floats = NDArray[np.float64]


class Mark(IntEnum):
    """What is wrong with a position."""

    NONE = 0
    TIME = 1
    """It lies on the path, but not at that time."""
    PLACE = 2
    """The thing cannot have been there."""
    ACCELERATION = 3
    """A sideways leap, too sudden although not too fast."""


MOST_M_S2 = 12.0
"""More than this nothing on the ground accelerates or brakes."""
SURE_M = 15.0
"""Leaps shorter than this may be the receiver's noise, whatever they would mean as speed or acceleration."""
ON_PATH_M = 60.0
BREAK_POINTS = 10
"""A chain may be broken where this many positions are won by it."""
_REACH = 48
"""Pieces that may be left out in a row, and neighbours on either side that make the path at a marked position."""


def mark_outliers(time_us: NDArray[np.int64], lon: Floats, lat: Floats, fastest_m_s: float) -> NDArray[np.uint8]:
    """Mark positions that cannot be true.

    Parameters
    ----------
    time_us : int64[n]
        Ascending; may repeat.
    lon, lat : float64[n]
        Degrees.
    fastest_m_s : float
        What the thing is capable of.

    Returns
    -------
    uint8[n]
        :class:`Mark` of each.
    """
    marks = np.zeros(len(time_us), np.uint8)
    if len(time_us) < 3:
        return marks
    believed = _believed(time_us, lon, lat, fastest_m_s)
    path = np.flatnonzero(believed)
    for at in np.flatnonzero(~believed):
        marks[at] = Mark.TIME if _is_on_path(path, int(at), lon, lat) else Mark.PLACE
    leaps, along = _leaps(time_us[path], lon[path], lat[path], fastest_m_s)
    marks[path[leaps]] = np.where(along, Mark.TIME, Mark.ACCELERATION)
    return marks


def breaks(time_us: NDArray[np.int64], lon: Floats, lat: Floats, fastest_m_s: float) -> NDArray[np.bool_]:
    """Between which neighbours of a cleaned track the thing cannot have travelled by itself: bool[n - 1]."""
    length_m = distances_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return (length_m > np.diff(time_us) / 1e6 * fastest_m_s) & (length_m > SURE_M)


def _believed(time_us: NDArray[np.int64], lon: Floats, lat: Floats, fastest_m_s: float) -> NDArray[np.bool_]:
    cut = np.flatnonzero(breaks(time_us, lon, lat, fastest_m_s)) + 1
    first, last = np.append(0, cut), np.append(cut, len(time_us)) - 1
    count = last - first + 1
    best = count.astype(float)
    before = np.full(len(first), -1)
    # The best chain that ends somewhere before, from which one may come by a break.
    top, top_at = -np.inf, -1
    for i in range(1, len(first)):
        near = np.arange(max(0, i - _REACH), i)
        length_m = distances_m(lon[last[near]], lat[last[near]], lon[first[i]], lat[first[i]])
        within = length_m <= np.maximum((time_us[first[i]] - time_us[last[near]]) / 1e6 * fastest_m_s, SURE_M)
        if best[i - 1] > top:
            top, top_at = best[i - 1], i - 1
        reach = np.where(within, best[near], -np.inf)
        at = int(reach.argmax())
        if reach[at] >= top - BREAK_POINTS and reach[at] > -np.inf:
            before[i], best[i] = near[at], best[i] + reach[at]
        elif top - BREAK_POINTS > 0:
            before[i], best[i] = top_at, best[i] + top - BREAK_POINTS
    believed = np.zeros(len(time_us), bool)
    i = int(best.argmax())
    while i >= 0:
        believed[first[i] : last[i] + 1] = True
        i = int(before[i])
    return believed


def _is_on_path(path: NDArray[np.int64], at: int, lon: Floats, lat: Floats) -> bool:
    """Whether a position lies beside the line through the believed ones around it in time."""
    place = int(np.searchsorted(path, at))
    near = path[max(0, place - _REACH) : place + _REACH]
    x, y = offsets_m(np.full(len(near), lon[at]), np.full(len(near), lat[at]), lon[near], lat[near])
    if len(near) < 2:
        return bool((np.hypot(x, y) <= ON_PATH_M).any())
    dx, dy = np.diff(x), np.diff(y)
    along = np.clip(-(x[:-1] * dx + y[:-1] * dy) / np.maximum(dx**2 + dy**2, 1e-9), 0, 1)
    return bool((np.hypot(x[:-1] + along * dx, y[:-1] + along * dy) <= ON_PATH_M).any())


def _leaps(
    time_us: NDArray[np.int64], lon: Floats, lat: Floats, fastest_m_s: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions that are not where their neighbours' motion would have them, farther than anything can swerve.

    Returns
    -------
    leaps : int64[k]
        Indices.
    along : bool[k]
        Which of them stand on the line between their neighbours, only too early or too late.
    """
    if len(time_us) < 3:
        return np.zeros(0, np.int64), np.zeros(0, bool)
    before_s, after_s = np.diff(time_us)[:-1] / 1e6, np.diff(time_us)[1:] / 1e6
    x, y = offsets_m(lon[:-2], lat[:-2], lon[1:-1], lat[1:-1])
    to_x, to_y = offsets_m(lon[:-2], lat[:-2], lon[2:], lat[2:])
    part = before_s / np.maximum(before_s + after_s, 1e-6)
    off_m = np.hypot(x - part * to_x, y - part * to_y)
    sudden = off_m * 2 > MOST_M_S2 * np.maximum(before_s * after_s, 1e-6)
    # The neighbours of a leap stand off their own lines by half of it: only the worst of three is one.
    padded = np.concatenate([[0.0], off_m, [0.0]])
    is_worst = (off_m >= padded[:-2]) & (off_m > padded[2:])
    # Where the chain is broken there is no motion to compare with.
    broken = breaks(time_us, lon, lat, fastest_m_s)
    leaps = np.flatnonzero(sudden & is_worst & (off_m > SURE_M) & ~broken[:-1] & ~broken[1:])
    length_m = np.hypot(to_x, to_y)[leaps]
    aside_m = np.abs(x * to_y - y * to_x)[leaps] / np.maximum(length_m, 1e-9)
    return leaps + 1, (aside_m <= SURE_M) & (length_m > off_m[leaps])
