"""A duty roster for the demo city; every name says that it is one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from command.watch.models import DutyShift

DAYS = 60
SHIFT = timedelta(hours=8)
_PEOPLE = ("王建国", "李秀兰", "陈志强", "赵敏", "周海涛")


def fill_roster(now: datetime) -> int:
    """Three shifts a day from today on for :data:`DAYS` days; returns how many were missing."""
    first = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [first + i * SHIFT for i in range(DAYS * 3)]
    taken = set(DutyShift.objects.filter(starts_at__in=starts, region=None).values_list("starts_at", flat=True))
    missing = [
        DutyShift(
            name=f"{_PEOPLE[i % len(_PEOPLE)]}{_('（演示）')}", title=_("值班长"), starts_at=at, ends_at=at + SHIFT
        )
        for i, at in enumerate(starts)
        if at not in taken
    ]
    DutyShift.objects.bulk_create(missing)
    return len(missing)
