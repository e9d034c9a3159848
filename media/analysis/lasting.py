"""What machines see now, for whoever raises alerts of it: floors above ask, the database tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import Q
from django.utils import timezone

from media.analysis.models import AnalysisFinding
from media.analysis.store import WITH_PLACE, load_analysers

MOST = 1000
"""Of those that ended before anybody raised them."""
LATE = timedelta(hours=1)
"""What ended so long ago is told to nobody any more."""


@dataclass(frozen=True)
class Sight:
    """A finding of a task. Keys are 0, and the place None, where there is none."""

    pk: int
    label: str
    confidence: float
    camera: str
    analyser: str
    grade: int
    asset: int
    owner: int
    region: int
    lon: float | None
    lat: float | None
    taken_at: datetime
    ended_at: datetime | None
    looks: int


def sights(known: Collection[int] = ()) -> Iterator[Sight]:
    """All findings of tasks that last, those ``known`` (keys), and the newest that ended lately; none rejected.

    Whoever has raised an alert of one names it: an alert must not end because many others came after it.
    """
    rows = AnalysisFinding.objects.filter(upload=None, channel__isnull=False)
    rows = rows.exclude(verdict=AnalysisFinding.Verdict.REJECTED)
    rows = rows.select_related("channel__device", *WITH_PLACE).order_by("-pk")
    names = {key: str(kind.title) for key, kind in load_analysers().items()}
    lately = rows.filter(ended_at__gt=timezone.now() - LATE).exclude(pk__in=known)
    for row in chain(rows.filter(Q(ended_at=None) | Q(pk__in=known)), lately[:MOST]):
        channel = row.channel
        assert channel is not None
        states = (getattr(asset, "state", None) for asset in (channel.carrier, channel.asset))
        region = next((state.region_id for state in states if state is not None), None)
        yield Sight(
            row.pk, row.label, row.confidence, channel.name, names.get(row.analyser, row.analyser), row.grade,
            channel.asset_id or channel.carrier_id or 0, channel.device.owner_id or 0, region or 0,
            row.lon, row.lat, row.taken_at, row.ended_at, row.looks,
        )  # fmt: skip


def key_frame(finding: int) -> dict[str, Any] | None:
    """Where a finding's picture is served, and what is drawn on it; None where it is gone."""
    row = AnalysisFinding.objects.filter(pk=finding).first()
    return None if row is None else frame_of(row)


def frame_of(row: AnalysisFinding) -> dict[str, Any]:
    """The same of a finding that was read."""
    return {
        "finding": row.pk,
        "url": f"/api/v1/video/findings/{row.pk}/picture",
        "width": row.width,
        "height": row.height,
        "taken_at": row.taken_at.isoformat(timespec="milliseconds"),
        "label": row.label,
        "boxes": row.boxes,
        "verdict": row.verdict,
    }
