"""Every row of the things that came near a place, with the row after each visit, so that they are seen to leave.

Digests say in which five minutes a thing was near (:mod:`twin.digests`); rows are read of those minutes, and of the
next in which it reported. Where a thing was wholly inside, and there are very many rows, the last one of each five
minutes stands for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.cells import OUTSIDE
from twin import past_sql
from twin.archive.reading import archived_days
from twin.digests import digested_slots, late_slots, read_boxes
from twin.exceptions import PastTooSlowError
from twin.history import SLOT_US
from twin.near_places import Place, read_visits
from twin.past_rows import Assets, Ids, Rows
from twin.past_store import from_files

MANY_ROWS = 400_000
"""More than this are thinned where a thing was wholly inside."""
MOST_ROWS = 4_000_000
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_COLUMNS = ("asset", "time_us", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "status")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """Rows in no order, some twice, and whether some stand for others."""

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
    parts, thinned = _archived(assets, code, place, from_us, to_us, inside), False
    if place.passing:
        parts.append(_along(cursor, assets, code, place, from_us, to_us, inside))
    else:
        found, thinned = _by_place(cursor, assets, code, place, from_us, to_us, inside)
        parts += found
    if sum(map(len, parts)) > MOST_ROWS:
        raise PastTooSlowError
    return Found(together(parts), thinned)


def together(parts: list[Rows]) -> Rows:
    """All rows of several parts (at least one)."""
    return Rows({name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns})


def _archived(assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids) -> list[Rows]:
    parts = []
    for day in archived_days(code, from_us, to_us):
        met, slots = [inside], [np.zeros((0, 2), np.int64)]
        bounds = None if place.passing else place.bounds
        names = ["asset"] if place.passing else ["asset", "time_us", "lon", "lat"]
        for piece in day.rows(names, from_us, to_us, assets.id, bounds):
            if place.passing:
                met.append(np.unique(piece["asset"]))
                continue
            near = place.near.at(piece["lon"], piece["lat"]) != OUTSIDE
            slots.append(np.unique(np.c_[piece["asset"], piece["time_us"] // SLOT_US][near], axis=0))
            met.append(slots[-1][:, 0])
        ids = np.unique(np.concatenate(met))
        if not len(ids):
            continue
        rows = together(
            [from_files(piece, code) for piece in day.rows(_COLUMNS, from_us, to_us, ids)] or [from_files(None, code)]
        )
        parts.append(rows if place.passing else _visits_of(rows, np.concatenate(slots), inside))
    return parts


def _visits_of(rows: Rows, near: NDArray[np.int64], inside: Ids) -> Rows:
    """Of all rows of some things, those of the slots in which they were near, and of the next in which they reported.

    Parameters
    ----------
    near : int64[k, 2]
        Assets, and the numbers of slots in which they were near.
    inside : int64[i]
        Of these the first slot, too.
    """
    rows = rows.take(np.lexsort((rows["time_us"], rows["asset"])))
    asset, slot = rows["asset"], rows["time_us"] // SLOT_US
    begins = np.append(True, (asset[1:] != asset[:-1]) | (slot[1:] != slot[:-1]))[: len(rows)]
    first = np.flatnonzero(begins)
    low = int(slot.min(initial=0))
    width = int(slot.max(initial=0)) - low + 1
    is_near = np.isin(asset[first] * width + slot[first] - low, near[:, 0] * width + near[:, 1] - low)
    same = np.append(False, asset[first][1:] == asset[first][:-1])[: len(first)]
    wanted = is_near | (~same & np.isin(asset[first], inside))
    wanted[1:] |= is_near[:-1] & same[1:]
    return rows.take(wanted[np.cumsum(begins) - 1])


def _by_place(
    cursor: Any, assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids
) -> tuple[list[Rows], bool]:
    """Of an area, what the database has; some rows may come twice."""
    first_slot = (from_us + 1) // SLOT_US * SLOT_US
    summed = digested_slots(cursor, code, first_slot, to_us)
    summed = np.setdiff1d(summed, late_slots(cursor, code, first_slot, to_us), assume_unique=True)
    visits = read_visits(cursor, assets, code, place, summed, MANY_ROWS, MOST_ROWS)
    last = visits.ends()
    gone = past_sql.next_slots(
        cursor, code, np.r_[visits.asset[last], inside],
        np.r_[visits.slot_us[last] + SLOT_US - 1, np.full(len(inside), from_us)], (from_us, to_us),
    )  # fmt: skip
    unsummed = _runs(np.setdiff1d(np.arange(first_slot, to_us + 1, SLOT_US), summed, assume_unique=True).tolist())
    met = [inside, visits.asset]
    for start_us, end_us in unsummed:
        span = max(start_us - 1, from_us), min(end_us - 1, to_us)
        met.append(past_sql.inside_between(cursor, code, *span, place.bounds)["asset"])
    rows = visits.rows.take((visits.rows["time_us"] > from_us) & (visits.rows["time_us"] <= to_us))
    return [rows, gone, _between(cursor, assets, code, met, unsummed, from_us, to_us)], visits.thinned


def _between(
    cursor: Any, assets: Assets, code: int, met: list[Ids], runs: list[tuple[int, int]], from_us: int, to_us: int
) -> Rows:
    """Every row of those of ``assets`` that were met, in time that is not summed up."""
    ids = np.unique(np.concatenate(met).astype(np.int64))
    ids = ids[np.isin(ids, assets.id)] if runs else ids[:0]
    after, until = (np.tile(np.array([run[k] - 1 for run in runs], np.int64), len(ids)) for k in (0, 1))
    after, until = np.maximum(after, from_us), np.minimum(until, to_us)
    return past_sql.inside_spans(cursor, code, np.repeat(ids, len(runs)), after, until, _WORLD, (from_us, to_us))


def _along(cursor: Any, assets: Assets, code: int, place: Place, from_us: int, to_us: int, inside: Ids) -> Rows:
    """Of a line, what the database has: steps count, so the boxes of neighbouring slots are looked at together."""
    first_slot = (from_us + 1) // SLOT_US * SLOT_US
    boxes = read_boxes(cursor, code, first_slot, to_us + 1)
    for slot_us in late_slots(cursor, code, first_slot, to_us).tolist():
        boxes.pop(slot_us, None)
    unsummed = _runs([slot for slot in range(first_slot, to_us + 1, SLOT_US) if slot not in boxes])
    met = [inside, *(box["asset"].astype(np.int64) for box in boxes.values())]
    for start_us, end_us in unsummed:
        span = max(start_us - 1, from_us), min(end_us - 1, to_us)
        met.append(past_sql.inside_between(cursor, code, *span, _WORLD)["asset"])
    ids = np.unique(np.concatenate(met))
    slots = _slots_of(boxes, ids[np.isin(ids, assets.id)])
    wanted = _wanted(slots, place, inside)
    if int(slots["count"][wanted].sum()) > MOST_ROWS:
        raise PastTooSlowError
    asset, slot_us = slots["asset"][wanted], slots["slot_us"][wanted]
    # Neighbouring slots of one asset are read as one span.
    begins = np.append(True, (np.diff(asset) != 0) | (np.diff(slot_us) != SLOT_US))[: len(asset)]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(asset))[: len(first)] - 1
    after, until = np.maximum(slot_us[first] - 1, from_us), np.minimum(slot_us[last] + SLOT_US - 1, to_us)
    rows = past_sql.inside_spans(cursor, code, asset[first], after, until, _WORLD, (from_us, to_us))
    return together([rows, _between(cursor, assets, code, met, unsummed, from_us, to_us)])


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
    """Which slots are read: those in which a thing may have passed, and their neighbours."""
    asset = slots["asset"]
    same = np.append(False, asset[1:] == asset[:-1])[: len(asset)]
    edges = [slots[name].astype(np.float64) for name in ("west", "south", "east", "north")]
    for edge, widest in zip(edges, (np.minimum, np.minimum, np.maximum, np.maximum), strict=True):
        before = np.r_[edge[:1], edge[:-1]]
        edge[same] = widest(edge[same], before[same])
    near = place.meets(*edges)
    wanted = near.copy()
    wanted[1:] |= near[:-1] & same[1:]
    wanted[:-1] |= near[1:] & same[1:]
    wanted |= ~same & np.isin(asset, inside)
    return wanted
