"""What is asked of the archive, piece by piece: pure functions from tracks to rows, and what puts rows together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.analysis.pieces import Piece, Track, tracks_of
from twin.tracks.measures import distances_m
from twin.tracks.quality import Mark
from twin.tracks.trips import tell

Row = dict[str, Any]
NEAR_M = 30.0
TOGETHER_S = 60
MOVED_M = 500.0
"""A fixed machine is never this far from where it usually is, whatever its receiver says."""
LEAST_POSITIONS = 5


def distances(piece: Piece) -> list[Row]:
    """For each asset: metres on that day, unexplained ones, positions and how many of them were marked."""
    rows = []
    for track in tracks_of(piece):
        told = tell(track.time_us, track.lon, track.lat, piece.source.fastest_m_s)
        rows.append(
            _row(piece, track)
            | {
                "distance_m": round(told.distance_m, 1),
                "unexplained_m": round(told.unexplained_m, 1),
                "trips": len(told.trips),
                "positions": len(track.time_us),
                "marked": int((told.marks != Mark.NONE).sum()),
            }
        )
    return rows


def stays(piece: Piece) -> list[Row]:
    """For each asset its stays on that day."""
    rows = []
    for track in tracks_of(piece):
        for stay in tell(track.time_us, track.lon, track.lat, piece.source.fastest_m_s).stays:
            moments = {"start": _moment(stay.start_us), "end": _moment(stay.end_us)}
            minutes = {"minutes": round((stay.end_us - stay.start_us) / 60e6, 1)}
            rows.append(_row(piece, track) | moments | minutes | {"lon": stay.lon, "lat": stay.lat})
    return rows


def mobile(piece: Piece) -> list[Row]:
    """Assets that went far from where they usually were on that day: a machine registered as fixed that moves.

    How far its believed positions were from their median, the farthest and at the 95th percentile; judged mobile where
    that is beyond :data:`MOVED_M`, so that a few wrong positions are not enough.
    """
    rows = []
    for track in tracks_of(piece):
        told = tell(track.time_us, track.lon, track.lat, piece.source.fastest_m_s)
        good = told.marks == Mark.NONE
        if good.sum() < LEAST_POSITIONS:
            continue
        lon, lat = track.lon[good], track.lat[good]
        home_lon, home_lat = (np.full(len(lon), np.median(values)) for values in (lon, lat))
        away_m = distances_m(home_lon, home_lat, lon, lat)
        p95 = float(np.percentile(away_m, 95))
        if p95 > MOVED_M:
            figures = {"away_p95_m": round(p95, 1), "away_most_m": round(float(away_m.max()), 1)}
            rows.append(_row(piece, track) | figures | {"distance_m": round(told.distance_m, 1)})
    return rows


def together(first: Track, second: Track) -> list[tuple[int, int]]:
    """When two assets were together: within :data:`NEAR_M` of each other, by positions no more than a minute apart.

    Returns
    -------
    list of (start_us, end_us)
        Meetings; two that are no more than five minutes apart are one.
    """
    at = np.clip(np.searchsorted(second.time_us, first.time_us), 1, max(len(second.time_us) - 1, 1))
    at = np.minimum(at, len(second.time_us) - 1)
    earlier = np.maximum(at - 1, 0)
    nearer = np.where(
        np.abs(second.time_us[earlier] - first.time_us) <= np.abs(second.time_us[at] - first.time_us), earlier, at
    )
    gap_us = np.abs(second.time_us[nearer] - first.time_us)
    away_m = distances_m(first.lon, first.lat, second.lon[nearer], second.lat[nearer])
    times: NDArray[np.int64] = first.time_us[(gap_us <= TOGETHER_S * 1_000_000) & (away_m <= NEAR_M)]
    if not len(times):
        return []
    cuts = np.flatnonzero(np.diff(times) > 5 * TOGETHER_S * 1_000_000)
    starts, ends = np.append(times[0], times[cuts + 1]), np.append(times[cuts], times[-1])
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def meetings(first: list[Track], second: list[Track]) -> list[Row]:
    """Rows of when two assets were together on one day; ``first`` and ``second`` are what was found of each."""
    rows = []
    for one in first:
        for other in second:
            for start_us, end_us in together(one, other):
                moments = {"start": _moment(start_us), "end": _moment(end_us)}
                minutes = {"minutes": round((end_us - start_us) / 60e6, 1)}
                rows.append({"asset": one.asset, "other": other.asset} | moments | minutes)
    return rows


def _row(piece: Piece, track: Track) -> Row:
    return {"day": piece.source.day, "kind": piece.source.kind, "asset": track.asset}


def _moment(us: int) -> np.datetime64:
    return np.datetime64(us, "us")
