"""Jobs of the modules' framework."""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from gis.exceptions import UnknownRegionError
from layers.grids.running import bring_up_to_date, is_due
from layers.registry import registry

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="layers.look_after_grids")
def look_after_grids(timestamp: int) -> None:
    """Ask for the risk grids whose time has come, or whose thresholds somebody has changed."""
    now = timezone.now()
    for grid in registry.grids():
        if is_due(grid, now):
            defer_grid(grid.id)


@app.task(lock="layers.recompute_grid")
def recompute_grid(grid: str) -> None:
    """Bring one risk grid up to date."""
    try:
        run = bring_up_to_date(registry.grid(grid), timezone.now())
    except UnknownRegionError as error:
        logger.warning("risk grid %s: %s", grid, error)
        return
    logger.info("risk grid %s: %d of %d cells, %d ms", grid, run.recomputed, run.cells, run.took_ms)


def defer_grid(grid: str) -> None:
    """Ask for a grid to be brought up to date, unless that is waiting already."""
    try:
        recompute_grid.configure(queueing_lock=f"layers.recompute_grid/{grid}").defer(grid=grid)
    except AlreadyEnqueued:
        logger.debug("risk grid %s: waits already", grid)
