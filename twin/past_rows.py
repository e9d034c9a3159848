"""What is read of the past, wherever it lies: rows and assets by the column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """``n`` positions of the past.

    Attributes
    ----------
    columns : dict of arrays
        ``asset`` int64, ``kind`` int16, ``time_us`` int64 (microseconds since 1970 UTC), ``lon`` and ``lat`` float64
        (degrees), ``alt_m``, ``speed_m_s`` and ``heading_deg`` float32 (NaN unknown), ``status`` int16 (-1 unsaid);
        each of shape (n,).
    """

    columns: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.columns["asset"])

    def __getitem__(self, name: str) -> NDArray:
        return self.columns[name]

    def take(self, rows: NDArray) -> Rows:
        """Some of the rows, by index or mask."""
        return Rows({name: column[rows] for name, column in self.columns.items()})


@dataclass(frozen=True)
class Assets:
    """Assets of every kind, in use or not, by ascending key: ``id``, ``kind`` (code) and ``owner`` (0: none)."""

    id: Ids
    kind: NDArray[np.int16]
    owner: Ids

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: NDArray) -> Assets:
        """Some of them, by index or mask."""
        return Assets(self.id[rows], self.kind[rows], self.owner[rows])

    @cached_property
    def _table(self) -> NDArray[np.int64] | None:
        """Where each key from the first to the last stands, -1 for none; None where that would be mostly empty."""
        width = int(self.id[-1] - self.id[0]) + 1
        if width > 8 * len(self):
            return None
        table = np.full(width, -1, np.int64)
        table[self.id - self.id[0]] = np.arange(len(self))
        return table

    def codes(self) -> list[int]:
        """Kinds there are, ascending."""
        return np.flatnonzero(np.bincount(self.kind)).tolist()  # type: ignore[no-any-return]

    def find(self, ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where ``ids`` stand, and which are here at all."""
        if not len(self):
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
        if self._table is not None and len(ids) > len(self):
            first, table = int(self.id[0]), self._table
            known = (ids >= first) & (ids < first + len(table))
            at = table[np.where(known, ids - first, 0)]
            return np.maximum(at, 0), known & (at >= 0)
        at = np.minimum(np.searchsorted(self.id, ids), len(self) - 1)
        return at, self.id[at] == ids
