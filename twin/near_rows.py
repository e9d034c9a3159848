"""Every row of the things that came near a place, with the row after each visit, so that they are seen to leave.

Digests say in which five minutes a thing was near (:mod:`twin.digests`); rows are read of those minutes, and of the
next in which it reported. Where a thing was wholly inside, and there are very many rows, the last one of each five
minutes stands for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin import past_sql
from twin.archive.reading import archived_days
from twin.digests import late_slots, read_boxes, read_digests
from twin.exceptions import PastTooSlowError
from twin.history import SLOT_US
from twin.past_rows import Assets, Ids, Rows
from twin.past_store import from_files, once

MANY_ROWS = 400_000
"""More than this are thinned where a thing was wholly inside."""
MOST_ROWS = 4_000_000
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_COLUMNS = ("asset", "time_us", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "status")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """Where to look.

    Attributes
    ----------
    shape : shapely geometry
        Degrees; prepared.
    bounds : (west, south, east, north)
        Around it, with room for positions that stray.
    passing : bool
        Whether steps count that only pass it: of a line.
    """

    shape: BaseGeometry
    bounds: tuple[float, float, float, float]
    passing: bool

    def meets(self, west: NDArray, south: NDArray, east: NDArray, north: NDArray) -> Mask:
        """Which boxes meet the bounds: bool[n]."""
        w, s, e, n = self.bounds
        return (west <= e) & (east >= w) & (south <= n) & (north >= s)


@dataclass(frozen=True)
class Found:
    """Rows in no order, and whether some stand for others."""

    rows: Rows
    thinned: bool


def rows_near(cursor: Any, assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids) -> Found:
    """Rows of a kind of things while they were near, after ``from_us`` up to ``to_us``, within one day (UTC).

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    assets : Assets
        Of this kind, ascending: nobody else is looked at.
    code : int
        Of the kind.
    inside : int64[k]
        Who was inside before: their first row is wanted, wherever it is.

    Raises
    ------
    PastError
        There are too many, it takes too long, or an archived file is damaged.
    """
    inside = inside[np.isin(inside, assets.id)]
    parts = _archived(assets, code, place, from_us, to_us, inside)
    found, thinned = _stored(cursor, assets, code, place, from_us, to_us, inside)
    parts.append(found)
    if sum(map(len, parts)) > MOST_ROWS:
        raise PastTooSlowError
    return Found(once(together(parts)), thinned)


def together(parts: list[Rows]) -> Rows:
    """All rows of several parts (at least one)."""
    return Rows({name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns})


def _archived(assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids) -> list[Rows]:
    parts = []
    for day in archived_days(code, from_us, to_us):
        met = [inside]
        for piece in day.rows(["asset"], from_us, to_us, assets.id, None if place.passing else place.bounds):
            met.append(np.unique(piece["asset"]))
        ids = np.unique(np.concatenate(met))
        parts += [from_files(piece, code) for piece in day.rows(_COLUMNS, from_us, to_us, ids)] if len(ids) else []
    return parts


def _stored(
    cursor: Any, assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids
) -> tuple[Rows, bool]:
    first_slot = (from_us + 1) // SLOT_US * SLOT_US
    boxes = read_boxes(cursor, code, first_slot, to_us + 1)
    for slot_us in late_slots(cursor, code, first_slot, to_us).tolist():
        boxes.pop(slot_us, None)
    unsummed = [slot for slot in range(first_slot, to_us + 1, SLOT_US) if slot not in boxes]
    met = [inside]
    for start_us, end_us in _runs(unsummed):
        span = max(start_us - 1, from_us), min(end_us - 1, to_us)
        bounds = _WORLD if place.passing else place.bounds
        met.append(np.unique(past_sql.inside_between(cursor, code, *span, bounds)["asset"]))
    for box in boxes.values():
        if not place.passing:
            met.append(box["asset"][place.meets(box["west"], box["south"], box["east"], box["north"])])
        else:
            met.append(box["asset"])
    ids = np.unique(np.concatenate(met).astype(np.int64))
    ids = ids[np.isin(ids, assets.id)]
    slots = _slots_of(boxes, ids)
    wanted = _wanted(slots, place, inside)
    asset, slot_us = slots["asset"][wanted], slots["slot_us"][wanted]
    rows: list[Rows] = []
    count = int(slots["count"][wanted].sum())
    thinned = count > MANY_ROWS and not place.passing
    if thinned:
        sure = _contained(slots, wanted, place)
        rows.append(_last_rows(cursor, code, asset[sure], slot_us[sure], from_us, to_us))
        asset, slot_us = asset[~sure], slot_us[~sure]
        count = int(slots["count"][np.flatnonzero(wanted)[~sure]].sum())
    if count > MOST_ROWS:
        raise PastTooSlowError
    more = [(start, end) for start, end in _runs(unsummed)]
    span_asset = np.r_[asset, np.repeat(ids, len(more))]
    span_from = np.r_[slot_us - 1, np.tile(np.array([start - 1 for start, _end in more], np.int64), len(ids))]
    span_to = np.r_[slot_us + SLOT_US - 1, np.tile(np.array([end - 1 for _start, end in more], np.int64), len(ids))]
    span_from, span_to = np.maximum(span_from, from_us), np.minimum(span_to, to_us)
    order = np.lexsort((span_from, span_asset))
    span_asset, span_from, span_to = span_asset[order], span_from[order], span_to[order]
    # Neighbouring slots of one asset are read as one span.
    begins = np.append(True, (np.diff(span_asset) != 0) | (span_from[1:] != span_to[:-1]))[: len(span_asset)]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(span_asset))[: len(first)] - 1
    limits = (from_us, to_us)
    rows.append(past_sql.inside_spans(cursor, code, span_asset[first], span_from[first], span_to[last], _WORLD, limits))
    return together(rows), thinned


def _runs(slots: list[int]) -> list[tuple[int, int]]:
    """Slots that follow each other as one: first moment, and the first one after."""
    runs: list[tuple[int, int]] = []
    for slot_us in slots:
        if runs and runs[-1][1] == slot_us:
            runs[-1] = (runs[-1][0], slot_us + SLOT_US)
        else:
            runs.append((slot_us, slot_us + SLOT_US))
    return runs


def _slots_of(boxes: dict[int, dict[str, NDArray]], ids: Ids) -> dict[str, NDArray]:
    """The boxes of some assets, by asset and slot."""
    names = ("asset", "count", "west", "south", "east", "north")
    parts: dict[str, list[NDArray]] = {name: [np.empty(0)] for name in names} | {"slot_us": [np.empty(0, np.int64)]}
    for slot_us, box in boxes.items():
        mine = np.flatnonzero(np.isin(box["asset"], ids, assume_unique=True))
        for name in names:
            parts[name].append(box[name][mine])
        parts["slot_us"].append(np.full(len(mine), slot_us, np.int64))
    slots = {name: np.concatenate(part) for name, part in parts.items()}
    slots["asset"] = slots["asset"].astype(np.int64)
    order = np.lexsort((slots["slot_us"], slots["asset"]))
    return {name: column[order] for name, column in slots.items()}


def _wanted(slots: dict[str, NDArray], place: Place, inside: Ids) -> Mask:
    """Which slots are read: those in which the thing was near, and the one after; of a line, what may pass it."""
    asset = slots["asset"]
    same = np.append(False, asset[1:] == asset[:-1])[: len(asset)]
    edges = [slots[name].astype(np.float64) for name in ("west", "south", "east", "north")]
    if place.passing:
        for edge, widest in zip(edges, (np.minimum, np.minimum, np.maximum, np.maximum), strict=True):
            before = np.r_[edge[:1], edge[:-1]]
            edge[same] = widest(edge[same], before[same])
    near = place.meets(*edges)
    wanted = near.copy()
    wanted[1:] |= near[:-1] & same[1:]
    if place.passing:
        wanted[:-1] |= near[1:] & same[1:]
    wanted |= ~same & np.isin(asset, inside)
    return wanted


def _contained(slots: dict[str, NDArray], wanted: Mask, place: Place) -> Mask:
    chosen = [slots[name][wanted] for name in ("west", "south", "east", "north")]
    return np.asarray(shapely.contains(place.shape, shapely.box(*chosen)), bool)


def _last_rows(cursor: Any, code: int, asset: Ids, slot_us: Ids, from_us: int, to_us: int) -> Rows:
    """The last row of each asset in a slot of its own."""
    parts = [from_files(None, code)]
    for slot, (boxes, last) in read_digests(cursor, code, from_us, to_us + 1).items():
        mine = asset[slot_us == slot]
        at = np.flatnonzero(np.isin(boxes["asset"], mine, assume_unique=True))
        if len(at):
            columns = {name: last[name][at] for name in _COLUMNS if name != "asset"}
            parts.append(from_files({"asset": boxes["asset"][at], **columns}, code))
    rows = together(parts)
    return rows.take((rows["time_us"] > from_us) & (rows["time_us"] <= to_us))
