"""From a filter's tree to SQL: properties from a list, everything else as bound values.

Each expression carries what sort of value it is, so that what cannot be compared is refused before the database sees
it. There is no way from a filter's text into SQL text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely.geometry import shape

from layers.ogc.crs import Crs, box, reproject
from layers.ogc.exceptions import BadFilterError

NUMBER, TEXT, BOOLEAN, DATE, TIME = "number", "text", "boolean", "date", "timestamp"
GEOMETRY, INTERVAL = "geometry", "interval"
_COMPARISONS = {"=": "=", "<>": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_ARITHMETIC = {"+": "({} + {})", "-": "({} - {})", "*": "({} * {})", "/": "({} / {})"}
_ARITHMETIC |= {"^": "power({}, {})", "%": "(({})::numeric %% ({})::numeric)::float8", "div": "trunc({} / {})"}
_SPATIAL = {
    "s_intersects": "ST_Intersects", "s_equals": "ST_Equals", "s_disjoint": "ST_Disjoint", "s_touches": "ST_Touches",
    "s_within": "ST_Within", "s_overlaps": "ST_Overlaps", "s_crosses": "ST_Crosses", "s_contains": "ST_Contains",
}  # fmt: skip
# Of two spans of time: a from {a0} to {a1}, b from {b0} to {b1} (an instant begins and ends at once).
_TEMPORAL = {
    "t_after": "{a0} > {b1}",
    "t_before": "{a1} < {b0}",
    "t_contains": "{a0} < {b0} AND {a1} > {b1}",
    "t_disjoint": "{a1} < {b0} OR {a0} > {b1}",
    "t_during": "{a0} > {b0} AND {a1} < {b1}",
    "t_equals": "{a0} = {b0} AND {a1} = {b1}",
    "t_finishedby": "{a0} < {b0} AND {a1} = {b1}",
    "t_finishes": "{a0} > {b0} AND {a1} = {b1}",
    "t_intersects": "{a0} <= {b1} AND {a1} >= {b0}",
    "t_meets": "{a1} = {b0}",
    "t_metby": "{a0} = {b1}",
    "t_overlappedby": "{a0} > {b0} AND {a0} < {b1} AND {a1} > {b1}",
    "t_overlaps": "{a0} < {b0} AND {a1} > {b0} AND {a1} < {b1}",
    "t_startedby": "{a0} = {b0} AND {a1} > {b1}",
    "t_starts": "{a0} = {b0} AND {a1} < {b1}",
}
_ACCENTS = r"regexp_replace(normalize({}, NFD), '[\u0300-\u036f]', '', 'g')"
_DEEPEST = 200
_MOST_NUMBER = 1e300


@dataclass(frozen=True)
class Sql:
    """An expression: its text with ``%s`` places, their values, what sort of value it gives; an interval's end."""

    text: str
    values: tuple[Any, ...]
    sort: str
    end: Sql | None = None
    literal: str = ""
    """What stood in quotation marks, where that is all it is."""


