"""What the rules of hot work need to know from its registers; read in the process that judges, never while judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from command.rules import Attribute
from layers.hotwork.models import KeyArea, Machine, WorkConfirmation
from twin.kinds import MACHINE
from twin.models import Asset
from twin.periods import CITY_TIME, Period, read_periods

TOPIC = "hotwork"
DAY = timedelta(days=1)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly: floating seconds lose the last of them."""
    whole = int(at.timestamp() // 1)
    return whole * 1_000_000 + at.microsecond


@dataclass(frozen=True)
class Forbidden:
    """An important period as a rule sees it: from ``start_us`` up to, not including, ``end_us``.

    It holds in the area with the key ``area``; where that is 0, in the regions with the keys ``regions``.
    """

    name: str
    start_us: int
    end_us: int
    area: int
    regions: frozenset[int]
    key: int = 0


def read_important_periods(cursor: Any) -> tuple[Forbidden, ...]:
    """All important periods, by their start; ``cursor`` is Django's or psycopg's."""
    cursor.execute(
        """SELECT p.name, p.starts_at, p.ends_at, coalesce(p.area_id, 0),
                  CASE WHEN p.area_id IS NULL THEN
                      ARRAY(SELECT r.id FROM geo_region AS r WHERE r.path LIKE top.path || '%') ELSE '{}' END,
                  p.id
           FROM hotwork_importantperiod AS p JOIN geo_region AS top ON top.id = p.region_id
           ORDER BY p.starts_at, p.id"""
    )
    return tuple(
        Forbidden(name, microseconds(start), microseconds(end), area, frozenset(regions), key)
        for name, start, end, area, regions, key in cursor.fetchall()
    )


def _important_periods() -> Mapping[int, Any]:
    with connection.cursor() as cursor:
        periods = read_important_periods(cursor)
    if not periods:
        return {}
    # One value shared by all: a machine need not be in any area to be inside a region's period.
    return dict.fromkeys(Asset.objects.filter(kind=MACHINE.key).values_list("pk", flat=True).iterator(), periods)


def _welders() -> Mapping[int, Any]:
    rows = Machine.objects.exclude(welder=None).values_list("pk", "welder__name")
    return dict(rows.iterator())


def _forbidden_periods() -> Mapping[int, tuple[Period, ...]]:
    rows = KeyArea.objects.exclude(forbidden_periods=[]).values_list("pk", "forbidden_periods")
    return {area: read_periods(periods) for area, periods in rows}


def _confirmed_until() -> Mapping[int, Any]:
    """Machine to (end of the day of its latest confirmation in microseconds, key of the area, name of the place)."""
    since = timezone.now() - DAY
    rows = WorkConfirmation.objects.filter(confirmed_at__gte=since).select_related("record").order_by("confirmed_at")
    return {
        row.record.asset_id: (_end_of_day_us(row.confirmed_at), row.record.area_id or 0, row.record.place_name)
        for row in rows
    }


def _end_of_day_us(at: datetime) -> int:
    midnight = at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    return microseconds(midnight + DAY)


WELDER = Attribute("hotwork.welder", "asset", _welders, (TOPIC,))
IMPORTANT_PERIODS = Attribute(
    "hotwork.important_periods", "asset", _important_periods, (TOPIC, "assets", "areas", "regions")
)
FORBIDDEN_PERIODS = Attribute("hotwork.forbidden_periods", "area", _forbidden_periods, (TOPIC,))
CONFIRMED_UNTIL = Attribute("hotwork.confirmed_until", "asset", _confirmed_until, ("hotwork_confirmed",))
