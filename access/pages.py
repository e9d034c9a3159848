"""The pages that menus lead to."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from access.models import User
from access.roles import Permission
from access.scope import scope_of


def pages_of(user: User) -> list[tuple[str, str]]:
    """Name and address of every page that ``user`` has a use for, in the order of menus."""
    plans = any(not scope_of(user, permission).empty for permission in (Permission.PLAN, Permission.APPROVE))
    return [
        (_("地图"), reverse("map")),
        (_("大屏"), reverse("screen")),
        *([(_("规划台"), reverse("plan"))] if plans else []),
        (_("导播台"), reverse("director")),
        (_("视频"), reverse("video")),
        (_("通讯录"), reverse("directory")),
        (_("开放接口"), reverse("ogc")),
        (_("管理台"), reverse("admin:index")),
    ]
