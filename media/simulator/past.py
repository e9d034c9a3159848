"""What a simulated device has recorded: all the time until now in pieces of ten minutes, but for what it missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

BEIJING = timezone(timedelta(hours=8))
PIECE_S = 600


class Piece(NamedTuple):
    """One file: from, to, in seconds since 1970."""

    begins: float
    ends: float


@dataclass
class Past:
    """A device's disk.

    Attributes
    ----------
    missed : list
        Stretches (from, to; seconds since 1970) in which it recorded nothing.
    """

    missed: list[tuple[float, float]] = field(default_factory=list)

    def pieces(self, begins: float, ends: float) -> Iterator[Piece]:
        """What it has between two times, cut where files end and where they are asked for."""
        ends = min(ends, datetime.now(BEIJING).timestamp())
        while begins < ends:
            stop = min(ends, (begins // PIECE_S + 1) * PIECE_S)
            yield from self._without(begins, stop)
            begins = stop

    def _without(self, begins: float, ends: float) -> Iterator[Piece]:
        for gone, back in sorted(self.missed):
            if gone < ends and back > begins:
                if begins < gone:
                    yield Piece(begins, gone)
                begins = max(begins, back)
        if begins < ends:
            yield Piece(begins, ends)

    def next_at(self, at: float, ends: float) -> float | None:
        """The first moment from ``at`` on that is recorded; None where there is none before ``ends``."""
        piece = next(self.pieces(at, ends), None)
        return piece.begins if piece is not None else None


def seconds(text: str) -> float:
    """A time as the standard writes it, Beijing's, in seconds since 1970."""
    stamp = datetime.fromisoformat(text)
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=BEIJING)).timestamp()


def written(at: float) -> str:
    """The other way round, to the second."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%dT%H:%M:%S")
