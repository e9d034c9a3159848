"""Charts (图表) of the last 24 hours over HTTP: their common form, and things by state from the census."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.functional import Promise
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from access.scope import Scope, scope_of
from gis.models import Region
from twin.census import EVERY_S, NOTHING, SILENT, UNHEARD, Trend, latest_run, read_trend
from twin.kinds import STATUS_NAMES, Status

router = Router(tags=["charts"])

LONGEST_CODE = 12


class Form(StrEnum):
    """How a chart is drawn."""

    LINES = "lines"
    """Counts at moments; where two moments are further apart than ``every_s`` tells, nothing is known between."""
    STEPS = "steps"
    """Counts that hold from one moment to the next."""
    BARS = "bars"
    """Sums over ``every_s`` from each moment on, on top of each other."""


class Series(Schema):
    """One line or one sort of bars.

    ``key``: what it counts, stable; ``colour``: name of a design token; ``values``: one for each moment.
    """

    key: str
    title: str
    colour: str
    values: list[int]


class Chart(Schema):
    """A chart: figures with their unit, times and source.

    ``moments``: milliseconds since 1970 UTC, ascending; ``as_of``: when the newest figures were true, ``next_at``:
    when newer ones are due (both milliseconds, or null); ``empty``: what would fill it, to be shown while it has none.
    """

    id: str
    title: str
    unit: str
    source: str
    form: Form
    every_s: int
    moments: list[int]
    series: list[Series]
    as_of: int | None
    next_at: int | None
    empty: str


@dataclass(frozen=True)
class Line:
    """What one series of a census chart counts: things in any of these statuses."""

    key: str
    title: str | Promise
    colour: str
    statuses: tuple[int, ...]


COLOURS = {Status.WORKING: "working", Status.IDLE: "idle", Status.ALERT: "grade-red", Status.OFF: "silent"}


def lines_by_state() -> list[Line]:
    """A series for each state, in the language of the page."""
    states = (Status.WORKING, Status.IDLE, Status.ALERT, Status.OFF)
    known = [Line(state.name.lower(), STATUS_NAMES[state], COLOURS[state], (state.value,)) for state in states]
    return [*known, Line("silent", _("静默"), "silent", (SILENT,)), Line("unheard", _("从未定位"), "quiet", (UNHEARD,))]


def census_chart(
    request: HttpRequest, chart_id: str, title: str, unit: str, lines: Iterable[Line], kind: str, district: str
) -> Chart:
    """A chart of the census in the user's scope.

    Parameters
    ----------
    kind : str
        Key of the only kind to count; "": all.
    district : str
        Code of the only region to count in; "": everywhere.

    Raises
    ------
    ninja.errors.HttpError
        404: there is no such region.
    """
    path = region_path(district)
    latest = latest_run()
    scope = scope_of(request.user)
    trend = NOTHING if latest is None else read_trend(scope, latest, kind, path)
    is_empty = not any(map(any, trend.counts.values()))
    return Chart(
        id=chart_id,
        title=title,
        unit=unit,
        source=_("对象状态采样，每 %d 分钟一次") % (EVERY_S // 60),
        form=Form.LINES,
        every_s=EVERY_S,
        moments=[] if is_empty else list(trend.moments),
        series=[] if is_empty else _series(lines, trend),
        as_of=trend.moments[-1] if trend.moments else None,
        next_at=milliseconds(latest + timedelta(seconds=EVERY_S)) if latest else None,
        empty=_empty_text(scope, trend),
    )


def _series(lines: Iterable[Line], trend: Trend) -> list[Series]:
    made = [
        Series(key=line.key, title=str(line.title), colour=line.colour, values=trend.sum_of(line.statuses))
        for line in lines
    ]
    # A line that lies on the ground all day says nothing; one is left to show that it was counted.
    return [each for each in made if any(each.values)] or made[:1]


def _empty_text(scope: Scope, trend: Trend) -> str:
    if scope.empty:
        return _("您没有数据范围。")
    if not trend.moments:
        return _("尚未统计。后台任务每 %d 分钟统计一次，首次统计后显示。") % (EVERY_S // 60)
    return _("过去 24 小时没有这类对象。登记对象并收到定位后，下一次统计起显示。")


def region_path(code: str) -> str:
    """Path of the region with this code; "" for "".

    Raises
    ------
    ninja.errors.HttpError
        404: there is none.
    """
    if not code:
        return ""
    path = Region.objects.filter(code=code[:LONGEST_CODE]).values_list("path", flat=True).first()
    if path is None:
        raise HttpError(404, _("没有这个区划代码"))
    return path


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(at.timestamp() * 1000)


def answer(request: HttpRequest, chart: Chart) -> HttpResponse:
    """JSON that the browser keeps and asks about again: 304 while the figures are the same."""
    body = chart.model_dump_json().encode()
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Cookie, Accept-Language"
    return cast(HttpResponse, get_conditional_response(request, etag, response=response))


@router.get("/charts/things", response=Chart)
def things_chart(request: HttpRequest, district: Query[str] = "") -> Any:
    """Everything in use by state, of the last 24 hours; in one region where its code is given."""
    title = _("对象状态 24 小时")
    return answer(request, census_chart(request, "things", title, _("个"), lines_by_state(), "", district))
