"""Bringing a risk grid up to date: everything the first time, afterwards what changed sources reach."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gis.grids.field import Field, fill, refill
from gis.grids.grading import Summary, Thresholds, summarize
from gis.grids.rasters import onto
from layers.contract import RiskGrid
from layers.exceptions import DeclarationError
from layers.grids.ground import Ground, ground_of
from twin.grids.models import GridRun
from twin.grids.store import as_json, forget, newest, thresholds_of, write_run

Floats = NDArray[np.float64]

_lock = threading.Lock()


@dataclass(frozen=True)
class _Last:
    """What this process made of a grid last."""

    run: int
    ground: Ground
    field: Field
    rasters: dict[str, Floats]
    values: dict[str, Floats]
    thresholds: dict[str, Thresholds]


_last: dict[str, _Last] = {}


def is_due(grid: RiskGrid, now: datetime) -> bool:
    """Whether it is time to look after a grid again."""
    run = newest(grid.id)
    # The clock of jobs ticks once a minute, not to the second.
    if run is None or now - run.until >= timedelta(minutes=grid.every_min, seconds=-30):
        return True
    return run.thresholds != as_json(_thresholds(grid))


def bring_up_to_date(grid: RiskGrid, now: datetime) -> GridRun:
    """Compute what changed since the last run; a new run only where something did.

    What this process did last is taken up where it is the newest run there is; otherwise all cells are computed.

    Raises
    ------
    UnknownRegionError
        The city is not loaded.
    DeclarationError
        An index function gives no number a cell.
    """
    with _lock:
        began = time.perf_counter()
        run, last = newest(grid.id), _last.get(grid.id)
        ground = ground_of(grid.grid)
        sources = {factor.key: factor.read(ground.city, now) for factor in grid.spread_factors()}
        if last is None or run is None or last.run != run.pk or last.ground is not ground:
            spreads = {factor.key: factor.spread for factor in grid.spread_factors()}
            field, changed = fill(ground.cells, spreads, sources), np.ones(len(ground.cells), bool)
        else:
            field, changed, _count = refill(last.field, sources)
        rasters = _rasters(grid, ground, now)
        if last is not None:
            changed |= _differ(rasters, last.rasters, len(changed))
        values = _indices(grid, {**field.values, **rasters}, changed, last.values if last else None)
        thresholds = _thresholds(grid)
        if run is not None and not changed.any() and run.thresholds == as_json(thresholds):
            run.until = now
            run.save(update_fields=["until"])
        else:
            run = GridRun(
                grid=grid.id, at=now, until=now, lattice=grid.grid.key, cells=len(ground.cells),
                recomputed=int(changed.sum()), sources=field.count, took_ms=0, thresholds=as_json(thresholds),
            )  # fmt: skip
            scores = _scores(ground, values, thresholds)
            run.took_ms = round((time.perf_counter() - began) * 1000)
            write_run(run, ground.cells, {**values, **field.values, **rasters}, scores)
            forget(grid.id, now, timedelta(days=grid.kept_days))
        _last[grid.id] = _Last(run.pk, ground, field, rasters, values, thresholds)
        return run


def _thresholds(grid: RiskGrid) -> dict[str, Thresholds]:
    return thresholds_of(grid.id, {key: index.thresholds for key, index in grid.indices().items()})


def _rasters(grid: RiskGrid, ground: Ground, now: datetime) -> dict[str, Floats]:
    read = {factor.key: factor.read(ground.city, now) for factor in grid.raster_factors()}
    nothing = np.full(len(ground.cells), np.nan)
    return {key: nothing if raster is None else onto(ground.cells, raster) for key, raster in read.items()}


def _differ(these: dict[str, Floats], those: dict[str, Floats], n: int) -> NDArray[np.bool_]:
    differs = np.zeros(n, bool)
    for key, values in these.items():
        was = those.get(key)
        if was is None or len(was) != n:
            return np.ones(n, bool)
        differs |= ~((values == was) | (np.isnan(values) & np.isnan(was)))
    return differs


def _indices(
    grid: RiskGrid, factors: dict[str, Floats], changed: NDArray[np.bool_], before: dict[str, Floats] | None
) -> dict[str, Floats]:
    """The three indices over all cells, computed for the changed ones."""
    part = {key: values[changed] for key, values in factors.items()}
    found: dict[str, Floats] = {}
    for key, index in grid.indices().items():
        made = np.asarray(index.compute(part), float)
        if made.shape != (int(changed.sum()),):
            raise DeclarationError(grid.id, f"{key} gives {made.shape} for {int(changed.sum())} cells", "one a cell")
        part[key] = made
        found[key] = np.full(len(changed), np.nan) if before is None or changed.all() else before[key].copy()
        found[key][changed] = made
    return found


def _scores(
    ground: Ground, values: dict[str, Floats], thresholds: dict[str, Thresholds]
) -> dict[tuple[int, str], Summary]:
    return {
        (region, key): summarize(values[key][own], thresholds[key])
        for region, own in ground.above.items()
        for key in values
    }
