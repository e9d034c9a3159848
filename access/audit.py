"""The audit ledger: who did what to which record, from where; written in the change's own transaction.

A model is put under audit once, with :func:`audited`. From then on ``save``, ``delete`` and many-to-many changes are
seen by signals, and ``update``, ``bulk_create`` and ``bulk_update`` by :class:`AuditedQuerySet`. If the record cannot
be written, the change does not happen. The table refuses UPDATE and DELETE by a trigger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models import signals
from django.utils.translation import gettext_lazy as _

from gis.geodesy import area_m2

if TYPE_CHECKING:
    from django.http import HttpRequest

_LABELLED_IN_BULK = 1000
SECRET = "***"  # noqa: S105 - what is recorded instead of a secret


class Action(models.TextChoices):
    """What happened."""

    SIGN_IN = "sign_in", _("登录")
    SIGN_IN_FAILED = "sign_in_failed", _("登录失败")
    LOCKED_OUT = "locked_out", _("登录锁定")
    SIGN_OUT = "sign_out", _("退出")
    SESSION_ENDED = "session_ended", _("会话到期")
    CREATE = "create", _("新增")
    CHANGE = "change", _("修改")
    DELETE = "delete", _("删除")
    PASSWORD = "password", _("修改密码")
    REVEAL = "reveal", _("查看个人信息")
    REFUSED = "refused", _("拒绝访问")
    IMPORT = "import", _("导入")
    EXPORT = "export", _("导出")
    WATCH = "watch", _("观看视频")
    WATCH_ENDED = "watch_ended", _("结束观看")
    STEER = "steer", _("操作云台")


@dataclass
class RequestContext:
    """What the ledger knows about the request, job or command that is running."""

    request: HttpRequest | None = None
    request_id: str = ""
    actor_name: str = ""
    cache: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rules:
    secrets: frozenset[str]
    ignored: frozenset[str]


_context: ContextVar[RequestContext | None] = ContextVar("sandtable_request", default=None)
_registered: dict[type[models.Model], _Rules] = {}


@contextmanager
def running(context: RequestContext) -> Iterator[RequestContext]:
    """Everything recorded inside belongs to ``context``."""
    token = _context.set(context)
    try:
        yield context
    finally:
        _context.reset(token)


@contextmanager
def acting(actor_name: str) -> Iterator[RequestContext]:
    """Everything recorded inside was done by a job or command of this name, on no person's behalf."""
    with running(RequestContext(actor_name=actor_name)) as context:
        yield context


def current_request_id() -> str:
    """Identifier of the running request, for logs; empty outside one."""
    context = _context.get()
    return context.request_id if context else ""


def request_cache() -> dict[Any, Any] | None:
    """A place that lives as long as the running web request; None outside one."""
    context = _context.get()
    return context.cache if context is not None and context.request is not None else None


def session_mark(session_key: str | None) -> str:
    """Name a session in the ledger without giving its key away: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:16] if session_key else ""


def record(
    action: Action,
    *,
    subject: models.Model | None = None,
    actor: Any = None,
    actor_name: str = "",
    changes: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one record.

    Parameters
    ----------
    action : Action
        What happened.
    subject : Model, optional
        The row it happened to.
    actor : User, optional
        Who did it; left out: whoever is signed in to the running request.
    actor_name : str
        Name of an actor who has no account (a job, a failed sign-in).
    changes : mapping, optional
        Field name to ``{"old": …, "new": …}``; made by this module for audited models.
    detail : mapping, optional
        Anything else worth keeping, ready for JSON. No secrets.
    """
    _write([_row(action, subject, actor, actor_name, changes, detail)])


def _row(
    action: Action,
    subject: models.Model | None = None,
    actor: Any = None,
    actor_name: str = "",
    changes: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> models.Model:
    context = _context.get() or RequestContext(actor_name="system")
    request = context.request
    if actor is None and request is not None:
        user = getattr(request, "user", None)
        actor = user if user is not None and user.is_authenticated else None
    session = getattr(request, "session", None)
    return apps.get_model("access", "AuditRecord")(
        action=action,
        actor_id=getattr(actor, "pk", None),
        actor_name=(actor_name or (actor.get_username() if actor is not None else context.actor_name))[:150],
        model=subject._meta.label if subject is not None else "",
        object_id=str(subject.pk)[:64] if subject is not None else "",
        label=_label(subject),
        changes=dict(changes or {}),
        detail=dict(detail or {}),
        ip=(request.META.get("REMOTE_ADDR") or None) if request is not None else None,
        session=session_mark(getattr(session, "session_key", None)),
        request_id=context.request_id,
    )


def _write(rows: list[models.Model]) -> None:
    apps.get_model("access", "AuditRecord").objects.bulk_create(rows, batch_size=1000)


def _label(subject: models.Model | None) -> str:
    return str(subject)[:200] if subject is not None else ""


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
                row = _row(Action.CREATE, detail={"count": len(created), "objects": named})
                row.model = self.model._meta.label  # type: ignore[attr-defined]
                _write([row])
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _record_changes(self, before: Mapping[Any, models.Model], fields: list[models.Field]) -> None:
        rows = []
        for new in self.model._base_manager.using(self.db).filter(pk__in=list(before)):
            if changes := _changes(before[new.pk], new, fields):
                rows.append(_row(Action.CHANGE, new, changes=changes))
        if rows:
            _write(rows)
