"""The live world: every asset's present state in one web worker's memory, as columns.

Each change carries the number of the tick that brought it. A viewer that was slow simply asks for what changed since
its last tick: it misses intermediate positions, never the newest, and no queue grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.live.frames import UPDATE, columns_of
from twin.live.memo import Memo
from twin.present import Current

_DTYPES: dict[str, type] = {
    "id": np.uint32,
    "kind": np.uint8,
    "status": np.uint8,
    "owner": np.int64,
    "region": np.int64,
    "lon": np.float64,
    "lat": np.float64,
    "alt_m": np.float32,
    "speed_m_s": np.float32,
    "heading_deg": np.float32,
    "time_ms": np.float64,
}
assert list(_DTYPES) == UPDATE.names
PLACING = ("owner", "region", "lon", "lat")
"""The columns by which it is judged who is shown a thing."""


@dataclass(frozen=True)
class Rows:
    """Some of the world's rows: ``slots`` int64[k], ``there`` bool[k], ``columns`` each of shape (k,)."""

    slots: NDArray[np.int64]
    there: NDArray[np.bool_]
    columns: dict[str, NDArray]


class World:
    """States by slot. A slot belongs to one asset for the life of the world.

    Attributes
    ----------
    tick : int
        Number of the last change.
    columns : dict of arrays
        Shape (capacity,); rows from ``len(world)`` on mean nothing.
    changed : int64[capacity]
        Tick of each slot's last change.
    there : bool[capacity]
        False for an asset that was taken out of use.
    memo : Memo
        What viewers worked out at this tick.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self.tick = 0
        self.columns: dict[str, NDArray] = {name: np.zeros(capacity, dtype) for name, dtype in _DTYPES.items()}
        self.changed = np.zeros(capacity, np.int64)
        self.there = np.zeros(capacity, bool)
        self.memo = Memo()
        self._slots: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def apply(self, update: dict[str, NDArray]) -> None:
        """Take in states, each asset at most once; what is older than here is left out.

        ``update`` holds the columns of :data:`twin.live.frames.UPDATE`, each of shape (n,).
        """
        slots = self._slots_of(update["id"])
        newer = ~self.there[slots] | (update["time_ms"] >= self.columns["time_ms"][slots])
        self._write(slots[newer], {name: values[newer] for name, values in update.items()})

    def replace(self, current: Current, asked: int | None = None) -> None:
        """Make the world what the database says; what is not in ``current`` is gone.

        Parameters
        ----------
        current : Current
            Every present state.
        asked : int, optional
            Tick of the world when the database was asked. What changed here since may be newer than the answer: it
            stays, with the owner and kind that the database says. Everything else is as the database has it, older
            or not: it may have been restored. By default nothing has changed since.
        """
        columns: dict[str, NDArray] = columns_of(current)
        slots = self._slots_of(columns["id"])
        here = self.columns
        moved = self.there & (self.changed > (self.tick if asked is None else asked))
        gone = (self.there & ~moved)[: len(self)]
        gone[slots] = False
        kept = moved[slots] & (here["time_ms"][slots] > columns["time_ms"])
        for name in ("status", "region", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "time_ms"):
            columns[name] = np.where(kept, here[name][slots], columns[name])
        same = self.there[slots].copy()
        for name in ("kind", "owner", "region", "status", "lon", "lat", "time_ms"):
            same &= here[name][slots] == columns[name]
        self._write(slots[~same], {name: values[~same] for name, values in columns.items()})
        if gone.any():
            self.tick += 1
            self.there[: len(self)][gone] = False
            self.changed[: len(self)][gone] = self.tick

    def rows(self, since: int | None) -> Rows:
        """What changed after a tick, or everything (None); not to be changed."""
        return self.memo.get(self.tick, ("rows", since), (), lambda: self._rows(since))

    def _rows(self, since: int | None) -> Rows:
        n = len(self)
        if since is None:
            return Rows(np.arange(n), self.there[:n], {name: column[:n] for name, column in self.columns.items()})
        slots = np.flatnonzero(self.changed[:n] > since)
        return Rows(slots, self.there[slots], {name: self.columns[name][slots] for name in PLACING})

    def _write(self, slots: NDArray[np.int64], values: dict[str, NDArray]) -> None:
        if not len(slots):
            return
        self.tick += 1
        for name, column in self.columns.items():
            column[slots] = values[name]
        self.changed[slots] = self.tick
        self.there[slots] = True

    def _slots_of(self, ids: NDArray) -> NDArray[np.int64]:
        slots = self._slots
        found = np.fromiter((slots.setdefault(i, len(slots)) for i in ids.tolist()), np.int64, len(ids))
        self._grow(len(slots))
        return found

    def _grow(self, wanted: int) -> None:
        capacity = len(self.changed)
        if wanted <= capacity:
            return
        extra = max(wanted, 2 * capacity) - capacity
        self.columns = {name: np.append(c, np.zeros(extra, c.dtype)) for name, c in self.columns.items()}
        self.changed = np.append(self.changed, np.zeros(extra, np.int64))
        self.there = np.append(self.there, np.zeros(extra, bool))