class Translator:
    """Turns trees into conditions on one collection.

    Parameters
    ----------
    columns : mapping
        Queryable properties: name to (SQL, sort), the geometry's among them.
    crs : Crs
        System of the coordinates in filters.
    """

    def __init__(self, columns: Mapping[str, tuple[str, str]], crs: Crs) -> None:
        self._columns = columns
        self._crs = crs

    def condition(self, tree: Any) -> tuple[str, list[Any]]:
        """The condition, and its values.

        Raises
        ------
        BadFilterError
            It asks for an unknown property or function, compares what cannot be compared, or is no condition at all.
        """
        found = self._expression(tree, 0)
        if found.sort != BOOLEAN:
            raise BadFilterError(_("过滤条件的结果应是真或假"))
        return found.text, list(found.values)

    def _expression(self, node: Any, depth: int) -> Sql:
        if depth > _DEEPEST:
            raise BadFilterError(_("过滤条件嵌套过深，请拆成更简单的条件"))
        if isinstance(node, dict):
            if "op" in node:
                return self._operation(str(node["op"]), node.get("args"), depth)
            if "property" in node:
                return self._property(node["property"])
            return self._literal_object(node, depth)
        if isinstance(node, bool):
            return Sql("%s::boolean", (node,), BOOLEAN)
        if isinstance(node, int | float):
            if not abs(node) < _MOST_NUMBER:
                raise BadFilterError(_("过滤条件中的数过大"))
            return Sql("%s::float8", (float(node),), NUMBER)
        if isinstance(node, str):
            return Sql("%s::text", (node,), TEXT, literal=node)
        raise BadFilterError(_("过滤条件中有无法理解的值"))

    def _property(self, name: Any) -> Sql:
        if not isinstance(name, str) or name not in self._columns:
            offered = "、".join(self._columns)
            raise BadFilterError(
                _("没有名为“%(name)s”的可查询属性，可用：%(offered)s") % {"name": str(name)[:80], "offered": offered}
            )
        sql, sort = self._columns[name]
        return Sql(sql.replace("%", "%%"), (), NUMBER if sort == "integer" else sort)

    def _literal_object(self, node: dict[str, Any], depth: int) -> Sql:
        if "timestamp" in node:
            return _moment(node["timestamp"], TIME)
        if "date" in node:
            return _moment(node["date"], DATE)
        if "bbox" in node:
            return _shape(np.array([box([float(value) for value in node["bbox"]], self._crs)]))
        if "interval" in node and isinstance(node["interval"], list) and len(node["interval"]) == 2:
            return self._interval(node["interval"], depth)
        if node.get("type") == "GeometryCollection" or "coordinates" in node:
            return self._geometry(node)
        raise BadFilterError(_("过滤条件中有无法理解的值"))

    def _geometry(self, node: dict[str, Any]) -> Sql:
        try:
            found = shapely.force_2d(shape(node))
        except (ValueError, TypeError, IndexError, AttributeError, shapely.errors.ShapelyError):
            raise BadFilterError(_("过滤条件中的图形有误：坐标个数不对或环未闭合")) from None
        if found.is_empty or not np.isfinite(shapely.get_coordinates(found)).all():
            raise BadFilterError(_("过滤条件中的图形是空的或坐标不是数"))
        if not found.is_valid:
            raise BadFilterError(_("过滤条件中的多边形自相交，请改正后再试"))
        return _shape(reproject(np.array([found]), self._crs, back=True))

    def _interval(self, ends: list[Any], depth: int) -> Sql:
        first, last = (
            Sql(f"'{'-' if not i else ''}infinity'::timestamptz", (), TIME)
            if end == ".."
            else self._instant(end, depth)
            for i, end in enumerate(ends)
        )
        return Sql(first.text, first.values, INTERVAL, end=last)

    def _instant(self, node: Any, depth: int) -> Sql:
        found = _moment(node, "") if isinstance(node, str) else self._expression(node, depth + 1)
        if found.sort not in (DATE, TIME):
            raise BadFilterError(_("时间段的两端应是日期或时间"))
        return Sql(f"({found.text})::timestamptz", found.values, TIME)

    def _operation(self, name: str, args: Any, depth: int) -> Sql:
        op = name.lower()
        if not isinstance(args, list):
            raise BadFilterError(_("“%(op)s”没有参数") % {"op": name[:40]})
        if op in ("and", "or"):
            return self._logical(op, args, depth)
        if op == "in":
            return self._in(args, depth)
        count = {"not": 1, "isnull": 1, "casei": 1, "accenti": 1, "between": 3}.get(op, 2)
        known = {
            *_COMPARISONS,
            *_ARITHMETIC,
            *_SPATIAL,
            *_TEMPORAL,
            "not",
            "isnull",
            "casei",
            "accenti",
            "between",
            "like",
        }
        if op not in known:
            raise BadFilterError(_("没有“%(op)s”这个函数或运算") % {"op": name[:40]})
        if len(args) != count:
            raise BadFilterError(_("“%(op)s”应有 %(count)d 个参数") % {"op": name, "count": count})
        if op in _TEMPORAL:
            return self._temporal(op, args, depth)
        given = [self._expression(arg, depth + 1) for arg in args]
        return self._applied(op, name, given)

    def _applied(self, op: str, name: str, given: list[Sql]) -> Sql:
        if op == "not":
            return _made("(NOT {})", BOOLEAN, *self._all(given, BOOLEAN, name))
        if op == "isnull":
            return _made("({} IS NULL)", BOOLEAN, *given)
        if op == "casei":
            return _made("lower({})", TEXT, *self._all(given, TEXT, name))
        if op == "accenti":
            return _made(_ACCENTS, TEXT, *self._all(given, TEXT, name))
        if op == "like":
            return _made("({} LIKE {})", BOOLEAN, *self._all(given, TEXT, name))
        if op == "between":
            return _made("({} BETWEEN {} AND {})", BOOLEAN, *_alike(given, name))
        if op in _COMPARISONS:
            if any(each.sort == GEOMETRY for each in given) or (
                op not in ("=", "<>") and any(each.sort == BOOLEAN for each in given)
            ):
                raise BadFilterError(_("“%(op)s”两边的值不能这样比较") % {"op": name})
            return _made(f"({{}} {_COMPARISONS[op]} {{}})", BOOLEAN, *_alike(given, name))
        if op in _SPATIAL:
            return _made(f"{_SPATIAL[op]}({{}}, {{}})", BOOLEAN, *self._all(given, GEOMETRY, name))
        numbers = [Sql(f"({n.text})::float8", n.values, NUMBER) for n in self._all(given, NUMBER, name)]
        return _made(_ARITHMETIC[op], NUMBER, *numbers)

    @staticmethod
    def _all(given: list[Sql], sort: str, name: str) -> list[Sql]:
        if any(each.sort != sort for each in given):
            sorts = {NUMBER: _("数"), TEXT: _("文字"), BOOLEAN: _("真假"), GEOMETRY: _("图形")}
            raise BadFilterError(_("“%(op)s”的参数应是%(sort)s") % {"op": name, "sort": sorts[sort]})
        return given

    def _logical(self, op: str, args: list[Any], depth: int) -> Sql:
        if len(args) < 2:
            raise BadFilterError(_("“%(op)s”应有至少两个参数") % {"op": op})
        parts: list[Sql] = []
        # A long chain may come as a chain of pairs: it is laid flat, one level however long.
        waiting = list(reversed(args))
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict) and str(node.get("op")).lower() == op and isinstance(node.get("args"), list):
                waiting += reversed(node["args"])
            else:
                parts.append(self._expression(node, depth + 1))
        self._all(parts, BOOLEAN, op)
        values = reduce(lambda a, b: a + b, (part.values for part in parts), ())
        return Sql("(" + f" {op.upper()} ".join(part.text for part in parts) + ")", values, BOOLEAN)

    def _in(self, args: list[Any], depth: int) -> Sql:
        if len(args) != 2 or not isinstance(args[1], list) or not args[1]:
            raise BadFilterError(_("“IN”后应是一组值"))
        subject = self._expression(args[0], depth + 1)
        options = [_alike([subject, self._expression(each, depth + 1)], "IN") for each in args[1]]
        if subject.sort == GEOMETRY:
            raise BadFilterError(_("“%(op)s”两边的值不能这样比较") % {"op": "IN"})
        texts = ", ".join(option.text for _subject, option in options)
        values = reduce(lambda a, b: a + b, (option.values for _subject, option in options), options[0][0].values)
        return Sql(f"({options[0][0].text} IN ({texts}))", values, BOOLEAN)

    def _temporal(self, op: str, args: list[Any], depth: int) -> Sql:
        spans = {}
        for name, arg in zip("ab", args, strict=True):
            found = self._expression(arg, depth + 1) if not isinstance(arg, str) else _moment(arg, "")
            if found.sort == INTERVAL and found.end is not None:
                spans[f"{name}0"], spans[f"{name}1"] = Sql(found.text, found.values, TIME), found.end
            else:
                spans[f"{name}0"] = spans[f"{name}1"] = self._instant(arg, depth)
        pattern, text = _TEMPORAL[op], ""
        values: list[Any] = []
        while "{" in pattern:
            before, _brace, rest = pattern.partition("{")
            name, _brace, pattern = rest.partition("}")
            text += before + spans[name].text
            values += spans[name].values
        return Sql(f"({text}{pattern})", tuple(values), BOOLEAN)


