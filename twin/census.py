"""The census (统计采样): how many things of each kind were in which state, whose and where, every few minutes.

What charts of the last day are drawn from. Each run is remembered apart from what it counted, so that "nothing was
there" and "nobody counted" are two things: where no run is, a chart shows a gap.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction

from access.scope import Scope
from twin.kinds import SILENCED, kinds
from twin.models import CensusRun

EVERY_S = 300
"""Seconds between two runs: short enough to see a shift begin, 288 points a day."""
KEPT = timedelta(days=3)
"""The charts show one day; the rest is for whoever asks afterwards what a screen showed."""
SHOWN = timedelta(hours=24)
SILENT = -1
"""Not heard for longer than its kind may be: in place of the status it can no longer be believed to have."""
UNHEARD = -2
"""In use, but never heard of."""
# Serialises those who count; any constant of our own does.
_LOCK = 0x5A4E
_COUNT = """
INSERT INTO twin_census (at, kind, status, owner_id, region_id, count)
SELECT %s, a.kind,
       CASE WHEN s.status IS NULL THEN %s
            WHEN s.status = ANY(%s) AND s.ts < %s - make_interval(secs => k.silent_after_s) THEN %s
            ELSE s.status END,
       a.owner_id, s.region_id, count(*)
FROM twin_asset AS a LEFT JOIN twin_state AS s ON s.asset_id = a.id
     LEFT JOIN unnest(%s::text[], %s::int[]) AS k (kind, silent_after_s) ON k.kind = a.kind
WHERE a.active GROUP BY 2, 3, 4, 5
"""
_PLACED = """
twin_census AS c LEFT JOIN access_organization AS o ON o.id = c.owner_id
LEFT JOIN geo_region AS home ON home.id = o.region_id LEFT JOIN geo_region AS r ON r.id = c.region_id
"""


@dataclass(frozen=True)
class Trend:
    """Counts over time.

    ``moments``: when was counted, milliseconds since 1970 UTC, ascending; ``counts``: by status (:data:`SILENT` and
    :data:`UNHEARD` besides), one figure for each moment.
    """

    moments: tuple[int, ...]
    counts: dict[int, list[int]]

    def sum_of(self, statuses: Sequence[int]) -> list[int]:
        """Figures of several statuses together, one for each moment."""
        rows = [self.counts[status] for status in statuses if status in self.counts]
        return [sum(figures) for figures in zip(*rows, strict=True)] if rows else [0] * len(self.moments)


NOTHING = Trend((), {})


def take_census(now: datetime) -> int | None:
    """Count everything in use at ``now``.

    Returns
    -------
    int or None
        How many things there are; None where somebody has counted a moment ago (a job that was late meets the next).
    """
    declared = list(kinds())
    began = time.perf_counter()
    about = (now - timedelta(seconds=EVERY_S / 2), now + timedelta(seconds=EVERY_S / 2))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if CensusRun.objects.filter(at__range=about).exists():
            return None
        keys, limits = [kind.key for kind in declared], [kind.silent_after_s for kind in declared]
        cursor.execute(_COUNT, [now, UNHEARD, list(SILENCED), now, SILENT, keys, limits])
        cursor.execute("SELECT coalesce(sum(count), 0)::bigint FROM twin_census WHERE at = %s", [now])
        (things,) = cursor.fetchone()
        took_ms = round((time.perf_counter() - began) * 1000)
        CensusRun.objects.create(at=now, things=things, took_ms=took_ms)
    return things


def drop_old(now: datetime) -> int:
    """Forget what is older than :data:`KEPT`; returns how many runs."""
    oldest = now - KEPT
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM twin_census WHERE at < %s", [oldest])
        dropped, _models = CensusRun.objects.filter(at__lt=oldest).delete()
    return dropped


def latest_run() -> datetime | None:
    """When was counted last."""
    return CensusRun.objects.order_by("-at").values_list("at", flat=True).first()


def read_trend(scope: Scope, until: datetime, kind: str = "", district_path: str = "") -> Trend:
    """Counts of the day before the run ``until``, of one kind (""; of all) and one district (""; everywhere).

    Whose and where decides as it does for the things themselves, by the owner and the district of that time. Kept in
    the process's cache until the next run.
    """
    if scope.empty:
        return NOTHING
    name = f"twin.trend/{until.timestamp()}/{scope.key}/{kind}/{district_path}"
    found: Trend | None = cache.get(name)
    if found is None:
        found = _read(scope, until, kind, district_path)
        cache.set(name, found, EVERY_S * 2)
    return found


def _read(scope: Scope, until: datetime, kind: str, district_path: str) -> Trend:
    since = until - SHOWN
    runs = CensusRun.objects.filter(at__gt=since, at__lte=until).order_by("at").values_list("at", flat=True)
    moments = {at: i for i, at in enumerate(runs)}
    allowed, values = scope.sql("o.path", ("home.path", "r.path"))
    conditions: list[str] = ["c.at > %s", "c.at <= %s", allowed]
    parameters: list[Any] = [since, until, *values]
    if kind:
        conditions.append("c.kind = %s")
        parameters.append(kind)
    if district_path:
        inside, paths = Scope(region_paths=(district_path,)).sql(regions=("r.path",))
        conditions.append(inside)
        parameters += paths
    counts: dict[int, list[int]] = {}
    # Nobody who sees everything needs to ask whose a thing is.
    table = _PLACED if len(parameters) > (3 if kind else 2) else "twin_census AS c"
    with connection.cursor() as cursor:
        statement = f"SELECT c.at, c.status, sum(c.count)::bigint FROM {table} WHERE "  # noqa: S608 - our own words
        cursor.execute(statement + " AND ".join(conditions) + " GROUP BY 1, 2", parameters)
        for at, status, n in cursor.fetchall():
            if (i := moments.get(at)) is not None:
                counts.setdefault(status, [0] * len(moments))[i] = n
    return Trend(tuple(round(at.timestamp() * 1000) for at in moments), counts)
