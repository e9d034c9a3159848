"""What viewing needs of the database: whose it may be, and the ledger's line about its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from access.audit import Action, record
from access.models import User
from access.scope import Scope, reading_grants, scope_of
from access.sessions import users_of_sessions
from media.models import Channel


class Asked(NamedTuple):
    """A viewing that goes on; ``login`` is the session it was begun in, empty where it was begun in none."""

    key: str
    user: int
    channel: int
    login: str


def may_not_watch(asked: Sequence[Asked]) -> dict[str, str]:
    """Those viewings that are to end, and why: ``signed out``, or ``not permitted``.

    A handful of queries and one for each scope that differs, however many watch.
    """
    signed_in = users_of_sessions({viewing.login for viewing in asked})
    people = User.objects.filter(is_active=True).in_bulk({viewing.user for viewing in asked})
    wanted: dict[str, set[int]] = {}
    scopes: dict[int, Scope] = {}
    with reading_grants(people.values()):
        for viewing in asked:
            if (person := people.get(viewing.user)) is not None:
                scope = scopes[person.pk] = scopes.get(person.pk) or scope_of(person)
                wanted.setdefault(scope.key, set()).add(viewing.channel)
    by_key = {scope.key: scope for scope in scopes.values()}
    inside = {
        key: set(Channel.objects.within(by_key[key]).filter(pk__in=channels).values_list("pk", flat=True))
        for key, channels in wanted.items()
    }
    ending: dict[str, str] = {}
    for viewing in asked:
        holder = signed_in.get(viewing.login)
        scope_held = scopes.get(viewing.user)
        if viewing.login and (holder is None or holder.pk != viewing.user):
            ending[viewing.key] = "signed out"
        elif scope_held is None or viewing.channel not in inside[scope_held.key]:
            ending[viewing.key] = "not permitted"
    return ending


def note_end(user: int, channel: int, detail: dict[str, object]) -> None:
    """Write down that a viewing has ended; nothing where channel or person have gone meanwhile."""
    subject = Channel.objects.filter(pk=channel).first()
    actor = User.objects.filter(pk=user).first()
    if subject is not None and actor is not None:
        record(Action.WATCH_ENDED, subject=subject, actor=actor, detail=detail)
