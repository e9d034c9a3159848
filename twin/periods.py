"""Periods (时段): when an area or a rule is in force. Pure values; times are the city's wall clock.

A period is a JSON object:

- ``{"kind": "daily", "start": "08:00", "end": "18:00"}``: every day;
- ``{"kind": "weekly", "days": [1, 5], "start": …, "end": …}``: on these days of the week, 1 is Monday (ISO 8601);
- ``{"kind": "dated", "first": "2026-10-01", "last": "2026-10-07"}``: on these dates, both included; with ``start`` and
  ``end`` on each of them in these hours only;
- ``{"kind": "night"}``: 22:00 to 06:00 (夜间, Noise Pollution Prevention Law of the PRC, 2021, article 88), unless
  ``start`` and ``end`` say otherwise;
- ``{"kind": "workday"}``, ``"restday"``, ``"holiday"``, ``"makeup"``: on working days with the make-up days
  (工作日), on days off (休息日), on statutory holidays (法定节假日), on make-up days (调休上班日); with ``start`` and
  ``end`` in these hours only (:mod:`twin.working_days`).

A window runs from ``start`` up to, not including, ``end``; ``"24:00"`` is the end of the day. One that ends before it
starts runs past midnight and belongs to the day on which it starts. Without ``start`` and ``end`` all but
daily and night periods take the whole day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from twin.working_days import sorts_of

CITY_TIME = ZoneInfo("Asia/Shanghai")
MOST_PERIODS = 50
DAY_MIN = 24 * 60
NIGHT_MIN = (22 * 60, 6 * 60)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
SORTS_OF_DAY = ("workday", "restday", "holiday", "makeup")
_FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "daily": ({"start", "end"}, {"start", "end"}),
    "weekly": ({"days"}, {"days", "start", "end"}),
    "dated": ({"first", "last"}, {"first", "last", "start", "end"}),
    "night": (set(), {"start", "end"}),
    **dict.fromkeys(SORTS_OF_DAY, (set(), {"start", "end"})),
}


class PeriodError(ValueError):
    """A period cannot be read.

    Attributes
    ----------
    number : int
        Which one, counted from 1; 0: all of them together.
    reason : str
        ``list``, ``object``, ``kind``, ``fields``, ``clock``, ``days``, ``date`` or ``empty``.
    """

    def __init__(self, number: int, reason: str, text: str) -> None:
        super().__init__(f"period {number}: {text}" if number else f"periods: {text}")
        self.number = number
        self.reason = reason


@dataclass(frozen=True)
class Period:
    """One period. ``start_min`` and ``end_min`` count minutes of the day; ``days`` are those of the week, 1 to 7.

    ``sort``: only on this sort of day (:func:`twin.working_days.sorts_of`); "": on any.
    """

    start_min: int
    end_min: int
    days: frozenset[int] = frozenset(range(1, 8))
    first: date | None = None
    last: date | None = None
    sort: str = ""

    def holds(self, at: datetime) -> bool:
        """Whether the wall-clock time ``at`` lies in it."""
        minute = at.hour * 60 + at.minute
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min and self._begins_on(at.date())
        if minute >= self.start_min and self._begins_on(at.date()):
            return True
        return minute < self.end_min and self._begins_on(at.date() - timedelta(days=1))

    def _begins_on(self, day: date) -> bool:
        return (
            day.isoweekday() in self.days
            and (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
            and (not self.sort or self.sort in sorts_of(day))
        )


def in_force(periods: Iterable[Period], at: datetime, zone: ZoneInfo = CITY_TIME) -> bool:
    """Whether something with these periods is in force at ``at`` (aware): in one of them, or it has none at all."""
    periods = tuple(periods)
    local = at.astimezone(zone)
    return not periods or any(period.holds(local) for period in periods)


def read_periods(values: Any) -> tuple[Period, ...]:
    """Read a list of JSON objects.

    Raises
    ------
    PeriodError
        One of them is none of the four kinds, or makes no sense.
    """
    if not isinstance(values, list):
        raise PeriodError(0, "list", "a list is needed")
    if len(values) > MOST_PERIODS:
        raise PeriodError(0, "list", f"at most {MOST_PERIODS}")
    return tuple(_read(number, value) for number, value in enumerate(values, 1))


def _read(number: int, value: Any) -> Period:
    if not isinstance(value, Mapping):
        raise PeriodError(number, "object", "an object is needed")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise PeriodError(number, "kind", f"kind must be one of {', '.join(_FIELDS)}")
    needed, allowed = _FIELDS[kind]
    given = set(value) - {"kind"}
    if not needed <= given <= allowed or ("start" in given) != ("end" in given):
        raise PeriodError(number, "fields", f"{kind} takes {', '.join(sorted(allowed))}, start and end together")
    start, end = _window(number, kind, value)
    if kind == "weekly":
        return Period(start, end, _days(number, value["days"]))
    if kind == "dated":
        first, last = _date(number, value["first"]), _date(number, value["last"])
        if last < first:
            raise PeriodError(number, "date", "last is before first")
        return Period(start, end, first=first, last=last)
    return Period(start, end, sort=kind if kind in SORTS_OF_DAY else "")


def _window(number: int, kind: str, value: Mapping[str, Any]) -> tuple[int, int]:
    if "start" not in value:
        return NIGHT_MIN if kind == "night" else (0, DAY_MIN)
    start, end = _minute(number, value["start"]), _minute(number, value["end"])
    if start % DAY_MIN == end % DAY_MIN and (start, end) != (0, DAY_MIN):
        raise PeriodError(number, "empty", "start and end are the same")
    if start == DAY_MIN:
        raise PeriodError(number, "clock", "24:00 can only end a window")
    return start, end


def _minute(number: int, value: Any) -> int:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise PeriodError(number, "clock", f"a time reads 08:00, not {value!r}")
    return DAY_MIN if value == "24:00" else time.fromisoformat(value).hour * 60 + int(value[3:])


def _days(number: int, value: Any) -> frozenset[int]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 7 for day in value)
    ):
        raise PeriodError(number, "days", "days is a list of 1 (Monday) to 7 (Sunday)")
    return frozenset(value)


def _date(number: int, value: Any) -> date:
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise PeriodError(number, "date", f"a date reads 2026-10-01, not {value!r}") from None
