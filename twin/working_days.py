"""Which days are worked in China (法定节假日、调休), as the State Council announces them for each year. Pure.

The announcements come with the package ``chinesecalendar``; a year that is not announced yet counts Mondays to Fridays
as worked and has no holidays, which :func:`is_announced` tells.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar

SATURDAY = 6
FIRST_YEAR = min(chinese_calendar.holidays).year
LAST_YEAR = max(chinese_calendar.holidays).year


def is_announced(day: date) -> bool:
    """Whether the holidays of that year are known."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


@lru_cache(4096)
def sorts_of(day: date) -> frozenset[str]:
    """What sorts of day it is.

    Returns
    -------
    frozenset of str
        ``workday`` 工作日 (make-up days included) or ``restday`` 休息日 (weekends and holidays that are not worked);
        besides ``holiday`` 法定节假日 (a day off that was announced), ``makeup`` 调休上班日 (a weekend that is worked).
    """
    is_weekend = day.isoweekday() >= SATURDAY
    if not is_announced(day):
        return frozenset({"restday" if is_weekend else "workday"})
    if day in chinese_calendar.holidays:
        return frozenset({"restday", "holiday"})
    if day in chinese_calendar.workdays:
        return frozenset({"workday", "makeup"})
    return frozenset({"restday" if is_weekend else "workday"})
