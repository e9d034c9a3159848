"""Query parameters of requests, checked: what is not known is refused, not passed over."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import shapely
from django.http import HttpRequest
from django.utils.translation import gettext as _

from layers.ogc import crs as systems
from layers.ogc import filters
from layers.ogc.exceptions import BadParameterError

DEFAULT_LIMIT, MOST_LIMIT = 10, 10_000
MOST_OFFSET = 10_000_000
RESERVED = ("f", "limit", "offset", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang", "filter-crs")
_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class ItemsQuery:
    """What is asked of a collection's items."""

    crs: systems.Crs
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    box: shapely.Geometry | None = None
    span: Span | None = None
    tree: Any = None
    filter_crs: systems.Crs = field(default_factory=lambda: systems.Crs(systems.CRS84))
    equal: tuple[tuple[str, str], ...] = ()


def check_names(request: HttpRequest, allowed: Iterable[str]) -> None:
    """Refuse parameters that nobody knows here, and those that are given twice.

    Raises
    ------
    BadParameterError
        Naming the first.
    """
    known = set(allowed)
    for name, values in request.GET.lists():
        if name not in known:
            offered = "、".join(sorted(known))
            raise BadParameterError(
                _("没有名为“%(name)s”的参数，可用：%(offered)s") % {"name": name[:80], "offered": offered}
            )
        if len(values) > 1:
            raise BadParameterError(_("参数“%(name)s”给了不止一次") % {"name": name})
        if "\0" in values[0]:
            raise BadParameterError(_("参数“%(name)s”含有不可用的字符") % {"name": name})


def items_query(request: HttpRequest, root: str, queryables: Mapping[str, Any]) -> ItemsQuery:
    """Read the parameters of a request for items; ``root``: address of this interface.

    Raises
    ------
    BadParameterError
        One is unknown or makes no sense.
    """
    names = [name for name in queryables if name not in RESERVED]
    check_names(request, (*RESERVED, *names))
    asked = request.GET

    def crs_of(name: str) -> systems.Crs:
        return systems.find(asked.get(name, systems.CRS84), root, name)

    box_crs = crs_of("bbox-crs")
    language = asked.get("filter-lang", filters.TEXT)
    if language not in filters.LANGUAGES:
        raise BadParameterError(_("参数 filter-lang 应为 cql2-text 或 cql2-json"))
    return ItemsQuery(
        crs=crs_of("crs"),
        limit=min(whole(asked.get("limit", str(DEFAULT_LIMIT)), "limit", 1, 2**31), MOST_LIMIT),
        offset=whole(asked.get("offset", "0"), "offset", 0, MOST_OFFSET),
        box=systems.box(_numbers(asked["bbox"]), box_crs) if "bbox" in asked else None,
        span=span_of(asked["datetime"]) if "datetime" in asked else None,
        tree=filters.parse(asked["filter"], language) if "filter" in asked else None,
        filter_crs=crs_of("filter-crs"),
        equal=tuple((name, asked[name]) for name in names if name in asked),
    )


def whole(text: str, name: str, least: int, most: int) -> int:
    """A whole number between two others.

    Raises
    ------
    BadParameterError
        It is not.
    """
    if not re.fullmatch(r"\d{1,12}", text) or not least <= int(text) <= most:
        raise BadParameterError(
            _("参数 %(name)s 应为 %(least)d 至 %(most)d 的整数") % {"name": name, "least": least, "most": most}
        )
    return int(text)


def _numbers(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(math.isfinite, found)):
        raise BadParameterError(_("参数 bbox 应为 4 或 6 个数：西,南,东,北（含高程时为 6 个）"))
    return found


def span_of(text: str) -> Span:
    """First and last moment of a ``datetime`` parameter; None: open.

    A date stands for its whole day (UTC); a duration may stand in place of one end (``2026-05-01/P7D``).

    Raises
    ------
    BadParameterError
        It is neither a moment nor a span of time.
    """
    ends = text.split("/")
    try:
        if len(ends) == 1:
            return _moment(ends[0], first=True), _moment(ends[0], first=False)
        first, last = ends
        if first.startswith("P"):
            until = _moment(last, first=False)
            return until - _duration(first), until
        since = None if first in ("", "..") else _moment(first, first=True)
        if last.startswith("P") and since is not None:
            return since, since + _duration(last)
        until_or_open = None if last in ("", "..") else _moment(last, first=False)
        if since and until_or_open and since > until_or_open:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise BadParameterError(
            _("参数 datetime 应为时间或时间段，如 2026-05-01T08:00:00Z、2026-05-01/2026-05-07、2026-05-01/..")
        ) from None
    return since, until_or_open


def _moment(text: str, *, first: bool) -> datetime:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.combine(date.fromisoformat(text), time.min if first else time.max, UTC)
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or "T" not in text.upper():
        raise ValueError(text)
    return found


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
