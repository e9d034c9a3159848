"""Who was within a polygon between two moments, for whoever may have seen it.

Digests say of most things at once that they were inside, or not near (:mod:`twin.digests`); rows are read of those
alone whose box crosses the boundary, and of time that is not summed up. Archived days are read whole, which by columns
is fast enough.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin import past_sql
from twin.archive.reading import archived_days
from twin.digests import Columns, late_slots, read_boxes
from twin.exceptions import PastTooSlowError
from twin.history import SLOT_US
from twin.past import Look, candidates
from twin.past_rows import Assets

LONGEST_WITHIN_S = 7 * 86_400
LONGEST_WORK_S = 8.0
_DAY_US = 86_400_000_000
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Visits:
    """Who was there, by the first moment.

    Attributes
    ----------
    asset : int64[n]
        Each once.
    first_us, last_us : int64[n]
        When it was first and last seen inside in that time; between them it may have been elsewhere.
    count : int64[n]
        In how many positions.
    """

    asset: Ids
    first_us: Ids
    last_us: Ids
    count: Ids


class _Search:
    """One question, and what was found so far."""

    def __init__(self, cursor: Any, look: Look, polygon: BaseGeometry, from_us: int, to_us: int) -> None:
        self.cursor, self.look, self.polygon, self.from_us, self.to_us = cursor, look, polygon, from_us, to_us
        shapely.prepare(polygon)
        west, south, east, north = polygon.bounds
        self.bounds = (west, south, east, north)
        self.found: list[tuple[Ids, Ids, Ids, Ids]] = []
        self.deadline = time.monotonic() + LONGEST_WORK_S

    def take_rows(self, assets: Assets, columns: Columns) -> None:
        """Keep of some rows those inside that may be seen."""
        if time.monotonic() > self.deadline:
            raise PastTooSlowError
        inside = shapely.intersects_xy(self.polygon, columns["lon"], columns["lat"])
        asset, time_us, lon, lat = (columns[name][inside] for name in ("asset", "time_us", "lon", "lat"))
        at, known = assets.find(asset)
        known[known] = self.look.covers(assets.owner[at[known]], lon[known], lat[known])
        asset, time_us = asset[known], time_us[known]
        self.found.append((asset, time_us, time_us, np.ones(len(asset), np.int64)))

    def visits(self) -> Visits:
        """Everything found, put together by asset."""
        asset, first, last, count = (np.concatenate(parts) for parts in zip(*self.found, strict=True))
        order = np.argsort(asset, kind="stable")
        at = np.flatnonzero(np.append(True, np.diff(asset[order]) != 0)[: len(order)])
        if not len(at):
            return Visits(asset, first, last, count)
        first = np.minimum.reduceat(first[order], at)
        by_time = np.argsort(first, kind="stable")
        return Visits(
            asset[order][at][by_time],
            first[by_time],
            np.maximum.reduceat(last[order], at)[by_time],
            np.add.reduceat(count[order], at)[by_time],
        )


def within(
    cursor: Any, look: Look, polygon: BaseGeometry, from_us: int, to_us: int, codes: frozenset[int] | None = None
) -> Visits:
    """Who was inside from one moment to another, both included.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    look : Look
        Whose; its window is not asked.
    polygon : shapely Polygon or MultiPolygon
        Valid; degrees.
    from_us, to_us : int
        Microseconds since 1970 UTC.
    codes : frozenset of int, optional
        Kinds wanted.

    Raises
    ------
    PastError
        It takes too long, or an archived file is damaged.
    """
    search = _Search(cursor, look, polygon, from_us, to_us)
    empty = np.empty(0, np.int64)
    search.found.append((empty, empty, empty, empty))
    everyone = candidates(cursor, look)
    for code in everyone.codes():
        if codes is None or code in codes:
            assets = everyone.take(everyone.kind == code)
            _in_files(search, code, assets)
            _in_database(search, code, assets)
    return search.visits()


def _in_files(search: _Search, code: int, assets: Assets) -> None:
    ids = None if search.look.may_meet else assets.id
    for day in archived_days(code, search.from_us - 1, search.to_us):
        names = ("asset", "time_us", "lon", "lat")
        for piece in day.rows(names, search.from_us - 1, search.to_us, ids, search.bounds):
            search.take_rows(assets, piece)


def _in_database(search: _Search, code: int, assets: Assets) -> None:
    first_slot = search.from_us // SLOT_US * SLOT_US
    boxes = read_boxes(search.cursor, code, first_slot, search.to_us + 1)
    for slot_us in late_slots(search.cursor, code, first_slot, search.to_us).tolist():
        boxes.pop(slot_us, None)
    for start_us, end_us in _not_in(boxes, first_slot, search.to_us):
        after_us, to_us = max(start_us, search.from_us) - 1, min(end_us - 1, search.to_us)
        rows = past_sql.inside_between(search.cursor, code, after_us, to_us, search.bounds)
        search.take_rows(assets, rows.columns)
    near = _near(search, boxes)
    if len(near["asset"]):
        _by_boxes(search, code, assets, near)


def _not_in(boxes: dict[int, Columns], first_us: int, to_us: int) -> list[tuple[int, int]]:
    """Time without digests: beginnings, and the first moments after."""
    spans: list[tuple[int, int]] = []
    for slot_us in range(first_us, to_us + 1, SLOT_US):
        if slot_us in boxes:
            continue
        if spans and spans[-1][1] == slot_us:
            spans[-1] = (spans[-1][0], slot_us + SLOT_US)
        else:
            spans.append((slot_us, slot_us + SLOT_US))
    return spans


def _near(search: _Search, boxes: dict[int, Columns]) -> Columns:
    """The boxes that meet the polygon's, with their moments: ``first_us``, ``last_us`` and ``slot_us``."""
    west, south, east, north = search.bounds
    names = ("asset", "count", "west", "south", "east", "north")
    parts: dict[str, list[NDArray]] = {name: [np.empty(0)] for name in (*names, "first_us", "last_us", "slot_us")}
    for slot_us, box in boxes.items():
        meets = (box["west"] <= east) & (box["east"] >= west) & (box["south"] <= north) & (box["north"] >= south)
        rows = np.flatnonzero(meets)
        if not len(rows):
            continue
        for name in names:
            parts[name].append(box[name][rows])
        parts["first_us"].append(slot_us + box["first"][rows].astype(np.int64))
        parts["last_us"].append(slot_us + box["last"][rows].astype(np.int64))
        parts["slot_us"].append(np.full(len(rows), slot_us))
    near = {name: np.concatenate(part[1:]) if len(part) > 1 else part[0] for name, part in parts.items()}
    keep = (near["last_us"] >= search.from_us) & (near["first_us"] <= search.to_us)
    return {name: column[keep] for name, column in near.items()}


