"""What happened and is only read: rows below the record they belong to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class HappenedInline(admin.TabularInline):
    """Rows of a log: seen by whoever sees the record, and changed by nobody."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the record sees its log."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False
