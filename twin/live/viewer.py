"""What one open map may see and looks at, and what to tell it next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.kinds import SILENCED, Status, kinds
from twin.live.world import World

CELLS_BELOW_ZOOM = 7.0
MOST_ASSETS = 5_000
"""More than this in view, below :data:`ASSETS_FROM_ZOOM`, is shown as counts."""
ASSETS_FROM_ZOOM = 12.0
CELL_ZOOM_STEP = 3
"""Cells are map tiles of this many zooms beyond the one looked at: eight by eight to a 512-pixel tile."""
COUNTS_AGE_MS = 5_000
MERCATOR_LIMIT_DEG = 85.0511


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
        return ((lon - self.west) % 360 <= self.east - self.west) & (lat >= self.south) & (lat <= self.north)


@dataclass(frozen=True)
class Sight:
    """Which owners and districts a scope covers, as look-up tables by key (index 0: none)."""

    everything: bool
    owners: NDArray[np.bool_]
    regions: NDArray[np.bool_]

    def covers(self, owner: NDArray[np.int64], region: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which things are shown: those of a covered owner and those now in a covered district."""
        if self.everything:
            return np.ones(len(owner), bool)
        return look_up(self.owners, owner) | look_up(self.regions, region)


def look_up(table: NDArray[np.bool_], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What a table says of each key: bool[n]; no for a key beyond it, and for 0."""
    known = keys < len(table)
    return table[np.where(known, keys, 0)] & known & (keys > 0)


@dataclass(frozen=True)
class Answer:
    """What to tell a browser: columns of ``ASSETS`` or ``CELLS``."""

    mode: str
    reset: bool
    columns: dict[str, NDArray]
    visible: int


class Viewer:
    """Keeps what one browser was told, so that it can be told the difference.

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
        self._told = np.zeros(0, bool)
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
        """The scope changed."""
        self._sight = sight
        self._all = True

    def answer(self, world: World, now_ms: float) -> Answer | None:
        """What changed for this browser since the last answer; None where nothing did."""
        if self._window is None or not (self._all or world.tick != self.tick or self._counts_aged(now_ms)):
            return None
        n = len(world)
        if n > len(self._told):
            self._told = np.append(self._told, np.zeros(n - len(self._told), bool))
        rows = np.arange(n) if self._all else world.since(self.tick)
        visible = self._visible(world, rows)
        told = self._told[rows]
        self._told[rows] = visible
        count = int(self._told.sum())
        since, everything = self.tick, self._all
        self.tick, self._all = world.tick, False
        mode = self._mode_for(count)
        reset, self._mode = mode != self._mode, mode
        if mode == "cells":
            self._counted_ms = now_ms
            return Answer(mode, reset, _cells(world, np.flatnonzero(self._told), self._window.zoom, now_ms), count)
        if reset:
            slots, left = np.flatnonzero(self._told), np.zeros(count, bool)
        else:
            # After a move of the map: what is new in it, and what changed since the last answer.
            send = visible & (~told | (world.changed[rows] > since)) if everything else visible
            gone = told & ~visible
            slots, left = rows[send | gone], gone[send | gone]
        if not len(slots) and not reset:
            return None
        columns = {name: column[slots] for name, column in world.columns.items()}
        columns["left"] = left
        for name in ("lon", "lat", "alt_m", "speed_m_s", "heading_deg", "time_ms"):
            columns[name][left] = 0  # where it went is not this viewer's business
        return Answer(mode, reset, columns, count)

    def _counts_aged(self, now_ms: float) -> bool:
        """Whether counts are to be made anew although nothing moved: things fall silent by themselves."""
        return self._mode == "cells" and now_ms - self._counted_ms >= COUNTS_AGE_MS

    def _visible(self, world: World, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        c = world.columns
        assert self._window is not None
        inside = world.there[rows] & self._window.holds(c["lon"][rows], c["lat"][rows])
        within = rows[inside]
        inside[inside] = self._sight.covers(c["owner"][within], c["region"][within])
        if self._regions is not None:
            inside[inside] = look_up(self._regions, c["region"][rows[inside]])
        return inside

    def _mode_for(self, count: int) -> str:
        assert self._window is not None
        zoom = self._window.zoom
        # Once in counts, stay until clearly fewer: a number that hovers must not make the map flicker.
        most = MOST_ASSETS * (0.8 if self._mode == "cells" else 1)
        far = zoom < CELLS_BELOW_ZOOM or (zoom < ASSETS_FROM_ZOOM and count > most)
        return "cells" if far else "assets"


def _cells(world: World, slots: NDArray[np.int64], zoom: float, now_ms: float) -> dict[str, NDArray]:
    """Counts by map cell and kind of the things in ``slots``."""
    c = {name: column[slots] for name, column in world.columns.items()}
    size = 2 ** (int(zoom) + CELL_ZOOM_STEP)
    lat = np.radians(np.clip(c["lat"], -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    x = ((c["lon"] + 180) / 360 * size).astype(np.int64)
    y = ((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * size).astype(np.int64)
    key = (x * size + y) * 256 + c["kind"]
    cells, cell = np.unique(key, return_inverse=True)
    silent_after_ms = np.full(256, np.inf)
    for kind in kinds():
        silent_after_ms[kind.code] = kind.silent_after_s * 1000
    # As the browser judges it: what is switched off is expected to be quiet, and an alert stays one.
    may_fall_silent = np.isin(c["status"], SILENCED)
    silent = may_fall_silent & (now_ms - c["time_ms"] > silent_after_ms[c["kind"]])

    def count(mask: NDArray[np.bool_] | None = None) -> NDArray[np.uint32]:
        return np.bincount(cell, mask, len(cells)).astype(np.uint32)

    total = count()
    return {
        "lon": np.bincount(cell, c["lon"], len(cells)) / total,
        "lat": np.bincount(cell, c["lat"], len(cells)) / total,
        "kind": (cells % 256).astype(np.uint8),
        "total": total,
        "working": count(~silent & (c["status"] == Status.WORKING)),
        "alert": count(c["status"] == Status.ALERT),
        "silent": count(silent),
        "off": count(c["status"] == Status.OFF),
    }