def _made(pattern: str, sort: str, *parts: Sql) -> Sql:
    values = reduce(lambda a, b: a + b, (part.values for part in parts), ())
    return Sql(pattern.format(*(part.text for part in parts)), values, sort)


def _shape(found: Any) -> Sql:
    return Sql("ST_GeomFromWKB(%s, 4326)", (shapely.to_wkb(found[0]),), GEOMETRY)


def _moment(text: Any, sort: str) -> Sql:
    """A date or a time as a literal; ``sort`` empty: whichever it is."""
    try:
        if sort == DATE or (not sort and len(str(text)) == 10):
            return Sql("%s::date", (date.fromisoformat(str(text)),), DATE)
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise BadFilterError(
            _("“%(text)s”不是日期或时间，应如 2026-05-01 或 2026-05-01T08:00:00Z") % {"text": str(text)[:40]}
        ) from None
    if moment.tzinfo is None:
        raise BadFilterError(_("时间“%(text)s”没有时区，应如 2026-05-01T08:00:00Z") % {"text": str(text)[:40]})
    return Sql("%s::timestamptz", (moment,), TIME)


def _alike(given: list[Sql], name: str) -> list[Sql]:
    """The same expressions as values that may be compared: texts beside times are read as times."""
    times = (DATE, TIME)
    if any(each.sort in times for each in given):
        given = [_moment(each.literal, "") if each.literal else each for each in given]
        if all(each.sort in times for each in given):
            if len({each.sort for each in given}) > 1:
                return [Sql(f"({each.text})::timestamptz", each.values, TIME) for each in given]
            return given
    if len({each.sort for each in given}) > 1 or given[0].sort == INTERVAL:
        raise BadFilterError(_("“%(op)s”两边的值不能这样比较") % {"op": name})
    return given
