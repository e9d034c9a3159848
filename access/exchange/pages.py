"""Pages of import and export, added to every register on the desk by one mixin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.exchange import drafts, tables
from access.exchange.columns import STORED_DATUM, columns_of
from access.exchange.headings import errors_title
from access.exchange.keys import Keys, row_keys
from access.exchange.outgoing import export_file, may_reveal
from access.exchange.report import Fate, Report, as_json, from_json
from access.exchange.rows import take_in
from gis.crs import datum_names

SHOWN_ROWS = 100
"""Rows of each fate on the page; the error file has all."""
KINDS = [("csv", _("CSV（Excel 可直接打开）")), ("xlsx", _("Excel 工作簿（XLSX）"))]


class ImportForm(forms.Form):
    """Which file, and what its shapes are in."""

    file = forms.FileField(label=_("文件"), help_text=_("CSV（UTF-8 或 GB18030）或 XLSX，第一行是列名"))
    datum = forms.ChoiceField(label=_("坐标系"), help_text=_("文件中没有“坐标系”一列时，图形按此换算"))

    def __init__(self, shapes: bool, *args: Any) -> None:
        super().__init__(*args)
        if shapes:
            self.fields["datum"].choices = [(name, name) for name in datum_names()]  # type: ignore[attr-defined]
        else:
            del self.fields["datum"]


class ExportForm(forms.Form):
    """Which kind of file, and whether with identifiers in full."""

    kind = forms.ChoiceField(label=_("格式"), choices=KINDS)
    personal = forms.BooleanField(label=_("包含完整的个人信息"), required=False)
    reason = forms.CharField(
        label=_("查看事由"), required=False, min_length=2, max_length=200, help_text=_("逐条记入审计")
    )

    def __init__(self, personal: bool, *args: Any) -> None:
        super().__init__(*args)
        if not personal:
            del self.fields["personal"], self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        """No identifiers without a reason."""
        values = super().clean() or {}
        if values.get("personal") and not values.get("reason"):
            self.add_error("reason", gettext("请填写事由。"))
        return values


class ExchangeMixin:
    """Import and export for a ``ModelAdmin``; works for every register without a line of its own.

    Attributes
    ----------
    importable : bool
        False: export alone.
    exchange_fields : sequence of str or None
        Columns; None: what the register's page lets people fill in.
    exchange_keys : tuple of tuple of str or None
        Alternatives of fields that tell rows apart; None: as the model's unique fields say.
    """

    importable = True
    exchange_fields: Any = None
    exchange_keys: Keys | None = None
    add_requires: str | None = None
    change_requires: str | None = None

    model: type[models.Model]
    admin_site: Any

    def row_keys(self) -> Keys:
        """See :attr:`exchange_keys`."""
        return row_keys(self.model) if self.exchange_keys is None else self.exchange_keys

    def prepare_imported(self, instance: Any) -> None:
        """Complete a new row before its cells are read; nothing, unless a register says more."""

    def inside(self, request: HttpRequest, permission: str | None, obj: models.Model) -> bool:
        """Whether a stored row is where the user holds the permission; a register without scope takes no import."""
        return False

    @property
    def takes_files(self) -> bool:
        """Whether anybody may import into the register at all."""
        return self.importable and (self.add_requires or self.change_requires) is not None

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whoever may add or change something."""
        return self.takes_files and (
            self.has_add_permission(request) or self.has_change_permission(request)  # type: ignore[attr-defined]
        )

    def get_urls(self) -> list[Any]:
        """The register's own pages, and ours before them."""
        opts = self.model._meta
        wrap = self.admin_site.admin_view

        def at(route: str, view: Any, name: str) -> Any:
            return path(route, wrap(view), name=f"{opts.app_label}_{opts.model_name}_{name}")

        return [
            at("import/", self.import_view, "import"),
            at("import/template.<str:kind>", self.template_view, "import_template"),
            at("import/<uuid:pk>/", self.preview_view, "import_preview"),
            at("import/<uuid:pk>/errors.<str:kind>", self.errors_view, "import_errors"),
            at("export/", self.export_view, "export"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def _address(self, name: str, *args: Any) -> str:
        opts = self.model._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the ways to import and export."""
        ways = {
            "title": str(self.model._meta.verbose_name_plural),
            "export_address": f"{self._address('export')}?{request.GET.urlencode()}".rstrip("?"),
        }
        if self.has_import_permission(request):
            ways["import_address"] = self._address("import")
        return super().changelist_view(request, {**ways, **(extra_context or {})})  # type: ignore[misc]

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        base = {**self.admin_site.each_context(request), "opts": self.model._meta, "title": title}
        return TemplateResponse(request, f"access/desk/{template}.html", {**base, **context})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file, try it, and lead to what came of the trial."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        columns = columns_of(self, request)
        shapes = any(column.geometry for column in columns.values())
        form = ImportForm(shapes, *([request.POST, request.FILES] if request.method == "POST" else []))
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data["file"]
            try:
                # One byte more than is allowed tells too much from just enough.
                table = tables.read_table(given.read(tables.MOST_BYTES + 1))
                datum = form.cleaned_data.get("datum") or STORED_DATUM
                report = self._run(request, table, datum, given.name, commit=False)
            except ValidationError as error:
                form.add_error("file", error)
            else:
                contents = {
                    "headers": table.headers,
                    "rows": table.rows,
                    "encoding": table.encoding,
                    "datum": datum,
                    "name": given.name[:120],
                    "report": as_json(report),
                }
                draft = drafts.keep(request, self.model._meta.label_lower, contents)
                return HttpResponseRedirect(self._address("import_preview", draft.pk))
        title = gettext("导入%s") % self.model._meta.verbose_name
        keys = ["、".join(columns[n].title for n in key if n in columns) for key in self.row_keys()]
        context = {"form": form, "columns": columns.values(), "keys": keys, "shapes": shapes}
        limits = {"most_rows": tables.MOST_ROWS, "most_megabytes": tables.MOST_BYTES // 1_000_000}
        return self._page(request, "import", title, **context, **limits)

    def _run(
        self, request: HttpRequest, table: tables.Table, datum: str, name: str, *, commit: bool, strict: bool = True
    ) -> Report:
        return take_in(self, request, table, datum=datum, commit=commit, all_or_nothing=strict, name=name)

    def preview_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What the file would do; sent: do it."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        label = self.model._meta.label_lower
        if request.method == "POST":
            with transaction.atomic():
                draft, contents = drafts.take(request, label, pk, lock=True)
                if not contents["report"]["stored"]:
                    strict = request.POST.get("bad") != "skip"
                    report = self._run(
                        request,
                        drafts.table_of(contents),
                        contents["datum"],
                        contents["name"],
                        commit=True,
                        strict=strict,
                    )
                    drafts.keep(request, label, {**contents, "report": as_json(report)}, draft)
                    self._say(request, report)
            return HttpResponseRedirect(self._address("import_preview", pk))
        draft, contents = drafts.take(request, label, pk)
        report = from_json(contents["report"])
        title = gettext("导入结果") if report.stored else gettext("试运行结果")
        names = [(Fate.REFUSED, gettext("拒收")), (Fate.NEW, gettext("新增")), (Fate.CHANGED, gettext("修改")),
                 (Fate.SAME, gettext("不变"))]  # fmt: skip
        groups = [
            {"fate": f, "name": n, "rows": report.of(f)[:SHOWN_ROWS], "count": len(report.of(f))} for f, n in names
        ]
        context = {"draft": draft, "contents": contents, "report": report, "groups": groups, "most": SHOWN_ROWS}
        downloads = {kind: self._address("import_errors", pk, kind) for kind in tables.WRITERS}
        useful = len(report.rows) - len(report.of(Fate.REFUSED)) - len(report.of(Fate.SAME))
        return self._page(
            request, "preview", title, **context, downloads=downloads, useful=useful, again=self._address("import")
        )

    def _say(self, request: HttpRequest, report: Report) -> None:
        counts = {str(fate): len(report.of(fate)) for fate in Fate}
        if report.stored:
            said = gettext("已导入：新增 %(new)d 行，修改 %(changed)d 行，不变 %(same)d 行，拒收 %(refused)d 行。")
            messages.success(request, said % counts)
        else:
            messages.error(request, gettext("有 %(refused)d 行有错，全部未导入。") % counts)

    def errors_view(self, request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
        """The refused rows as they came, with the reason; corrected, the file can come back as it is."""
        if not self.has_import_permission(request) or kind not in tables.WRITERS:
            raise PermissionDenied
        _draft, contents = drafts.take(request, self.model._meta.label_lower, pk)
        table = drafts.table_of(contents)
        cells = dict(table.rows)
        refused = from_json(contents["report"]).of(Fate.REFUSED)
        kept = [index for index, header in enumerate(table.headers) if header != errors_title()]
        lines = [
            [*(cells[row.number][index] for index in kept), "；".join(f"{c}：{e}" if c else e for c, e in row.errors)]
            for row in refused
        ]
        headers = [*(table.headers[index] for index in kept), errors_title()]
        return _file(tables.WRITERS[kind](headers, lines), kind, gettext("%s-错误") % self.model._meta.verbose_name)

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """An empty file with the headings."""
        if not self.has_import_permission(request) or kind not in tables.WRITERS:
            raise PermissionDenied
        headers = [column.title for column in columns_of(self, request).values()]
        return _file(tables.WRITERS[kind](headers, []), kind, gettext("%s-模板") % self.model._meta.verbose_name)

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what kind of file; sent: give what the list shows."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        form = ExportForm(may_reveal(self, request), *([request.POST] if request.method == "POST" else []))
        # The list's own query: its filters, its search, its scope.
        rows = self.get_changelist_instance(request).get_queryset(request)  # type: ignore[attr-defined]
        if request.method == "POST" and form.is_valid():
            kind = form.cleaned_data["kind"]
            reason = form.cleaned_data.get("reason", "") if form.cleaned_data.get("personal") else ""
            try:
                content = export_file(self, request, rows, kind, reason)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return _file(content, kind, str(self.model._meta.verbose_name))
        title = gettext("导出%s") % self.model._meta.verbose_name
        return self._page(request, "export", title, form=form, number=rows.count(), filters=request.GET.urlencode())


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    dated = f"{name}-{timezone.localtime():%Y%m%d-%H%M}.{kind}"
    answer = HttpResponse(content, content_type=tables.CONTENT_TYPES[kind])
    answer["Content-Disposition"] = content_disposition_header(True, dated) or "attachment"
    answer["Cache-Control"] = "no-store"
    return answer
