"""Runs of risk grids in the database: written as columns, read as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.db.models import Q
from numpy.typing import NDArray

from gis.grids.grading import Summary, Thresholds
from gis.grids.lattice import Cells
from twin.grids.models import GridRun, GridScore, GridThreshold

Columns = Mapping[str, NDArray[np.floating]]
THINNED_AFTER = timedelta(days=2)
"""Older runs are kept one an hour."""
_RUNS_IN_MEMORY = 12


@dataclass(frozen=True)
class Drawn:
    """One run over the cells of now: ``columns`` float32[n] by index and factor, NaN for cells it did not know."""

    columns: Columns
    thresholds: Mapping[str, Thresholds]


def thresholds_of(grid: str, declared: Mapping[str, Thresholds]) -> dict[str, Thresholds]:
    """The stored thresholds of a grid; what was never stored is stored as declared."""
    for index, each in declared.items():
        GridThreshold.objects.get_or_create(
            grid=grid, index=index, defaults={"yellow": each.yellow, "orange": each.orange, "red": each.red}
        )
    return {row.index: row.thresholds for row in GridThreshold.objects.filter(grid=grid, index__in=declared)}


def as_json(thresholds: Mapping[str, Thresholds]) -> dict[str, list[float]]:
    """Thresholds as a run keeps them: yellow, orange, red."""
    return {index: [each.yellow, each.orange, each.red] for index, each in thresholds.items()}


def write_run(run: GridRun, cells: Cells, columns: Columns, scores: Mapping[tuple[int, str], Summary]) -> GridRun:
    """Store a run with its scores, by region and index."""
    run.columns = _packed(cells.id, columns)
    with transaction.atomic():
        run.save()
        GridScore.objects.bulk_create(
            GridScore(
                run=run, region_id=region, index=index, grade=int(each.grade), cells=list(each.cells),
                **{name: None if np.isnan(x := getattr(each, name)) else x for name in ("value", "mean", "worst")},
            )
            for (region, index), each in scores.items()
        )  # fmt: skip
    return run


def newest(grid: str, at: datetime | None = None) -> GridRun | None:
    """The run that held at a moment (now), without its columns; None where there was none yet."""
    runs = GridRun.objects.filter(grid=grid) if at is None else GridRun.objects.filter(grid=grid, at__lte=at)
    return runs.order_by("-at").defer("columns").first()


def read_run(run: int, cells: Cells) -> Drawn:
    """A run's columns on the cells of now."""
    ids, columns, thresholds = _unpacked(run)
    if len(ids) == len(cells) and np.array_equal(ids, cells.id):
        return Drawn(columns, thresholds)
    at = np.searchsorted(ids, cells.id).clip(max=max(len(ids) - 1, 0))
    known = ids[at] == cells.id if len(ids) else np.zeros(len(cells), bool)
    return Drawn({name: np.where(known, column[at], np.nan) for name, column in columns.items()}, thresholds)


def forget(grid: str, now: datetime, keep: timedelta) -> int:
    """Drop runs past their time, and thin old ones to one an hour; returns how many."""
    runs = GridRun.objects.filter(grid=grid)
    last = newest(grid)
    old = list(runs.filter(at__lt=now - THINNED_AFTER).order_by("at").values_list("pk", "at"))
    hours: set[datetime] = set()
    surplus = []
    for pk, at in old:
        hour = at.replace(minute=0, second=0, microsecond=0)
        if hour in hours:
            surplus.append(pk)
        hours.add(hour)
    gone = runs.filter(Q(until__lt=now - keep) | Q(pk__in=surplus)).exclude(pk=last.pk if last else 0)
    return gone.delete()[1].get("twin.GridRun", 0)


def _packed(ids: NDArray[np.int64], columns: Columns) -> bytes:
    # Differences of neighbours repeat, so they take next to nothing.
    steps = np.diff(ids, prepend=0)
    table = pa.table({"step": steps, **{name: np.asarray(column, np.float32) for name, column in columns.items()}})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@lru_cache(_RUNS_IN_MEMORY)
def _unpacked(run: int) -> tuple[NDArray[np.int64], Columns, Mapping[str, Thresholds]]:
    row = GridRun.objects.get(pk=run)
    table = pa.ipc.open_stream(bytes(row.columns)).read_all()
    names = [name for name in table.column_names if name != "step"]
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in names}
    thresholds = {index: Thresholds(*three) for index, three in row.thresholds.items()}
    return np.cumsum(table["step"].to_numpy()), columns, thresholds
