"""Who was within a polygon between two moments, for whoever may have seen it.

What is summed up is read by place (:mod:`twin.places`): of most things their box says that they were inside, or not
near; positions are read where a box crosses the boundary, rows of time that is not summed up. Archived days are read
whole, which by columns is fast enough. Cells over the polygon (:mod:`gis.cells`) make the cost the same for a circle
and for a shore of five thousand vertices.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.cells import OUTSIDE, UNSURE, CellMap
from twin import past_sql
from twin.ahead import ahead
from twin.archive.reading import archived_days
from twin.digests import digested_slots, late_slots
from twin.exceptions import PastTooSlowError
from twin.history import SLOT_US
from twin.past import Look, candidates
from twin.past_rows import Assets
from twin.places import Bounds, Pieces, Things, by_piece, read_paths, read_places, read_things

LONGEST_WITHIN_S = 7 * 86_400
LONGEST_WORK_S = 8.0
CELL_DEPTH = 8
STRETCH_US = 72 * SLOT_US
"""Places are read so much time at a go, for a week of them would not fit."""
PIECES_AT_ONCE = 1_000
_NEVER = np.iinfo(np.int64).max
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
    """One question about the assets of one kind, and what was found so far."""

    def __init__(
        self, cursor: Any, look: Look, polygon: BaseGeometry, cells: CellMap, assets: Assets, deadline: float
    ) -> None:
        self.cursor, self.look, self.assets = cursor, look, assets
        self._polygon, self.cells = polygon, cells
        west, south, east, north = polygon.bounds
        self.bounds = (west, south, east, north)
        self.owned = look.owns(assets.owner)
        self.sees_all = look.sight.everything and look.regions is None
        self.seen = look.cells_seen()
        if self.seen is not None and not self.owned.any():
            self.bounds = _shared(self.bounds, self.seen.reach())
        self._deadline = deadline
        self._first = np.full(len(assets), _NEVER)
        self._last, self._count = np.zeros(len(assets), np.int64), np.zeros(len(assets), np.int64)

    def still_has_time(self) -> None:
        """Raise PastTooSlowError where it takes too long."""
        if time.monotonic() > self._deadline:
            raise PastTooSlowError

    def found(self, at: Ids, first_us: Ids, last_us: Ids, count: Ids | int) -> None:
        """Some were inside: ``at`` their place among the assets, which may stand there several times."""
        np.minimum.at(self._first, at, first_us)
        np.maximum.at(self._last, at, last_us)
        np.add.at(self._count, at, count)

    def take(self, asset: Ids, time_us: Ids, lon: NDArray, lat: NDArray) -> None:
        """Keep of some positions those inside that may be seen."""
        self.still_has_time()
        said = self.cells.at(lon, lat)
        unsure = np.flatnonzero(said == UNSURE)
        said[unsure[~shapely.intersects_xy(self._polygon, lon[unsure], lat[unsure])]] = OUTSIDE
        inside = np.flatnonzero(said != OUTSIDE)
        at, known = self.assets.find(asset[inside])
        inside, at = inside[known], at[known]
        seen = self.look.covers(self.assets.owner[at], lon[inside], lat[inside])
        inside, at = inside[seen], at[seen]
        self.found(at, time_us[inside], time_us[inside], 1)

    def visits(self) -> Visits:
        """Everything found."""
        who = np.flatnonzero(self._count)
        return Visits(self.assets.id[who], self._first[who], self._last[who], self._count[who])


def _shared(bounds: Bounds, reach: Bounds | None) -> Bounds:
    """What two boxes have in common; a box that holds nothing where that is nothing."""
    if reach is None:
        return (np.inf, np.inf, -np.inf, -np.inf)
    return (max(bounds[0], reach[0]), max(bounds[1], reach[1]), min(bounds[2], reach[2]), min(bounds[3], reach[3]))


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
    deadline = time.monotonic() + LONGEST_WORK_S
    shapely.prepare(polygon)
    cells = CellMap.build(np.array([1]), np.array([polygon]), CELL_DEPTH)
    everyone = candidates(cursor, look)
    parts = []
    for code in everyone.codes():
        if codes is None or code in codes:
            search = _Search(cursor, look, polygon, cells, everyone.take(everyone.kind == code), deadline)
            _in_files(search, code, from_us, to_us)
            _in_database(search, code, from_us, to_us)
            parts.append(search.visits())
    if not parts:
        return Visits(*(np.empty(0, np.int64) for _ in range(4)))
    columns = [
        np.concatenate([getattr(part, name) for part in parts]) for name in ("asset", "first_us", "last_us", "count")
    ]
    by_time = np.lexsort((columns[0], columns[1]))
    return Visits(*(column[by_time] for column in columns))


def _in_files(search: _Search, code: int, from_us: int, to_us: int) -> None:
    ids = None if search.look.may_meet else search.assets.id
    for day in archived_days(code, from_us - 1, to_us):
        names = ("asset", "time_us", "lon", "lat")
        for piece in day.rows(names, from_us - 1, to_us, ids, search.bounds):
            search.take(*(piece[name] for name in names))


def _in_database(search: _Search, code: int, from_us: int, to_us: int) -> None:
    first_slot = from_us // SLOT_US * SLOT_US
    summed = np.setdiff1d(
        digested_slots(search.cursor, code, first_slot, to_us), late_slots(search.cursor, code, first_slot, to_us)
    )
    for start_us, end_us in _not_in(set(summed.tolist()), first_slot, to_us):
        after_us, until_us = max(start_us, from_us) - 1, min(end_us - 1, to_us)
        rows = past_sql.inside_between(search.cursor, code, after_us, until_us, search.bounds)
        search.take(rows["asset"], rows["time_us"], rows["lon"], rows["lat"])
    for start_us in range(first_slot, to_us + 1, STRETCH_US):
        slots = summed[(summed >= start_us) & (summed < start_us + STRETCH_US)]
        if len(slots):
            pieces = read_places(search.cursor, code, int(slots[0]), int(slots[-1]) + 1, search.bounds)
            _by_place(search, code, pieces, slots, from_us, to_us)


def _not_in(slots: set[int], first_us: int, to_us: int) -> list[tuple[int, int]]:
    """Time that is not summed up: beginnings, and the first moments after."""
    spans: list[tuple[int, int]] = []
    for slot_us in range(first_us, to_us + 1, SLOT_US):
        if slot_us in slots:
            continue
        if spans and spans[-1][1] == slot_us:
            spans[-1] = (spans[-1][0], slot_us + SLOT_US)
        else:
            spans.append((slot_us, slot_us + SLOT_US))
    return spans


def _by_place(search: _Search, code: int, pieces: Pieces, slots: Ids, from_us: int, to_us: int) -> None:
    """Take what boxes decide, and the positions of those things whose boxes do not."""
    search.still_has_time()
    of_piece = search.cells.over(*pieces.box.T)
    of_piece[~np.isin(pieces.slot_us, slots)] = OUTSIDE
    if search.seen is not None and not search.owned.any():
        of_piece[search.seen.over(*pieces.box.T) == OUTSIDE] = OUTSIDE
    near = np.flatnonzero(of_piece != OUTSIDE)
    # Those of which all is inside apart: of their things no boxes are looked at.
    near = near[np.argsort(of_piece[near] == UNSURE, kind="stable")]
    some = [pieces.take(part) for part in np.split(near, range(PIECES_AT_ONCE, len(near), PIECES_AT_ONCE))]
    begun = [
        _by_box(search, part, things, from_us, to_us)
        for part, things in ahead(some, lambda part: read_things(search.cursor, code, part))
    ]
    unsure = [each for each in begun if len(each.pieces)]
    for each, path in ahead(unsure, lambda each: read_paths(search.cursor, code, each.pieces, each.wanted())):
        _by_position(search, each, path, from_us, to_us)


@dataclass(frozen=True)
class _Unsure:
    """Pieces with things whose positions have to be looked at.

    Attributes
    ----------
    pieces : Pieces
        Which.
    owner, slot_us, asset, count : int64[n]
        Of each of their things; ``owner`` is the place of its piece.
    is_open : bool[n]
        Whether it is one of those.
    """

    pieces: Pieces
    owner: Ids
    slot_us: Ids
    asset: Ids
    count: Ids
    is_open: NDArray[np.bool_]

    def wanted(self) -> list[Ids]:
        """Of each piece, which of its positions are those of such things."""
        return by_piece(np.repeat(self.is_open, self.count), self.owner, self.count, self.pieces)


def _by_box(search: _Search, pieces: Pieces, found: Things, from_us: int, to_us: int) -> _Unsure:
    search.still_has_time()
    things, owner = found, found.piece
    slot_us = pieces.slot_us[owner]
    at, known = search.assets.find(things["asset"])
    # What is around a piece of which all is inside, or not near, is so around each of its things.
    said = np.where(known, search.cells.over(*pieces.box.T)[owner], OUTSIDE)
    asked = np.flatnonzero(said == UNSURE)
    said[asked] = search.cells.over(*_sides(things, asked))
    # Only of the first and the last slot can a part be asked for.
    cut = np.flatnonzero(((slot_us < from_us) | (slot_us + SLOT_US > to_us + 1)) & (said != OUTSIDE))
    first_us, last_us = slot_us + things["first"], slot_us + things["last"]
    said[cut[(last_us[cut] < from_us) | (first_us[cut] > to_us)]] = OUTSIDE
    cut = cut[(said[cut] != OUTSIDE) & ((first_us[cut] < from_us) | (last_us[cut] > to_us))]
    said[cut] = UNSURE
    _narrow_to_scope(search, said, at, things)
    sure = np.flatnonzero((said != OUTSIDE) & (said != UNSURE))
    search.found(at[sure], first_us[sure], last_us[sure], things["count"][sure].astype(np.int64))
    is_open = said == UNSURE
    has_open = np.bincount(owner[is_open], minlength=len(pieces)) > 0
    kept = has_open[owner]
    count = things["count"][kept].astype(np.int64)
    place = (np.cumsum(has_open) - 1)[owner[kept]]
    return _Unsure(pieces.take(has_open), place, slot_us[kept], things["asset"][kept], count, is_open[kept])


def _sides(things: Things, some: Ids) -> list[NDArray[np.float64]]:
    return [things[side][some].astype(np.float64) for side in ("west", "south", "east", "north")]


def _narrow_to_scope(search: _Search, said: Ids, at: Ids, things: Things) -> None:
    """Of what was inside: what cannot have been seen is outside, what may have been is unsure; in place."""
    if search.sees_all:
        return
    asked = np.flatnonzero((said != OUTSIDE) & ~search.owned[at])
    if search.seen is None:
        said[asked] = UNSURE
        return
    scope = search.seen.over(*_sides(things, asked))
    said[asked[scope == OUTSIDE]] = OUTSIDE
    said[asked[scope == UNSURE]] = UNSURE


def _by_position(search: _Search, unsure: _Unsure, path: NDArray[Any], from_us: int, to_us: int) -> None:
    count = unsure.count[unsure.is_open]
    time_us = np.repeat(unsure.slot_us[unsure.is_open], count) + path["at"]
    asset = np.repeat(unsure.asset[unsure.is_open], count)
    if unsure.slot_us.min() < from_us or unsure.slot_us.max() + SLOT_US > to_us + 1:
        keep = (time_us >= from_us) & (time_us <= to_us)
        path, time_us, asset = path[keep], time_us[keep], asset[keep]
    search.take(asset, time_us, path["lon"], path["lat"])
