"""What an annotation can be about: kinds of subjects, registered by whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise

from access.models import User
from access.scope import scope_of
from twin.exceptions import TwinError
from twin.models import Area, Asset

MOST_FOUND = 8


class DuplicateSubjectError(TwinError):
    """Two floors claim the same kind of subject."""


@dataclass(frozen=True)
class SubjectKind:
    """One kind.

    Attributes
    ----------
    key, name : str
        In the database, and for people.
    title : callable
        ``title(user, key)``: what the subject is called; None where there is none that this person sees.
    find : callable
        ``find(user, text)``: keys and titles of at most :data:`MOST_FOUND` that this person sees.
    """

    key: str
    name: str | Promise
    title: Callable[[User, str], str | None]
    find: Callable[[User, str], list[tuple[str, str]]]


_kinds: dict[str, SubjectKind] = {}


def register_subject(kind: SubjectKind) -> None:
    """Let annotations be about things of this kind; called at start.

    Raises
    ------
    DuplicateSubjectError
        The key is taken.
    """
    if kind.key in _kinds:
        raise DuplicateSubjectError(kind.key)
    _kinds[kind.key] = kind


def subject_kinds() -> Mapping[str, SubjectKind]:
    """All kinds by key."""
    return MappingProxyType(_kinds)


def asset_title(user: User, key: str) -> str | None:
    """Of an asset."""
    found = Asset.objects.within(scope_of(user)).filter(pk=key).first() if key.isdecimal() else None
    return None if found is None else str(found)


def find_assets(user: User, text: str) -> list[tuple[str, str]]:
    """Assets by name or code."""
    seen = Asset.objects.within(scope_of(user)).filter(active=True)
    rows = (seen.filter(name__icontains=text) | seen.filter(code__icontains=text)).order_by("pk")[:MOST_FOUND]
    return [(str(row.pk), str(row)) for row in rows]


def area_title(user: User, key: str) -> str | None:
    """Of an area."""
    found = Area.objects.within(scope_of(user)).filter(pk=key).first() if key.isdecimal() else None
    return None if found is None else found.name


def find_areas(user: User, text: str) -> list[tuple[str, str]]:
    """Areas by name."""
    rows = Area.objects.within(scope_of(user)).filter(active=True, name__icontains=text).order_by("pk")[:MOST_FOUND]
    return [(str(row.pk), row.name) for row in rows]
