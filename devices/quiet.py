"""Devices of which nothing is heard though they were not switched off: the desk's filter and its figure."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.desk import Tile
from access.roles import Permission
from access.scope import scope_of
from devices.models import Device, RefusalCount
from twin.kinds import Status, kinds


def quiet() -> Q:
    """Condition on devices: in use, heard once, and not within the time that their kind allows."""
    now = timezone.now()
    late = (Q(kind=k.key, asset__state__ts__lt=now - timedelta(seconds=k.silent_after_s)) for k in kinds())
    used = Q(revoked_at=None, asset__active=True) & ~Q(asset__state__status=Status.OFF)
    return used & reduce(or_, late)


class HeardFilter(admin.SimpleListFilter):
    """Whether anything is heard of them."""

    title = _("通信")
    parameter_name = "heard"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Silent, or never heard at all."""
        return [("silent", _("静默")), ("never", _("从未上报"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The chosen ones."""
        conditions = {"silent": quiet(), "never": Q(asset__state=None)}
        wanted = conditions.get(self.value() or "")
        return queryset.filter(wanted) if wanted is not None else queryset


def silent_tile(request: HttpRequest) -> Tile | None:
    """Silent devices inside the user's scope."""
    scope = scope_of(request.user, Permission.VIEW)  # type: ignore[arg-type]
    if scope.empty:
        return None
    count = Device.objects.within(scope).filter(quiet()).count()
    address = reverse("admin:devices_device_changelist") + "?heard=silent"
    return Tile(gettext("静默的终端"), count, address, gettext("超过该类别的静默时限，且没有关机"), "blue")


def refused_tile(request: HttpRequest) -> Tile | None:
    """Messages refused today; they belong to no district, so only the whole city's administrators are told."""
    if not scope_of(request.user, Permission.ADMINISTER).everything:  # type: ignore[arg-type]
        return None
    today = timezone.now().date()  # the ingest counts by days of UTC
    count = sum(RefusalCount.objects.filter(day=today).values_list("count", flat=True))
    address = reverse("admin:devices_refusalcount_changelist")
    return Tile(gettext("今天拒收的消息"), count, address, gettext("按原因统计"), "orange")
