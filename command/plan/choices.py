"""What the planners' page lets people choose from: kinds and their attributes, datums, owners; and periods, read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from access.models import Organization
from access.scope import scope_of
from command.plan.exceptions import DraftFaultError
from command.plan.places import planner
from command.plan.shapes import read_shape, write_shape
from gis.coordinate_text import read_coordinates, write_coordinates
from gis.exceptions import GisError
from twin.area_attributes import AREA_ATTRIBUTES
from twin.models import Area
from twin.period_text import check_periods, read_text, write_text
from twin.periods import CITY_TIME, in_force, read_periods

router = Router(tags=["plan"])

MOST_OWNERS = 20
PREVIEW_DAYS = 14
HALF_HOURS = 48


class CoordinatesIn(Schema):
    """Lines of coordinates in a datum, to become a ``point``, ``line`` or ``polygon``; or a shape to be written out."""

    datum: str = Field(max_length=200)
    text: str = Field(default="", max_length=2_000_000)
    sort: str = Field(default="polygon", pattern="^(point|line|polygon)$")
    shape: dict[str, Any] | None = None


class PeriodsIn(Schema):
    """Periods as lines of text, or as they are stored."""

    text: str | None = Field(default=None, max_length=5_000)
    values: list[dict[str, Any]] = []


def kind_choices() -> list[dict[str, Any]]:
    """Kinds of areas with the attributes that each has."""
    return [
        {
            "key": kind.value,
            "name": str(kind.label),
            "attributes": [
                {
                    "key": attribute.key,
                    "title": str(attribute.title),
                    "kind": attribute.kind,
                    "unit": attribute.unit,
                    "choices": [[value, str(title)] for value, title in attribute.choices],
                }
                for attribute in AREA_ATTRIBUTES[kind.value]
            ],
        }
        for kind in Area.Kind
    ]


@router.get("/plan/owners")
def owners(request: HttpRequest, q: str = "") -> dict[str, Any]:
    """Organizations that may own an area, by name: ``{"owners": [{id, name}], "more"}``."""
    found = Organization.objects.within(scope_of(planner(request)))
    if q.strip():
        found = found.filter(name__icontains=q.strip())
    rows = list(found.order_by("name").values("id", "name")[: MOST_OWNERS + 1])
    return {"owners": rows[:MOST_OWNERS], "more": len(rows) > MOST_OWNERS}


@router.post("/plan/coordinates")
def coordinates(request: HttpRequest, asked: CoordinatesIn) -> dict[str, Any]:
    """Typed coordinates as a shape (degrees of WGS 84), or a shape as text: ``{"shape", "text"}``."""
    planner(request)
    try:
        if asked.shape is not None:
            shape = read_shape(asked.shape)
        else:
            shape = read_coordinates(asked.text, asked.datum, asked.sort)
        return {"shape": write_shape(shape), "text": write_coordinates(shape, asked.datum)}
    except (GisError, DraftFaultError) as error:
        raise HttpError(400, str(error)) from error


@router.post("/plan/periods")
def periods(request: HttpRequest, asked: PeriodsIn) -> dict[str, Any]:
    """Periods as stored and as text, and the next fortnight: of each day its 48 half-hours, 1 where they hold."""
    planner(request)
    try:
        values = asked.values if asked.text is None else read_text(asked.text)
        check_periods(values)
    except ValidationError as error:
        raise HttpError(400, " ".join(error.messages)) from error
    held = read_periods(values)
    today = timezone.now().astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today + timedelta(days=k) for k in range(PREVIEW_DAYS)]
    preview = [{"date": day.date().isoformat(), "halves": _halves(held, day)} for day in days]
    return {"values": values, "text": write_text(values), "preview": preview}


def _halves(held: Any, day: datetime) -> str:
    return "".join(str(int(in_force(held, day + timedelta(minutes=30 * k)))) for k in range(HALF_HOURS))
