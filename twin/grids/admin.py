"""Desk page of the thresholds of risk grids. They hold for the whole city, so whoever plans all of it sets them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.roles import Permission
from access.scope import scope_of
from twin.grids.models import GridThreshold


@admin.register(GridThreshold)
class GridThresholdAdmin(ExchangeMixin, HistoryMixin, admin.ModelAdmin):
    """From where on an index is yellow, orange, red; in force at the next run, within a minute."""

    importable = False

    list_display = ["grid", "index", "yellow", "orange", "red", "changed_at", "changed_by"]
    list_select_related = ["changed_by"]
    search_fields = ["grid"]
    list_filter = ["index"]
    readonly_fields = ["grid", "index", "changed_at", "changed_by"]
    fields = ["grid", "index", "yellow", "orange", "red", "changed_at", "changed_by"]

    def save_model(self, request: HttpRequest, obj: GridThreshold, form: Any, change: bool) -> None:
        """Note who changed it."""
        obj.changed_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans somewhere sees what a colour means."""
        return not scope_of(request.user, Permission.PLAN).empty  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans the whole city."""
        return scope_of(request.user, Permission.PLAN).everything  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come with their grid."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go with their grid."""
        return False
