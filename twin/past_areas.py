"""The areas of a moment over HTTP: as they were then, and between which two changes nothing changed."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any

from django.contrib.gis.geos import Polygon
from django.db.models import Max, Min, Q
from django.http import HttpRequest
from ninja import Query, Router

from access.scope import scope_of
from twin.batch import MICROSECOND
from twin.models import AreaVersion
from twin.past_api import moment_of, window_of

router = Router(tags=["past"])

MOST_AREAS = 2_000


@router.get("/past/areas")
def areas(request: HttpRequest, at: Query[str] = "", bbox: Query[str] = "") -> dict[str, Any]:
    """The areas in use at ``at``, within scope, as a GeoJSON FeatureCollection; of more than 2,000 the first.

    Owner and district are those of then, too. ``count`` is of all.
    """
    window = window_of(bbox)
    found = AreaVersion.objects.within(scope_of(request.user)).at(_then(at))
    if window is not None:
        edges = (window.west, window.south, window.east, window.north)
        found = found.filter(boundary__intersects=Polygon.from_bbox(edges))
    rows = list(found.order_by("area_id")[: MOST_AREAS + 1])
    count = len(rows) if len(rows) <= MOST_AREAS else found.count()
    return {
        "type": "FeatureCollection",
        "count": count,
        "truncated": count > MOST_AREAS,
        "features": [_feature(row) for row in rows[:MOST_AREAS]],
    }


@router.get("/past/areas/span")
def span(request: HttpRequest, at: Query[str] = "") -> dict[str, int | None]:
    """Around ``at``: since when and until when no area in scope changed.

    Whole milliseconds, inside that time; ``since`` is null where none changed before, ``until`` is the present where
    none did afterwards. So ``since`` names the picture of all that time, and a map asks for its tiles once.
    """
    then, now = _then(at), time.time()
    seen = AreaVersion.objects.within(scope_of(request.user)).aggregate(
        began=Max("valid_from", filter=Q(valid_from__lte=then)),
        ended=Max("valid_to", filter=Q(valid_to__lte=then)),
        begins=Min("valid_from", filter=Q(valid_from__gt=then)),
        ends=Min("valid_to", filter=Q(valid_to__gt=then)),
    )
    before = [seen[name].timestamp() * 1000 for name in ("began", "ended") if seen[name]]
    after = [seen[name].timestamp() * 1000 for name in ("begins", "ends") if seen[name]]
    return {"since": ceil(max(before)) if before else None, "until": floor(min(after, default=now * 1000))}


def _then(at: str) -> datetime:
    return datetime.fromtimestamp(moment_of(at, "at", must_be_kept=False) / MICROSECOND, UTC)


def _feature(row: AreaVersion) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": row.area_id,
        "geometry": json.loads((row.line or row.boundary).geojson),
        "properties": {
            "name": row.name,
            "kind": row.kind,
            "version": row.version,
            "z_min_m": row.z_min_m,
            "z_max_m": row.z_max_m,
            "periods": row.periods,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
        },
    }
