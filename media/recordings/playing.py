"""Recordings over HTTP: playing segments by ranges of their files, and cuts. Times are milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from ninja import Router
from ninja.errors import HttpError
from ninja.params import Path, Query

from access.audit import Action
from media.exceptions import MediaError
from media.films import film
from media.models import Channel
from media.recordings import finding
from media.recordings.cut import LONGEST_S, Cut, plan_cut
from media.recordings.ledger import micros
from media.recordings.models import RecordingSegment
from media.recordings.places import opened
from media.recordings.reading import header_of, key_points
from media.recordings.seeing import SpanIn, note, note_look, seen_segment, span_of, visible
from media.recordings.tracks import VIDEO_TICKS
from twin.periods import CITY_TIME

router = Router(tags=["recordings"])

MOST_RANGE = 16 << 20
"""Of one answer: whoever wants more asks again."""
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")


@router.get("/recordings/segments/{int:segment}/index")
def index(request: HttpRequest, segment: Path[int]) -> dict[str, Any]:
    """Where playing can begin in a segment's file: ``[seconds from its beginning, offset]``; 404 once it is deleted."""
    row = seen_segment(request, segment)
    try:
        with opened(row) as (read, size):
            _header, header_size = header_of(read, size)
            points, end = key_points(read, size)
    except (MediaError, OSError) as error:
        raise _unreadable(error) from error
    return {
        "header": header_size,
        "end": end,
        "keys": [[point.time / VIDEO_TICKS, point.offset] for point in points],
        "writing": row.state == RecordingSegment.State.WRITING,
        "href": reverse("api:recording-media", args=[row.pk]),
    }


@router.get("/recordings/segments/{int:segment}/media.mp4", url_name="recording-media")
def media(request: HttpRequest, segment: Path[int]) -> HttpResponse:
    """A segment's file or the asked range of it, 16 MiB at most at once. Every look is audited."""
    row = seen_segment(request, segment)
    try:
        with opened(row) as (read, size):
            whole = row.state == RecordingSegment.State.KEPT
            asked = _RANGE.fullmatch(request.headers.get("Range", ""))
            first = int(asked[1]) if asked else 0
            last = min(int(asked[2]) if asked and asked[2] else size - 1, size - 1, first + MOST_RANGE - 1)
            if first > last:
                refused = HttpResponse(status=416)
                refused["Content-Range"] = f"bytes */{size}"
                return refused
            data = read(first, last - first + 1)
    except OSError as error:
        raise _unreadable(error) from error
    note_look(request, row)
    part = (first, last) != (0, size - 1) or asked is not None
    response = HttpResponse(data, content_type="video/mp4", status=206 if part else 200)
    if part:
        response["Content-Range"] = f"bytes {first}-{last}/{size if whole else '*'}"
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=600" if whole else "private, no-store"
    return response


@router.get("/recordings/channels/{int:channel}/cut")
def describe_cut(request: HttpRequest, channel: Path[int], span: Query[SpanIn]) -> dict[str, Any]:
    """What a cut would be: from when to when really, holes, length and SHA-256; ``href`` downloads it."""
    found = visible(request, channel)
    cut = _cut(found, span)
    try:
        sha256 = cut.sha256()
    except OSError as error:
        raise _unreadable(error) from error
    address = reverse("api:recording-cut", args=[found.pk])
    return {
        "from": cut.starts_us / 1000,
        "to": cut.ends_us / 1000,
        "holes": [[a / 1000, b / 1000] for a, b in cut.holes],
        "size": cut.size,
        "sha256": sha256,
        "href": f"{address}?from={span.start:.0f}&to={span.end:.0f}",
    }


@router.get("/recordings/channels/{int:channel}/cut.mp4", url_name="recording-cut")
def download(request: HttpRequest, channel: Path[int], span: Query[SpanIn]) -> StreamingHttpResponse:
    """A cut as one MP4, not decoded: from the key frame at or before ``from``. Every download is audited."""
    found = visible(request, channel)
    cut = _cut(found, span)
    since, until = (datetime.fromtimestamp(us / 1e6, CITY_TIME) for us in (cut.starts_us, cut.ends_us))
    note(Action.EXPORT, found, start=since.isoformat(), end=until.isoformat(), bytes=cut.size)
    return film(f"{found.name}-{since:%Y%m%d-%H%M%S}-{until:%H%M%S}.mp4", cut.size, cut.read())


def _cut(channel: Channel, span: SpanIn) -> Cut:
    since, until = span_of(span, timedelta(days=1))
    if until - since > timedelta(seconds=LONGEST_S):
        raise HttpError(400, gettext("一次最多下载 %d 小时。") % (LONGEST_S // 3600))
    rows = finding.segments(channel.pk, since, until, LONGEST_S)
    try:
        return plan_cut(rows, micros(since), micros(until))
    except OSError as error:
        raise _unreadable(error) from error
    except MediaError as error:
        reasons = {
            "nothing recorded": gettext("这段时间没有录像。"),
            "too long": gettext("这段录像太大，请缩短后再下载。"),
            "codec changes": gettext("这段录像中编码有变化，请分段下载。"),
        }
        raise HttpError(409, reasons.get(str(error)) or gettext("录像文件已损坏：%s") % error) from error


def _unreadable(error: Exception) -> HttpError:
    if isinstance(error, FileNotFoundError):
        return HttpError(404, gettext("录像文件不在了，可能刚刚到期删除。"))
    return HttpError(503, gettext("录像文件暂时读不出来：%s") % error)
