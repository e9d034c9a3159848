"""Saved calibrations: by name, for every door where coordinates come in or go out.

Coordinates are converted in many places, some of them on event loops: what is saved is kept in memory, and looked at
again when it may be older than :data:`FRESH_S`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import DatabaseError, connections, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from gis.calibration.pipeline import conversions
from gis.exceptions import CalibrationError

if TYPE_CHECKING:
    from gis.datums import Datum
    from gis.models import Calibration

logger = logging.getLogger(__name__)

FRESH_S = 2.0
REACH_M = 500_000.0
"""Farther from its control points no plane calibration means anything."""


@dataclass(frozen=True)
class _Saved:
    name: str
    pipeline: str
    degrees: bool
    middle: tuple[float, float]


@dataclass(frozen=True)
class _Known:
    """What was found: by ``name`` and ``name@version`` in lower case, and the ones to choose from."""

    saved: dict[str, _Saved]
    active: tuple[_Saved, ...]


class _Memory:
    """The saved calibrations as they were a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = _Known({}, ())
        self._looked = -FRESH_S

    def forget(self) -> None:
        """Look again at the next question."""
        self._looked = -FRESH_S

    def known(self) -> _Known:
        """What there is, looked at again if that is due."""
        if time.monotonic() - self._looked >= FRESH_S and apps.models_ready:
            self._refresh()
        return self._known

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._looked < FRESH_S:
                return
            try:
                self._known = _off_the_loop(_load)
            except DatabaseError:
                # Before the first migration there is no table, and a lost database leaves what is known.
                logger.warning("calibrations could not be read", exc_info=True)
            self._looked = time.monotonic()


def _load() -> _Known:
    from gis.models import Calibration

    saved: dict[str, _Saved] = {}
    active = []
    for row in Calibration.objects.order_by("name", "version"):
        found = _Saved(row.name, row.pipeline, row.degrees, (row.middle_x, row.middle_y))
        saved[f"{row.name.lower()}@{row.version}"] = found
        # A name out of use is in no list any more, but what refers to it, a device for one, goes on working.
        saved[row.name.lower()] = found
        if row.active:
            active.append(found)
    return _Known(saved, tuple(active))


def _off_the_loop(work: Callable[[], Any]) -> Any:
    """Ask the database here, or in a thread beside where an event loop runs; that takes milliseconds."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()

    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


_memory = _Memory()
forget = _memory.forget


def calibrated_names(*, degrees_only: bool = False) -> list[str]:
    """Names of the calibrations that are active; ``degrees_only``: whose coordinates are degrees."""
    return [found.name for found in _memory.known().active if found.degrees or not degrees_only]


def calibrated_datum(name: str) -> Datum | None:
    """The datum of a calibration.

    Parameters
    ----------
    name : str
        ``name``, its latest version, or ``name@3``, that one; letter case does not matter.
    """
    from gis.datums import DEGREES, Datum

    saved = _memory.known().saved.get(name.strip().lower())
    if saved is None:
        return None
    forward, inverse = conversions(saved.pipeline, saved.degrees)
    x, y = saved.middle
    ranges = DEGREES if saved.degrees else ((x - REACH_M, x + REACH_M), (y - REACH_M, y + REACH_M))
    return Datum(saved.name, saved.degrees, *ranges, forward, inverse)


def save_version(name: str, **values: Any) -> Calibration:
    """Save an estimate as the next version of ``name`` and make it the active one.

    Parameters
    ----------
    name : str
    **values
        Fields of :class:`gis.models.Calibration`.

    Raises
    ------
    CalibrationError
        The name belongs to something else.
    """
    from gis.datums import RESERVED_NAMES, city_grids
    from gis.models import Calibration

    if name.lower() in RESERVED_NAMES or name.lower() in city_grids():
        raise CalibrationError(_("“%(name)s”是已有坐标系的名称，请换一个。") % {"name": name})
    with transaction.atomic():
        same = Calibration.objects.select_for_update().filter(name__iexact=name)
        known = list(same.values_list("name", flat=True)[:1])
        last = same.aggregate(last=Max("version"))["last"] if known else 0
        same.update(active=False)
        saved = Calibration.objects.create(name=known[0] if known else name, version=(last or 0) + 1, **values)
    transaction.on_commit(forget)
    forget()
    return saved


def retire(name: str) -> int:
    """Take a name out of the lists; what refers to it goes on working. How many versions were active: 1 or 0."""
    from gis.models import Calibration

    count = Calibration.objects.filter(name=name, active=True).update(active=False)
    forget()
    return count
