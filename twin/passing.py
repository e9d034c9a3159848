"""Who passed a line between two moments, and which way, for whoever may have seen it.

The way between two positions is taken as straight, and as unknown where they are further apart than the kind's silence
or than :data:`FARTHEST_M`: rows are read near the line only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.lines import LineIndex
from gis.plane import M_PER_DEG
from twin import past_sql
from twin.archive.reading import archived_days
from twin.batch import MICROSECOND
from twin.exceptions import PastTooSlowError
from twin.kinds import kinds
from twin.past import Look, candidates
from twin.past_rows import Assets, Rows

LONGEST_PASSING_S = 24 * 3600
LONGEST_WORK_S = 8.0
FARTHEST_M = 3_000.0

Ids = NDArray[np.int64]
_NAMES = ("asset", "time_us", "lon", "lat", "alt_m")


@dataclass(frozen=True)
class Passes:
    """Passes in the order of time.

    Attributes
    ----------
    asset, time_us : int64[n]
        Who, and when it was first heard beyond the line.
    lon, lat : float64[n]
        Where that was, degrees.
    inward : bool[n]
        From the left-hand side to the right-hand side, as seen by who walks along the line.
    """

    asset: Ids
    time_us: Ids
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    inward: NDArray[np.bool_]


def passes(
    cursor: Any, look: Look, line: BaseGeometry, from_us: int, to_us: int, codes: frozenset[int] | None = None
) -> Passes:
    """Who passed a line from one moment to another, both included.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    look : Look
        Whose; its window is not asked. Where a thing was heard beyond the line decides.
    line : shapely LineString
        Degrees.
    from_us, to_us : int
        Microseconds since 1970 UTC.
    codes : frozenset of int, optional
        Kinds wanted.

    Raises
    ------
    PastError
        It takes too long, or an archived file is damaged.
    """
    deadline = time.monotonic() + LONGEST_WORK_S
    index = LineIndex.build([1], [line], [np.nan], [np.nan])
    bounds = _around(line)
    everyone = candidates(cursor, look)
    found: list[tuple[NDArray, ...]] = [(np.zeros(0, np.int64),) * 2 + (np.zeros(0),) * 2 + (np.zeros(0, bool),)]
    for kind in kinds():
        assets = everyone.take(everyone.kind == kind.code)
        if (codes is not None and kind.code not in codes) or not len(assets):
            continue
        rows = _read(cursor, look, assets, kind.code, from_us, to_us, bounds)
        found.append(_passed(look, assets, index, rows, kind.silent_after_s * MICROSECOND))
        if time.monotonic() > deadline:
            raise PastTooSlowError
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.argsort(columns[1], kind="stable")
    return Passes(*(column[order] for column in columns))


def _around(line: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = line.bounds
    high = FARTHEST_M / M_PER_DEG
    wide = high / max(float(np.cos(np.radians(max(abs(south), abs(north))))), 1e-6)
    return west - wide, south - high, east + wide, north + high


def _read(
    cursor: Any, look: Look, assets: Assets, code: int, from_us: int, to_us: int, bounds: tuple[float, ...]
) -> dict[str, NDArray]:
    """Rows of a kind near the line, by asset and time, each moment once."""
    box = (bounds[0], bounds[1], bounds[2], bounds[3])
    parts: list[dict[str, NDArray]] = []
    ids = None if look.may_meet else assets.id
    for day in archived_days(code, from_us - 1, to_us):
        parts += [dict(piece) for piece in day.rows(_NAMES, from_us - 1, to_us, ids, box)]
    rows: Rows = past_sql.inside_between(cursor, code, from_us - 1, to_us, box)
    parts.append({name: rows[name] for name in _NAMES})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _NAMES}
    order = np.lexsort((joined["time_us"], joined["asset"]))
    joined = {name: column[order] for name, column in joined.items()}
    fresh = np.append(True, (np.diff(joined["asset"]) != 0) | (np.diff(joined["time_us"]) != 0))[: len(order)]
    return {name: column[fresh] for name, column in joined.items()}


def _passed(
    look: Look, assets: Assets, index: LineIndex, rows: dict[str, NDArray], silent_us: int
) -> tuple[NDArray, ...]:
    asset, time_us, lon, lat = (rows[name] for name in _NAMES[:4])
    same = (asset[1:] == asset[:-1]) & (np.diff(time_us) <= silent_us)
    end = np.flatnonzero(same) + 1
    at, known = assets.find(asset[end])
    end, at = end[known], at[known]
    places = np.stack([lon, lat], 1)
    step, _line, inward = index.crossed(places[end - 1], places[end], rows["alt_m"][end])
    seen = look.covers(assets.owner[at[step]], lon[end[step]], lat[end[step]])
    row = end[step[seen]]
    return asset[row], time_us[row], lon[row], lat[row], inward[seen] > 0
