"""What must last before it counts (``hold_s``): pure, columns in, columns out.

A cause that comes must hold for so long before its alert is raised, and must be gone for so long before it ends. Time
is that of the positions, so what is judged late comes out as it would have at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Waiting:
    """Changes that have not lasted long enough yet.

    Attributes
    ----------
    asset, area : int64[w]
        Whose; ``area`` is 0 where none is concerned.
    since_us : int64[w]
        Time of the first position that showed the change, microseconds since 1970 UTC.
    coming : bool[w]
        True: the cause came; False: it went.
    """

    asset: Ids
    area: Ids
    since_us: Ids
    coming: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Self:
        """Nothing waits."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing, np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.asset)

    def of(self, asset: Ids) -> tuple[Self, Self]:
        """Those of the assets named, and the others."""
        named = np.isin(self.asset, asset)
        return self.only(named), self.only(~named)

    def only(self, rows: NDArray[np.bool_]) -> Self:
        """Some of them: bool[w]."""
        return type(self)(self.asset[rows], self.area[rows], self.since_us[rows], self.coming[rows])

    def entries(self) -> dict[tuple[int, int], tuple[int, bool]]:
        """By asset and area: since when, and whether it is coming."""
        pairs = zip(self.asset.tolist(), self.area.tolist(), strict=True)
        return dict(zip(pairs, zip(self.since_us.tolist(), self.coming.tolist(), strict=True), strict=True))

    def and_(self, other: Self) -> Self:
        """Both."""
        names = ("asset", "area", "since_us", "coming")
        return type(self)(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


@dataclass(frozen=True)
class Lasting:
    """What counts as holding.

    Attributes
    ----------
    row, area : int64[m]
        At which rows, and in or for which area.
    held_us : int64[k]
        For each pair that was found: how long it had held then.
    waiting : Waiting
        What is not decided after the last row, of all that were asked about.
    """

    row: Ids
    area: Ids
    held_us: Ids
    waiting: Waiting


def settle(
    asset: Ids, time_us: Ids, row: Ids, area: Ids, hold_us: int, opened: tuple[Ids, Ids], waiting: Waiting
) -> Lasting:
    """Take out of what was found what has not lasted, and put in what is not gone for good.

    Parameters
    ----------
    asset, time_us : int64[n]
        Positions, sorted by asset and time.
    row, area : int64[k]
        Where the rule found its cause to hold.
    hold_us : int
        How long a change must last, in microseconds.
    opened : tuple of int64[p]
        Assets and areas of the causes that counted before the first row.
    waiting : Waiting
        What was not decided then. Pairs of assets without a row are left out of the answer.
    """
    was_open = np.column_stack(opened)[np.isin(opened[0], asset)]
    waiting, _others = waiting.of(asset)
    found = np.column_stack([asset[row], area])
    pairs, at = np.unique(
        np.concatenate([found, was_open, np.column_stack([waiting.asset, waiting.area])]), axis=0, return_inverse=True
    )
    found_at, open_at, waiting_at = np.split(at.reshape(-1), [len(found), len(found) + len(was_open)])
    # One entry for each pair and each position of its asset, in time.
    first = np.searchsorted(asset, pairs[:, 0])
    start = np.concatenate([[0], np.cumsum(np.searchsorted(asset, pairs[:, 0], "right") - first)])
    pair_of = np.repeat(np.arange(len(pairs)), np.diff(start))
    entry = np.arange(len(pair_of))
    row_of = entry - start[pair_of] + first[pair_of]
    entry_of_found = start[found_at] + row - first[found_at]
    holds = np.zeros(len(entry), bool)
    holds[entry_of_found] = True
    # A run is a stretch in which a cause holds, or does not; the first one may have begun in an earlier batch.
    begins = np.ones(len(entry), bool)
    begins[1:] = (pair_of[1:] != pair_of[:-1]) | (holds[1:] != holds[:-1])
    run = np.cumsum(begins) - 1
    run_since_us = time_us[row_of[begins]]
    went_on = holds[start[waiting_at]] == waiting.coming
    run_since_us[run[start[waiting_at[went_on]]]] = waiting.since_us[went_on]
    lasted_us = time_us[row_of] - run_since_us[run]
    # What counts is what was last certain: in this batch, else before it.
    counted_before = np.zeros(len(pairs), bool)
    counted_before[open_at] = True
    certain = np.maximum.accumulate(np.where(lasted_us >= hold_us, entry, -1))
    counts = np.where(certain >= start[pair_of], holds[certain], counted_before[pair_of])
    last = start[1:] - 1
    undecided = holds[last] != counts[last]
    return Lasting(
        row=row_of[counts],
        area=pairs[pair_of[counts], 1],
        held_us=lasted_us[entry_of_found],
        waiting=Waiting(
            pairs[undecided, 0], pairs[undecided, 1], run_since_us[run[last[undecided]]], holds[last[undecided]]
        ),
    )
