"""Periods as people type and read them, one a line (``每天 08:00-18:00``), and what is wrong with them, in words.

Both languages are read, whatever the page speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from twin.periods import PeriodError, read_periods

HELP = _(
    "每行一个时段，留空则始终有效。例如：每天 08:00-18:00；每周一至五 07:30-19:00；"
    "2026-10-01 至 2026-10-07；夜间（22:00-06:00）；工作日 08:00-18:00；休息日；法定节假日；调休上班日。"
    "结束早于开始的跨过午夜。"
)
_REASONS = {
    "list": _("时段必须是列表，最多 50 个。"),
    "object": _("无法识别。"),
    "kind": _("无法识别。"),
    "fields": _("起止时间须成对填写，且不能有多余内容。"),
    "clock": _("时间写作 08:00，最晚 24:00。"),
    "days": _("星期写作一至日。"),
    "date": _("日期写作 2026-10-01，且截止不早于开始。"),
    "empty": _("开始与结束相同。"),
}
_SORTS = {
    "workday": ("working days", "工作日"),
    "restday": ("days off", "休息日"),
    "holiday": ("holidays", "法定节假日"),
    "makeup": ("make-up days", "调休上班日"),
}
_SORT_OF = {text: sort for sort, texts in _SORTS.items() for text in texts} | {"节假日": "holiday", "调休日": "makeup"}
_DAYS = "一二三四五六日"
_ENGLISH_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SIGNS = str.maketrans("：，、－—–～〜　", ":,,----- ")
_WINDOW = re.compile(r"(?P<rest>.*?)\s*(?P<start>\d{1,2}:\d\d)\s*-\s*(?P<end>\d{1,2}:\d\d)")
_DATES = re.compile(r"(?P<first>\d{4}-\d\d?-\d\d?)(?:\s*(?:至|到|to|\.\.)\s*(?P<last>\d{4}-\d\d?-\d\d?))?")
_RANGE = re.compile(r"(\w+)[至到-](\w+)")


def check_periods(value: Any) -> None:
    """Validator of a field that holds periods.

    Raises
    ------
    ValidationError
        They cannot be read; says which and why.
    """
    try:
        read_periods(value)
    except PeriodError as error:
        raise ValidationError(_said(error)) from error


def _said(error: PeriodError) -> str:
    text = str(_REASONS[error.reason])
    return gettext("第 %(number)d 个时段：%(text)s") % {"number": error.number, "text": text} if error.number else text


def read_text(text: str) -> list[dict[str, Any]]:
    """Periods from lines.

    Raises
    ------
    ValidationError
        A line cannot be read; says which and why.
    """
    lines = [line.strip() for line in re.split(r"[\n;；]", text) if line.strip()]
    values = []
    for number, line in enumerate(lines, 1):
        value = _read_line(line.translate(_SIGNS).lower())
        if value is None:
            raise ValidationError(_said(PeriodError(number, "kind", line)))
        values.append(value)
    check_periods(values)
    return values


def _read_line(line: str) -> dict[str, Any] | None:
    window: dict[str, str] = {}
    if found := _WINDOW.fullmatch(line):
        line = found["rest"].strip()
        window = {name: found[name].zfill(5) for name in ("start", "end")}
    if line in ("夜间", "night"):
        return {"kind": "night", **window}
    if line in _SORT_OF:
        return {"kind": _SORT_OF[line], **window}
    if line in ("每天", "每日", "daily"):
        return {"kind": "daily", **(window or {"start": "00:00", "end": "24:00"})}
    if found := _DATES.fullmatch(line):
        first = _padded(found["first"])
        return {"kind": "dated", "first": first, "last": _padded(found["last"]) if found["last"] else first, **window}
    for lead in ("每周", "每星期", "weekly"):
        if line.startswith(lead) and (days := _days(line[len(lead) :].strip())):
            return {"kind": "weekly", "days": days, **window}
    return None


def _padded(text: str) -> str:
    return "-".join(part.zfill(2) for part in text.split("-"))


def _days(text: str) -> list[int]:
    days: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text)):
        if found := _RANGE.fullmatch(part):
            first, last = _day(found[1]), _day(found[2])
            if not first or not last or first > last:
                return []
            days.update(range(first, last + 1))
        elif day := _day(part):
            days.add(day)
        elif all(_day(sign) for sign in part):
            days.update(_day(sign) for sign in part)
        else:
            return []
    return sorted(days)


def _day(text: str) -> int:
    text = text.removeprefix("周").removeprefix("星期").replace("天", "日")
    if len(text) == 1:
        return (_DAYS.find(text) + 1) or ("1234567".find(text) + 1)
    return _ENGLISH_DAYS.index(text[:3]) + 1 if text[:3] in _ENGLISH_DAYS else 0


def write_text(values: Iterable[Mapping[str, Any]]) -> str:
    """Periods as lines, in the language of the page; :func:`read_text` reads them back."""
    chinese = (get_language() or "zh").startswith("zh")
    return "\n".join(_write_line(value, chinese) for value in values)


def _write_line(value: Mapping[str, Any], chinese: bool) -> str:
    kind = value["kind"]
    if kind == "weekly":
        days = sorted(value["days"])
        if chinese:
            head = "每周" + "、".join(_DAYS[day - 1] for day in days)
        else:
            head = "weekly " + ",".join(_ENGLISH_DAYS[day - 1] for day in days)
    elif kind == "dated":
        head = value["first"] if value["first"] == value["last"] else f"{value['first']} ~ {value['last']}"
        head = head.replace("~", "至" if chinese else "to")
    elif kind in _SORTS:
        head = _SORTS[kind][chinese]
    else:
        head = {"daily": ("daily", "每天"), "night": ("night", "夜间")}[kind][chinese]
    return f"{head} {value['start']}-{value['end']}" if "start" in value else head
