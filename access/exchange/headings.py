"""Which field each heading of a file means: in Chinese, in English, or by the field's own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from access.exchange.columns import Column
from access.exchange.keys import Keys

DATUM = "datum"
"""Field name of the column that declares the datum of the row's shape; beside a model's own fields."""
ERRORS = "import_errors"
"""Name of the column that the error file has besides; ignored when the corrected file comes back."""


def match_headers(columns: Mapping[str, Column], headers: Iterable[str], keys: Keys) -> list[str | None]:
    """Which field each heading means; None for the error file's own column.

    Raises
    ------
    ValidationError
        A heading is unknown or there twice, or nothing would tell the rows apart.
    """
    known = {title: name for name, column in columns.items() for title in column.titles()}
    ignored = {errors_title().lower(), ERRORS, "错误原因", "errors"}
    datum_titles = {DATUM, "坐标系", datum_title().lower()} if any(c.geometry for c in columns.values()) else set()
    found: list[str | None] = []
    unknown = []
    for header in headers:
        word = header.strip().rstrip("*＊ ").lower()
        if word in ignored:
            found.append(None)
        elif word in known or word in datum_titles:
            found.append(known.get(word, DATUM))
        else:
            unknown.append(header or gettext("（空）"))
    names = "、".join(column.title for column in columns.values())
    if not any(found):
        raise ValidationError(gettext("第一行里没有认识的列名。可用的列：%s") % names)
    if unknown:
        raise ValidationError(
            gettext("不认识的列：%(unknown)s。可用的列：%(known)s") % {"unknown": "、".join(unknown), "known": names}
        )
    named = [name for name in found if name]
    if len(set(named)) < len(named):
        raise ValidationError(gettext("有两列是同一个意思：请只保留一列。"))
    if keys and not any(set(key) <= set(named) for key in keys):
        wanted = gettext("，或").join("、".join(columns[n].title for n in key if n in columns) for key in keys)
        raise ValidationError(gettext("缺少用来认出每一行的列：%s") % wanted)
    return found


def errors_title() -> str:
    """Heading of the error file's column."""
    return gettext("错误原因")


def datum_title() -> str:
    """Heading of the column that declares a datum."""
    return gettext("坐标系")
