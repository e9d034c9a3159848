"""What one open map may see and looks at, and what to tell it next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twin.live.cells import Cells, count_cells
from twin.live.frames import ASSETS, ASSETS_BATCH, CELLS, CELLS_BATCH, batch_piece
from twin.live.world import World

CELLS_BELOW_ZOOM = 7.0
MOST_ASSETS = 5_000
"""More than this in view, below :data:`ASSETS_FROM_ZOOM`, is shown as counts."""
ASSETS_FROM_ZOOM = 12.0
COUNTS_EVERY_MS = 1_000
"""Counts are told at most this often: all of them come each time."""
COUNTS_AGE_MS = 5_000


@dataclass(frozen=True)
class Window:
    """The part of the map that is looked at."""

    west: float
    south: float
    east: float
    north: float
    zoom: float

    def __post_init__(self) -> None:
        numbers = (self.west, self.south, self.east, self.north, self.zoom)
        if not all(np.isfinite(n) for n in numbers):
            raise ValueError("view: numbers must be finite")
        if not (self.west <= self.east and self.south <= self.north and 0 <= self.zoom <= 30):
            raise ValueError("view: west ≤ east, south ≤ north, zoom 0..30")

    def holds(self, lon: NDArray, lat: NDArray) -> NDArray[np.bool_]:
        """Which points are inside: bool[n]. A map turned round the globe may look from 170 to 190, or from 480 on."""
        inside = (lat >= self.south) & (lat <= self.north)
        if self.west < -180 or self.east > 180:
            return inside & ((lon - self.west) % 360 <= self.east - self.west)
        # Nearly every window; a remainder costs ten times a comparison.
        inside &= lon >= self.west
        inside &= lon <= self.east
        return inside


@dataclass(frozen=True, eq=False)
class Sight:
    """Which owners and districts a scope covers, as look-up tables by key (index 0: none); compared by identity."""

    everything: bool
    owners: NDArray[np.bool_]
    regions: NDArray[np.bool_]

    def covers(self, owner: NDArray[np.int64], region: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which things are shown: those of a covered owner and those now in a covered district."""
        if self.everything:
            return np.ones(len(owner), bool)
        return look_up(self.owners, owner) | look_up(self.regions, region)


def same_sight(one: Sight, other: Sight) -> bool:
    """Whether both cover the same."""
    return one is other or (
        one.everything == other.everything
        and np.array_equal(one.owners, other.owners)
        and np.array_equal(one.regions, other.regions)
    )


