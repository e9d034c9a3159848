"""Taking a file's rows into a register: each is tried in its own savepoint, and told about field by field.

A row must be inside the user's scope before it is changed and after; who may not do on the desk's page what the row
asks for may not do it here. Every change goes through ``save``, so the ledger has one record for each row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext
from import_export.resources import ModelResource, modelresource_factory
from import_export.results import RowResult
from tablib import Dataset

from access.audit import Action, record
from access.exchange.columns import Column, columns_of
from access.exchange.headings import DATUM, match_headers
from access.exchange.report import Fate, Report, RowReport
from access.exchange.tables import Table
from gis.crs import find_datum
from gis.exceptions import UnknownDatumError


class _Undo(Exception):
    """Takes one row back."""


class DeskResource(ModelResource):
    """A register of the desk for django-import-export, on behalf of one request."""

    def __init__(self, model_admin: Any, request: HttpRequest, datum: str) -> None:
        super().__init__()
        self.model_admin = model_admin
        self.request = request
        self.datum = datum
        self.fields: dict[str, Column] = columns_of(model_admin, request)
        self.numbers: list[int] = []
        self.report = Report()
        self._met: dict[Any, int] = {}
        self._before: dict[str, tuple[Any, str]] = {}

    def _check_import_id_fields(self, headers: Any) -> None:
        """Rows are found by :meth:`get_instance`, not by columns of this name."""

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        """Leave the sequences alone: no file brings ids, and setting one back would race with other writers."""

    def get_instance(self, instance_loader: Any, row: Mapping[str, str]) -> models.Model | None:
        """The stored row that this row of the file names."""
        for key in self.model_admin.row_keys():
            # A mask names nobody: exported without identifiers, a row is found again by what else is known of it.
            if not all(name in row for name in key) or not row[key[0]] or "*" in row[key[0]]:
                continue
            try:
                values = {name: self.fields[name].read(row[name]) for name in key}
            except ValidationError:
                return None  # told column by column when the row is read
            wanted = {n if v not in (None, "") else f"{n}__isnull": v if v not in (None, "") else True
                      for n, v in values.items()}  # fmt: skip
            found = list(self._meta.model._base_manager.filter(**wanted)[:2])
            if len(found) > 1:
                raise ValidationError(gettext("有几行与此相符，无法确定是哪一行。"))
            return found[0] if found else None
        return None

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        """Ask whether the row may be touched, and note how it was."""
        if new:
            if not self.model_admin.has_add_permission(self.request):
                raise ValidationError(gettext("没有这一行，而您无权新增。"))
            self.model_admin.prepare_imported(instance)
        elif not self.model_admin.has_change_permission(self.request, instance):
            raise ValidationError(gettext("已有这一行，但它不在您的数据范围内，或者您无权修改。"))
        number = kwargs["number"]
        if not new and (first := self._met.setdefault(instance.pk, number)) != number:
            raise ValidationError(gettext("与第 %d 行是同一个对象。") % first)
        self._before = {n: (c.value(instance), "" if new else c.shown(instance)) for n, c in self._columns(row)}

    def _columns(self, row: Mapping[str, str]) -> list[tuple[str, Column]]:
        return [(name, column) for name, column in self.fields.items() if name in row]

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Read the cells that say something else than what is stored."""
        errors: dict[str, Any] = {}
        for name, column in self._columns(row):
            unchanged = not instance._state.adding and row[name] == str(column.cell(instance)).strip()
            if column.many or unchanged:
                continue
            try:
                column.save(instance, row, datum=row.get(DATUM) or self.datum)
            except ValidationError as error:
                errors[name] = error
        if errors:
            raise ValidationError(errors)

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Check what the page would check: the columns that are there, and the row as a whole."""
        errors = dict(import_validation_errors or {})
        known = {name for name, column in self.fields.items() if not column.many}
        shut = {f.name for f in self._meta.model._meta.concrete_fields} - known
        try:
            instance.full_clean(exclude=shut | set(errors))
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        """Leave a row alone of which nothing changed."""
        if instance._state.adding or import_validation_errors:
            return False
        return not self._changed(instance, row)

    def _changed(self, instance: Any, row: Any) -> list[str]:
        changed = []
        for name, column in self._columns(row):
            if column.many:
                after: Any = {other.pk for other in column.read(row[name])}
            else:
                after = column.value(instance)
            if after != self._before[name][0]:
                changed.append(name)
        return changed

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        """Save as the page does."""
        self.model_admin.save_model(self.request, instance, None, not is_create)

    def save_m2m(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Set the lists."""
        for _name, column in self._columns(row):
            if column.many:
                column.save(instance, row, is_m2m=True)

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> RowResult:
        """Take one row in, or leave no trace of it."""
        kwargs["number"] = number = self.numbers[kwargs["row_number"] - 1]
        result = RowResult()
        self._before = {}
        try:
            with transaction.atomic():
                result = super().import_row(row, instance_loader, **kwargs)
                if result.is_valid() and not result.is_skip():
                    self._stays_inside(result)
                if not result.is_valid():
                    raise _Undo
                self.report.rows.append(self._told(result, row, number))
        except _Undo:
            self.report.rows.append(self._refused(result, row, number))
        return result

    def _stays_inside(self, result: RowResult) -> None:
        new = result.is_new()
        permission = self.model_admin.add_requires if new else self.model_admin.change_requires
        if not self.model_admin.inside(self.request, permission, result.instance):
            result.import_type = RowResult.IMPORT_TYPE_INVALID
            result.validation_error = ValidationError(gettext("导入后该对象将不在您的数据范围内。"))

    def _told(self, result: RowResult, row: Any, number: int) -> RowReport:
        if result.is_skip():
            return RowReport(number, Fate.SAME, str(result.instance))
        if result.is_new():
            self._met[result.instance.pk] = number
        changed = self._before if result.is_new() else self._changed_now(result.instance, row)
        changes = tuple(
            (self.fields[name].title, self._before[name][1], self.fields[name].shown(result.instance))
            for name in changed
        )
        kept = tuple(change for change in changes if change[1] or change[2])
        return RowReport(number, Fate.NEW if result.is_new() else Fate.CHANGED, str(result.instance), kept)

    def _changed_now(self, instance: Any, row: Any) -> list[str]:
        return [name for name, column in self._columns(row) if column.value(instance) != self._before[name][0]]

    def _refused(self, result: RowResult, row: Any, number: int) -> RowReport:
        error = result.validation_error
        if error is None:
            caught = result.errors[0].error
            if not isinstance(caught, DatabaseError | models.ProtectedError):
                raise caught
            error = ValidationError(gettext("数据库拒绝了这一行：%s") % str(caught).splitlines()[0])
            # The library would take back every row for such an error; here it is one refused row like others.
            result.errors, result.validation_error = [], error
            result.import_type = RowResult.IMPORT_TYPE_INVALID
        told = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
        errors: list[tuple[str, str]] = []
        for name, messages in told.items():
            column = self.fields.get(name)
            errors.extend((column.title if column else "", message) for message in messages)
        return RowReport(number, Fate.REFUSED, next((row[n] for n in row if row[n]), ""), errors=tuple(errors))


