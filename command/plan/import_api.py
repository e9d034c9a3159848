"""Areas from files and to files, over HTTP. The page keeps the file and sends it with each question."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

import shapely
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import File, Form, Router, Schema
from ninja.errors import HttpError
from ninja.files import UploadedFile
from pydantic import Field, ValidationError

from access.audit import Action, record
from command.plan.api import answered
from command.plan.areas import areas_seen
from command.plan.importing import MOST_SHOWN, MOST_TOLD, Choice, read_upload, take, verdict_of
from command.plan.places import planner
from command.plan.shapes import of_stored, write_shape
from gis.exceptions import GisError
from gis.formats import DEFAULT, LayerInfo, Reading, inspect_upload, write_features
from twin.models import Area
from twin.period_text import write_text

router = Router(tags=["plan"])

MOST_EXPORTED = 20_000


class ChoiceIn(Schema):
    """How a file is to be read; :class:`command.plan.importing.Choice`."""

    layer: str | None = Field(default=None, max_length=200)
    datum: str | None = Field(default=None, max_length=200)
    encoding: str | None = Field(default=None, max_length=40)
    columns: dict[str, str] = {}
    swap_axes: bool = False
    repair: list[str] = Field(default=[], max_length=5)
    kind: str = Field(default="fence", max_length=16)
    name: str = Field(default="", max_length=200)
    z_min: str = Field(default="", max_length=200)
    z_max: str = Field(default="", max_length=200)


@router.post("/plan/import/inspect")
def inspect(request: HttpRequest, file: UploadedFile = File(...), choice: str = Form("{}")) -> dict[str, Any]:  # noqa: B008
    """What a file holds: ``{"name", "format", "layers"}``; nothing is taken."""
    planner(request)
    chosen = _choice(choice)
    with _kept(file) as path:
        found = _read(lambda: inspect_upload(path, _name(file), encoding=chosen.encoding))
    return {
        "name": found.name,
        "format": found.format,
        "is_table": found.is_table,
        "has_encoding": found.has_encoding,
        "layers": [_layer(layer) for layer in found.layers],
    }


@router.post("/plan/import/preview")
def preview(request: HttpRequest, file: UploadedFile = File(...), choice: str = Form("{}")) -> dict[str, Any]:  # noqa: B008
    """Where it would land, and what is refused, row by row; nothing is taken."""
    user = planner(request)
    chosen = _choice(choice)
    with _kept(file) as path:
        reading = _read(lambda: read_upload(path, _name(file), chosen))
        verdict = _read(lambda: verdict_of(user, reading))
    return _told(reading) | {
        "verdict": None
        if verdict is None
        else {
            "text": verdict.text,
            "suspicious": verdict.suspicious,
            "better": [
                {"datum": trial.datum, "swapped": trial.swapped, "text": trial.text} for trial in verdict.better
            ],
        },
    }


@router.post("/plan/import/take")
def take_in(request: HttpRequest, file: UploadedFile = File(...), choice: str = Form("{}")) -> dict[str, Any]:  # noqa: B008
    """Make drafts: ``{"drafts": [ids], "refused": [{row, text}]}``."""
    user = planner(request)
    chosen = _choice(choice)
    with _kept(file) as path:
        reading = _read(lambda: read_upload(path, _name(file), chosen))
        outcome = answered(lambda: take(user, reading, chosen, _name(file)))
    told = {"file": _name(file), "datum": reading.datum, "drafts": len(outcome.drafts), "refused": len(outcome.refused)}
    record(Action.IMPORT, detail=told)
    return {"drafts": outcome.drafts, "refused": [asdict(one) for one in outcome.refused]}


@router.get("/plan/export")
def export(
    request: HttpRequest,
    format: str = "geojson",
    datum: str = "wgs84",
    encoding: str = "utf-8",
    q: str = "",
    kind: str = "",
    area: int | None = None,
) -> HttpResponse:
    """Areas in force as a file: one, or those that a search finds."""
    found = areas_seen(planner(request)).filter(active=True)
    if area is not None:
        found = found.filter(pk=area)
    if q.strip():
        found = found.filter(name__icontains=q.strip())
    if kind:
        found = found.filter(kind=kind)
    rows = list(found.order_by("pk")[: MOST_EXPORTED + 1])
    if len(rows) > MOST_EXPORTED:
        raise HttpError(413, gettext("一次最多导出 %d 个区域，请按名称或类别缩小范围。") % MOST_EXPORTED)
    if not rows:
        raise HttpError(404, gettext("没有可导出的区域。"))
    shapes = [of_stored(row.line if row.line is not None else row.boundary) for row in rows]
    made = _read(
        lambda: write_features(
            shapely.force_2d(shapes), _fields(rows), format, datum=datum, encoding=encoding, name=gettext("区域")
        )
    )
    record(Action.EXPORT, detail={"model": Area._meta.label, "format": format, "datum": datum, "count": len(rows)})
    response = HttpResponse(made.content, content_type=made.content_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(made.name)}"
    response["Cache-Control"] = "private, no-store"
    return response


def _fields(rows: list[Area]) -> dict[str, list[Any]]:
    return {
        "id": [row.pk for row in rows],
        "name": [row.name for row in rows],
        "kind": [row.kind for row in rows],
        "z_min_m": [row.z_min_m for row in rows],
        "z_max_m": [row.z_max_m for row in rows],
        "owner": [row.owner.name if row.owner else None for row in rows],
        "region": [row.region.name if row.region else None for row in rows],
        "periods": [write_text(row.periods) or None for row in rows],
        "source": [row.source or None for row in rows],
        "version": [row.version for row in rows],
    }


def _choice(text: str) -> Choice:
    try:
        values = ChoiceIn(**json.loads(text)).model_dump()
    except (ValueError, TypeError, ValidationError):
        raise HttpError(400, gettext("导入选项有误，请刷新页面后重试。")) from None
    return Choice(**{**values, "repair": tuple(values["repair"])})


def _name(file: UploadedFile) -> str:
    return Path(file.name or "").name[:120]


@contextmanager
def _kept(file: UploadedFile) -> Iterator[Path]:
    """The upload as a file, for as long as it is read."""
    if (file.size or 0) > DEFAULT.upload_bytes:
        raise HttpError(413, gettext("文件太大：最多 %d MB。") % (DEFAULT.upload_bytes >> 20))
    with NamedTemporaryFile(prefix="sandtable-plan-") as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def _read(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except GisError as error:
        raise HttpError(400, str(error)) from error


def _layer(layer: LayerInfo) -> dict[str, Any]:
    return {
        "name": layer.name,
        "count": layer.count,
        "geometry_types": layer.geometry_types,
        "columns": [{"name": column.name, "samples": list(column.samples)} for column in layer.columns],
        "crs": asdict(layer.crs) if layer.crs else None,
        "encoding": layer.encoding,
        "geometry_columns": layer.geometry_columns,
        "notes": [note.text for note in layer.notes],
    }


def _told(reading: Reading) -> dict[str, Any]:
    return {
        "count": len(reading),
        "datum": reading.datum,
        "shapes": [write_shape(shape) for shape in reading.geometry[:MOST_SHOWN]],
        "refused": [
            {"row": one.row, "text": one.text, "fixes": list(one.fixes)} for one in reading.refusals[:MOST_TOLD]
        ],
        "refused_count": len(reading.refusals),
        "fixes": sorted({fix for offer in reading.offers for fix in offer.fixes}),
        "notes": [note.text for note in reading.notes],
    }
