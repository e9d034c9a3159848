"""Reading archived days as the database's own are read: the same questions as :mod:`twin.past_store`, in files.

A day that was restored is read from the database alone; one of which rows came late, from both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from twin.archive.files import Bounds, Columns, groups_of, read_rows
from twin.archive.models import ArchivedDay
from twin.archive.stores import ArchiveStore, archive_store
from twin.exceptions import ArchiveDamagedError, PastDamagedError

Ids = NDArray[np.int64]
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


@dataclass(frozen=True)
class Archived:
    """One archived day of a kind: its file, where it begins and the first moment after it (microseconds)."""

    store: ArchiveStore
    name: str
    start_us: int
    end_us: int

    @property
    def day(self) -> date:
        """Which, by UTC."""
        return _EPOCH + timedelta(microseconds=self.start_us)

    def rows(
        self,
        columns: Sequence[str],
        from_us: int,
        to_us: int,
        ids: Ids | None = None,
        bounds: Bounds | None = None,
        *,
        latest_first: bool = False,
    ) -> Iterator[Columns]:
        """Its rows as :func:`twin.archive.files.read_rows` gives them.

        Raises
        ------
        PastDamagedError
            The file is missing or damaged.
        """
        try:
            yield from read_rows(self.store, self.name, columns, from_us, to_us, ids, bounds, latest_first=latest_first)
        except ArchiveDamagedError as error:
            raise PastDamagedError(str(error), self.day) from error

    def oldest(self, ids: Ids) -> int | None:
        """When the first row of any of these assets was, microseconds; None where it has none of them.

        Raises
        ------
        PastDamagedError
        """
        try:
            ranges = groups_of(self.store, self.name)
        except ArchiveDamagedError as error:
            raise PastDamagedError(str(error), self.day) from error
        for group in np.argsort(ranges.low["time_us"], kind="stable"):
            low_us, high_us = int(ranges.low["time_us"][group]) - 1, int(ranges.high["time_us"][group])
            found = self._first(low_us, high_us, ids)
            if found is not None:
                return found
        return None

    def _first(self, from_us: int, to_us: int, ids: Ids) -> int | None:
        return min((int(piece["time_us"].min()) for piece in self.rows(["time_us"], from_us, to_us, ids)), default=None)


def archived_days(code: int, from_us: int, to_us: int) -> list[Archived]:
    """Archived days of a kind that are read for a span, the oldest first."""
    if to_us < 0:
        return []
    first, last = (np.datetime64(_EPOCH) + np.timedelta64(us // _DAY_US, "D") for us in (max(from_us, 0), to_us))
    rows = ArchivedDay.objects.filter(
        kind=code, day__gte=first.item(), day__lte=last.item(), restored_until=None
    ).values_list("name", "day")
    store = archive_store()
    found = []
    for name, day in rows.order_by("day"):
        start_us = (day - _EPOCH).days * _DAY_US
        found.append(Archived(store, name, start_us, start_us + _DAY_US))
    return found


def newest(
    days: list[Archived], columns: Sequence[str], from_us: int, to_us: int, ids: Ids, *, said: bool = False
) -> Columns | None:
    """Each asset's newest row after ``from_us`` up to ``to_us``, in no order; None where there is none.

    Reads backwards, and no further than it must.

    Parameters
    ----------
    ids : int64[k]
        Ascending.
    said : bool
        Only of rows that say a status.
    """
    wanted = list(dict.fromkeys(["asset", "time_us", *columns, *(["status"] if said else [])]))
    found: list[Columns] = []
    missing = ids
    for day in reversed(days):
        for piece in day.rows(wanted, from_us, to_us, missing, latest_first=True):
            # In a file the rows of one asset stand in the order of time: the first found from behind are the newest.
            keep = np.isin(piece["asset"], missing)
            if said:
                keep &= piece["status"] >= 0
            last = last_of_each({name: column[keep] for name, column in piece.items()})
            found.append(last)
            missing = np.setdiff1d(missing, last["asset"], assume_unique=True)
            if not len(missing):
                break
        if not len(missing):
            break
    if not found:
        return None
    return {name: np.concatenate([one[name] for one in found]) for name in wanted}


def last_of_each(rows: Columns) -> Columns:
    """Of rows in the order of time for each asset, however they are mixed, the last of each asset."""
    _assets, from_behind = np.unique(rows["asset"][::-1], return_index=True)
    at = len(rows["asset"]) - 1 - from_behind
    return {name: column[at] for name, column in rows.items()}
