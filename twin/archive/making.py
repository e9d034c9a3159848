"""Writing one day as a local file: block by block, with what its manifest says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa

from twin.archive.exchange import blocks, read_block
from twin.archive.files import groups_of, read_tables
from twin.archive.models import ArchivedDay
from twin.archive.schema import ROWS_A_GROUP, as_int64, block_length_s, geo_metadata, in_order, writer
from twin.archive.stores import ArchiveStore, sync_file
from twin.exceptions import ArchiveError


class MadeFile:
    """A finished local file and what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self.first_us, self.last_us = np.iinfo(np.int64).max, np.iinfo(np.int64).min

    def add(self, table: pa.Table) -> None:
        """Count a block that was written."""
        point, time_us = table["geometry"].combine_chunks(), as_int64(table["time"])
        x, y = (np.asarray(point.field(leaf).to_numpy(zero_copy_only=False)) for leaf in "xy")
        self.bounds[:2] = np.minimum(self.bounds[:2], [x.min(), y.min()])
        self.bounds[2:] = np.maximum(self.bounds[2:], [x.max(), y.max()])
        self.first_us = min(self.first_us, int(time_us.min()))
        self.last_us = max(self.last_us, int(time_us.max()))
        self.rows += len(table)


def write_day(
    cursor: psycopg.Cursor, store: ArchiveStore, table: str, day: date, by_hour: list[int], known: ArchivedDay | None
) -> MadeFile:
    """The rows of a partition, and those of the file that its day has already, as a new local file, on the disk.

    Parameters
    ----------
    cursor : psycopg.Cursor
        On one snapshot.
    by_hour : list of int
        Rows of each hour of the day that has any.
    known : ArchivedDay, optional
        The file there is.

    Raises
    ------
    ArchiveError
        Not every row was written.
    """
    store.spool.mkdir(parents=True, exist_ok=True)
    made = MadeFile(store.spool / f"{table}.partial")
    rows = sum(by_hour)
    length_s = block_length_s(max(by_hour) + (known.rows // 24 if known else 0), rows + (known.rows if known else 0))
    with made.path.open("wb") as sink, writer(sink) as file:
        for start, end in blocks(day, length_s):
            read = read_block(cursor, table, start, end)
            if known is not None:
                read = pa.concat_tables([read, *_archived_block(store, known, start, end)])
            if len(read):
                block = in_order(read)
                file.write_table(block, row_group_size=ROWS_A_GROUP)
                made.add(block)
        west, south, east, north = made.bounds.tolist()
        file.add_key_value_metadata(geo_metadata((west, south, east, north)))
    sync_file(made.path)
    if known is None and made.rows != rows:
        raise ArchiveError(f"{made.rows} rows were written of {rows}")
    return made


def _archived_block(store: ArchiveStore, known: ArchivedDay, start: datetime, end: datetime) -> Iterator[pa.Table]:
    from_us, to_us = (int(moment.timestamp()) * 1_000_000 - 1 for moment in (start, end))
    groups = groups_of(store, known.name).holding(from_us, to_us, None, None)
    for table in read_tables(store, known.name, groups):
        time_us = as_int64(table["time"])
        yield table.filter(pa.array((time_us > from_us) & (time_us <= to_us)))
