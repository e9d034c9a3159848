"""The time machine over HTTP: what is kept, the map at a moment, the rows of a span, one thing then."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from ninja import Query, Router
from ninja.errors import HttpError
from ninja.params import Path

from access.scope import Scope, scope_of
from gis.models import Region
from twin.api import AssetOut, StateOut, asset_out
from twin.batch import MICROSECOND
from twin.kinds import kind_of, kinds
from twin.live.frames import ASSETS, whole_stream
from twin.live.sight import district_table, sight_of
from twin.live.viewer import Window
from twin.models import Asset, State
from twin.past import (
    CELLS_S,
    LONGEST_SPAN_S,
    LOOK_BACK_S,
    MOST_ROWS,
    Look,
    asset_at,
    districts,
    oldest_kept,
    rows_between,
    state_at,
)
from twin.past_rows import Rows
from twin.past_store import attributes
from twin.reading import reading
from twin.track_out import TrackOut, track_out

router = Router(tags=["past"])

ARROW = "application/vnd.apache.arrow.stream"
AHEAD_MS = 2_000
"""A browser's idea of the server's clock may be so far ahead."""
MOST_TRACK_MINUTES = 31 * 24 * 60
_US = MICROSECOND // 1000


@router.get("/past")
def kept(request: HttpRequest) -> dict[str, Any]:
    """What is kept of what the user may look at: ``oldest`` and ``newest`` (milliseconds since 1970 UTC, or null).

    Beside them the limits of the other addresses, and for each kind how long its track is kept.
    """
    scope = scope_of(request.user)
    look = Look(sight_of(scope))
    oldest_us = None if scope.empty else reading(lambda cursor: oldest_kept(cursor, look))
    newest = (
        State.objects.filter(asset__in=Asset.objects.within(scope)).order_by("-ts").values_list("ts", flat=True).first()
    )
    return {
        "oldest": None if oldest_us is None else oldest_us / _US,
        "newest": None if newest is None else newest.timestamp() * 1000,
        "server_time": time.time() * 1000,
        "look_back_s": LOOK_BACK_S,
        "longest_span_s": LONGEST_SPAN_S,
        "most_rows": MOST_ROWS,
        "cells_s": CELLS_S,
        "kinds": [{"key": kind.key, "code": kind.code, "retention_days": kind.retention_days} for kind in kinds()],
    }


@router.get("/past/state")
def state(request: HttpRequest, at: Query[str] = "", bbox: Query[str] = "", district: Query[str] = "") -> HttpResponse:
    """Everything in scope as it was at ``at``: an Arrow stream with the columns of live frames."""
    at_us = moment_of(at, "at")
    look = _look(request, bbox, district)
    rows = reading(lambda cursor: state_at(cursor, look, at_us))
    if not len(rows):
        _check_kept(look, at_us)
    return _arrow(rows, np.zeros(len(rows), bool))


@router.get("/past/rows")
def rows(
    request: HttpRequest,
    start: str = Query("", alias="from"),
    end: str = Query("", alias="to"),
    cell: Query[str] = "0",
    bbox: Query[str] = "",
    district: Query[str] = "",
) -> HttpResponse:
    """What happened in scope after ``from`` up to ``to``: an Arrow stream as above, by time.

    The header ``Sandtable-Cell-S`` says by which time cells rows were thinned; 0: every row is there.
    """
    from_us, to_us = moment_of(start, "from"), moment_of(end, "to")
    if not 0 < to_us - from_us <= LONGEST_SPAN_S * MICROSECOND:
        raise HttpError(400, gettext("to 须晚于 from，且相差不超过 %d 秒。") % LONGEST_SPAN_S)
    if not cell.isascii() or not cell.isdigit() or int(cell) > CELLS_S[-1]:
        raise HttpError(400, gettext("cell 须为 0 到 %d 之间的整数秒。") % CELLS_S[-1])
    look = _look(request, bbox, district)
    span = reading(lambda cursor: rows_between(cursor, look, from_us, to_us, int(cell)))
    if not len(span.rows):
        _check_kept(look, to_us)
    answer = _arrow(span.rows, span.left)
    answer["Sandtable-Cell-S"] = str(span.cell_s)
    return answer


@router.get("/past/assets/{int:asset_id}", response=AssetOut)
def asset(request: HttpRequest, asset_id: Path[int], at: Query[str] = "") -> AssetOut:
    """One asset, in use or not, with its state then; 404 where the user might not have seen it then."""
    at_us = moment_of(at, "at")
    found, state = _visible(request, asset_id, at_us)
    region = None
    if state is not None:
        place = int(districts().locate_one([state.lon], [state.lat])[0])
        region = Region.objects.filter(pk=place).only("code", "name", "name_en").first()
    return asset_out(found, region, state)


@router.get("/past/assets/{int:asset_id}/track", response=TrackOut)
def track(request: HttpRequest, asset_id: Path[int], at: Query[str] = "", minutes: Query[int] = 60) -> TrackOut:
    """Where one asset was in the minutes before ``at`` (at most 31 days), and what that tells."""
    at_us = moment_of(at, "at")
    found, _state = _visible(request, asset_id, at_us)
    end = _datetime(at_us)
    start = end - timedelta(minutes=max(1, min(minutes, MOST_TRACK_MINUTES)))
    return reading(lambda cursor: track_out(cursor, kind_of(found.kind), found.pk, start, end))


def _visible(request: HttpRequest, asset_id: int, at_us: int) -> tuple[Asset, StateOut | None]:
    look = Look(sight_of(scope_of(request.user)))
    found = Asset.objects.filter(pk=asset_id).select_related("owner").first()
    is_seen, rows = reading(lambda cursor: asset_at(cursor, look, asset_id, at_us))
    if found is None or not is_seen:
        raise Http404
    if not len(rows):
        return found, None
    values = {name: column[0].item() for name, column in rows.columns.items()}
    ts = _datetime(values["time_us"])
    attrs = reading(lambda cursor: attributes(cursor, kind_of(found.kind).code, asset_id, values["time_us"]))
    return found, StateOut(
        time=ts,
        lon=values["lon"],
        lat=values["lat"],
        alt_m=_known(values["alt_m"]),
        speed_m_s=_known(values["speed_m_s"]),
        heading_deg=_known(values["heading_deg"]),
        status=values["status"],
        attrs=attrs,
    )


def _known(value: float) -> float | None:
    return None if value != value else value


def _datetime(us: int) -> datetime:
    return datetime.fromtimestamp(us / MICROSECOND, UTC)


def _look(request: HttpRequest, bbox: str, district: str) -> Look:
    scope: Scope = scope_of(request.user)
    window = window_of(bbox)
    if district and not (district.isalnum() and len(district) <= 12):
        raise HttpError(400, gettext("district 应为行政区代码。"))
    return Look(sight_of(scope), window, district_table(district) if district else None)


def window_of(bbox: str) -> Window | None:
    """The part of the map that is asked for; None: all of it.

    Raises
    ------
    HttpError
        It is no box.
    """
    if not bbox:
        return None
    try:
        west, south, east, north = map(float, bbox.split(","))
        return Window(west, south, east, north, 0)
    except ValueError:
        raise HttpError(400, gettext("bbox 应为“西,南,东,北”四个度数。")) from None


def moment_of(text: str, name: str, *, must_be_kept: bool = True) -> int:
    """A moment in microseconds from milliseconds as given.

    Raises
    ------
    HttpError
        It is no number, in the future, or (where it ``must_be_kept``) longer ago than anything is.
    """
    try:
        ms = float(text)
        if not abs(ms) < 1e15:
            raise ValueError(text)
    except ValueError:
        raise HttpError(400, gettext("%s 应为 1970 年起的毫秒数（UTC）。") % name) from None
    now_ms = time.time() * 1000
    if ms > now_ms + AHEAD_MS:
        raise HttpError(400, gettext("这一时刻还没有到来。"))
    if must_be_kept and now_ms - ms > max(kind.retention_days for kind in kinds()) * 86_400_000:
        raise HttpError(404, gettext("这一时刻的轨迹已过保存期限，不再保存。"))
    return int(ms * _US)


def _check_kept(look: Look, at_us: int) -> None:
    """Say so where nothing can be found because it is not kept.

    Raises
    ------
    HttpError
        The moment is before the oldest that is kept.
    """
    oldest_us = reading(lambda cursor: oldest_kept(cursor, look))
    if oldest_us is None:
        raise HttpError(404, gettext("您的数据范围内还没有保存任何轨迹。"))
    if at_us < oldest_us:
        oldest = timezone.localtime(_datetime(oldest_us))
        raise HttpError(404, gettext("这一时刻没有保存轨迹，最早保存到 %s。") % f"{oldest:%Y-%m-%d %H:%M:%S}")


def _arrow(rows: Rows, left: np.ndarray) -> HttpResponse:
    """Rows as a browser reads them; of what left it is told when, and nothing else."""
    columns = {name: rows[name] for name in ("status", "lon", "lat", "alt_m", "speed_m_s", "heading_deg")}
    for column in columns.values():
        column[left] = 0
    columns |= {
        "id": rows["asset"].astype(np.uint32),
        "kind": rows["kind"].astype(np.uint8),
        "status": columns["status"].astype(np.uint8),
        "left": left,
        "time_ms": rows["time_us"] / _US,
    }
    answer = HttpResponse(whole_stream(ASSETS, columns), content_type=ARROW)
    answer["Cache-Control"] = "private, no-store"
    return answer
