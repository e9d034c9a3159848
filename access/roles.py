"""Roles and what each may do.

A permission never stands alone: it holds only where the grant that brought it holds (:func:`access.scope.scope_of`).
The table below is the whole policy; there is no other place that gives a permission to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Permission(StrEnum):
    """What a role may be allowed to do inside its scope."""

    VIEW = "view"
    """See things on the map, in lists, tiles, live frames and the API."""
    VIEW_PERSONAL = "view_personal"
    """See a personal identifier in full; every look is audited."""
    DISPATCH = "dispatch"
    """Send people and machines, answer alerts."""
    PLAN = "plan"
    """Draw and change areas and routes; what is drawn waits for somebody else's approval."""
    ANNOTATE = "annotate"
    """Put annotations on the map, and change those that are not locked; nothing follows from them by itself."""
    APPROVE = "approve"
    """Approve what others have drawn (never one's own)."""
    MANAGE_DEVICES = "manage_devices"
    """Register devices, make and revoke their keys."""
    ADMINISTER = "administer"
    """Keep organizations, users, grants and read the audit ledger."""


class Role(TextChoices):
    """Who somebody is to the platform (角色)."""

    CITY = "city", _("市级")
    DISTRICT = "district", _("区级")
    ENTERPRISE = "enterprise", _("企业")
    DISPATCHER = "dispatcher", _("调度员")
    PLANNER = "planner", _("规划员")
    ADMINISTRATOR = "administrator", _("系统管理员")


_P = Permission
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CITY: frozenset({_P.VIEW, _P.VIEW_PERSONAL, _P.DISPATCH, _P.PLAN, _P.ANNOTATE, _P.APPROVE}),
        Role.DISTRICT: frozenset({_P.VIEW, _P.VIEW_PERSONAL, _P.DISPATCH, _P.PLAN, _P.ANNOTATE}),
        Role.ENTERPRISE: frozenset({_P.VIEW, _P.VIEW_PERSONAL, _P.MANAGE_DEVICES}),
        Role.DISPATCHER: frozenset({_P.VIEW, _P.VIEW_PERSONAL, _P.DISPATCH, _P.ANNOTATE}),
        Role.PLANNER: frozenset({_P.VIEW, _P.PLAN, _P.ANNOTATE}),
        # An administrator keeps accounts and devices but does not look at people's numbers: whoever decides
        # who may look should not be the one who looks.
        Role.ADMINISTRATOR: frozenset({_P.VIEW, _P.PLAN, _P.ANNOTATE, _P.APPROVE, _P.MANAGE_DEVICES, _P.ADMINISTER}),
    }
)

DESK_PERMISSIONS = frozenset({_P.DISPATCH, _P.PLAN, _P.MANAGE_DEVICES, _P.ADMINISTER})
"""Any one of these opens the desk (the admin site); what is in it is decided model by model."""

NEEDS_REGION = frozenset({Role.DISTRICT})
NEEDS_ORGANIZATION = frozenset({Role.ENTERPRISE})


def roles_with(permission: str) -> frozenset[Role]:
    """Roles that carry ``permission``.

    Raises
    ------
    ValueError
        There is no such permission: a misspelt one must not quietly mean "nobody" or "everybody".
    """
    wanted = Permission(permission)
    return frozenset(role for role, permissions in ROLE_PERMISSIONS.items() if wanted in permissions)
