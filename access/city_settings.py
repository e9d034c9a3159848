"""Desk pages of settings that are declared in code and hold for the whole city."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from access.roles import Permission
from access.scope import scope_of


class CitySettingAdmin(admin.ModelAdmin):
    """Whoever plans somewhere sees them, whoever plans the whole city changes them; they come and go with the code.

    The model notes who changed a row in ``changed_by``.
    """

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Note who changed it."""
        obj.changed_by = request.user
        super().save_model(request, obj, form, change)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans somewhere."""
        return not scope_of(request.user, Permission.PLAN).empty  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans the whole city."""
        return scope_of(request.user, Permission.PLAN).everything  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: they are declared."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
