"""Desk pages of the chemical park."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from access.admin_scope import OnceChosenMixin, ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from layers.chempark.models import Plant, TagHolder, Zone


@admin.register(Plant)
class PlantAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Plants."""

    list_display = ["organization", "hazard", "duty_telephone", "zones_count"]
    list_filter = ["hazard", ("organization__region", ScopedRelatedFilter)]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__uscc"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Count the zones along."""
        return super().get_queryset(request).annotate(zones_counted=models.Count("zones"))

    @admin.display(description=_("区域数"), ordering="zones_counted")
    def zones_count(self, plant: Any) -> int:
        """How many zones it has."""
        return plant.zones_counted


@admin.register(Zone)
class ZoneAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Limits of zones; their shape is kept with the areas of the map."""

    list_display = [
        *("area", "plant", "most_people", "least_people", "gathering_people"),
        *("stay_limit_min", "post", "post_people"),
    ]
    list_filter = [("plant", ScopedRelatedFilter)]
    list_select_related = ["area", "plant__organization"]
    search_fields = ["area__name", "plant__organization__name", "post"]
    add_requires = change_requires = delete_requires = Permission.PLAN


@admin.register(TagHolder)
class TagHolderAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """People on tags."""

    list_display = ["name", "asset", "plant", "employer", "post", "telephone"]
    list_filter = [("plant", ScopedRelatedFilter), "post"]
    list_select_related = ["asset", "plant__organization", "employer"]
    search_fields = ["name", "asset__code", "post", "telephone__exact"]
    filter_horizontal = ["zones"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES
