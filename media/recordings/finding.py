"""What there is of a channel: stretches, days, segments, marks; by time, with hand-written SQL where rows are many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from media.recordings.models import RecordingMark, RecordingOrder, RecordingSegment

GAP_S = 2
"""Less than this between two segments is no gap."""
LONGEST_SEGMENT = timedelta(minutes=5)
"""No segment is longer: so far back one may begin that reaches into a span."""
MOST_MARKS = 500
PLAYABLE = (RecordingSegment.State.WRITING, RecordingSegment.State.KEPT)

_STRETCHES = """
WITH rows AS (
    SELECT starts_at, ends_at, lag(ends_at) OVER (ORDER BY starts_at) AS before
    FROM media_recordingsegment
    WHERE channel_id = %(channel)s AND starts_at > %(early)s AND starts_at < %(to)s AND ends_at > %(from)s
      AND state = ANY(%(states)s)),
     groups AS (
    SELECT *, count(*) FILTER (WHERE before IS NULL OR starts_at - before > make_interval(secs => %(gap)s))
              OVER (ORDER BY starts_at) AS stretch FROM rows)
SELECT greatest(min(starts_at), %(from)s), least(max(ends_at), %(to)s) FROM groups GROUP BY stretch ORDER BY 1
"""
_DAYS = """
SELECT (starts_at AT TIME ZONE %(zone)s)::date AS day, sum(extract(epoch FROM ends_at - starts_at))::float8
FROM media_recordingsegment
WHERE channel_id = %(channel)s AND starts_at >= %(from)s AND starts_at < %(to)s AND state = ANY(%(states)s)
GROUP BY 1 ORDER BY 1
"""


def stretches(
    channel: int, since: datetime, until: datetime, states: Sequence[str] = PLAYABLE
) -> list[tuple[datetime, datetime]]:
    """When there are recordings between two times; what lies close together is one stretch.

    Parameters
    ----------
    states : sequence of str
        Of segments that are meant.
    """
    asked: dict[str, Any] = {
        "channel": channel,
        "from": since,
        "to": until,
        "early": since - LONGEST_SEGMENT,
        "gap": GAP_S,
        "states": list(states),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STRETCHES, asked)
        return cursor.fetchall()


def days(channel: int, first: date, last: date, zone: ZoneInfo) -> list[tuple[date, float]]:
    """Days, from the first up to but not including the last, of which there is something, and seconds of each."""
    edges = [datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first, last)]
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "channel": channel,
            "zone": zone.key,
            "from": edges[0],
            "to": edges[1],
            "states": list(PLAYABLE),
        }
        cursor.execute(_DAYS, asked)
        return cursor.fetchall()


def segments(channel: int, since: datetime, until: datetime, most: int) -> list[RecordingSegment]:
    """Segments that reach into a span, by time."""
    rows = RecordingSegment.objects.filter(
        channel=channel, starts_at__gt=since - LONGEST_SEGMENT, starts_at__lt=until, ends_at__gt=since,
        state__in=PLAYABLE,
    )  # fmt: skip
    return list(rows.order_by("starts_at")[:most])


def marks(channel: int, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What was marked or bound between two times, and what was recorded on somebody's or an alert's asking."""
    rows: Iterable[RecordingMark] = RecordingMark.objects.filter(
        channel=channel, starts_at__lt=until, ends_at__gte=since
    ).select_related("by")[:MOST_MARKS]
    orders = RecordingOrder.objects.filter(
        channel=channel, kind=RecordingOrder.Kind.HAND, starts_at__lt=until, ends_at__gt=since
    ).select_related("by")[:MOST_MARKS]
    told = [
        {
            "id": row.pk,
            "kind": str(row.kind),
            "kind_name": row.get_kind_display(),
            "from": ms(row.starts_at),
            "to": ms(row.ends_at),
            "number": row.number,
            "text": row.text,
            "by": _name(row.by),
            "holds": row.holds,
        }
        for row in rows
    ]
    for order in orders:
        told.append(
            {
                "id": None,
                "kind": str(order.kind),
                "kind_name": order.get_kind_display(),
                "from": ms(order.starts_at),
                "to": ms(order.ends_at) if order.ends_at else ms(until),
                "number": "",
                "text": order.reason,
                "by": _name(order.by),
                "holds": False,
            }
        )
    return sorted(told, key=lambda mark: mark["from"])


def ms(at: datetime) -> int:
    """A time as milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def _name(user: Any) -> str:
    return (user.display_name or user.get_username()) if user is not None else ""
