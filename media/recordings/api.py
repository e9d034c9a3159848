"""Recordings over HTTP: what there is, marks, recording by hand. Times are milliseconds since 1970."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.models import User
from access.roles import Permission
from access.scope import scope_of
from media.models import Channel, VideoDevice
from media.recordings import finding
from media.recordings.ledger import micros
from media.recordings.models import RecordingMark, RecordingOrder, RecordingSegment
from media.recordings.playing import router as playing
from media.recordings.seeing import SpanIn, handled, span_of, visible
from media.recordings.store import end_orders, keep_last_minute, order
from twin.periods import CITY_TIME

router = Router(tags=["recordings"])
router.add_router("", playing)

LONGEST_SPAN = timedelta(days=32)
MOST_SEGMENTS = 300
MOST_CHANNELS = 200


class MarkIn(SpanIn):
    """A mark; what is bound to a number is kept."""

    kind: RecordingMark.Kind = RecordingMark.Kind.NOTE
    number: str = Field("", max_length=64)
    text: str = Field("", max_length=200)


class ReasonIn(Schema):
    """Why."""

    reason: str = Field(min_length=1, max_length=200)


@router.get("/recordings/channels", url_name="recording-channels")
def channels(
    request: HttpRequest,
    q: str = Query("", max_length=64),
    asset: int | None = None,
    alert: str = Query("", max_length=64),
) -> dict[str, Any]:
    """Channels in scope by name or code, that of an asset, those that recorded an alert; what is recording first."""
    rows = Channel.objects.within(scope_of(request.user)).filter(listed=True)  # type: ignore[arg-type]
    if asset is not None:
        rows = rows.filter(Q(asset=asset) | Q(carrier=asset))
    if alert:
        bound = RecordingMark.objects.filter(kind=RecordingMark.Kind.ALERT, number=alert)
        rows = rows.filter(pk__in=bound.values("channel"))
    if q:
        rows = rows.filter(name__icontains=q) | rows.filter(code__startswith=q)
    found = list(rows.select_related("device__owner").order_by("name", "pk")[:MOST_CHANNELS])
    writing = set(
        RecordingSegment.objects.filter(channel__in=found, state=RecordingSegment.State.WRITING).values_list(
            "channel_id", flat=True
        )
    )
    told = [_channel(channel, channel.pk in writing) for channel in found]
    return {"channels": sorted(told, key=lambda channel: not channel["recording"])}


def _channel(channel: Channel, recording: bool) -> dict[str, Any]:
    owner = channel.device.owner
    return {
        "id": channel.pk,
        "name": channel.name,
        "code": channel.code,
        "owner": owner.name if owner else "",
        "address": channel.address,
        "online": channel.online,
        "recording": recording,
        "on_device": channel.device.protocol == VideoDevice.Protocol.GB28181,
    }


@router.get("/recordings/channels/{int:channel}/timeline")
def timeline(request: HttpRequest, channel: Path[int], span: Query[SpanIn]) -> dict[str, Any]:
    """What there is of a channel between two times: stretches, those whose files are gone, marks.

    What is between them was not recorded.
    """
    found = visible(request, channel)
    since, until = span_of(span, LONGEST_SPAN)
    writing = RecordingSegment.objects.filter(channel=found, state=RecordingSegment.State.WRITING).exists()
    now = timezone.now()
    by_hand = RecordingOrder.objects.filter(channel=found, kind=RecordingOrder.Kind.HAND, ends_at__gt=now).exists()
    may = Channel.objects.within(scope_of(request.user, Permission.DISPATCH)).filter(pk=found.pk)  # type: ignore[arg-type]
    return {
        "channel": _channel(found, writing),
        "now": finding.ms(now),
        "by_hand": by_hand,
        "may_handle": may.exists(),
        "stretches": [[finding.ms(a), finding.ms(b)] for a, b in finding.stretches(found.pk, since, until)],
        "missing": [
            [finding.ms(a), finding.ms(b)]
            for a, b in finding.stretches(found.pk, since, until, [RecordingSegment.State.MISSING])
        ],
        "marks": finding.marks(found.pk, since, until),
    }


@router.get("/recordings/channels/{int:channel}/days")
def days(request: HttpRequest, channel: Path[int], month: str) -> dict[str, Any]:
    """Days of a month (``2026-11``) of which there are recordings, and how many seconds."""
    found = visible(request, channel)
    try:
        first = date.fromisoformat(f"{month}-01")
        last = (first + timedelta(days=32)).replace(day=1)
    except (ValueError, OverflowError):
        raise HttpError(400, gettext("month 应写作 2026-11。")) from None
    rows = finding.days(found.pk, first, last, CITY_TIME)
    return {"days": [{"day": day.isoformat(), "seconds": round(seconds)} for day, seconds in rows]}


@router.get("/recordings/channels/{int:channel}/segments")
def segments(request: HttpRequest, channel: Path[int], span: Query[SpanIn]) -> dict[str, Any]:
    """Segments that reach into a span, by time; at most 300."""
    found = visible(request, channel)
    since, until = span_of(span, LONGEST_SPAN)
    rows = finding.segments(found.pk, since, until, MOST_SEGMENTS)
    return {
        "segments": [
            {
                "id": row.pk,
                "from": micros(row.starts_at) / 1000,
                "to": micros(row.ends_at) / 1000,
                "codecs": row.codecs,
                "width": row.width,
                "height": row.height,
                "writing": row.state == RecordingSegment.State.WRITING,
                "left_out": row.left_out,
                "damaged": row.damaged,
            }
            for row in rows
        ]
    }


@router.post("/recordings/channels/{int:channel}/marks")
def mark(request: HttpRequest, channel: Path[int], asked: MarkIn) -> Any:
    """Mark a moment or a stretch; one that names a case, ticket or alert is kept until that is released."""
    found = handled(request, channel)
    since, until = span_of(asked, LONGEST_SPAN, moment=True)
    if asked.kind != RecordingMark.Kind.NOTE and not asked.number.strip():
        raise HttpError(400, gettext("请填写要关联的编号。"))
    if "\0" in asked.number + asked.text:
        raise HttpError(400, gettext("文字中有不能保存的字符。"))
    row = RecordingMark.objects.create(
        channel=found, kind=asked.kind, starts_at=since, ends_at=until, number=asked.number.strip(),
        text=asked.text.strip(), by=cast(User, request.user),
    )  # fmt: skip
    return JsonResponse({"id": row.pk}, status=201)


@router.delete("/recordings/marks/{int:mark}")
def release(request: HttpRequest, mark: Path[int]) -> HttpResponse:
    """Take a note away, or let go what was bound: the line stays, what lies under it is kept for its time alone."""
    rows = RecordingMark.objects.within(scope_of(request.user))  # type: ignore[arg-type]
    row = get_object_or_404(rows, pk=mark)
    handled(request, row.channel_id)
    if row.kind == RecordingMark.Kind.NOTE:
        row.delete()
    elif row.released_at is None:
        row.released_at = timezone.now()
        row.save(update_fields=["released_at"])
    return HttpResponse(status=204)


@router.post("/recordings/channels/{int:channel}/start")
def start(request: HttpRequest, channel: Path[int], asked: ReasonIn) -> Any:
    """Record from now until somebody ends it, for a day at most."""
    row = order(handled(request, channel), asked.reason.replace("\0", ""), request.user)
    return JsonResponse({"until": finding.ms(row.ends_at) if row.ends_at else None}, status=201)


@router.post("/recordings/channels/{int:channel}/stop")
def stop(request: HttpRequest, channel: Path[int]) -> dict[str, Any]:
    """End what was ordered by hand; plans go on."""
    return {"ended": end_orders(handled(request, channel))}


@router.post("/recordings/channels/{int:channel}/replay")
def replay(request: HttpRequest, channel: Path[int]) -> Any:
    """Have the last minute kept for a week, as far as it is remembered, to be looked at again at once."""
    since, until = keep_last_minute(visible(request, channel), gettext("即时回放"), request.user)
    return JsonResponse({"from": finding.ms(since), "to": finding.ms(until)}, status=201)
