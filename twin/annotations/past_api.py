"""Annotations of a moment over HTTP: as they were then, and between which two changes nothing changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any, cast

from django.db.models import Max, Min, Q
from django.http import HttpRequest
from ninja import Query, Router

from access.models import User
from twin.annotations.api import MOST_LISTED, answered
from twin.annotations.messages import told
from twin.annotations.models import AnnotationVersion
from twin.annotations.search import Asked, listed, narrowed
from twin.batch import MICROSECOND
from twin.past_api import moment_of

router = Router(tags=["past"])


@router.get("/past/annotations")
def past_annotations(request: HttpRequest, at: Query[str] = "", bbox: Query[str] = "") -> dict[str, Any]:
    """What was on the map at ``at``: ``{"annotations", "count", "truncated", "since", "until"}``.

    The last changed first. ``bbox``: only there (west,south,east,north in degrees).

    Each is told as it was, to whom it was told then; ``since`` and ``until``: around ``at``, when something in scope
    changed last and next (milliseconds; null: never before; the present where nothing did since).
    """
    then, now = datetime.fromtimestamp(moment_of(at, "at", must_be_kept=False) / MICROSECOND, UTC), time.time()
    seen = AnnotationVersion.objects.seen(cast(User, request.user))
    there = answered(lambda: narrowed(seen.at(then), Asked(bbox=bbox)))
    rows = list(listed(there).order_by("-valid_from", "-pk")[: MOST_LISTED + 1])
    changes = seen.aggregate(
        began=Max("valid_from", filter=Q(valid_from__lte=then)),
        ended=Max("valid_to", filter=Q(valid_to__lte=then)),
        begins=Min("valid_from", filter=Q(valid_from__gt=then)),
        ends=Min("valid_to", filter=Q(valid_to__gt=then)),
    )
    before = [changes[name].timestamp() * 1000 for name in ("began", "ended") if changes[name]]
    after = [changes[name].timestamp() * 1000 for name in ("begins", "ends") if changes[name]]
    return {
        "annotations": [told(row) for row in rows[:MOST_LISTED]],
        "count": len(rows) if len(rows) <= MOST_LISTED else there.count(),
        "truncated": len(rows) > MOST_LISTED,
        "since": ceil(max(before)) if before else None,
        "until": floor(min(after, default=now * 1000)),
    }
