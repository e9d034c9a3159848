"""Models under audit: every change of theirs comes to the ledger by itself.

A model is put under audit once, with :func:`audited`. From then on ``save``, ``delete`` and many-to-many changes are
seen by signals, and ``update``, ``bulk_create`` and ``bulk_update`` by :class:`AuditedQuerySet`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models import signals

from access.audit import Action, record, row_of, write_rows
from gis.geodesy import area_m2

_LABELLED_IN_BULK = 1000
SECRET = "***"  # noqa: S105 - what is recorded instead of a secret


@dataclass(frozen=True)
class _Rules:
    secrets: frozenset[str]
    ignored: frozenset[str]


_registered: dict[type[models.Model], _Rules] = {}


def audited(model: type[models.Model], *, secrets: Collection[str] = (), ignore: Collection[str] = ()) -> None:
    """Put a model under audit; call it in ``AppConfig.ready``.

    Parameters
    ----------
    model : type
        Its default manager must be made from :class:`AuditedQuerySet` (a :class:`~access.scope.ScopedQuerySet` is).
    secrets : collection of str
        Fields of which only the fact of a change is kept, besides ``password``.
    ignore : collection of str
        Fields whose changes are not recorded (a time of last contact); an ``update`` of only these costs nothing.

    Raises
    ------
    ImproperlyConfigured
        Bulk changes of this model would escape the ledger, a named field does not exist, or it is registered already.
    """
    if not isinstance(model._default_manager.all(), AuditedQuerySet):
        raise ImproperlyConfigured(f"{model._meta.label}: an audited model's manager must come from AuditedQuerySet")
    if model in _registered:
        raise ImproperlyConfigured(f"{model._meta.label} is under audit already")
    names = {f.name for f in model._meta.get_fields()}
    if unknown := {*secrets, *ignore} - names:
        raise ImproperlyConfigured(f"{model._meta.label} has no field {', '.join(sorted(unknown))}")
    _registered[model] = _Rules(frozenset({"password", *secrets}), frozenset(ignore))
    label = model._meta.label
    signals.pre_save.connect(_before_save, sender=model, dispatch_uid=f"audit-before-{label}")
    signals.post_save.connect(_after_save, sender=model, dispatch_uid=f"audit-save-{label}")
    signals.post_delete.connect(_after_delete, sender=model, dispatch_uid=f"audit-delete-{label}")
    for relation in model._meta.many_to_many:
        through = relation.remote_field.through
        signals.m2m_changed.connect(_after_m2m, sender=through, dispatch_uid=f"audit-m2m-{label}-{relation.name}")


def is_audited(model: type[models.Model]) -> bool:
    """Whether the model is under audit."""
    return model in _registered


def audited_models() -> list[type[models.Model]]:
    """Models under audit."""
    return list(_registered)


def _fields(model: type[models.Model], names: Iterable[str] | None = None) -> list[models.Field]:
    wanted = None if names is None else set(names)
    ignored = _registered[model].ignored
    return [
        f
        for f in model._meta.concrete_fields
        if not f.generated
        and not f.primary_key
        and f.name not in ignored
        and (wanted is None or f.name in wanted or f.attname in wanted)
    ]


def _shown(model: type[models.Model], f: models.Field, value: Any) -> Any:
    """A value as the ledger keeps it: short, JSON, nothing secret, personal identifiers as their mask."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if f.name in _registered[model].secrets:
        return SECRET
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, GEOSGeometry):
        # The area lets the history say by how much a shape grew (access/history.py reads this form).
        area = f" {area_m2(bytes(value.wkb)):.0f} m2," if value.dims == 2 and value.valid else ""
        digest = hashlib.sha256(bytes(value.wkb)).hexdigest()[:12]
        return f"{value.geom_type}, {value.num_coords} points,{area} {digest}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return value
    if isinstance(value, Decimal):
        return str(value)
    return str(value)[:500]


def _changes(old: Any, new: Any, fields: Iterable[models.Field]) -> dict[str, Any]:
    changes = {}
    model = type(new) if new is not None else type(old)
    for f in fields:
        before = None if old is None else f.value_from_object(old)
        after = None if new is None else f.value_from_object(new)
        if hasattr(after, "resolve_expression"):
            changes[f.name] = {"old": _shown(model, f, before), "new": "(expression)"}
        elif before != (after if after is None else f.to_python(after)):
            changes[f.name] = {"old": _shown(model, f, before), "new": _shown(model, f, after)}
    return changes


def _before_save(sender: Any, instance: Any, raw: bool, update_fields: Any, using: str, **_: Any) -> None:
    fields = _fields(sender, update_fields)
    instance._audit_before = None
    if instance.pk is not None and fields:
        instance._audit_before = sender._base_manager.using(using).filter(pk=instance.pk).first()


def _after_save(sender: Any, instance: Any, created: bool, update_fields: Any, **_: Any) -> None:
    before = instance.__dict__.pop("_audit_before", None)
    changes = _changes(before, instance, _fields(sender, update_fields))
    if created:
        record(Action.CREATE, subject=instance, changes=changes)
    elif changes:
        action = Action.PASSWORD if set(changes) == {"password"} else Action.CHANGE
        record(action, subject=instance, changes=changes)


def _after_delete(sender: Any, instance: Any, **_: Any) -> None:
    record(Action.DELETE, subject=instance, changes=_changes(instance, None, _fields(sender)))


def _after_m2m(sender: Any, instance: Any, action: str, pk_set: set[Any] | None, **_: Any) -> None:
    if action in ("post_add", "post_remove", "post_clear"):
        detail = {"relation": sender._meta.label, action.removeprefix("post_"): sorted(map(str, pk_set or ()))}
        record(Action.CHANGE, subject=instance, detail=detail)


class AuditedQuerySet(models.QuerySet):
    """Queryset whose bulk changes reach the ledger, too, when its model is under audit."""

    def update(self, **values: Any) -> int:
        """Update, with one record for each row that changed."""
        fields = _fields(self.model, values) if is_audited(self.model) else []
        if not fields:
            return super().update(**values)
        with transaction.atomic(using=self.db):
            # Deferred loading is avoided on purpose: the label may need any field.
            before = {row.pk: row for row in self.model._base_manager.using(self.db).filter(pk__in=self.values("pk"))}
            changed = super().update(**values)
            self._record_changes(before, fields)
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Update, with one record for each row that changed."""
        # Django builds this on update(), which records.
        return super().bulk_update(objs, fields, batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Create, with one record for all: how many, and the first thousand by key and label."""
        if not is_audited(self.model):
            return super().bulk_create(objs, *args, **kwargs)
        with transaction.atomic(using=self.db):
            created = super().bulk_create(objs, *args, **kwargs)
            if created:
                named = {str(row.pk): str(row)[:80] for row in created[:_LABELLED_IN_BULK]}
                row = row_of(Action.CREATE, detail={"count": len(created), "objects": named})
                row.model = self.model._meta.label  # type: ignore[attr-defined]
                write_rows([row])
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _record_changes(self, before: Mapping[Any, models.Model], fields: list[models.Field]) -> None:
        rows = []
        for new in self.model._base_manager.using(self.db).filter(pk__in=list(before)):
            if changes := _changes(before[new.pk], new, fields):
                rows.append(row_of(Action.CHANGE, new, changes=changes))
        if rows:
            write_rows(rows)
