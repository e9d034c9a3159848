"""Desk pages of the director: scenes and tours."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from access.admin_scope import ScopedAdminMixin
from access.roles import Permission
from access.scope import Scope, scope_of
from command.director.models import Placed, Scene, Tour, TourStep
from command.director.rights import keeping_scope, place_for


class PlacedAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Kept by whoever dispatches or administers where the thing belongs."""

    list_select_related = ["region", "organization", "created_by"]
    search_fields = ["name"]

    def scope(self, request: HttpRequest, permission: str | None) -> Scope:
        """Where the user may look, or keep things."""
        if permission == Permission.VIEW:
            return scope_of(request.user)
        return keeping_scope(request.user)  # type: ignore[arg-type]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The place where the user's own things belong."""
        region, organization = place_for(request.user)  # type: ignore[arg-type]
        return {"region": region, "organization": organization, **super().get_changeform_initial_data(request)}  # type: ignore[dict-item]

    def save_model(self, request: HttpRequest, obj: Placed, form: Any, change: bool) -> None:
        """Note who made it."""
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)


@admin.register(Scene)
class SceneAdmin(PlacedAdmin):
    """Scenes; usually saved from a wall or a tablet, put in order here."""

    list_display = ["name", "position", "district", "region", "organization", "created_by", "changed_at"]
    list_editable = ["position"]
    autocomplete_fields = ["asset"]
    fieldsets = [
        (None, {"fields": ["name", "position", ("region", "organization")]}),
        ("", {"fields": [("lon", "lat", "zoom"), ("pitch", "bearing"), "district", "layers", "folded", "asset"]}),
    ]


class StepInline(admin.TabularInline):
    """The scenes of a tour, in order."""

    model = TourStep
    fields = ["position", "scene", "dwell_s"]
    extra = 0
    min_num = 1

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer the scenes that the user sees."""
        options.setdefault("queryset", Scene.objects.within(scope_of(request.user)))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the tour sees its steps."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the tour."""
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the tour."""
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the tour."""
        return self._may(request)

    def _may(self, request: HttpRequest) -> bool:
        # Asked inside the tour's own page, which checks the tour itself.
        return not keeping_scope(request.user).empty  # type: ignore[arg-type]


@admin.register(Tour)
class TourAdmin(PlacedAdmin):
    """Tours with their steps."""

    list_display = ["name", "position", "loop", "region", "organization", "created_by", "changed_at"]
    inlines = [StepInline]
    fields = ["name", "position", "loop", ("region", "organization")]
