"""Filters in CQL2 (OGC 21-065r2), text and JSON, read into one tree of plain values.

The reading is done by the ``cql2`` package; what is allowed to reach it is decided here. Its grammar tries every way
out of an open bracket again, so that time grows exponentially with depth: length and depth are limited together.
"""

from __future__ import annotations

import json
import re
from typing import Any

import cql2
from django.utils.translation import gettext as _

from layers.ogc.exceptions import BadFilterError

TEXT, JSON = "cql2-text", "cql2-json"
LANGUAGES = (TEXT, JSON)
LONGEST = 16_000
"""Characters of a filter; a server's limit on addresses is not far off."""
DEEPEST = 12
"""Brackets within brackets."""
_MOST_EFFORT = 1 << 20
"""Length times two to the power of depth: what the reader may have to try (some tenths of a second)."""
_MOST_NEGATIONS = 50
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_NEGATIONS = re.compile(r"\bNOT\b|-", re.IGNORECASE)
_COORDINATES = re.compile(r"\([-+\d.eE,\s]*\)")


def parse(text: str, language: str) -> Any:
    """The filter as a tree: ``{"op": …, "args": […]}``, ``{"property": …}``, literals, as CQL2 JSON has them.

    Raises
    ------
    BadFilterError
        It cannot be read, or is longer or deeper than a person's question.
    """
    if len(text) > LONGEST:
        raise BadFilterError(
            _("过滤条件长 %(length)d 个字符，最多 %(most)d 个") % {"length": len(text), "most": LONGEST}
        )
    if "\0" in text:
        raise BadFilterError(_("过滤条件含有不可用的字符"))
    try:
        if language == JSON:
            _check_json(text)
            return cql2.parse_json(text).to_json()
        _check_text(text)
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, cql2.ValidationError, RecursionError, ValueError) as error:
        place = re.search(r"--> \d+:(\d+)", str(error))
        where = _("，第 %(column)s 个字符附近") % {"column": place[1]} if place else ""
        raise BadFilterError(_("过滤条件不符合 %(language)s 语法") % {"language": language} + where) from None


def _check_text(text: str) -> None:
    bare = _QUOTED.sub("''", text)
    # Coordinates open brackets, too (a multipolygon's three), but there is one way only to read them.
    depth = deepest = 0
    plain = bare
    for _level in range(3):
        plain = _COORDINATES.sub(" 0 ", plain)
    for sign in plain:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
        if depth < 0:
            break
    if depth != 0:
        raise BadFilterError(_("过滤条件的括号不成对"))
    if deepest > DEEPEST or len(plain) << deepest > _MOST_EFFORT or _most_negations(bare) > _MOST_NEGATIONS:
        raise BadFilterError(_("过滤条件嵌套过深，请拆成更简单的条件"))


def _most_negations(text: str) -> int:
    """The most of ``NOT`` and ``-`` that follow each other."""
    longest = run = end = 0
    for found in _NEGATIONS.finditer(text):
        run = run + 1 if not text[end : found.start()].strip(" \t\r\n(") else 1
        longest, end = max(longest, run), found.end()
    return longest


def _check_json(text: str) -> None:
    value = json.loads(text)
    if not isinstance(value, dict | bool):
        raise BadFilterError(_("cql2-json 的过滤条件应是一个 JSON 对象"))
    level = [value]
    for _depth in range(4 * DEEPEST):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise BadFilterError(_("过滤条件嵌套过深，请拆成更简单的条件"))


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
