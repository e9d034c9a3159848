"""Who may see which channel's recordings, and that they did: audited once per while, channel and person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from ninja import Schema
from ninja.errors import HttpError
from pydantic import Field

from access.audit import Action, record
from access.roles import Permission
from access.scope import scope_of
from media.models import Channel
from media.recordings.models import RecordingSegment

ONE_LOOK_S = 600
STRETCH_S = 600


class SpanIn(Schema):
    """From when to when, milliseconds since 1970."""

    start: float = Field(alias="from", ge=0, le=4e12)
    end: float = Field(alias="to", ge=0, le=4e12)


def span_of(span: SpanIn, longest: timedelta, *, moment: bool = False) -> tuple[datetime, datetime]:
    """Both times of a span.

    Parameters
    ----------
    longest : timedelta
        It may be no longer than this.
    moment : bool
        Whether both may be the same.

    Raises
    ------
    HttpError
        It makes no sense.
    """
    since, until = (datetime.fromtimestamp(at / 1000, UTC) for at in (span.start, span.end))
    if not (timedelta(0) <= until - since <= longest) or (since == until and not moment):
        raise HttpError(400, gettext("to 须晚于 from，且相差不超过 %d 天。") % longest.days)
    return since, until


def visible(request: HttpRequest, channel: int) -> Channel:
    """The channel, if the user may see it; 404 otherwise, so that nobody learns what exists elsewhere."""
    rows = Channel.objects.within(scope_of(request.user)).select_related("device__owner")  # type: ignore[arg-type]
    return get_object_or_404(rows, pk=channel)


def handled(request: HttpRequest, channel: int) -> Channel:
    """The channel, if the user may have it recorded and mark it; 403 where it is only seen."""
    found = visible(request, channel)
    scope = scope_of(request.user, Permission.DISPATCH)  # type: ignore[arg-type]
    if not Channel.objects.within(scope).filter(pk=found.pk).exists():
        raise HttpError(403, gettext("您可以查看这路录像，但无权录制、标记或关联。"))
    return found


def seen_segment(request: HttpRequest, segment: int) -> RecordingSegment:
    """A segment, if the user may see its channel."""
    rows = RecordingSegment.objects.within(scope_of(request.user))  # type: ignore[arg-type]
    return get_object_or_404(rows.select_related("channel__device"), pk=segment)


def note_look(request: HttpRequest, segment: RecordingSegment) -> None:
    """Write down that somebody looks at this; a long look is one line each ten minutes of recording."""
    stretch = int(segment.starts_at.timestamp()) // STRETCH_S
    if cache.add(f"recordings-look-{request.user.pk}-{segment.channel_id}-{stretch}", 1, ONE_LOOK_S):
        note(Action.WATCH, segment.channel, recorded_at=segment.starts_at.isoformat())


def note(action: Action, channel: Channel, **detail: Any) -> None:
    """Write down what somebody did with a channel's recordings."""
    record(action, subject=channel, detail={"recordings": True, **detail})
