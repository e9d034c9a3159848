"""What one column of a file means: a model's field, read by the very form field of the desk's page.

So a file may hold what the page may hold, no more: the same choices inside the user's scope, the same checks, the same
words of complaint.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import date, datetime
from typing import Any

import shapely
from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.gis.db.models import GeometryField
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.models import apply_limit_choices_to_to_formfield
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext
from import_export.fields import Field
from shapely.errors import GEOSException

from access.exchange.keys import LANGUAGES, choice, find, name_of
from access.forms import KEEP
from access.personal import PersonalField
from gis.crs import geometry_to_wgs84
from gis.exceptions import GisError
from gis.geodesy import area_m2

STORED_DATUM = "wgs84"
LIST_SIGN = "；"
LONGEST_SHOWN = 120
_LIST_SIGNS = re.compile(r"[;；、|]")
_YES = frozenset({"true", "1", "yes", "y", "是", "√"})
_NO = frozenset({"false", "0", "no", "n", "否", "×"})


class Column(Field):
    """A model's field as a column.

    Attributes
    ----------
    model_field : Field
        What is stored.
    form_field : django.forms.Field
        What reads a cell; its choices are those of the user.
    """

    def __init__(self, model_field: Any, form_field: forms.Field, own_form: bool) -> None:
        super().__init__(attribute=model_field.name, column_name=model_field.name)
        self.model_field = model_field
        self.form_field = form_field
        self._own_form = own_form
        self._found: dict[str, models.Model] = {}

    @property
    def many(self) -> bool:
        """Whether the cell is a list of rows of another register."""
        return isinstance(self.model_field, models.ManyToManyField)

    @property
    def geometry(self) -> bool:
        """Whether the cell is a shape, and the file's datum matters."""
        return isinstance(self.model_field, GeometryField)

    @property
    def title(self) -> str:
        """Heading, in the language of the page."""
        return str(self.model_field.verbose_name)

    def titles(self) -> set[str]:
        """Headings under which the column is taken, in small letters."""
        found = {self.model_field.name}
        for language in LANGUAGES:
            with translation.override(language):
                found.add(self.title.lower())
        return found

    def value(self, row: models.Model) -> Any:
        """What is stored now: a set of keys for a list, a key for a row of another register."""
        if not self.many:
            value = self.model_field.value_from_object(row)
            return self.model_field.to_python(value) if not self.model_field.is_relation else value
        return set(getattr(row, self.model_field.name).values_list("pk", flat=True)) if row.pk else set()

    def read(self, text: str, datum: str = STORED_DATUM) -> Any:
        """What a cell says.

        Raises
        ------
        ValidationError
            It says nothing that may stand here.
        """
        field = self.model_field
        if self.many:
            return [self._find(part.strip()) for part in _LIST_SIGNS.split(text) if part.strip()]
        if not text and isinstance(field, PersonalField):
            return KEEP
        if not text and field.has_default() and not field.is_relation and not field.blank:
            return field.get_default()
        if text and field.is_relation:
            return self._find(text)
        if isinstance(field, models.BooleanField):
            return _yes_or_no(text)
        if text and field.flatchoices:
            text = choice(field, text)
        if text and self.geometry and datum != STORED_DATUM:
            text = _in_stored_datum(text, datum)
        return self.form_field.clean(text)

    def _find(self, text: str) -> models.Model:
        if text not in self._found:
            self._found[text] = find(self.form_field.queryset, text)  # type: ignore[attr-defined]
        return self._found[text]

    def save(self, instance: Any, row: Any, is_m2m: bool = False, **options: Any) -> None:
        """Put what a cell says into the row."""
        value = self.read(row[self.column_name], options.get("datum", STORED_DATUM))
        if is_m2m:
            getattr(instance, self.model_field.name).set(value)
        elif value is not KEEP:
            self.model_field.save_form_data(instance, value)

    def cell(self, row: models.Model) -> Any:
        """Value for a file: text, number, date or nothing; personal identifiers as their mask."""
        field = self.model_field
        if self.many:
            rows = getattr(row, field.name).all() if row.pk else ()
            return LIST_SIGN.join(name_of(other, field) for other in rows)
        if field.is_relation:
            other = getattr(row, field.name, None) if getattr(row, field.attname) is not None else None
            return "" if other is None else name_of(other, field)
        value = field.value_from_object(row)
        if self._own_form and value is not None and not isinstance(field, PersonalField):
            return self.form_field.prepare_value(value)
        if field.flatchoices:
            return str(dict(field.flatchoices).get(value, value))
        return plain(value)

    def shown(self, row: models.Model | None) -> str:
        """Value for a person who compares: short."""
        if row is None:
            return ""
        if self.geometry:
            return measure(self.model_field.value_from_object(row))
        text = str(self.cell(row))
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def measure(shape: GEOSGeometry | None) -> str:
    """A shape in words: its area, or its centre where it has none."""
    if shape is None or shape.empty:
        return ""
    if shape.dims == 2:
        return gettext("%(area)s 平方米，%(points)d 点") % {
            "area": f"{area_m2(bytes(shape.wkb)):,.0f}",
            "points": shape.num_coords,
        }
    return f"{shape.centroid.x:.6f}, {shape.centroid.y:.6f}"


def plain(value: Any) -> Any:
    """A value as a cell of a file has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return f"{timezone.localtime(value) if timezone.is_aware(value) else value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, GEOSGeometry):
        return value.wkt
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO | {""}:
        raise ValidationError(gettext("请填“是”或“否”。"))
    return word in _YES


def _in_stored_datum(text: str, datum: str) -> str:
    try:
        shape = shapely.from_geojson(text) if text.startswith("{") else shapely.from_wkt(text)
        return geometry_to_wgs84(shape, datum).wkt
    except GisError as error:
        raise ValidationError(str(error)) from None
    except (GEOSException, ValueError, TypeError, AttributeError):
        raise ValidationError(gettext("无法识别图形：请用 GeoJSON 或 WKT。")) from None


def columns_of(model_admin: Any, request: HttpRequest) -> dict[str, Column]:
    """Columns of a register by field: what its page lets people fill in, in the page's order."""
    opts = model_admin.model._meta
    names = model_admin.exchange_fields
    if names is None:
        shut = set(model_admin.get_readonly_fields(request, None))
        names = [n for n in flatten_fieldsets(model_admin.get_fieldsets(request, None)) if n not in shut]
    fields = {f.name: f for f in (*opts.concrete_fields, *opts.many_to_many)}
    declared = model_admin.form.declared_fields
    found = {}
    for name in dict.fromkeys(names):
        field = fields.get(name)
        if field is None or not field.editable:
            continue
        own = name in declared
        form_field = deepcopy(declared[name]) if own else model_admin.formfield_for_dbfield(field, request)
        if form_field is not None:
            apply_limit_choices_to_to_formfield(form_field)
            found[name] = Column(field, form_field, own)
    return found
