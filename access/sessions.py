"""How long somebody stays signed in: eight hours without use, twelve at most, whatever they do."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

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


def run_out(session: SessionBase | Mapping[str, Any]) -> bool:
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
    """Who is signed in with this session; see :func:`users_of_sessions`."""
    return users_of_sessions([session_key]).get(session_key) if session_key else None


def users_of_sessions(session_keys: Iterable[str]) -> dict[str, User]:
    """Who is signed in with each of these sessions, read anew from the database; for doors that are no Django view.

    Left out are sessions that are not there, have run out, or whose account is switched off or got another password.
    Two queries, however many are asked for. Blocks on the database: call it from a thread. Does not count as use.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    wanted = {key for key in session_keys if key}
    rows = store.get_model_class().objects.filter(session_key__in=wanted, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    sessions = {key: said for key, said in sessions.items() if not run_out(said)}
    model = get_user_model()
    numbers = {key: _number(said.get(SESSION_KEY)) for key, said in sessions.items()}
    users = model._default_manager.in_bulk({number for number in numbers.values() if number is not None})
    found = {key: (users.get(number), sessions[key]) for key, number in numbers.items() if number is not None}
    return {key: user for key, (user, said) in found.items() if user is not None and _holds(user, said)}


def _number(said: object) -> int | None:
    return int(said) if isinstance(said, str) and said.isdecimal() else None


def _holds(user: User, said: Mapping[str, Any]) -> bool:
    """Whether a session of this content is one of this user, as :func:`django.contrib.auth.get_user` judges it."""
    if not user.is_active or said.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    mark = said.get(HASH_SESSION_KEY)
    if not isinstance(mark, str) or not mark:
        return False
    right = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(mark, each) for each in right)
