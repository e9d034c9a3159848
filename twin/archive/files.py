"""Reading archived files: only the row groups that can hold what is asked, only the columns that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from twin.archive.schema import as_int64
from twin.archive.stores import ArchiveStore
from twin.exceptions import ArchiveDamagedError

Bounds = tuple[float, float, float, float]
Columns = dict[str, NDArray[Any]]
Ids = NDArray[np.int64]

ROWS_AT_ONCE = 1 << 20
_LEAVES = {"time_us": ("time",), "lon": ("geometry.x",), "lat": ("geometry.y",), "asset": ("asset_id",)}
_RANGES = {"asset": "asset_id", "time_us": "time", "lon": "geometry.x", "lat": "geometry.y"}


@dataclass(frozen=True)
class Groups:
    """What a file's footer says of each row group: ``low`` and ``high`` of each column that prunes, and ``rows``."""

    low: Columns
    high: Columns
    rows: NDArray[np.int64]

    def holding(self, from_us: int, to_us: int, ids: Ids | None, bounds: Bounds | None) -> NDArray[np.int64]:
        """Groups that can have a row after ``from_us`` up to ``to_us``, of these assets, within these bounds."""
        may = (self.high["time_us"] > from_us) & (self.low["time_us"] <= to_us)
        if ids is not None:
            first = np.searchsorted(ids, self.low["asset"])
            may &= first < np.searchsorted(ids, self.high["asset"], side="right")
        if bounds is not None:
            west, south, east, north = bounds
            may &= (self.high["lon"] >= west) & (self.low["lon"] <= east)
            may &= (self.high["lat"] >= south) & (self.low["lat"] <= north)
        return np.flatnonzero(may)


@lru_cache(maxsize=128)
def _footer(store: ArchiveStore, name: str) -> tuple[pq.FileMetaData, Groups]:
    # A file's name carries its checksum: what was read of it once stays so.
    with store.fs.open_input_file(store.path(name)) as source:
        metadata = pq.read_metadata(source)
    first = metadata.row_group(0)
    place = {first.column(i).path_in_schema: i for i in range(first.num_columns)}
    low: dict[str, list] = {column: [] for column in _RANGES}
    high: dict[str, list] = {column: [] for column in _RANGES}
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for column, leaf in _RANGES.items():
            statistics = group.column(place[leaf]).statistics
            low[column].append(statistics.min_raw)
            high[column].append(statistics.max_raw)
    rows = np.array([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)], np.int64)
    return metadata, Groups(
        {name: np.array(values) for name, values in low.items()},
        {name: np.array(values) for name, values in high.items()},
        rows,
    )


def groups_of(store: ArchiveStore, name: str) -> Groups:
    """Ranges of a file's row groups.

    Raises
    ------
    ArchiveDamagedError
    """
    try:
        return _footer(store, name)[1]
    except (OSError, pa.ArrowException, IndexError) as error:
        raise ArchiveDamagedError(f"{name}: {error}") from error


def read_tables(
    store: ArchiveStore,
    name: str,
    groups: NDArray[np.int64],
    columns: Sequence[str] | None = None,
    *,
    last_first: bool = False,
) -> Iterator[pa.Table]:
    """Some row groups of a file, in their order, about a million rows at a time; or the last million first.

    Parameters
    ----------
    columns : sequence of str, optional
        As the file calls them; all when left out.

    Raises
    ------
    ArchiveDamagedError
        The file is missing, or a page does not have the checksum with which it was written.
    """
    try:
        metadata, ranges = _footer(store, name)
        # A new reader each time: several threads may read one file.
        with pq.ParquetFile(
            store.fs.open_input_file(store.path(name)),
            metadata=metadata,
            pre_buffer=True,
            page_checksum_verification=True,
        ) as file:
            pieces = _pieces(groups, ranges.rows)
            for piece in reversed(pieces) if last_first else pieces:
                yield file.read_row_groups(piece.tolist(), columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException, IndexError) as error:
        raise ArchiveDamagedError(f"{name}: {error}") from error


def _pieces(groups: NDArray[np.int64], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    if not len(groups):
        return []
    at = np.cumsum(rows[groups]) - rows[groups]
    return np.split(groups, np.flatnonzero(np.diff(at // ROWS_AT_ONCE)) + 1)


def read_rows(
    store: ArchiveStore,
    name: str,
    columns: Sequence[str],
    from_us: int,
    to_us: int,
    ids: Ids | None = None,
    bounds: Bounds | None = None,
    *,
    latest_first: bool = False,
) -> Iterator[Columns]:
    """Rows after ``from_us`` up to ``to_us`` as arrays, about a million at a time.

    Parameters
    ----------
    columns : sequence of str
        Of ``asset``, ``time_us``, ``lon``, ``lat`` and those of the file; unknown numbers are NaN, unsaid statuses -1.
    from_us, to_us : int
        Microseconds since 1970 UTC.
    ids : int64[k], optional
        Only these assets; ascending.
    bounds : (west, south, east, north), optional
        Only what lies within, its edges included; degrees.
    latest_first : bool
        The last pieces first: of any one asset, the newest rows.

    Raises
    ------
    ArchiveDamagedError
    """
    ranges = groups_of(store, name)
    groups = ranges.holding(from_us, to_us, ids, bounds)
    wanted = dict.fromkeys(["time_us", *columns])
    if ids is not None:
        wanted["asset"] = None
    if bounds is not None:
        wanted |= {"lon": None, "lat": None}
    leaves = [leaf for column in wanted for leaf in _LEAVES.get(column, (column,))]
    for table in read_tables(store, name, groups, leaves, last_first=latest_first):
        found = {column: _array(table, column) for column in wanted}
        keep = (found["time_us"] > from_us) & (found["time_us"] <= to_us)
        if ids is not None:
            keep &= _among(found["asset"], ids)
        if bounds is not None:
            west, south, east, north = bounds
            keep &= (found["lon"] >= west) & (found["lon"] <= east)
            keep &= (found["lat"] >= south) & (found["lat"] <= north)
        if keep.any():
            yield {column: found[column] if keep.all() else found[column][keep] for column in columns}


def _array(table: pa.Table, column: str) -> NDArray[Any]:
    if column in ("lon", "lat"):
        leaf = "x" if column == "lon" else "y"
        chunks = [chunk.field(leaf).to_numpy(zero_copy_only=False) for chunk in table["geometry"].chunks]
        return np.concatenate(chunks) if len(chunks) != 1 else chunks[0]
    values = table[_LEAVES[column][0] if column in _LEAVES else column]
    if pa.types.is_integer(values.type) and values.null_count:
        values = values.fill_null(-1)
    return as_int64(values) if column == "time_us" else np.asarray(values.to_numpy())


def _among(asset: Ids, ids: Ids) -> NDArray[np.bool_]:
    if len(ids) == 1:
        return asset == ids[0]
    at = np.minimum(np.searchsorted(ids, asset), len(ids) - 1)
    return ids[at] == asset
