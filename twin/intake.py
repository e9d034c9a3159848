"""Where a batch of positions meets the twin: history, present state, enter and exit, in one transaction.

The history takes every row. Only rows newer than the asset's present state move it and cross area borders: the
present never goes back in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import psycopg
from numpy.typing import NDArray

from gis.fences import FenceIndex
from twin.batch import PositionBatch
from twin.borders import Borders, Crossings
from twin.crossings import stamp
from twin.history import write_tracks
from twin.kinds import Status
from twin.known import Known, Stays
from twin.later import later
from twin.meters import stage
from twin.observers import Heard, Message, Moved, Observer
from twin.present import Current, read_current
from twin.states import write_states

NOWHERE = -1


@dataclass(frozen=True)
class Outcome:
    """What became of a batch."""

    written: Future[int]
    """Rows new to the history, once they are there."""
    late: int
    """Rows that were stored but left the present as it was."""
    current: Current
    crossings: int
    """Enter and exit events written."""
    messages: list[Message] = field(default_factory=list)
    """What observers want published once the transaction is committed."""

    @property
    def stored(self) -> int:
        """Rows new to the history; waits for the history to be written."""
        return self.written.result()


class Intake:
    """Stores batches for the assets whose shards this process holds.

    It keeps their last time, status and presences in memory; :meth:`forget` after a failed transaction or a lost
    shard makes it read them again.

    Parameters
    ----------
    observers : iterable of Observer
        Look on inside the transaction (:mod:`twin.observers`).
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self.topics = frozenset[str]().union(*(observer.topics for observer in self._observers))
        """Change notices that observers want to hear of: :meth:`reload_observers`."""
        self._known = Known()
        self._borders = Borders()
        self._regions = FenceIndex.build([], [])

    def load_areas(self, cursor: psycopg.Cursor) -> int:
        """Read the active areas and lines afresh; returns how many there are."""
        count = self._borders.load(cursor)
        # Presences in areas that are gone went with them; those in areas out of force are about to be left.
        self._known.drop_areas(self._borders.areas)
        for observer in self._observers:
            observer.forget()
        return count

    def use_regions(self, districts: FenceIndex) -> None:
        """Say from now on with ``districts`` in whose district a thing is (:func:`gis.regions.district_index`)."""
        self._regions = districts

    def forget(self) -> None:
        """Drop what is known of assets; it is read again when they next report."""
        self._known.forget()
        self._borders.forget()
        for observer in self._observers:
            observer.forget()

    def recall(self, cursor: psycopg.Cursor, assets: list[int]) -> None:
        """Read the present of assets before they report."""
        self._known.recall(cursor, assets)
        self._borders.recall(cursor, assets)

    def reload_observers(self, cursor: psycopg.Cursor, topics: set[str]) -> None:
        """Let observers read again what changed."""
        for observer in self._observers:
            if stale := observer.topics & topics:
                observer.reload(cursor, stale)

    def heard(self, cursor: psycopg.Cursor, events: list[Heard]) -> list[Message]:
        """Tell observers of new events, inside the caller's transaction; returns what to publish after it."""
        return [message for observer in self._observers for message in observer.heard(cursor, events)]

    def store(self, cursor: psycopg.Cursor, batch: PositionBatch) -> Outcome:
        """Store a batch inside the caller's transaction.

        What nothing here is computed from is written later (:func:`twin.later.later`), where ``cursor`` can do that.

        Raises
        ------
        psycopg.Error
            Nothing of the batch is stored; roll back and call :meth:`forget`.
        """
        batch = batch.take(np.lexsort((batch.time_us, batch.asset)))
        # Read before anything is written, or that would have to be waited for.
        self.recall(cursor, batch.asset[_first_of_each(batch.asset)].tolist())
        written = later(cursor, partial(_write_tracks, batch=batch))
        slots = self._known.slots(batch.asset)
        fresh = batch.time_us > self._known["time_us"][slots]
        fresh[1:] &= (batch.asset[1:] != batch.asset[:-1]) | (batch.time_us[1:] > batch.time_us[:-1])
        moving, slots = batch.take(np.flatnonzero(fresh)), slots[fresh]
        new = np.unique(moving.asset[self._known["time_us"][slots] == 0])
        still_since_us = self._known.follow(moving, slots)
        with stage("fences"):
            stays, crossed = self._cross(cursor, moving, slots)
            current = self._advance(cursor, moving, new)
        messages: list[Message] = []
        if self._observers and len(moving):
            moved = Moved(
                moving,
                current.region[np.searchsorted(current.batch.asset, moving.asset)],
                still_since_us,
                *stays,
                *crossed,
            )
            with stage("rules"):
                messages = [message for observer in self._observers for message in observer.moved(cursor, moved)]
        return Outcome(written, len(batch) - len(moving), current, len(crossed.row), messages)

    def switch(self, cursor: psycopg.Cursor, asset: int, time_us: int, on: bool) -> Current | None:
        """Record that an asset was switched on or off, unless something newer was said of its status.

        Its position, and the time of that, stay as they are.
        """
        known = self._known
        known.recall(cursor, [asset])
        (slot,) = known.slots(np.array([asset]))
        if time_us < known["status_us"][slot] or known["time_us"][slot] == 0:
            return None
        status = Status.IDLE if on else Status.OFF
        known["status"][slot], known["status_us"][slot] = status, time_us
        cursor.execute(
            "UPDATE twin_state SET status = %s, status_ts = %s WHERE asset_id = %s",
            [int(status), stamp(time_us), asset],
        )
        return read_current(cursor, [asset])

    def _cross(
        self, cursor: psycopg.Cursor, moving: PositionBatch, slots: NDArray[np.int64]
    ) -> tuple[Stays, Crossings]:
        """Write enter and exit events of rows sorted by asset and time, and the presences that follow."""
        first = _first_of_each(moving.asset)
        was = self._known.presences(moving.asset[first], slots[first])
        row, area, change, crossed = self._borders.follow(cursor, moving, *was)
        return self._known.stay(moving, slots, row, area, change), crossed

    def _advance(self, cursor: psycopg.Cursor, moving: PositionBatch, new: NDArray[np.int64]) -> Current:
        """Make the newest row of every asset its present state; ``new``: assets that have none yet."""
        last = np.append(moving.asset[1:] != moving.asset[:-1], True)[: len(moving)]
        batch = moving.take(np.flatnonzero(last))
        region = self._regions.locate_one(batch.lon, batch.lat)
        region[region == NOWHERE] = 0
        if len(batch):
            write_states(cursor, batch, region, self._known, np.isin(batch.asset, new))
        return Current(batch, region)


def _write_tracks(cursor: psycopg.Cursor, batch: PositionBatch) -> int:
    with stage("copy"):
        return write_tracks(cursor, batch)


def _first_of_each(assets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of assets that are sorted, the first row of each."""
    return np.r_[True, assets[1:] != assets[:-1]][: len(assets)]
