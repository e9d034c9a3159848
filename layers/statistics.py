"""How many things a layer shows: by state, by kind, by district; within somebody's scope."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone

from access.scope import Scope
from gis.models import Region
from gis.notices import stamp_of
from gis.tiles import TileLayer
from layers.contract import MapLayer
from layers.queries import column_of, live, select_from, with_silence
from layers.sources import LiveAssets
from layers.tiles import tile_layer

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
    ``unknown``), ``kind`` keys of kinds, ``district`` codes of regions, empty for things in none.
    """

    total: int
    state: dict[Any, int]
    kind: dict[str, int]
    district: dict[str, int]
    at: datetime


def count(layer: MapLayer, scope: Scope, district: str = "") -> Counts:
    """Count what ``layer`` shows to this scope; in one ``district`` only where its code is given.

    Live things are counted anew each time; everything else only when a topic of its tables has changed.

    Raises
    ------
    LayerFailedError
        The database took too long.
    """
    if isinstance(layer.source, LiveAssets):
        return _count_live(layer.source, scope, district)
    tiled = tile_layer(layer)
    assert tiled is not None
    version = stamp_of({*tiled.topics, "regions"})
    colour = layer.colour_by.field if layer.colour_by else ""
    key = f"layers.count/{tiled.digest}/{colour}/{version}/{scope.key}/{district}"
    name = hashlib.sha256(key.encode()).hexdigest()
    found: Counts | None = cache.get(name)
    if found is None:
        found = _count_tiled(layer, tiled, scope, district)
        cache.set(name, found, KEPT_S)
    return found


def _count_live(source: LiveAssets, scope: Scope, wanted: str) -> Counts:
    now = timezone.now()
    rows = (
        with_silence(live(source, scope), source)
        .values_list("state__region__code", "state__status", "silent")
        .annotate(n=Count("pk"))
        .order_by()
    )
    states: Counter[Any] = Counter()
    districts: Counter[str] = Counter()
    for district, status, is_silent_now, n in rows:
        if wanted and district != wanted:
            continue
        states[NO_STATE if status is None else NOT_HEARD if is_silent_now else status] += n
        districts[district or ""] += n
    total = sum(states.values())
    return Counts(total, dict(states), {source.kind: total} if total else {}, dict(districts), now)


def _count_tiled(layer: MapLayer, tiled: TileLayer, scope: Scope, wanted: str) -> Counts:
    now = timezone.now()
    state = column_of(tiled, layer.colour_by.field) if layer.colour_by else "NULL"
    kind = column_of(tiled, "kind") if "kind" in dict(tiled.properties) else "NULL"
    # A feature belongs to the district that holds a point inside it, so it is counted once.
    district = _DISTRICT % tiled.geometry
    rows = select_from(tiled, f"{state}, {kind}, {district}, count(*)", scope, tail="GROUP BY 1, 2, 3")
    states: Counter[Any] = Counter()
    kinds: Counter[str] = Counter()
    districts: Counter[str] = Counter()
    for state_value, kind_value, code, n in rows:
        if wanted and code != wanted:
            continue
        if state_value is not None:
            states[state_value] += n
        if kind_value is not None:
            kinds[kind_value] += n
        districts[code or ""] += n
    return Counts(sum(districts.values()), dict(states), dict(kinds), dict(districts), now)


def district_names(codes: list[str], language: str) -> dict[str, str]:
    """Names of regions by code."""
    regions = Region.objects.filter(code__in=codes).values_list("code", "name", "name_en")
    return {code: (english or name) if language == "en" else name for code, name, english in regions}
