"""What the ledger listens to: this floor's own models, and everything about signing in."""

from __future__ import annotations

import re
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.utils.crypto import salted_hmac

from access import sessions
from access.audit import Action, record, request_cache
from access.audited import audited


def connect() -> None:
    """Register models and listeners; called once, when the application is ready."""
    from access.models import AccessToken, Grant, Organization, User

    audited(Organization, ignore=("path",))
    audited(User, ignore=("last_login",))
    audited(Grant)
    audited(AccessToken, secrets=("digest",), ignore=("last_used_at",))
    for signal in (post_save, post_delete):
        for model in (Grant, User):
            signal.connect(_forget_grants, sender=model, dispatch_uid=f"access-forget-{model.__name__}")
    user_logged_in.connect(_signed_in, dispatch_uid="access-signed-in")
    user_logged_out.connect(_signed_out, dispatch_uid="access-signed-out")
    user_login_failed.connect(_failed, dispatch_uid="access-sign-in-failed")
    user_locked_out.connect(_locked_out, dispatch_uid="access-locked-out")


def _forget_grants(**_: Any) -> None:
    cache = request_cache()
    if cache is not None:
        cache.clear()


def _signed_in(request: Any, user: Any, **_: Any) -> None:
    sessions.begin(request.session)
    record(Action.SIGN_IN, subject=user, actor=user)


def _signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        record(Action.SIGN_OUT, subject=user, actor=user)


def _failed(credentials: dict[str, Any], **_: Any) -> None:
    record(Action.SIGN_IN_FAILED, actor_name=_typed_name(credentials.get("username")))


def _locked_out(username: str | None, **_: Any) -> None:
    record(Action.LOCKED_OUT, actor_name=_typed_name(username))


UNKNOWN_NAME = re.compile(r"(?P<first>.?)… \(unknown, (?P<sign>[0-9a-f]{8})\)", re.DOTALL)
"""How the ledger keeps a name that no account has."""


def _typed_name(name: Any) -> str:
    """A typed account name as the ledger keeps it: people type passwords into the wrong box."""
    text = str(name or "")
    if get_user_model().objects.filter(username=text).exists():
        return text
    return f"{text[:1]}… (unknown, {salted_hmac('access.typed-name', text).hexdigest()[:8]})"