def look_up(table: NDArray[np.bool_], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What a table says of each key: bool[n]; no for a key beyond it, and for 0."""
    known = keys < len(table)
    return table[np.where(known, keys, 0)] & known & (keys > 0)


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns of ``ASSETS`` or ``CELLS``; what goes to browsers is made once, for however many."""

    mode: str
    columns: dict[str, NDArray]

    @cached_property
    def piece(self) -> bytes:
        """As a browser gets it."""
        if self.mode == "cells":
            return batch_piece(CELLS_BATCH, CELLS, self.columns)
        return batch_piece(ASSETS_BATCH, ASSETS, self.columns)

    @cached_property
    def things(self) -> int:
        """How many it shows."""
        return int(self.columns["total"].sum()) if self.mode == "cells" else len(self.columns["id"])


@dataclass(frozen=True)
class Answer:
    """What to tell a browser. ``visible``: things that it shows once told."""

    frame: Frame
    reset: bool
    visible: int

    @property
    def mode(self) -> str:
        """``assets`` or ``cells``."""
        return self.frame.mode

    @property
    def columns(self) -> dict[str, NDArray]:
        """Those of the frame."""
        return self.frame.columns


@dataclass(frozen=True, eq=False)
class _Turn:
    """What changed for all who look alike and were told the same: ``told`` from now on, and which rows to send."""

    told: NDArray[np.bool_]
    count: int
    slots: NDArray[np.int64]
    left: NDArray[np.bool_]


_NOTHING = np.zeros(0, bool)


class Viewer:
    """Keeps what one browser was told, so that it can be told the difference.

    Whoever sees the same, looks at the same and was told the same shares what is worked out and the bytes that are
    made of it (:class:`~twin.live.memo.Memo`). What was told is never changed, only replaced: so it, too, is shared,
    and who fell behind keeps what was told to them until they catch up.

    Attributes
    ----------
    tick : int
        The world's tick up to which this browser was told.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._window: Window | None = None
        self._regions: NDArray[np.bool_] | None = None
        self.tick = 0
        self._all = True
        self._told = _NOTHING
        self._mode = ""
        self._counted_ms = 0.0

    def look(self, window: Window, regions: NDArray[np.bool_] | None = None, *, fresh: bool = False) -> None:
        """The map was moved, or looks into one district: ``regions`` says by key which belong to it; None: everywhere.

        ``fresh``: the browser has forgotten what it was told; it is told everything again, after a reset.
        """
        if fresh:
            self._mode = ""
        self._window = window
        self._regions = regions
        self._all = True

    def allow(self, sight: Sight) -> None:
        """What may be seen from now on."""
        if not same_sight(self._sight, sight):
            self._all = True
        self._sight = sight

    def answer(self, world: World, now_ms: float) -> Answer | None:
        """What changed for this browser since the last answer; None where nothing did."""
        window = self._window
        if window is None or not (self._all or self._due(world, now_ms)):
            return None
        since, self.tick = self.tick, world.tick
        everything, self._all = self._all, False
        if self._mode == "cells":
            counts = self._counts(world, window, now_ms)
            if self._mode_for(counts.things, window.zoom) == "cells":
                return Answer(counts, False, counts.things)
        if self._mode != "assets":
            everything, since, self._told = True, 0, _NOTHING
        turn = self._turn(world, window, since, everything)
        mode = self._mode_for(turn.count, window.zoom)
        reset, self._mode = mode != self._mode, mode
        if mode == "cells":
            self._told = _NOTHING
            counts = self._counts(world, window, now_ms)
            return Answer(counts, reset, counts.things)
        self._told = turn.told
        if not len(turn.slots) and not reset:
            return None
        return Answer(self._frame(world, turn), reset, turn.count)

    def _due(self, world: World, now_ms: float) -> bool:
        if self._mode == "cells":
            aged_ms = now_ms - self._counted_ms
            # Things fall silent by themselves: counts are made anew now and then although nothing moved.
            return aged_ms >= (COUNTS_EVERY_MS if world.tick != self.tick else COUNTS_AGE_MS)
        return world.tick != self.tick

    def _mode_for(self, count: int, zoom: float) -> str:
        # Once in counts, stay until clearly fewer: a number that hovers must not make the map flicker.
        most = MOST_ASSETS * (0.8 if self._mode == "cells" else 1)
        far = zoom < CELLS_BELOW_ZOOM or (zoom < ASSETS_FROM_ZOOM and count > most)
        return "cells" if far else "assets"

    def _turn(self, world: World, window: Window, since: int, everything: bool) -> _Turn:
        """The turn of all who share this viewer's past and view; ``everything``: the view or the scope is another."""
        told, sight, regions = self._told, self._sight, self._regions

        def make() -> _Turn:
            rows = world.rows(None if everything else since)
            visible = rows.there & window.holds(rows.columns["lon"], rows.columns["lat"])
            visible &= _covered(world, None if everything else since, sight, regions)
            known = told if len(told) == len(world) else np.append(told, np.zeros(len(world) - len(told), bool))
            told_before = known[rows.slots]
            after = known.copy()
            after[rows.slots] = visible
            # After a move of the map: what is new in it, and what changed since the last answer.
            send = visible & (~told_before | (world.changed[rows.slots] > since)) if everything else visible
            gone = told_before & ~visible
            return _Turn(after, int(np.count_nonzero(after)), rows.slots[send | gone], gone[send | gone])

        question = ("turn", id(told), since, everything, id(sight), id(regions), window)
        return world.memo.get(world.tick, question, (told, sight, regions), make)

    def _frame(self, world: World, turn: _Turn) -> Frame:
        def make() -> Frame:
            columns = {name: column[turn.slots] for name, column in world.columns.items()}
            columns["left"] = turn.left
            for name in ("lon", "lat", "alt_m", "speed_m_s", "heading_deg", "time_ms"):
                columns[name][turn.left] = 0  # where it went is not this viewer's business
            return Frame("assets", columns)

        return world.memo.get(world.tick, ("frame", id(turn)), (turn,), make)

    def _counts(self, world: World, window: Window, now_ms: float) -> Frame:
        """Counts of what the window shows, of those made within the same second for all who see the same."""
        self._counted_ms = now_ms
        sight, regions = self._sight, self._regions
        question = (id(sight), id(regions), int(window.zoom), int(now_ms // COUNTS_EVERY_MS))

        def count() -> Cells:
            slots = np.flatnonzero(world.there[: len(world)] & _covered(world, None, sight, regions))
            return count_cells({name: column[slots] for name, column in world.columns.items()}, window.zoom, now_ms)

        def make() -> Frame:
            cells = world.memo.get(world.tick, ("cells", question), (sight, regions), count)
            return Frame("cells", cells.within(window))

        return world.memo.get(world.tick, ("counts", question, window), (sight, regions), make)


def _covered(world: World, since: int | None, sight: Sight, regions: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Which of :meth:`World.rows` are shown to a sight in a district, wherever they are: bool[k]."""

    def make() -> NDArray[np.bool_]:
        c = world.rows(since).columns
        covered = sight.covers(c["owner"], c["region"])
        return covered if regions is None else covered & look_up(regions, c["region"])

    return world.memo.get(world.tick, ("covered", since, id(sight), id(regions)), (sight, regions), make)
