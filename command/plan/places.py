"""Where an area lies, and whether that is where somebody may plan.

Seeing follows the usual policy (:mod:`access.scope`). Planning is stricter: a district's planner plans what lies in the
district, not what its firms have elsewhere; an organization's planner plans what belongs to it.
"""

from __future__ import annotations

import shapely
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja.errors import HttpError
from shapely.geometry.base import BaseGeometry

from access.models import Organization, User
from access.roles import Permission
from access.scope import scope_of
from command.plan.exceptions import DraftForbiddenError
from command.plan.models import AreaDraft
from gis import editing
from gis.models import Region
from twin.models import Area
from twin.past import districts

NEIGHBOURLY_M = 100.0
"""So far may an area reach over a district's border: borders in data are no more exact."""


def planner(request: HttpRequest) -> User:
    """Who asks, if they plan or approve somewhere.

    Raises
    ------
    HttpError
        403: they do not.
    """
    user: User = request.user  # type: ignore[assignment]
    if scope_of(user, Permission.PLAN).empty and scope_of(user, Permission.APPROVE).empty:
        raise HttpError(403, gettext("您没有规划权限。"))
    return user


def covers(user: User, permission: Permission, thing: AreaDraft | Area) -> bool:
    """Whether a draft or an area is where ``user`` holds ``permission``."""
    scope = scope_of(user, permission)
    if scope.everything:
        return True
    if thing.region is not None and thing.region.path.startswith(scope.region_paths):
        return True
    return thing.owner is not None and thing.owner.path.startswith(scope.organization_paths)


def region_of(shape: BaseGeometry) -> Region | None:
    """The district in which a shape lies, the city where it lies in several; None outside it."""
    parts = shapely.get_parts(shape)
    middle = shapely.point_on_surface(parts[int(shapely.area(parts).argmax())])
    (found,) = districts().locate_one([middle.x], [middle.y]).tolist()
    city = Region.objects.filter(code=settings.CITY_CODE).first()
    district = Region.objects.filter(pk=found).first()
    if district is None or district.boundary is None:
        return city
    ground = shapely.from_wkb(bytes(district.boundary.wkb))
    if shapely.contains_properly(ground, shape) or shapely.covers(editing.buffer(ground, NEIGHBOURLY_M), shape):
        return district
    return city


def check_owner(user: User, owner: Organization | None, before: Organization | None) -> None:
    """Refuse an owner that the planner does not see, unless it was the owner already.

    Raises
    ------
    DraftForbiddenError
    """
    if owner is None or owner == before:
        return
    if not Organization.objects.within(scope_of(user)).filter(pk=owner.pk).exists():
        raise DraftForbiddenError(gettext("所属单位不在您的数据范围内。"))
