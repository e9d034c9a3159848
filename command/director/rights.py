"""Who may see and drive which wall, and who keeps which scenes: decided here and nowhere else (ADR 0015).

* A wall is driven by the account that opened it, and by whoever holds :attr:`~access.roles.Permission.DISPATCH` or
  :attr:`~access.roles.Permission.ADMINISTER` over *everything* that account may see. Who may not drive a wall does not
  see it either: what it shows is what its account may see.
* A scene or tour is seen by its maker and inside one's scope; it is kept (changed, deleted) by its maker and by whoever
  holds one of the two permissions where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

from django.db.models import QuerySet

from access.models import Organization, User
from access.roles import Permission
from access.scope import Scope, scope_of
from command.director.models import Placed
from gis.models import Region

PlacedModel = TypeVar("PlacedModel", bound=Placed)


@dataclass(frozen=True)
class Driver:
    """Somebody at a tablet.

    Attributes
    ----------
    user : int
        Their account.
    over : Scope
        Where they dispatch or administer.
    """

    user: int
    over: Scope

    @classmethod
    def of(cls, user: User) -> Driver:
        """What ``user`` may drive."""
        return cls(user.pk, keeping_scope(user))

    def drives(self, user: int, sees: Scope) -> bool:
        """Whether they see and drive a wall of the account ``user`` which may see ``sees``."""
        return user == self.user or covers(self.over, sees)


def keeping_scope(user: User) -> Scope:
    """Where ``user`` dispatches or administers."""
    return scope_of(user, Permission.DISPATCH) | scope_of(user, Permission.ADMINISTER)


def covers(outer: Scope, inner: Scope) -> bool:
    """Whether everything inside ``inner`` is inside ``outer``; an empty scope is covered by none.

    Subtrees are compared with subtrees of the same sort: things of an organization may be in any region.
    """
    if outer.everything:
        return not inner.empty
    if inner.everything or inner.empty:
        return False
    pairs = ((outer.region_paths, inner.region_paths), (outer.organization_paths, inner.organization_paths))
    return all(path.startswith(held) for held, wanted in pairs for path in wanted)


def seen(model: type[PlacedModel], user: User) -> QuerySet[PlacedModel]:
    """Scenes or tours that ``user`` sees."""
    things = model.objects.within(scope_of(user)) | model.objects.filter(created_by=user)
    return cast(QuerySet[PlacedModel], things)


def keeps(thing: Placed, user: User) -> bool:
    """Whether ``user`` may change and delete this scene or tour."""
    return thing.created_by_id == user.pk or thing.inside(keeping_scope(user))


def place_for(user: User) -> tuple[Region | None, Organization | None]:
    """Where what ``user`` makes belongs: the first place of their scope; neither for the whole city."""
    scope = scope_of(user)
    if scope.everything:
        return None, None
    if scope.region_paths:
        return Region.objects.get(path=scope.region_paths[0]), None
    return None, Organization.objects.filter(path__in=scope.organization_paths).order_by("path").first()
