"""The history of one object on the desk: what the ledger knows of it, field by field, before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext

from access.audit import Action
from access.audited import is_audited

PAGE_SIZE = 50
_SHAPE = re.compile(r"(?P<kind>\w+), (?P<points>\d+) points,(?: (?P<area>\d+) m2,)? (?P<digest>[0-9a-f]{12})")
_LONGEST = 300


class HistoryMixin:
    """Gives a ``ModelAdmin`` a history page with differences, linked from the form of every object."""

    model: type[models.Model]
    admin_site: Any

    @property
    def has_history(self) -> bool:
        """Whether the ledger knows anything of such objects; what only happens has no history."""
        return is_audited(self.model)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with the way to the history where there is one."""
        more = {"has_history": self.has_history, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, more)  # type: ignore[misc]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what, newest first; of an object that the user may see."""
        from access.models import AuditRecord

        obj = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.model._meta, object_id)  # type: ignore[attr-defined]
        if not self.has_view_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        # One object's records by the index on model and object.
        rows = AuditRecord.objects.filter(model=self.model._meta.label, object_id=str(obj.pk)).order_by("-at", "-id")
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("变更历史：%s") % obj,
            "opts": self.model._meta,
            "object": obj,
            "page": page,
            "records": [
                (row, list(differences(self, request, row)), "new" if row.action == Action.CREATE else "")
                for row in page
            ],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "access/desk/history.html", context)


def differences(model_admin: Any, request: HttpRequest, row: Any) -> Iterator[tuple[str, str, str]]:
    """Heading, value before and value after of each field that a record of the ledger holds."""
    opts = model_admin.model._meta
    for name, change in row.changes.items():
        try:
            field = opts.get_field(name)
        except FieldDoesNotExist:
            field = None
        title = str(getattr(field, "verbose_name", name))
        shapes = [_SHAPE.fullmatch(str(change.get(side) or "")) for side in ("old", "new")]
        if any(shapes):
            before, after = (_shape(match) for match in shapes)
            yield title, before, _changed_shape(shapes, after)
            continue
        before, after = (_value(model_admin, request, field, change.get(side)) for side in ("old", "new"))
        if before or after:
            yield title, before, after


def _shape(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    points = gettext("%s 点") % match["points"]
    return f"{_square_metres(match)}，{points}" if match["area"] else points


def _square_metres(match: re.Match[str]) -> str:
    return gettext("%s 平方米") % f"{int(match['area']):,}"


def _changed_shape(shapes: list[re.Match[str] | None], after: str) -> str:
    old, new = shapes
    if old is None or new is None:
        return after
    said = gettext("形状已变")
    if old["area"] and new["area"]:
        difference = int(new["area"]) - int(old["area"])
        said += gettext("，面积差 %s 平方米") % f"{difference:+,}"
    return f"{after}（{said}）"


def _value(model_admin: Any, request: HttpRequest, field: Any, value: Any) -> str:
    """A value of the ledger for people."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if isinstance(field, models.ForeignKey):
        return _named(model_admin, request, field, value)
    if getattr(field, "flatchoices", None):
        return str({str(k): label for k, label in field.flatchoices}.get(str(value), value))
    if isinstance(field, models.DateTimeField) and (moment := parse_datetime(str(value))):
        return f"{timezone.localtime(moment) if timezone.is_aware(moment) else moment:%Y-%m-%d %H:%M:%S}"
    form_field = model_admin.form.declared_fields.get(field.name) if field is not None else None
    if form_field is not None and isinstance(value, list):
        return str(form_field.prepare_value(value))
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _named(model_admin: Any, request: HttpRequest, field: models.ForeignKey, key: Any) -> str:
    """Name of the row that a key means; the key alone where it is gone or outside what the user may see."""
    from access.admin_scope import choices

    target = field.target_field.to_python(key)
    scope = model_admin.scope(request, model_admin.view_requires) if hasattr(model_admin, "scope") else None
    rows = field.related_model._default_manager.all() if scope is None else choices(field, scope)  # type: ignore[union-attr]
    found = rows.filter(**{field.target_field.name: target}).first()
    return str(found) if found is not None else f"#{key}"
