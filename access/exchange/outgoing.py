"""Export files: what the list shows, as rows; personal identifiers as masks unless asked for on the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets, label_for_field, lookup_field
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from access.audit import Action, record
from access.exchange.columns import STORED_DATUM, Column, columns_of, plain
from access.exchange.headings import datum_title
from access.exchange.keys import related_paths
from access.exchange.tables import WRITERS
from access.personal import PersonalField
from access.personal_value import Personal
from access.roles import Permission
from access.scope import scope_of

MOST_ROWS = 50_000
MOST_REVEALED_ROWS = 500
"""Rows of one file with identifiers in full: each is a look that the ledger records."""


def may_reveal(model_admin: Any, request: HttpRequest) -> bool:
    """Whether the register holds identifiers that the user may see somewhere."""
    held = any(isinstance(f, PersonalField) for f in model_admin.model._meta.concrete_fields)
    return held and not scope_of(request.user, Permission.VIEW_PERSONAL).empty  # type: ignore[arg-type]


def export_file(model_admin: Any, request: HttpRequest, rows: models.QuerySet, kind: str, reason: str = "") -> bytes:
    """Make a file, on the record.

    Parameters
    ----------
    rows : QuerySet
        Inside the user's scope, as the list has it.
    kind : str
        ``csv`` or ``xlsx``.
    reason : str
        Why identifiers are wanted in full; empty: they stay masked.

    Raises
    ------
    ValidationError
        Too many rows, or a text too long for the kind of file.
    """
    most = MOST_REVEALED_ROWS if reason else MOST_ROWS
    count = rows.count()
    if count > most:
        raise ValidationError(
            gettext("共 %(count)d 行，一次最多导出 %(most)d 行。请先筛选。") % {"count": count, "most": most}
        )
    if model_admin.takes_files or model_admin.exchange_fields is not None:
        headers, lines = _of_columns(columns_of(model_admin, request), model_admin, request, rows, reason)
    else:
        headers, lines = _of_page(model_admin, request, rows)
    content = WRITERS[kind](headers, lines)
    detail = {"model": model_admin.model._meta.label, "count": count, "kind": kind, "personal": bool(reason)}
    record(Action.EXPORT, detail={**detail, "filters": request.GET.urlencode()[:500], "reason": reason[:200]})
    return content


def _of_columns(
    columns: dict[str, Column], model_admin: Any, request: HttpRequest, rows: models.QuerySet, reason: str
) -> tuple[list[str], Iterator[list[Any]]]:
    """The very columns that an import takes."""
    along = [related_paths(c.model_field) for c in columns.values() if c.model_field.is_relation and not c.many]
    many = [name for name, column in columns.items() if column.many]
    rows = rows.select_related(*along).prefetch_related(*many) if along else rows.prefetch_related(*many)
    open_to: set[Any] = set()
    if reason:
        where = scope_of(request.user, Permission.VIEW_PERSONAL)  # type: ignore[arg-type]
        open_to = set(
            model_admin.model.objects.within(where).filter(pk__in=rows.values("pk")).values_list("pk", flat=True)
        )
    datum = any(column.geometry for column in columns.values())
    headers = [column.title for column in columns.values()] + [datum_title()] * datum

    def lines() -> Iterator[list[Any]]:
        for row in rows.iterator(chunk_size=500):
            cells = [_cell(column, row, request, reason if row.pk in open_to else "") for column in columns.values()]
            yield cells + [STORED_DATUM] * datum

    return headers, lines()


def _cell(column: Column, row: models.Model, request: HttpRequest, reason: str) -> Any:
    value = getattr(row, column.model_field.attname, None) if reason else None
    if isinstance(value, Personal):
        return value.reveal(by=request.user, subject=row, reason=reason)  # type: ignore[arg-type]
    return column.cell(row)


def _of_page(model_admin: Any, request: HttpRequest, rows: models.QuerySet) -> tuple[list[str], Iterator[list[Any]]]:
    """What the list and the page show of a register that takes no import."""
    listed = [name for name in model_admin.get_list_display(request) if name != "action_checkbox"]
    names = list(dict.fromkeys([*listed, *flatten_fieldsets(model_admin.get_fieldsets(request, None))]))
    fields = {f.name: f for f in model_admin.model._meta.concrete_fields}
    along = [n for n in names if isinstance(fields.get(n), models.ForeignKey)]
    rows = rows.select_related(*along) if along else rows
    headers = [str(label_for_field(name, model_admin.model, model_admin)) for name in names]

    def lines() -> Iterator[list[Any]]:
        for row in rows.iterator(chunk_size=500):
            yield [_shown(name, row, model_admin, fields.get(name)) for name in names]

    return headers, lines()


def _shown(name: str, row: models.Model, model_admin: Any, field: models.Field | None) -> Any:
    if field is not None and field.flatchoices:
        return str(getattr(row, f"get_{name}_display")())
    value = lookup_field(name, row, model_admin)[2]
    if isinstance(value, SafeString):
        return re.sub(r"[ \t]+", " ", strip_tags(value)).strip()
    return plain(value)
