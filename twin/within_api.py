"""Who was within this polygon between these times, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import shapely
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from access.scope import scope_of
from twin.batch import MICROSECOND
from twin.exceptions import UnknownKindError
from twin.kinds import kind_of
from twin.live.sight import sight_of
from twin.models import Asset
from twin.past import Look
from twin.past_api import moment_of
from twin.reading import reading
from twin.within import LONGEST_WITHIN_S, Visits, within

router = Router(tags=["past"])

MOST_VERTICES = 5_000
MOST_THINGS = 5_000


class PolygonIn(Schema):
    """A GeoJSON geometry."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any]


class WithinIn(Schema):
    """A question: polygon, from and to (milliseconds since 1970 UTC, both included), and the kinds wanted."""

    polygon: PolygonIn
    start: float = Field(alias="from")
    end: float = Field(alias="to")
    kinds: list[str] = Field(default=[], max_length=255)


class VisitOut(Schema):
    """Somebody who was there; ``positions`` is in how many reports, between ``first`` and ``last``."""

    id: int
    kind: str
    code: str
    name: str
    first: datetime
    last: datetime
    positions: int


class WithinOut(Schema):
    """Who was there, by the first moment; ``count`` of all, of whom at most 5,000 are told."""

    count: int
    truncated: bool
    assets: list[VisitOut]


@router.post("/past/within", response=WithinOut)
def who_was_within(request: HttpRequest, asked: WithinIn) -> HttpResponse:
    """Which things in scope were within a polygon between two moments, wherever that history lies."""
    from_us, to_us = moment_of(str(asked.start), "from"), moment_of(str(asked.end), "to")
    if not 0 <= to_us - from_us <= LONGEST_WITHIN_S * MICROSECOND:
        raise HttpError(400, gettext("to 不得早于 from，且相差不超过 %d 天。") % (LONGEST_WITHIN_S // 86_400))
    polygon = _polygon(asked.polygon)
    try:
        codes = frozenset(kind_of(key).code for key in asked.kinds) or None
    except UnknownKindError:
        raise HttpError(400, gettext("kinds 里有未知的类别。")) from None
    look = Look(sight_of(scope_of(request.user)))
    visits = reading(lambda cursor: within(cursor, look, polygon, from_us, to_us, codes))
    truncated = len(visits.asset) > MOST_THINGS
    told = {"count": len(visits.asset), "truncated": truncated, "assets": _told(visits)}
    return JsonResponse(told, json_dumps_params={"ensure_ascii": False})


def _polygon(asked: PolygonIn) -> BaseGeometry:
    try:
        shape = shapely.geometry.shape({"type": asked.type, "coordinates": asked.coordinates})
        shape = shapely.force_2d(shape)
        west, south, east, north = shape.bounds
        fits = not shape.is_empty and west >= -180 and east <= 180 and south >= -90 and north <= 90
    except (ValueError, TypeError, IndexError, AttributeError, shapely.errors.ShapelyError):
        fits = False
    if not fits:
        raise HttpError(400, gettext("polygon 应为 GeoJSON 的 Polygon 或 MultiPolygon，WGS 84 的度，经度在前。"))
    if shapely.get_num_coordinates(shape) > MOST_VERTICES:
        raise HttpError(400, gettext("polygon 的顶点不得超过 %d 个。") % MOST_VERTICES)
    if not shape.is_valid:
        raise HttpError(400, gettext("polygon 自相交或环有误。"))
    return shape


def _told(visits: Visits) -> list[dict[str, Any]]:
    """As :class:`VisitOut`, plain: thousands of models would take longer than finding out who was there."""
    ids = visits.asset[:MOST_THINGS].tolist()
    assets = Asset.objects.filter(pk__in=ids).values_list("pk", "kind", "code", "name")
    known = {pk: {"id": pk, "kind": kind, "code": code, "name": name} for pk, kind, code, name in assets}
    columns = (visits.first_us, visits.last_us, visits.count)
    rows = zip(ids, *(column[:MOST_THINGS].tolist() for column in columns), strict=True)
    return [
        {
            **known[pk],
            "first": datetime.fromtimestamp(first_us / MICROSECOND, UTC),
            "last": datetime.fromtimestamp(last_us / MICROSECOND, UTC),
            "positions": count,
        }
        for pk, first_us, last_us, count in rows
        if pk in known
    ]
