"""Which annotations are asked for: by keyword, author, time, place and subject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from django.contrib.gis.geos import Polygon
from django.db.models import Q
from django.utils.translation import gettext
from ninja import Schema

from twin.annotations.exceptions import AnnotationFaultError
from twin.annotations.models import AnnotationQuerySet

Rows = TypeVar("Rows", bound=AnnotationQuerySet)
MOST_MS = 253_402_300_799_000  # the end of the year 9999


class Asked(Schema):
    """A question; "" and None: whatever.

    ``q``: words that must all be in name, text, keywords or subject; ``author``: part of a name; ``since``, ``until``:
    of the time told of, milliseconds since 1970 UTC; ``bbox``: west,south,east,north in degrees; ``subject``:
    kind:key; ``hidden``: only hidden ones.
    """

    q: str = ""
    author: str = ""
    kind: str = ""
    since: float | None = None
    until: float | None = None
    bbox: str = ""
    subject: str = ""
    hidden: bool = False


def narrowed(rows: Rows, asked: Asked) -> Rows:
    """Those of ``rows`` that are asked for.

    Raises
    ------
    AnnotationFaultError
        The question makes no sense.
    """
    for word in asked.q.split()[:10]:
        found = Q(title__icontains=word) | Q(text__icontains=word) | Q(subject_title__icontains=word)
        rows = rows.filter(found | Q(keywords__icontains=word))
    if name := asked.author.strip():
        rows = rows.filter(Q(author__display_name__icontains=name) | Q(author__username__icontains=name))
    if asked.kind:
        rows = rows.filter(kind__in=asked.kind.split(","))
    if asked.since is not None:
        rows = rows.filter(happened_at__gte=_moment(asked.since))
    if asked.until is not None:
        rows = rows.filter(happened_at__lte=_moment(asked.until))
    if asked.bbox:
        rows = rows.filter(shape__intersects=box_of(asked.bbox))
    if asked.subject:
        kind, _colon, key = asked.subject.partition(":")
        rows = rows.filter(subject_kind=kind, **({"subject_key": key} if key else {}))
    return rows.filter(hidden=True) if asked.hidden else rows


def box_of(text: str) -> Polygon:
    """A box of degrees.

    Raises
    ------
    AnnotationFaultError
        It is none.
    """
    try:
        west, south, east, north = (float(edge) for edge in text.split(","))
        if not (-360 <= west < east <= 360 and -90 <= south < north <= 90):
            raise ValueError
    except ValueError:
        raise AnnotationFaultError(gettext("bbox 应为“西,南,东,北”四个度数。")) from None
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box


def _moment(ms: float) -> datetime:
    if not 0 <= ms <= MOST_MS:
        raise AnnotationFaultError(gettext("时间应为 1970 年起的毫秒数（UTC）。"))
    return datetime.fromtimestamp(ms / 1000, UTC)


def listed(rows: Rows) -> Any:
    """With whom a message names, in as few questions as there are."""
    return rows.select_related("author", "changed_by")
