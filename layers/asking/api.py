"""Asking the map over HTTP: circle, rectangle, ring, corridor, near this, nearest, in this district, crossed a line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

import shapely
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Router, Schema
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.audit import Action, record
from access.scope import Scope, scope_of
from gis.models import Region
from layers.asking.answers import (
    CROSSED_COLUMNS,
    MOST_ROWS,
    Answer,
    answer,
    answerable,
    crossed,
    direction_titles,
    state_titles,
)
from layers.asking.files import WRITERS, column_title, said
from layers.asking.questions import Asked, Crossed, Where, understand
from layers.contract import MapLayer
from layers.exceptions import LayerFailedError, QuestionError, UnknownLayerError
from layers.registry import registry
from layers.sources import LiveAssets
from twin.batch import MICROSECOND
from twin.kinds import kind_of
from twin.live.sight import sight_of
from twin.passing import LONGEST_PASSING_S, passes
from twin.past import Look
from twin.past_api import moment_of
from twin.reading import reading

router = Router(tags=["asking"])

ROWS_SHOWN = 100
MOST_PLACES = 2_000
SHOWN_TOLERANCE_DEG = 0.0002
"""Some twenty metres: a district's outline is shown, not measured."""


class QuestionIn(Schema):
    """``where`` on the map; ``layers``: ids, none for all that have things."""

    where: Where
    layers: list[str] = Field(default=[], max_length=100)


class CountOut(Schema):
    """How many have this value."""

    value: Any
    title: str
    count: int


class ColumnOut(Schema):
    """A column of the table."""

    field: str
    title: str


class ThingOut(Schema):
    """One row: its id, place (degrees), distance from the centre, and values by column."""

    id: int
    lon: float
    lat: float
    distance_m: float | None
    values: list[Any]


class AnswerOut(Schema):
    """One layer's answer.

    ``truncated``: ``rows`` has not all of ``total``. ``places``: id, longitude, latitude of the first 2,000.
    """

    id: str
    title: str
    total: int
    truncated: bool
    state: list[CountOut]
    district: list[CountOut]
    columns: list[ColumnOut]
    rows: list[ThingOut]
    places: list[tuple[int, float, float]]


class AskedOut(Schema):
    """The shape that was looked into (GeoJSON), and what each layer has there."""

    shape: dict[str, Any]
    total: int
    as_of: datetime
    layers: list[AnswerOut]


def _layers(ids: list[str]) -> list[MapLayer]:
    if not ids:
        return [layer for layer in registry.map_layers() if answerable(layer)]
    try:
        wanted = [registry.map_layer(each) for each in dict.fromkeys(ids)]
    except UnknownLayerError as error:
        raise HttpError(404, str(error)) from error
    if without := [layer for layer in wanted if not answerable(layer)]:
        raise HttpError(400, _("图层“%s”没有可查询的对象。") % without[0].title)
    return wanted


def _answers(scope: Scope, question: QuestionIn, most: int) -> tuple[Asked, list[Answer]]:
    layers = _layers(question.layers)
    try:
        asked = understand(question.where, scope)
        if not isinstance(question.where, Crossed):
            return asked, answer(layers, asked, scope, most)
    except QuestionError as error:
        raise HttpError(400, str(error)) from error
    except LayerFailedError as error:
        raise HttpError(503, str(error)) from error
    return asked, _crossed(layers, question.where, asked, scope, most)


def _crossed(layers: list[MapLayer], where: Crossed, asked: Asked, scope: Scope, most: int) -> list[Answer]:
    from_us, to_us = moment_of(str(where.start), "from"), moment_of(str(where.end), "to")
    if not 0 <= to_us - from_us <= LONGEST_PASSING_S * MICROSECOND:
        raise HttpError(400, _("to 不得早于 from，且相差不超过 24 小时。"))
    codes = frozenset(kind_of(layer.source.kind).code for layer in layers if isinstance(layer.source, LiveAssets))
    look = Look(sight_of(scope))
    return crossed(layers, reading(lambda cursor: passes(cursor, look, asked.shape, from_us, to_us, codes)), most)


@router.post("/ask", response=AskedOut)
def ask(request: HttpRequest, question: QuestionIn) -> HttpResponse:
    """What is there, by layer, within the user's scope; 400 for what means nothing, 503 for what cannot be read."""
    asked, answers = _answers(scope_of(request.user), question, ROWS_SHOWN)  # type: ignore[arg-type]
    regions = _regions(answers)
    return JsonResponse(
        {
            "shape": json.loads(shapely.to_geojson(shapely.simplify(asked.shape, SHOWN_TOLERANCE_DEG))),
            "total": sum(each.total for each in answers),
            "as_of": timezone.now(),
            "layers": [_told(each, regions) for each in answers],
        },
        json_dumps_params={"ensure_ascii": False},
    )


@router.post("/ask/file.{kind}")
def ask_file(request: HttpRequest, question: QuestionIn, kind: Path[Literal["xlsx", "geojson"]]) -> HttpResponse:
    """The same as a workbook with a sheet for each layer, or as GeoJSON; at most 5,000 rows a layer, on the record."""
    _asked, answers = _answers(scope_of(request.user), question, MOST_ROWS)  # type: ignore[arg-type]
    write, content_type = WRITERS[kind]
    try:
        response = HttpResponse(write(answers), content_type=content_type)
    except ValidationError as error:
        raise HttpError(400, " ".join(error.messages)) from error
    detail = {"where": question.where.type, "kind": kind, "count": sum(len(each.rows) for each in answers)}
    record(Action.EXPORT, detail=detail)
    name = f"sandtable-{timezone.localtime():%Y%m%d-%H%M%S}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _regions(answers: list[Answer]) -> dict[int, str]:
    keys = {key for each in answers for key in each.district}
    rows = Region.objects.filter(pk__in=keys).values_list("pk", "name", "name_en")
    english = get_language() == "en"
    return {pk: (name_en or name) if english else name for pk, name, name_en in rows}


def _told(found: Answer, regions: dict[int, str]) -> dict[str, Any]:
    """As :class:`AnswerOut`, plain: a thousand rows through a model would take longer than finding them."""
    titles = direction_titles() if found.columns == CROSSED_COLUMNS else state_titles(found.layer)
    places = [*zip(found.ids.tolist(), found.lon.round(6).tolist(), found.lat.round(6).tolist(), strict=True)]
    distance_m = None if found.distance_m is None else found.distance_m.round(1).tolist()
    return {
        "id": found.layer.id,
        "title": str(found.layer.title),
        "total": found.total,
        "truncated": len(found.rows) < found.total,
        "state": _counts(found.state, titles),
        "district": _counts(found.district, {0: _("不在任何区内")} | regions),
        "columns": [{"field": name, "title": column_title(found.layer, name)} for name in found.columns],
        "rows": [
            {
                "id": places[k][0],
                "lon": places[k][1],
                "lat": places[k][2],
                "distance_m": distance_m[k] if distance_m else None,
                "values": [said(value) for value in values],
            }
            for k, values in enumerate(found.rows)
        ],
        "places": places[:MOST_PLACES],
    }


def _counts(counts: dict[Any, int], titles: dict[Any, str]) -> list[dict[str, Any]]:
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return [{"value": value, "title": titles.get(value, str(value)), "count": n} for value, n in most_first if n]
