"""Every row of the things that came near an area, of time that is summed up: by place (:mod:`twin.places`).

Pieces and boxes say in which five minutes a thing was near, and its rows of those come with the piece: nothing is
looked for in the history itself, of which a day of a district would be half a million single looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.cells import OUTSIDE, UNSURE, CellMap
from twin.ahead import ahead
from twin.exceptions import PastTooSlowError
from twin.history import SLOT_US
from twin.past_rows import Assets, Ids, Rows
from twin.places import Bounds, Pieces, by_piece, read_paths, read_places, read_said, read_things

PIECES_AT_ONCE = 500
CELL_DEPTH = 8
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
    bounds: Bounds
    passing: bool

    def meets(self, west: NDArray, south: NDArray, east: NDArray, north: NDArray) -> Mask:
        """Which boxes meet the bounds: bool[n]."""
        w, s, e, n = self.bounds
        return (west <= e) & (east >= w) & (south <= n) & (north >= s)

    @cached_property
    def inside(self) -> CellMap:
        """Cells over an area."""
        return _cells(self.shape)

    @cached_property
    def near(self) -> CellMap:
        """Cells over an area and the ground around it from which positions may stray into it."""
        room = max(abs(ours - its) for ours, its in zip(self.bounds, self.shape.bounds, strict=True))
        return _cells(self.shape.buffer(room, quad_segs=2))


def _cells(shape: BaseGeometry) -> CellMap:
    shapely.prepare(shape)
    return CellMap.build(np.array([1]), np.array([shape]), CELL_DEPTH)


@dataclass(frozen=True)
class Visits:
    """Who was near in which five minutes: ``asset`` and ``slot_us`` int64[n], by both; and ``rows`` of those."""

    asset: Ids
    slot_us: Ids
    rows: Rows
    thinned: bool

    def ends(self) -> Ids:
        """Which of them are the last before the thing went away, or fell silent: places among them."""
        same = (self.asset[1:] == self.asset[:-1]) & (self.slot_us[1:] == self.slot_us[:-1] + SLOT_US)
        return np.flatnonzero(np.append(~same, True)[: len(self.asset)])


@dataclass(frozen=True)
class _Near:
    """Pieces with things that were near; of each of their things the place of its piece, and whether it was near."""

    pieces: Pieces
    piece: Ids
    asset: Ids
    slot_us: Ids
    count: Ids
    is_near: Mask
    is_inside: Mask
    """Whether its box lies wholly in the area."""

    def positions(self, thinned: bool) -> tuple[Ids, list[Ids]]:
        """Of things that were near; of those inside, where they are thinned, the last alone.

        Returns
        -------
        int64[m], list of int64
            Which thing each is of, and of each piece which of its positions they are.
        """
        thing = np.repeat(np.arange(len(self.count)), self.count)
        wanted = self.is_near[thing]
        if thinned:
            is_last = np.zeros(len(thing), bool)
            is_last[np.cumsum(self.count) - 1] = True
            wanted &= is_last | ~self.is_inside[thing]
        return thing[wanted], by_piece(wanted, self.piece, self.count, self.pieces)


def read_visits(
    cursor: Any, assets: Assets, code: int, place: Place, slots: Ids, many_rows: int, most_rows: int
) -> Visits:
    """Visits in slots that are summed up.

    Parameters
    ----------
    assets : Assets
        Ascending: nobody else is looked at.
    slots : int64[k]
        Beginnings of the slots, microseconds since 1970 UTC, ascending.
    many_rows, most_rows : int
        Above the first, of a thing wholly inside the last row of each slot stands for the others.

    Raises
    ------
    PastTooSlowError
        There are more rows than ``most_rows``, or it takes too long.
    """
    none = np.zeros(0, np.int64)
    begun = list(_things_near(cursor, assets, code, place, slots)) if len(slots) else []
    count = sum(int(each.count[each.is_near].sum()) for each in begun)
    thinned = count > many_rows
    if thinned:
        count -= sum(int((each.count - 1)[each.is_inside].sum()) for each in begun)
    if count > most_rows:
        raise PastTooSlowError

    def read(each: _Near) -> tuple[Ids, NDArray[Any], NDArray[Any]]:
        thing, wanted = each.positions(thinned)
        paths = read_paths(cursor, code, each.pieces, wanted)
        return thing, paths, read_said(cursor, code, each.pieces, wanted)

    parts = [_rows(each, *found, code) for each, found in ahead(begun, read)]
    asset, slot_us = (
        np.concatenate([none, *(getattr(each, name)[each.is_near] for each in begun)]) for name in ("asset", "slot_us")
    )
    order = np.lexsort((slot_us, asset))
    rows = Rows({name: np.concatenate([empty, *(part[name] for part in parts)]) for name, empty in _EMPTY.items()})
    return Visits(asset[order], slot_us[order], rows, thinned)


_EMPTY: dict[str, NDArray[Any]] = {
    "asset": np.empty(0, np.int64), "kind": np.empty(0, np.int16), "time_us": np.empty(0, np.int64),
    "lon": np.empty(0), "lat": np.empty(0), "alt_m": np.empty(0, np.float32), "speed_m_s": np.empty(0, np.float32),
    "heading_deg": np.empty(0, np.float32), "status": np.empty(0, np.int16),
}  # fmt: skip


def _things_near(cursor: Any, assets: Assets, code: int, place: Place, slots: Ids) -> Iterator[_Near]:
    found = read_places(cursor, code, int(slots[0]), int(slots[-1]) + 1, place.bounds)
    wanted = np.isin(found.slot_us, slots) & (place.near.over(*found.box.T) != OUTSIDE)
    pieces = found.take(np.flatnonzero(wanted))
    every = range(PIECES_AT_ONCE, len(pieces), PIECES_AT_ONCE)
    some = [pieces.take(part) for part in np.split(np.arange(len(pieces)), every)]
    for part, things in ahead(some, lambda part: read_things(cursor, code, part)):
        asset = things["asset"].astype(np.int64)
        _at, is_near = assets.find(asset)
        sides = [things[side].astype(np.float64) for side in ("west", "south", "east", "north")]
        asked = np.flatnonzero(is_near)
        is_near[asked] = place.near.over(*(side[asked] for side in sides)) != OUTSIDE
        is_inside = np.zeros(len(asset), bool)
        asked = np.flatnonzero(is_near)
        of_area = place.inside.over(*(side[asked] for side in sides))
        is_inside[asked] = (of_area != OUTSIDE) & (of_area != UNSURE)
        kept = np.bincount(things.piece[is_near], minlength=len(part)) > 0
        of_kept = kept[things.piece]
        yield _Near(
            part.take(kept), (np.cumsum(kept) - 1)[things.piece][of_kept], asset[of_kept],
            part.slot_us[things.piece][of_kept], things["count"][of_kept].astype(np.int64),
            is_near[of_kept], is_inside[of_kept],
        )  # fmt: skip


def _rows(near: _Near, thing: Ids, path: NDArray[Any], said: NDArray[Any], code: int) -> dict[str, NDArray[Any]]:
    n = len(thing)
    return {
        "asset": near.asset[thing],
        "kind": np.full(n, code, np.int16),
        "time_us": near.slot_us[thing] + path["at"],
        "lon": path["lon"].astype(np.float64),
        "lat": path["lat"].astype(np.float64),
        "alt_m": said["alt_m"].astype(np.float32),
        "speed_m_s": said["speed_m_s"].astype(np.float32),
        "heading_deg": np.full(n, np.nan, np.float32),
        "status": said["status"].astype(np.int16),
    }
