"""Which charts of the last 24 hours there are, and those that modules declare."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path

from access.scope import scope_of
from layers.contract import Chart as Declared
from layers.registry import registry
from layers.sources import LiveAssets
from twin.charts import Chart, Line, answer, census_chart

router = Router(tags=["charts"])

PLATFORM = ("things_chart", "alerts_chart", "open_alerts_chart")
"""Charts of the floors below, by the names of their addresses."""


class ChartLink(Schema):
    """Where a chart is read."""

    url: str


@router.get("/charts", response=list[ChartLink])
def charts(request: HttpRequest) -> list[ChartLink]:
    """Every chart that the screen shows, in order; none for somebody who may see nothing."""
    if scope_of(request.user).empty:  # type: ignore[arg-type]
        return []
    own = [reverse("api:module_chart", args=[chart.id]) for chart in registry.charts()]
    return [ChartLink(url=url) for url in (*(reverse(f"api:{name}") for name in PLATFORM), *own)]


@router.get("/charts/modules/{chart_id}", response=Chart)
def module_chart(request: HttpRequest, chart_id: Path[str], district: Query[str] = "") -> Any:
    """A chart that a module declares; 404 where none does."""
    declared = next((each for each in registry.charts() if each.id == chart_id), None)
    if declared is None:
        raise HttpError(404, _("没有这张图表"))
    return answer(request, _counted(request, declared, district))


def _counted(request: HttpRequest, declared: Declared, district: str) -> Chart:
    layer = registry.map_layer(declared.layer)
    assert isinstance(layer.source, LiveAssets)  # the registry lets nothing else in
    line = Line("counted", layer.title, "accent", tuple(int(state) for state in declared.states))
    title, unit = str(declared.title), str(declared.unit)
    return census_chart(request, declared.id, title, unit, [line], layer.source.kind, district)
