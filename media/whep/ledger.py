"""What viewing needs of the database: whose it may be, and the ledger's line about its end."""

from __future__ import annotations

from collections.abc import Iterable

from access.audit import Action, record
from access.models import User
from access.scope import scope_of
from media.models import Channel


def may_watch(asked: Iterable[tuple[str, int, int]]) -> set[str]:
    """Keys of those viewings that are still permitted.

    Parameters
    ----------
    asked : iterable of (str, int, int)
        Key, user, channel.
    """
    by_user: dict[int, list[tuple[str, int]]] = {}
    for key, user, channel in asked:
        by_user.setdefault(user, []).append((key, channel))
    allowed: set[str] = set()
    for person in User.objects.filter(pk__in=by_user, is_active=True):
        wanted = by_user[person.pk]
        inside = Channel.objects.within(scope_of(person)).filter(pk__in=[channel for _key, channel in wanted])
        seen = set(inside.values_list("pk", flat=True))
        allowed |= {key for key, channel in wanted if channel in seen}
    return allowed


def note_end(user: int, channel: int, detail: dict[str, object]) -> None:
    """Write down that a viewing has ended; nothing where channel or person have gone meanwhile."""
    subject = Channel.objects.filter(pk=channel).first()
    actor = User.objects.filter(pk=user).first()
    if subject is not None and actor is not None:
        record(Action.WATCH_ENDED, subject=subject, actor=actor, detail=detail)
