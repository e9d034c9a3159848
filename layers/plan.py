"""The planners' desk (规划台): a shell that the bundle fills."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

from access.roles import Permission
from access.scope import scope_of
from command.plan.choices import kind_choices
from layers.screen import around, districts_in
from twin.bundle import entry
from twin.datum_choices import datum_choices
from twin.views import boot_data


@require_safe
def plan_page(request: HttpRequest) -> HttpResponse:
    """The desk of whoever plans or approves somewhere; 403 for others."""
    scope = scope_of(request.user, Permission.PLAN) | scope_of(request.user, Permission.APPROVE)
    if scope.empty:
        raise PermissionDenied(gettext("您没有规划权限。"))
    boot = boot_data(request)
    if not scope.everything and (districts := districts_in(scope, get_language())):
        boot["bounds"] = around([district["bounds"] for district in districts])
    base = reverse("api:areas").removesuffix("/areas")
    boot["urls"] |= {"plan": base, "search": reverse("api:search")}
    boot["kinds"] = kind_choices()
    boot["datums"] = datum_choices()
    return render(request, "layers/plan.html", {"bundle": entry("src/plan/main.ts"), "boot": boot})
