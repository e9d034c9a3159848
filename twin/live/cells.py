"""Counts of things by map cell and kind: what is told of places too far or too full to show each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.kinds import SILENCED, Status, kinds

if TYPE_CHECKING:
    from twin.live.viewer import Window

CELL_ZOOM_STEP = 3
"""Cells are map tiles of this many zooms beyond the one looked at: eight by eight to a 512-pixel tile."""
MERCATOR_LIMIT_DEG = 85.0511


@dataclass(frozen=True)
class Cells:
    """Counts of everything that somebody may see.

    Attributes
    ----------
    size : int
        Cells along each side of the world.
    x, y : int64[n]
        Which cell, from the antimeridian and from the north.
    columns : dict of arrays
        As in :data:`twin.live.frames.CELLS`, shape (n,).
    """

    size: int
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    columns: dict[str, NDArray]

    def within(self, window: Window) -> dict[str, NDArray]:
        """The columns of the cells that a window shows, in part or whole."""
        (west, east), (south, north) = self._ends(window)
        wide = east - west + 1 >= self.size
        inside = (self.y >= north) & (self.y <= south)
        if not wide:
            inside &= (self.x - west) % self.size <= east - west
        return {name: column[inside] for name, column in self.columns.items()}

    def _ends(self, window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
        west, east = (int(np.floor((lon + 180) / 360 * self.size)) for lon in (window.west, window.east))
        south, north = _rows(np.array([window.south, window.north]), self.size).tolist()
        return (west, east), (south, north)


def count_cells(c: dict[str, NDArray], zoom: float, now_ms: float) -> Cells:
    """Count things by cell and kind.

    Parameters
    ----------
    c : dict of arrays
        Columns of the things, as in :data:`twin.live.frames.UPDATE`, shape (n,).
    zoom : float
        Of the map that is looked at.
    now_ms : float
        By which it is judged who has fallen silent.
    """
    size = 2 ** (int(zoom) + CELL_ZOOM_STEP)
    x = ((c["lon"] + 180) / 360 * size).astype(np.int64)
    y = _rows(c["lat"], size)
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
    columns: dict[str, NDArray] = {
        "lon": np.bincount(cell, c["lon"], len(cells)) / total,
        "lat": np.bincount(cell, c["lat"], len(cells)) / total,
        "kind": (cells % 256).astype(np.uint8),
        "total": total,
        "working": count(~silent & (c["status"] == Status.WORKING)),
        "alert": count(c["status"] == Status.ALERT),
        "silent": count(silent),
        "off": count(c["status"] == Status.OFF),
    }
    return Cells(size, cells // 256 // size, cells // 256 % size, columns)


def _rows(lat_deg: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    lat = np.radians(np.clip(lat_deg, -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    return ((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * size).astype(np.int64)
