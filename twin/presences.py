"""Who is in which areas, and since when, as columns: one row a slot, as many places in it as anybody needs."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


class Presences:
    """By slot (:meth:`twin.known.Known.slots`): keys of areas, above 0, and microseconds since 1970."""

    def __init__(self) -> None:
        self._area: Whole = np.zeros((0, 1), np.int64)
        self._since_us: Whole = np.zeros((0, 1), np.int64)

    def make_room(self, slots: int) -> None:
        """Slots below ``slots`` can be spoken of."""
        self._grow(slots, 1)

    def empty(self, slots: slice) -> None:
        """Nobody is anywhere, in these slots."""
        self._area[slots] = 0

    def of(self, slots: Whole) -> tuple[Whole, Whole]:
        """Where the slots (int64[n]) are: entries of ``slots``, ascending, and keys of areas, int64[p] each."""
        area = self._area[slots]
        at, place = np.nonzero(area)
        return at, area[at, place]

    def since(self, slot: Whole, area: Whole) -> Whole:
        """Since when slots are in areas (int64[k] each); 0 for one that is not there."""
        found = self._area[slot] == area[:, None]
        return np.where(found, self._since_us[slot], 0).max(axis=1, initial=0)

    def replace(self, slots: Whole, slot: Whole, area: Whole, since_us: Whole) -> None:
        """From now on ``slots`` are in the areas of these pairs (int64[k] each), distinct and of these slots only."""
        self._area[slots] = 0
        by_slot = np.argsort(slot, kind="stable")
        slot, area, since_us = slot[by_slot], area[by_slot], since_us[by_slot]
        begins = np.flatnonzero(np.r_[True, slot[1:] != slot[:-1]][: len(slot)])
        place = np.arange(len(slot)) - np.repeat(begins, np.diff(np.r_[begins, len(slot)]))
        self._grow(0, int(place.max(initial=0)) + 1)
        self._area[slot, place], self._since_us[slot, place] = area, since_us

    def keep_areas(self, kept: Collection[int]) -> None:
        """Nobody is in areas that are not among ``kept`` any more."""
        there = np.fromiter(kept, np.int64, len(kept))
        self._area[~np.isin(self._area, there)] = 0

    def _grow(self, slots: int, places: int) -> None:
        have, width = self._area.shape
        room = ((0, max(2 * have, slots) - have if slots > have else 0), (0, max(places - width, 0)))
        if any(more for _, more in room):
            self._area, self._since_us = np.pad(self._area, room), np.pad(self._since_us, room)
