"""The archive cut in pieces of work: some row groups of one file, asset by asset, small enough for any worker's memory.

Nothing here needs Django or the database: a piece names the archive's address, the file and a range of assets, so
that it can be worked off by whatever process of a cluster reaches the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twin.archive.files import Columns, groups_of, read_rows
from twin.archive.stores import ArchiveStore

ROWS_A_PIECE = 4_000_000
_EVER_US = (-(1 << 62), 1 << 62)


@dataclass(frozen=True)
class Source:
    """One archived day of a kind.

    Attributes
    ----------
    url : str
        Of the archive.
    name : str
        Of the file.
    kind : str
        The kind's key.
    day : date
        UTC.
    fastest_m_s : float
        Of the kind.
    """

    url: str
    name: str
    kind: str
    day: date
    fastest_m_s: float


@dataclass(frozen=True)
class Piece:
    """Some of a day's assets: from ``first`` to ``last``, both included."""

    source: Source
    first: int
    last: int


@dataclass(frozen=True)
class Track:
    """One asset's positions on one day, by time."""

    asset: int
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def store_of(source: Source) -> ArchiveStore:
    """The archive of a source."""
    return ArchiveStore.at(source.url)


def pieces_of(source: Source, only: int | None = None) -> list[Piece]:
    """Cut a day: as few pieces as have no more than some four million rows each.

    Parameters
    ----------
    only : int, optional
        One asset.

    Raises
    ------
    ArchiveDamagedError
    """
    ranges = groups_of(store_of(source), source.name)
    low, high = ranges.low["asset"], ranges.high["asset"]
    if only is not None:
        return [Piece(source, only, only)]
    count = max(1, -(-int(ranges.rows.sum()) // ROWS_A_PIECE))
    # Row groups of each block begin with other assets: together they say how rows are spread over assets.
    cuts = np.quantile(low, np.linspace(0, 1, count + 1)[1:-1], method="nearest")
    edges = sorted({int(low.min()), *cuts.astype(np.int64).tolist(), int(high.max()) + 1})
    return [Piece(source, a, b - 1) for a, b in pairwise(edges)]


def tracks_of(piece: Piece) -> list[Track]:
    """Read a piece.

    Raises
    ------
    ArchiveDamagedError
        The file is missing or damaged.
    """
    names = ("asset", "time_us", "lon", "lat")
    ids = np.arange(piece.first, piece.last + 1)
    parts: list[Columns] = list(read_rows(store_of(piece.source), piece.source.name, names, *_EVER_US, ids))
    if not parts:
        return []
    asset, time_us, lon, lat = (np.concatenate([part[name] for part in parts]) for name in names)
    order = np.lexsort((time_us, asset))
    asset, time_us, lon, lat = asset[order], time_us[order], lon[order], lat[order]
    turns = np.flatnonzero(np.diff(asset)) + 1
    edges = [0, *turns.tolist(), len(asset)]
    return [Track(int(asset[a]), time_us[a:b], lon[a:b], lat[a:b]) for a, b in pairwise(edges)]
