"""Risk grids over HTTP: within the regions of the user's scope, now and at any moment kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path

from access.scope import Scope, scope_of
from gis.answers import revalidated
from gis.exceptions import GridError, UnknownRegionError
from gis.grids.grading import Grade
from gis.models import Region
from layers.contract import RiskGrid
from layers.exceptions import UnknownLayerError
from layers.grids.showing import FARTHEST_ZOOM, NEAREST_ZOOM, Shown, as_geoparquet, as_geotiff, cell_at, show, tile
from layers.registry import registry
from twin.batch import MICROSECOND
from twin.grids.models import GRADE_NAMES, GridRun, GridScore, IndexKey
from twin.past_api import moment_of

router = Router(tags=["grids"])

MOST_RUNS = 2_000
_FILES = {
    "tif": (as_geotiff, "image/tiff; application=geotiff; profile=cloud-optimized"),
    "parquet": (as_geoparquet, "application/vnd.apache.parquet"),
}


class RunOut(Schema):
    """A run: from ``at`` on (milliseconds since 1970 UTC), last looked after at ``until``."""

    at: int
    until: int
    sources: int
    recomputed: int
    took_ms: int


class GridOut(Schema):
    """A risk grid, with the run that holds; null: none yet."""

    id: str
    title: str
    lattice: str
    cell_m: float
    indices: list[dict[str, Any]]
    factors: list[dict[str, str]]
    run: RunOut | None


class IndexOut(Schema):
    """An index of a cell or region; null: nothing to say."""

    index: str
    title: str
    value: float | None
    grade: int
    grade_title: str


class FactorOut(Schema):
    """What an index is made of."""

    key: str
    title: str
    value: float | None
    unit: str


class CellOut(Schema):
    """One cell."""

    cell: str
    region: str
    at: int
    indices: list[IndexOut]
    factors: list[FactorOut]


class ScoreOut(Schema):
    """What the cells of a region come to; ``cells``: how many of no grade, blue, yellow, orange, red."""

    code: str
    name: str
    level: str
    index: str
    value: float | None
    mean: float | None
    worst: float | None
    grade: int
    cells: list[int]


def _grid(grid_id: str) -> RiskGrid:
    try:
        return registry.grid(grid_id)
    except UnknownLayerError as error:
        raise HttpError(404, str(error)) from error


def _moment(at: str) -> datetime | None:
    return datetime.fromtimestamp(moment_of(at, "at", must_be_kept=False) / MICROSECOND, UTC) if at else None


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _run(run: GridRun) -> RunOut:
    return RunOut(
        at=_ms(run.at), until=_ms(run.until), sources=run.sources, recomputed=run.recomputed, took_ms=run.took_ms
    )


def _scope(request: HttpRequest) -> Scope:
    scope = scope_of(request.user)  # type: ignore[arg-type]
    if not (scope.everything or scope.region_paths):
        raise HttpError(403, _("风险网格按行政区授权，您的账户没有行政区范围。"))
    return scope


def _shown(request: HttpRequest, grid: RiskGrid, at: str) -> Shown:
    try:
        shown = show(grid, _scope(request), _moment(at))
    except UnknownRegionError as error:
        raise HttpError(503, str(error)) from error
    if shown is None:
        raise HttpError(404, _("这一时刻还没有计算过风险网格。"))
    return shown


@router.get("/grids", response=list[GridOut])
def grids(request: HttpRequest) -> list[GridOut]:
    """The risk grids there are; none for somebody whose scope has no region."""
    scope = scope_of(request.user)  # type: ignore[arg-type]
    if not (scope.everything or scope.region_paths):
        return []
    return [_told(grid) for grid in registry.grids()]


def _told(grid: RiskGrid) -> GridOut:
    run = GridRun.objects.filter(grid=grid.id).defer("columns").first()
    stored = run.thresholds if run else {}
    indices = [
        {
            "key": key,
            "title": str(IndexKey(key).label),
            "thresholds": stored.get(key, [index.thresholds.yellow, index.thresholds.orange, index.thresholds.red]),
        }
        for key, index in grid.indices().items()
    ]
    factors = [{"key": each.key, "title": str(each.title), "unit": str(each.unit)} for each in grid.factors]
    return GridOut(
        id=grid.id, title=str(grid.title), lattice=grid.grid.key, cell_m=grid.grid.cell_m, indices=indices,
        factors=factors, run=_run(run) if run else None,
    )  # fmt: skip


@router.get("/grids/{grid_id}/runs", response=list[RunOut])
def runs(request: HttpRequest, grid_id: Path[str]) -> list[RunOut]:
    """When the grid changed, the newest first; at most 2,000."""
    _scope(request)
    rows = GridRun.objects.filter(grid=_grid(grid_id).id).defer("columns")[:MOST_RUNS]
    return [_run(run) for run in rows]


@router.get("/grids/{grid_id}/tiles/{index}/{int:z}/{int:x}/{int:y}.png")
def grid_tile(
    request: HttpRequest, grid_id: Path[str], index: Path[IndexKey], z: Path[int], x: Path[int], y: Path[int],
    at: Query[str] = "",
) -> HttpResponse:  # fmt: skip
    """A map tile of one index in four colours; 404 outside zooms 5 to 16 and before the first run."""
    if not (FARTHEST_ZOOM <= z <= NEAREST_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise HttpError(404, _("没有这块瓦片。"))
    shown = _shown(request, _grid(grid_id), at)
    mark = f"{shown.run.pk}-{shown.ground.version}-{scope_of(request.user).key}"  # type: ignore[arg-type]

    def answer() -> HttpResponse:
        return HttpResponse(tile(shown, index.value, z, x, y), content_type="image/png")

    return revalidated(request, mark, answer)


@router.get("/grids/{grid_id}/cell", response=CellOut)
def cell(
    request: HttpRequest, grid_id: Path[str], lon: Query[float], lat: Query[float], at: Query[str] = ""
) -> CellOut:
    """The cell at a point (degrees): its indices, and the factors they follow from; 404 where none is to be seen."""
    grid = _grid(grid_id)
    shown = _shown(request, grid, at)
    place = cell_at(shown, lon, lat)
    if place is None:
        raise HttpError(404, _("这里没有可看的网格。"))
    columns, thresholds = shown.drawn.columns, shown.drawn.thresholds
    indices = []
    for key in grid.indices():
        value = _number(columns[key][place])
        grade = int(thresholds[key].grade(np.array([np.nan if value is None else value]))[0])
        indices.append(
            IndexOut(
                index=key, title=str(IndexKey(key).label), value=value, grade=grade, grade_title=_grade_title(grade)
            )
        )
    factors = [
        FactorOut(key=each.key, title=str(each.title), value=_number(columns[each.key][place]), unit=str(each.unit))
        for each in grid.factors
        if each.key in columns
    ]
    region = Region.objects.filter(pk=int(shown.ground.place[place])).first()
    return CellOut(
        cell=str(shown.ground.cells.id[place]), region=_name(region), at=_ms(shown.run.at), indices=indices,
        factors=factors,
    )  # fmt: skip


@router.get("/grids/{grid_id}/scores", response=list[ScoreOut])
def scores(request: HttpRequest, grid_id: Path[str], at: Query[str] = "") -> list[ScoreOut]:
    """What districts and streets come to, those of the user's scope."""
    shown = _shown(request, _grid(grid_id), at)
    rows = GridScore.objects.within(_scope(request)).filter(run=shown.run).select_related("region")
    return [
        ScoreOut(
            code=row.region.code, name=_name(row.region), level=row.region.level, index=row.index, value=row.value,
            mean=row.mean, worst=row.worst, grade=row.grade, cells=row.cells,
        )
        for row in rows.defer("region__boundary", "region__boundary_source").order_by("region__path", "pk")
    ]  # fmt: skip


@router.get("/grids/{grid_id}/file.{kind}")
def grid_file(
    request: HttpRequest, grid_id: Path[str], kind: Path[Literal["tif", "parquet"]], at: Query[str] = ""
) -> HttpResponse:
    """The cells of the user's scope as a cloud-optimised GeoTIFF or as GeoParquet."""
    shown = _shown(request, _grid(grid_id), at)
    make, content_type = _FILES[kind]
    try:
        response = HttpResponse(make(shown), content_type=content_type)
    except GridError:
        raise HttpError(400, _("六边形网格没有行列，请下载 GeoParquet。")) from None
    name = f"{grid_id}-{shown.run.at:%Y%m%dT%H%M%SZ}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _number(value: np.floating) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _grade_title(grade: int) -> str:
    return str(GRADE_NAMES[Grade(grade)]) if grade else _("无")


def _name(region: Region | None) -> str:
    if region is None:
        return ""
    return (region.name_en or region.name) if get_language() == "en" else region.name
