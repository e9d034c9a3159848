"""Where somebody's permissions hold, and the only place that decides what they may see.

A :class:`Scope` is a set of subtrees: regions by their path (``/310000/310115/``) and organizations by theirs
(``/12/45/``). A thing is inside when

* its owner organization is in an organization subtree of the scope, or
* its owner's home region is in a region subtree of the scope, or
* the district where it is *now* is in a region subtree of the scope.

Pages, the admin, the API, tiles and live frames all ask here: querysets through :meth:`ScopedQuerySet.within`,
hand-written SQL through :meth:`Scope.sql`, the live world through :meth:`Scope.allows`,
:func:`allowed_organizations` and :func:`allowed_regions`. Django's superuser flag means nothing to any of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from django.apps import apps
from django.db import models
from django.db.models import Q

from access.audit import request_cache
from access.audited import AuditedQuerySet
from access.roles import ROLE_PERMISSIONS, Permission, Role, roles_with

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from access.models import User

_PATH = re.compile(r"/(?:[0-9A-Za-z._-]+/)+")


@dataclass(frozen=True)
class ScopePaths:
    """Lookups by which a model's rows are placed; each names the ``path`` of an organization or a region.

    Examples
    --------
    ``ScopePaths(organization="owner__path", regions=("owner__region__path", "state__region__path"))``
    """

    organization: str | None = None
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a declaration that could never match or does not end in a path."""
        names = [name for name in (self.organization, *self.regions) if name is not None]
        if not names:
            raise ValueError("ScopePaths names no path: nothing could ever be inside a scope")
        for name in names:
            if name.rsplit("__", 1)[-1] != "path":
                raise ValueError(f"ScopePaths: {name!r} does not end in 'path'")