def take_in(
    model_admin: Any, request: HttpRequest, table: Table, *, datum: str, commit: bool, all_or_nothing: bool, name: str
) -> Report:
    """Run a file through a register.

    Parameters
    ----------
    datum : str
        What shapes are in where the file has no such column.
    commit : bool
        False: try, and take everything back.
    all_or_nothing : bool
        Whether one refused row keeps all others out.
    name : str
        The file's name, for the ledger.

    Raises
    ------
    ValidationError
        The file as a whole cannot be used.
    """
    resource = modelresource_factory(model_admin.model, DeskResource, _OPTIONS)(model_admin, request, datum)
    means = match_headers(resource.fields, table.headers, model_admin.row_keys())
    kept = [index for index, name_ in enumerate(means) if name_]
    dataset = Dataset(headers=[means[index] for index in kept])
    for _number, row in table.rows:
        dataset.append([row[index] for index in kept])
    if any(c.geometry for c in resource.fields.values()):
        _check_datums(dataset, datum)
    resource.numbers = [number for number, _row in table.rows]
    with transaction.atomic():
        result = resource.import_data(
            dataset, dry_run=not commit, use_transactions=True, rollback_on_validation_errors=all_or_nothing
        )
        if result.base_errors:
            raise result.base_errors[0].error
        report = resource.report
        refused = bool(report.of(Fate.REFUSED))
        report.stored = commit and not (refused and all_or_nothing)
        if report.stored:
            counts = {str(fate): len(report.of(fate)) for fate in Fate}
            detail = {"model": model_admin.model._meta.label, "file": name[:120], **counts}
            record(Action.IMPORT, detail=detail)
    return report


def _check_datums(dataset: Dataset, datum: str) -> None:
    named = set(dataset[DATUM]) - {""} if DATUM in dataset.headers else set()
    for name in {datum, *named}:
        try:
            find_datum(name)
        except UnknownDatumError as error:
            raise ValidationError(str(error)) from None


_OPTIONS = {"fields": [], "skip_diff": True, "skip_unchanged": True, "report_skipped": False, "store_instance": True}
