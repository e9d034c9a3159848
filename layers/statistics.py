"""How many things a layer shows: by state, by kind, by district; within somebody's scope."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone

from access.scope import Scope
from gis.exceptions import UnknownRegionError
from gis.models import Region
from gis.notices import stamp_of
from gis.tiles import TileLayer
from layers.contract import MapLayer
from layers.grids.showing import show
from layers.queries import column_of, live, select_from, with_silence
from layers.registry import registry
from layers.sources import GridCells, LiveAssets
from layers.tiles import tile_layer
from twin.batch import MICROSECOND
from twin.census import SILENT
from twin.kinds import SILENCED, AssetKind, kind_of
from twin.live.sight import district_table, sight_of
from twin.past import Look, districts, state_at

KEPT_S = 3600
_DISTRICT = (
    "(SELECT d.code FROM geo_region AS d WHERE d.level = 'district'"
    " AND ST_Intersects(d.boundary, ST_PointOnSurface(%s)) ORDER BY d.code LIMIT 1)"
)
NOT_HEARD = "silent"
NO_STATE = "unknown"


@dataclass(frozen=True)
class Counts:
    """Counts of one layer at one moment.

    ``state`` holds values of the colouring field (for live things those of :class:`twin.kinds.Status`, ``silent`` and
    ``unknown``), ``kind`` keys of kinds, ``district`` codes of regions, empty for things in none. ``parts`` counts by
    district, state and the value of each of the layer's filters at once, so that whoever filters need not ask again.
    """

    total: int
    state: dict[Any, int]
    kind: dict[str, int]
    district: dict[str, int]
    parts: dict[tuple[str, Any, tuple[Any, ...]], int]
    at: datetime


def count_at(cursor: Any, layer: MapLayer, source: LiveAssets, scope: Scope, district: str, at_us: int) -> Counts:
    """Count the live things of ``layer`` as they were at a moment (microseconds since 1970 UTC), as :func:`count` does.

    Those of which nothing was heard by then are not counted.

    Raises
    ------
    PastTooSlowError
    """
    rows = state_at(cursor, Look(sight_of(scope), None, district_table(district) if district else None), at_us)
    kind = kind_of(source.kind)
    rows = rows.take(rows["kind"] == kind.code)
    codes = dict(Region.objects.values_list("pk", "code"))
    places = districts().locate_one(rows["lon"], rows["lat"]).tolist()
    aged = at_us - rows["time_us"] > kind.silent_after_s * MICROSECOND
    silent = np.isin(rows["status"], SILENCED) & aged
    counted = Counter(zip(places, rows["status"].tolist(), silent.tolist(), strict=True))
    found = ((codes.get(place), status, is_silent, n) for (place, status, is_silent), n in counted.items())
    return _sum(layer, source, found, datetime.fromtimestamp(at_us / MICROSECOND, UTC))


def count_cells_at(source: GridCells, scope: Scope, district: str, at_us: int) -> Counts:
    """Count the cells of a risk grid by grade, as they were at a moment (microseconds since 1970 UTC)."""
    return _count_cells(source, scope, district, datetime.fromtimestamp(at_us / MICROSECOND, UTC))


def count(layer: MapLayer, scope: Scope, district: str = "") -> Counts:
    """Count what ``layer`` shows to this scope; in one ``district`` only where its code is given.

    Live things are counted anew each time; everything else only when a topic of its tables has changed.

    Raises
    ------
    LayerFailedError
        The database took too long.
    """
    if isinstance(layer.source, LiveAssets):
        return _count_live(layer, layer.source, scope, district)
    if isinstance(layer.source, GridCells):
        return _count_cells(layer.source, scope, district)
    tiled = tile_layer(layer)
    assert tiled is not None
    version = stamp_of({*tiled.topics, "regions"})
    colour = layer.colour_by.field if layer.colour_by else ""
    filtered = ",".join(chosen.field for chosen in layer.filters)
    key = f"layers.count/{tiled.digest}/{colour}/{filtered}/{version}/{scope.key}/{district}"
    name = hashlib.sha256(key.encode()).hexdigest()
    found: Counts | None = cache.get(name)
    if found is None:
        found = _count_tiled(layer, tiled, scope, district)
        cache.set(name, found, KEPT_S)
    return found


def _count_live(layer: MapLayer, source: LiveAssets, scope: Scope, wanted: str) -> Counts:
    now = timezone.now()
    rows = (
        with_silence(live(source, scope), source)
        .values_list("state__region__code", "state__status", "silent")
        .annotate(n=Count("pk"))
        .order_by()
    )
    found = ((code, *rest) for code, *rest in rows if not wanted or code == wanted)
    return _sum(layer, source, found, now)


def live_states(columns: Mapping[str, np.ndarray], kind: AssetKind, now: datetime) -> np.ndarray:
    """Statuses of some live things, :data:`twin.census.SILENT` for those not heard of for too long: int16[n].

    ``columns``: ``status`` and ``time_ms`` of each.
    """
    aged = now.timestamp() * 1000 - columns["time_ms"] > kind.silent_after_s * 1000
    return np.where(np.isin(columns["status"], SILENCED) & aged, SILENT, columns["status"].astype(np.int16))


def _count_cells(source: GridCells, scope: Scope, wanted: str, at: datetime | None = None) -> Counts:
    """Cells by grade and district; cells without a grade are not counted."""
    try:
        shown = show(registry.grid(source.grid), scope, at, wanted)
    except UnknownRegionError:
        shown = None
    if shown is None:
        return Counts(0, {}, {}, {}, {}, at or timezone.now())
    grades = shown.grades(source.index)
    graded = grades > 0
    counted = Counter(zip(shown.ground.district_code[graded].tolist(), grades[graded].tolist(), strict=True))
    states: Counter[Any] = Counter()
    districts: Counter[str] = Counter()
    for (code, grade), n in counted.items():
        states[grade] += n
        districts[code] += n
    parts: dict[tuple[str, Any, tuple[Any, ...]], int] = {(code, grade, ()): n for (code, grade), n in counted.items()}
    return Counts(int(graded.sum()), dict(states), {}, dict(districts), parts, shown.run.at)


def _sum(layer: MapLayer, source: LiveAssets, rows: Iterable[Sequence[Any]], at: datetime) -> Counts:
    """Counts from rows of district code, status, whether silent, and how many."""
    states: Counter[Any] = Counter()
    districts: Counter[str] = Counter()
    parts: Counter[tuple[str, Any, tuple[Any, ...]]] = Counter()
    for district, status, is_silent_now, n in rows:
        state = NO_STATE if status is None else NOT_HEARD if is_silent_now else status
        states[state] += n
        districts[district or ""] += n
        # A silent thing is in no state any more; the other filter there can be asks just that.
        values = tuple(is_silent_now if chosen.field == NOT_HEARD else state for chosen in layer.filters)
        parts[district or "", state, values] += n
    total = sum(states.values())
    kinds = {source.kind: total} if total else {}
    return Counts(total, dict(states), kinds, dict(districts), dict(parts), at)


def _count_tiled(layer: MapLayer, tiled: TileLayer, scope: Scope, wanted: str) -> Counts:
    now = timezone.now()
    state = column_of(tiled, layer.colour_by.field) if layer.colour_by else "NULL"
    kind = column_of(tiled, "kind") if "kind" in dict(tiled.properties) else "NULL"
    # A feature belongs to the district that holds a point inside it, so it is counted once.
    district = _DISTRICT % tiled.geometry
    filtered = [column_of(tiled, chosen.field) for chosen in layer.filters]
    groups = [state, kind, district, *filtered]
    by = ", ".join(str(i + 1) for i in range(len(groups)))
    rows = select_from(tiled, ", ".join([*groups, "count(*)"]), scope, tail=f"GROUP BY {by}")
    states: Counter[Any] = Counter()
    kinds: Counter[str] = Counter()
    districts: Counter[str] = Counter()
    parts: Counter[tuple[str, Any, tuple[Any, ...]]] = Counter()
    for state_value, kind_value, code, *values, n in rows:
        if wanted and code != wanted:
            continue
        if state_value is not None:
            states[state_value] += n
        if kind_value is not None:
            kinds[kind_value] += n
        districts[code or ""] += n
        parts[code or "", state_value, tuple(values)] += n
    return Counts(sum(districts.values()), dict(states), dict(kinds), dict(districts), dict(parts), now)


def district_names(codes: list[str], language: str) -> dict[str, str]:
    """Names of regions by code."""
    regions = Region.objects.filter(code__in=codes).values_list("code", "name", "name_en")
    return {code: (english or name) if language == "en" else name for code, name, english in regions}
