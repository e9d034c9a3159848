"""Charts of the last 24 hours: alerts raised by the hour, and how many were open."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router

from access.scope import Scope, scope_of
from command.rules import GRADE_NAMES, Grade
from twin.charts import Chart, Form, Series, answer, milliseconds, region_path

router = Router(tags=["charts"])

HOURS = 24
HOUR_S = 3600
MARK_S = 900
"""Seconds between two moments at which open alerts are counted."""
KEPT_S = 10
"""Seconds for which figures are used again: many screens of one scope ask the database once."""
COLOURS = {
    Grade.RED: "grade-red",
    Grade.ORANGE: "grade-orange",
    Grade.YELLOW: "grade-yellow",
    Grade.BLUE: "grade-blue",
}
_PLACED = """
command_alert AS a LEFT JOIN access_organization AS o ON o.id = a.owner_id
LEFT JOIN geo_region AS home ON home.id = o.region_id LEFT JOIN geo_region AS r ON r.id = a.region_id
"""
_RAISED = """
SELECT a.grade, floor(extract(epoch FROM a.raised_at - %s) / %s)::int, count(*) FROM {placed}
WHERE a.raised_at >= %s AND a.raised_at <= %s AND {allowed} GROUP BY 1, 2
"""
# Each alert of the day comes (+1) at the first mark that is not before it was raised, and goes at the first that is
# not before it was closed; the running sum is what was open.
_CHANGES = """
WITH alert AS (
    SELECT a.grade, a.raised_at, a.closed_at FROM {placed}
    WHERE a.raised_at <= %s AND (a.closed_at IS NULL OR a.closed_at > %s) AND {allowed}
)
SELECT grade, greatest(ceil(extract(epoch FROM raised_at - %s) / %s)::int, 0), count(*) FROM alert GROUP BY 1, 2
UNION ALL
SELECT grade, ceil(extract(epoch FROM closed_at - %s) / %s)::int, -count(*) FROM alert
WHERE closed_at IS NOT NULL GROUP BY 1, 2
"""

Counts = dict[int, list[int]]
"""By grade, one figure for each moment."""


def raised_by_hour(scope: Scope, start: datetime, now: datetime, district_path: str = "") -> Counts:
    """How many alerts of each grade were raised in each of the :data:`HOURS` hours from ``start`` on."""
    allowed, values = _condition(scope, district_path)
    counts: Counts = {grade.value: [0] * HOURS for grade in Grade}
    with connection.cursor() as cursor:
        cursor.execute(_RAISED.format(placed=_PLACED, allowed=allowed), [start, HOUR_S, start, now, *values])
        for grade, hour, n in cursor.fetchall():
            if 0 <= hour < HOURS:
                counts[grade][hour] += n
    return counts


def open_at(scope: Scope, start: datetime, marks: int, now: datetime, district_path: str = "") -> Counts:
    """How many alerts of each grade were open at each of ``marks`` moments (:data:`MARK_S` apart) and at ``now``."""
    allowed, values = _condition(scope, district_path)
    changes: Counts = {grade.value: [0] * (marks + 1) for grade in Grade}
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGES.format(placed=_PLACED, allowed=allowed), [now, start, *values, start, MARK_S, start, MARK_S]
        )
        for grade, mark, n in cursor.fetchall():
            changes[grade][min(mark, marks)] += n
    return {grade: list(accumulate(steps)) for grade, steps in changes.items()}


def _condition(scope: Scope, district_path: str) -> tuple[str, list[str]]:
    allowed, values = scope.sql("o.path", ("home.path", "r.path"))
    if not district_path:
        return allowed, values
    inside, paths = Scope(region_paths=(district_path,)).sql(regions=("r.path",))
    return f"{allowed} AND {inside}", [*values, *paths]


def _kept(name: str, request: HttpRequest, path: str, read: Any) -> tuple[datetime, Any]:
    """Figures of the scope and when they were read; the clock decides how long they are good for."""
    scope = scope_of(request.user)
    key = f"command.{name}/{scope.key}/{path}"
    found = cache.get(key)
    if found is None:
        now = timezone.now()
        found = now, read(scope, now)
        cache.set(key, found, KEPT_S)
    return found


def _series(counts: Counts) -> list[Series]:
    return [
        Series(key=str(grade.value), title=str(name), colour=COLOURS[grade], values=counts[grade.value])
        for grade, name in GRADE_NAMES.items()
    ]


def _first_hour(now: datetime) -> datetime:
    return timezone.localtime(now).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def _first_mark(now: datetime) -> tuple[datetime, int]:
    """The first of the day's round quarters, and how many there are until ``now``."""
    last = timezone.localtime(now).replace(second=0, microsecond=0)
    last -= timedelta(minutes=last.minute % (MARK_S // 60))
    marks = HOURS * HOUR_S // MARK_S
    return last - timedelta(seconds=(marks - 1) * MARK_S), marks


@router.get("/charts/alerts", response=Chart)
def alerts_chart(request: HttpRequest, district: Query[str] = "") -> Any:
    """Alerts raised in each of the last 24 hours (clock hours, the present one not over yet) by grade."""
    path = region_path(district)
    now, counts = _kept("raised", request, path, lambda scope, now: raised_by_hour(scope, _first_hour(now), now, path))
    start = milliseconds(_first_hour(now))
    has_any = any(map(any, counts.values()))
    chart = Chart(
        id="alerts",
        title=_("每小时预警"),
        unit=_("条"),
        source=_("预警记录"),
        form=Form.BARS,
        every_s=HOUR_S,
        moments=[start + hour * HOUR_S * 1000 for hour in range(HOURS)] if has_any else [],
        series=_series(counts) if has_any else [],
        as_of=milliseconds(now),
        next_at=None,
        empty=_("过去 24 小时没有产生预警。规则判定出预警时，这里按小时和等级显示。"),
    )
    return answer(request, chart)


@router.get("/charts/open-alerts", response=Chart)
def open_alerts_chart(request: HttpRequest, district: Query[str] = "") -> Any:
    """How many alerts of each grade were open: raised, and not closed yet."""
    path = region_path(district)
    now, counts = _kept("open", request, path, lambda scope, now: open_at(scope, *_first_mark(now), now, path))
    start, marks = _first_mark(now)
    has_any = any(map(any, counts.values()))
    moments = [milliseconds(start + timedelta(seconds=mark * MARK_S)) for mark in range(marks)]
    chart = Chart(
        id="open-alerts",
        title=_("未关闭预警"),
        unit=_("条"),
        source=_("预警记录"),
        form=Form.STEPS,
        every_s=MARK_S,
        moments=[*moments, milliseconds(now)] if has_any else [],
        series=_series(counts) if has_any else [],
        as_of=milliseconds(now),
        next_at=None,
        empty=_("过去 24 小时没有未关闭的预警。产生预警后，这里显示各等级还有多少条未关闭。"),
    )
    return answer(request, chart)
