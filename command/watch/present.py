"""Who is on duty now and what the weather is, for somebody's scope."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from access.models import Organization
from access.scope import Scope, under
from command.watch.models import DutyShift, WeatherReport
from gis.models import Region

MOST_ON_DUTY = 50
FRESH = timedelta(hours=3)
"""Older weather is shown as old."""


def on_duty(scope: Scope, now: datetime, district_path: str = "") -> list[DutyShift]:
    """Shifts in the scope that last now: those of the widest place first, then as they began.

    ``district_path``: only those of this region and its parts.
    """
    shifts = DutyShift.objects.within(scope).filter(starts_at__lte=now, ends_at__gt=now)
    if district_path:
        shifts = shifts.filter(region__path__startswith=district_path)
    found = shifts.select_related("person", "region").order_by("starts_at", "pk")[:MOST_ON_DUTY]
    return sorted(found, key=lambda shift: shift.region.path.count("/") if shift.region else 0)


def weather_at(scope: Scope, now: datetime, district_path: str = "") -> WeatherReport | None:
    """The newest report for what the scope, or the district in it, covers.

    The weather of a place holds for what lies in it, too: an officer of a district sees the city's. Where nothing
    fresh is about the whole, the newest about a part is told; it says of which.
    """
    if scope.empty:
        return None
    places = _places(scope)
    seen = WeatherReport.objects.select_related("region")
    if not scope.everything:
        seen = seen.filter(_about(places) | under(scope.region_paths, "region__path"))
    asked = [district_path] if district_path else places
    parts = seen if scope.everything and not district_path else seen.filter(under(asked, "region__path"))
    about, part = _newest(seen.filter(_about(asked))), _newest(parts)
    if about is None or (part is not None and about.observed_at < min(now - FRESH, part.observed_at)):
        return part
    return about


def _places(scope: Scope) -> list[str]:
    """Paths of what the scope covers: its regions, and where its organizations are at home."""
    if scope.everything:
        return list(Region.objects.filter(code=settings.CITY_CODE).values_list("path", flat=True))
    homes = Organization.objects.within(scope).values_list("region__path", flat=True).distinct()
    return [*scope.region_paths, *homes]


def _about(places: list[str]) -> Q:
    """Reports about the whole city, one of the places, or a region that holds one."""
    around = Q(region=None)
    for path in places:
        steps = path.strip("/").split("/")
        around |= Q(region__path__in=["/" + "/".join(steps[: i + 1]) + "/" for i in range(len(steps))])
    return around


def _newest(reports: QuerySet[WeatherReport]) -> WeatherReport | None:
    return reports.order_by("-observed_at", "-pk").first()