def _by_boxes(search: _Search, code: int, assets: Assets, near: Columns) -> None:
    shapes = shapely.box(near["west"], near["south"], near["east"], near["north"])
    at, known = assets.find(near["asset"].astype(np.int64))
    sure = known & shapely.contains(search.polygon, shapes)
    sure &= (near["first_us"] >= search.from_us) & (near["last_us"] <= search.to_us)
    if not (search.look.sight.everything and search.look.regions is None):
        owned = np.zeros(len(sure), bool)
        owned[known] = search.look.owns(assets.owner[at[known]])
        sure &= owned
    took = (near["asset"][sure], near["first_us"][sure], near["last_us"][sure], near["count"][sure].astype(np.int64))
    search.found.append(took)
    maybe = known & ~sure & shapely.intersects(search.polygon, shapes)
    asset, slot_us = near["asset"][maybe], near["slot_us"][maybe]
    order = np.lexsort((slot_us, asset))
    asset, slot_us = asset[order], slot_us[order]
    # Neighbouring slots of one asset are read as one span, but no span reaches over midnight.
    begins = np.append(True, (np.diff(asset) != 0) | (np.diff(slot_us) != SLOT_US) | (slot_us[1:] % _DAY_US == 0))
    first = np.flatnonzero(begins[: len(asset)])
    last = np.append(first[1:], len(asset))[: len(first)] - 1
    after = np.maximum(slot_us[first], search.from_us) - 1
    to = np.minimum(slot_us[last] + SLOT_US - 1, search.to_us)
    day = (after + 1) // _DAY_US
    for one in np.unique(day).tolist():
        of_day = day == one
        limits = (one * _DAY_US - 1, (one + 1) * _DAY_US - 1)
        rows = past_sql.inside_spans(
            search.cursor, code, asset[first][of_day], after[of_day], to[of_day], search.bounds, limits
        )
        search.take_rows(assets, rows.columns)
