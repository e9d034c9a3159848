"""How a row is named in a file: by what people know (a code, an account, a name), never by an id.

Both what tells rows of a register apart and what a cell of another register names them by follows from the model:
its unique fields, else its unique constraint, else the register of which it is a part, else its name.
"""

from __future__ import annotations

from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from django.utils.translation import gettext

from access.personal import PersonalField

LANGUAGES = ("zh-hans", "en")
BETWEEN = "/"
Keys = tuple[tuple[str, ...], ...]


def _plain(field: models.Field) -> bool:
    return field.editable and not field.primary_key and not isinstance(field, PersonalField | GeometryField)


def name_paths(model: type[models.Model]) -> tuple[str, ...]:
    """Lookups whose values together name a row of ``model`` in a cell."""
    key = model._meta.pk
    if isinstance(key, models.OneToOneField):
        return tuple(f"{key.name}__{path}" for path in name_paths(key.related_model))  # type: ignore[arg-type]
    fields = [f for f in model._meta.concrete_fields if _plain(f)]
    for field in fields:
        if field.unique and not field.is_relation:
            return (field.name,)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields and constraint.condition is None:
            return tuple(constraint.fields)
    return ("name",) if any(f.name == "name" for f in fields) else ("pk",)


def row_keys(model: type[models.Model]) -> Keys:
    """Alternatives of fields by which a row of the register is found again; the first that is filled in counts."""
    if isinstance(model._meta.pk, models.OneToOneField):
        return ((model._meta.pk.name,),)
    paths = name_paths(model)
    if paths == ("name",):
        organization = getattr(getattr(model, "scope_paths", None), "organization", None) or ""
        owner = organization.partition("__")[0]
        return (("name", owner), paths) if "__" in organization else (paths,)
    return () if paths == ("pk",) else (paths,)


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name, None)
    return row


def related_paths(field: models.ForeignKey) -> str:
    """What to select along so that :func:`name_of` asks nothing."""
    longest = max((path.rpartition("__")[0] for path in name_paths(field.related_model)), key=len)  # type: ignore[arg-type]
    return f"{field.name}__{longest}" if longest else field.name


def name_of(row: models.Model, field: models.Field | None = None) -> str:
    """Name of a row for a cell; a kind that the column allows only one of is left out."""
    fixed = field.get_limit_choices_to() if isinstance(field, models.ForeignKey | models.ManyToManyField) else {}
    left_out = fixed if isinstance(fixed, dict) else {}
    values = [_value(row, path) for path in name_paths(type(row)) if path not in left_out]
    return BETWEEN.join("" if value is None else str(value) for value in values)


def find(rows: models.QuerySet, text: str) -> models.Model:
    """The row that a cell names, of those that may be chosen.

    Raises
    ------
    ValidationError
        There is none, or there are several.
    """
    paths = name_paths(rows.model)
    parts = [part.strip() for part in text.split(BETWEEN, len(paths) - 1)]
    wanted = dict(zip(paths[-len(parts) :], parts, strict=True))
    usable = paths != ("pk",) or text.isdecimal()
    found = (
        list(rows.filter(**{path: _chosen(rows.model, path, part) for path, part in wanted.items()})[:2])
        if usable
        else []
    )
    named = {"kind": rows.model._meta.verbose_name, "text": text}
    if not found:
        raise ValidationError(gettext("没有%(kind)s“%(text)s”，或者它不在您的数据范围内。") % named)
    if len(found) > 1:
        raise ValidationError(gettext("有几个%(kind)s都叫“%(text)s”，无法确定是哪一个。") % named)
    return found[0]


def _chosen(model: type[models.Model], path: str, text: str) -> str:
    """A choice's own value where its name was written."""
    if "__" in path or path == "pk":
        return text
    return choice(model._meta.get_field(path), text)  # type: ignore[arg-type]


def choice(field: models.Field, text: str) -> str:
    """The stored value of a choice that is written as its value or as its name in either language."""
    for value, label in field.flatchoices:
        if text == str(value):
            return text
        for language in LANGUAGES:
            with translation.override(language):
                if text == str(label):
                    return str(value)
    return text
