"""How long somebody stays signed in: eight hours without use, twelve at most, whatever they do."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

if TYPE_CHECKING:
    from access.models import User

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
ABSOLUTE_S = 12 * 3600
"""Longest time in seconds from sign-in to the end of a session."""
MARK_EVERY_S = 300
"""A session in use is written again at most this often: a map asks for hundreds of tiles a minute."""


def begin(session: SessionBase) -> None:
    """Note when somebody signed in."""
    session[SIGNED_IN_AT] = session[SEEN_AT] = int(time.time())


def run_out(session: SessionBase) -> bool:
    """Whether the session was begun too long ago or left unused too long; one that does not say when has run out."""
    now = int(time.time())
    for name, limit_s in ((SIGNED_IN_AT, ABSOLUTE_S), (SEEN_AT, settings.SESSION_COOKIE_AGE)):
        at = session.get(name)
        # A minute ahead is a clock that was set back; more is forged or broken.
        if not isinstance(at, int) or not -60 <= now - at < limit_s:
            return True
    return False


def mark_use(session: SessionBase) -> None:
    """Note that the session is in use."""
    now = int(time.time())
    if now - session[SEEN_AT] >= MARK_EVERY_S:
        session[SEEN_AT] = now


def user_of_session(session_key: str | None) -> User | None:
    """Who is signed in with this session, read anew from the database; for doors that are no Django view.

    None where there is no such session, it has run out, the account is switched off, or its password was changed.
    Blocks on the database: call it from a thread. Does not count as use.
    """
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if run_out(request.session):
        return None
    user = get_user(request)
    return user if user.is_authenticated and user.is_active else None  # type: ignore[return-value]