@dataclass(frozen=True)
class Scope:
    """A set of region and organization subtrees (数据范围).

    Parameters
    ----------
    everything : bool
        The whole city.
    region_paths, organization_paths : tuple of str
        Roots of subtrees, each beginning and ending with ``/``. Kept sorted and without paths that lie inside
        another, so equal scopes compare equal and share a :attr:`key`.

    Raises
    ------
    ValueError
        A path has another shape: signs that mean something in SQL patterns get in nowhere but ``_``, escaped.
    """

    everything: bool = False
    region_paths: tuple[str, ...] = ()
    organization_paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Bring the paths into their normal form."""
        for name in ("region_paths", "organization_paths"):
            paths = () if self.everything else _outermost(getattr(self, name))
            object.__setattr__(self, name, paths)

    @property
    def empty(self) -> bool:
        """Whether nothing at all is inside."""
        return not (self.everything or self.region_paths or self.organization_paths)

    @property
    def key(self) -> str:
        """Short stable text, equal for equal scopes: ``all``, ``none`` or 20 hexadecimal digits."""
        if self.everything:
            return "all"
        if self.empty:
            return "none"
        text = "|".join(self.region_paths) + "#" + "|".join(self.organization_paths)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def __or__(self, other: Scope) -> Scope:
        """Both scopes together."""
        return Scope(
            self.everything or other.everything,
            self.region_paths + other.region_paths,
            self.organization_paths + other.organization_paths,
        )

    def allows(self, organization_path: str | None, region_paths: Iterable[str | None] = ()) -> bool:
        """Whether a thing with this owner path and these region paths (home, present) is inside; pure.

        A thing that has neither owner nor region is inside only the whole city.
        """
        if self.everything:
            return True
        if organization_path and organization_path.startswith(self.organization_paths):
            return True
        return any(path is not None and path.startswith(self.region_paths) for path in region_paths)

    def sql(self, organization: str | None = None, regions: Iterable[str] = ()) -> tuple[str, list[str]]:
        """A condition for hand-written SQL.

        Parameters
        ----------
        organization : str, optional
            Column expression of the owner's path, written by the caller (never taken from outside): ``"o.path"``.
        regions : iterable of str
            Column expressions of region paths: ``("r.path",)``.

        Returns
        -------
        (str, list of str)
            A parenthesised condition with ``%s`` places, and their values. ``TRUE`` for the whole city, ``FALSE``
            for the empty scope. Prefix ``LIKE``: an index with ``text_pattern_ops`` serves it.
        """
        if self.everything:
            return "TRUE", []
        terms: list[str] = []
        params: list[str] = []
        pairs = [(column, self.region_paths) for column in regions]
        if organization is not None:
            pairs.insert(0, (organization, self.organization_paths))
        for column, paths in pairs:
            terms.extend([f"{column} LIKE %s"] * len(paths))
            params.extend(path.replace("_", r"\_") + "%" for path in paths)
        return (f"({' OR '.join(terms)})" if terms else "FALSE"), params


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not _PATH.fullmatch(path):
            raise ValueError(f"not a path of a subtree: {path!r}")
        if not kept or not path.startswith(kept[-1]):
            kept.append(path)
    return tuple(kept)


NOWHERE = Scope()
WHOLE_CITY = Scope(everything=True)


def scope_of(user: User | AnonymousUser, permission: str = Permission.VIEW) -> Scope:
    """Where ``user`` holds ``permission``: the union over their grants whose role carries it.

    Nobody signed in, or an account that is switched off, has the empty scope. One indexed query; inside a web
    request the grants are read once (:class:`access.middleware.AuditMiddleware`), elsewhere they are read anew at
    each call, so a long-lived socket sees a withdrawn grant as soon as it asks.

    Raises
    ------
    ValueError
        There is no such permission.
    """
    roles = roles_with(permission)
    places = [place for role, place in _grants(user) if role in roles]
    return reduce(or_, places, NOWHERE)


def scope_of_role(user: User | AnonymousUser, role: str) -> Scope:
    """Where ``user`` holds ``role`` itself, for what is some role's own duty; otherwise as :func:`scope_of`.

    Raises
    ------
    ValueError
        There is no such role.
    """
    wanted = Role(role)
    return reduce(or_, (place for held, place in _grants(user) if held == wanted), NOWHERE)


def scope_of_request(request: HttpRequest) -> Scope:
    """Where whoever sends ``request`` may look; what the tiles ask for."""
    return scope_of(request.user)


def permissions_of(user: User | AnonymousUser) -> frozenset[Permission]:
    """Every permission ``user`` holds somewhere."""
    return frozenset(p for role, _ in _grants(user) for p in ROLE_PERMISSIONS[Role(role)])


_Grants = list[tuple[str, Scope]]
_read: ContextVar[dict[int, _Grants] | None] = ContextVar("sandtable_grants", default=None)


@contextmanager
def reading_grants(users: Iterable[User]) -> Iterator[None]:
    """Read the grants of all these users by one query; inside, questions about their scopes ask for nothing more."""
    token = _read.set(_grants_of([user.pk for user in users]))
    try:
        yield
    finally:
        _read.reset(token)


def _grants(user: User | AnonymousUser) -> _Grants:
    if user.pk is None or not user.is_active:
        return []
    read = _read.get()
    if read is not None and user.pk in read:
        return read[user.pk]
    cache = request_cache()
    key = ("grants", user.pk)
    if cache is not None and key in cache:
        return cache[key]
    grants = _grants_of([user.pk])[user.pk]
    if cache is not None:
        cache[key] = grants
    return grants


def _grants_of(users: list[int]) -> dict[int, _Grants]:
    found: dict[int, _Grants] = {user: [] for user in users}
    rows = apps.get_model("access", "Grant").objects.filter(user_id__in=users, user__is_active=True)
    for user, role, region_id, region_path, organization_id, organization_path in rows.values_list(
        "user_id", "role", "region_id", "region__path", "organization_id", "organization__path"
    ):
        found[user].append((role, _place(region_id, region_path, organization_id, organization_path)))
    return found


def _place(region_id: int | None, region: str | None, organization_id: int | None, organization: str | None) -> Scope:
    if organization_id is not None:
        return Scope(organization_paths=(organization or "",))
    if region_id is not None:
        return Scope(region_paths=(region or "",))
    return WHOLE_CITY


def under(paths: Iterable[str], lookup: str = "path") -> Q:
    """Condition: the text at ``lookup`` lies in one of the subtrees; matches nothing where there are none."""
    return reduce(or_, (Q(**{f"{lookup}__startswith": path}) for path in paths), Q(pk__in=()))


def organizations_in(scope: Scope) -> Q:
    """Condition on Organization: in an organization subtree, or with its home region in a region subtree."""
    if scope.everything:
        return Q()
    regions = apps.get_model("geo", "Region").objects.filter(under(scope.region_paths)).values("pk")
    return under(scope.organization_paths) | Q(region__in=regions)


def allowed_organizations(scope: Scope) -> npt.NDArray[np.int64]:
    """Ids of the organizations whose things are inside, wherever those things are; ascending, shape (n,).

    For the live world: ``np.isin(owner_ids, allowed_organizations(scope), assume_unique=False)``, or a lookup table
    built from it; reload on the notices ``organizations`` and ``regions``.
    """
    rows = apps.get_model("access", "Organization").objects.filter(organizations_in(scope))
    return np.fromiter(rows.order_by("pk").values_list("pk", flat=True), dtype=np.int64)


def allowed_regions(scope: Scope) -> npt.NDArray[np.int64]:
    """Ids of the regions inside which everything is inside the scope, whoever owns it; ascending, shape (n,)."""
    rows = apps.get_model("geo", "Region").objects.all()
    if not scope.everything:
        rows = rows.filter(under(scope.region_paths))
    return np.fromiter(rows.order_by("pk").values_list("pk", flat=True), dtype=np.int64)


class ScopedQuerySet(AuditedQuerySet):
    """Queryset of a model that declares ``scope_paths``; the only sanctioned way to list things for somebody."""

    def within(self, scope: Scope) -> Self:
        """Only what is inside ``scope``; may be filtered, sorted, counted, updated and joined further.

        Each declared path becomes its own indexed subquery of keys and their union selects the rows, because an
        ``OR`` over columns of several joined tables can use no index.
        """
        paths: ScopePaths = self.model.scope_paths  # type: ignore[attr-defined]
        if scope.everything:
            return self
        if scope.empty:
            return self.none()
        conditions = [_subtree(name, "geo.Region", scope.region_paths) for name in paths.regions if scope.region_paths]
        if paths.organization and scope.organization_paths:
            conditions.append(_subtree(paths.organization, "access.Organization", scope.organization_paths))
        if not conditions:
            return self.none()
        if len(conditions) == 1:
            return self.filter(conditions[0])
        first, *rest = (self.model._base_manager.using(self.db).filter(c).order_by().values("pk") for c in conditions)
        return self.filter(pk__in=first.union(*rest))


def _subtree(lookup: str, target: str, paths: tuple[str, ...]) -> Q:
    if lookup == "path":
        return under(paths)
    rows = apps.get_model(target).objects.filter(under(paths)).values("pk")
    return Q(**{f"{lookup.removesuffix('__path')}__in": rows})


class Scoped(models.Model):
    """Abstract base of a model whose rows belong somewhere; declares ``scope_paths``."""

    scope_paths: ClassVar[ScopePaths]
    objects: ClassVar[Any] = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True

    def inside(self, scope: Scope) -> bool:
        """Whether this row, as it is stored now, is inside ``scope``."""
        return type(self).objects.within(scope).filter(pk=self.pk).exists()
