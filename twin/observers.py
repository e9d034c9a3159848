"""Who looks on while positions are stored: the registration point for higher floors.

An observer works inside the transaction that stores the batch, so what it writes is committed with the history or not
at all; what it wants said is published after the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import psycopg
from numpy.typing import NDArray

from twin.batch import PositionBatch


class Message(NamedTuple):
    """Something to publish on the broker once the transaction is committed."""

    topic: str
    payload: bytes


@dataclass(frozen=True)
class Moved:
    """Positions newer than the present they met, and what they did.

    Attributes
    ----------
    batch : PositionBatch
        ``n`` rows sorted by asset and time; every row's status is known.
    region : int64[n]
        District of each row's asset after the batch, 0 for none.
    still_since_us : int64[n]
        Since when the asset has not moved away, as of the row.
    inside_row, inside_area, inside_since_us : int64[k]
        Areas that each row is in, by key, and since when; ordered by row. Who is outside, but not clearly, is in.
    crossed_row, crossed_area : int64[c]
    crossed_entered : bool[c]
        Areas entered and left, and lines passed (inwards: entered), at a row; ordered by row.
    """

    batch: PositionBatch
    region: NDArray[np.int64]
    still_since_us: NDArray[np.int64]
    inside_row: NDArray[np.int64]
    inside_area: NDArray[np.int64]
    inside_since_us: NDArray[np.int64]
    crossed_row: NDArray[np.int64]
    crossed_area: NDArray[np.int64]
    crossed_entered: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.batch)


class Heard(NamedTuple):
    """An event that the device of an asset sent, for the first time."""

    asset: int
    time_us: int
    code: str
    text: str
    attrs: dict[str, Any]


class Observer(Protocol):
    """One a process that stores positions.

    Attributes
    ----------
    topics : frozenset of str
        Change notices on which :meth:`reload` is called; all of them at the start.
    """

    topics: frozenset[str]

    def reload(self, cursor: psycopg.Cursor, topics: frozenset[str]) -> None:
        """Read again what changed."""

    def forget(self) -> None:
        """A transaction failed, or shards changed hands: trust nothing that was remembered of assets."""

    def moved(self, cursor: psycopg.Cursor, moved: Moved) -> list[Message]:
        """Positions were stored."""

    def heard(self, cursor: psycopg.Cursor, events: list[Heard]) -> list[Message]:
        """Events were stored."""


_factories: list[Callable[[], Observer]] = []


def register_observer(factory: Callable[[], Observer]) -> None:
    """Have ``factory`` make an observer in each process that stores positions; called at start."""
    _factories.append(factory)


def make_observers() -> list[Observer]:
    """A new observer of each registered sort."""
    return [factory() for factory in _factories]
