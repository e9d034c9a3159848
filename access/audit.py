"""The audit ledger: who did what to which record, from where; written in the change's own transaction.

If the record cannot be written, the change does not happen. The table refuses UPDATE and DELETE by a trigger. Changes
of models under audit are seen by themselves (:mod:`access.audited`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest


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


_context: ContextVar[RequestContext | None] = ContextVar("sandtable_request", default=None)


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
        Field name to ``{"old": …, "new": …}``; made by :mod:`access.audited` for models under audit.
    detail : mapping, optional
        Anything else worth keeping, ready for JSON. No secrets.
    """
    write_rows([row_of(action, subject, actor, actor_name, changes, detail)])


def row_of(
    action: Action,
    subject: models.Model | None = None,
    actor: Any = None,
    actor_name: str = "",
    changes: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> models.Model:
    """One record, not written yet; see :func:`record`."""
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


def write_rows(rows: list[models.Model]) -> None:
    """Write records."""
    apps.get_model("access", "AuditRecord").objects.bulk_create(rows, batch_size=1000)


def _label(subject: models.Model | None) -> str:
    return str(subject)[:200] if subject is not None else ""
