"""Regions in the administration pages: facts about the boundary, no map (the stock widget calls an outside server)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gis.geodesy import area_m2
from gis.models import Region


class LevelFilter(admin.SimpleListFilter):
    """Levels; cities are of two ranks."""

    title = _("级别")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Every level."""
        named = {Region.Level.CITY: _("市（地级市、直辖市、特别行政区）")}
        return [(level.value, named.get(level, level.label)) for level in Region.Level]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Region]) -> QuerySet[Region]:
        """Regions of the chosen level."""
        return queryset.filter(level=self.value()) if self.value() else queryset


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    """Names may be corrected here; codes, nesting and boundaries come from ``loadcity`` or an import."""

    list_display = ["code", "name", "name_en", "level_name", "parent"]
    list_filter = [LevelFilter]
    list_select_related = ["parent"]
    search_fields = ["code", "name", "name_en"]
    fields = ["code", "name", "name_en", "level_name", "parent", "path", "boundary_summary", "datum", "source"]
    readonly_fields = ["code", "level_name", "parent", "path", "boundary_summary", "datum", "source"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: a region without a boundary would be of no use."""
        return False

    @admin.display(description=_("级别"), ordering="level")
    def level_name(self, region: Region) -> str:
        """What it is called in the order of government."""
        return region.level_name

    @admin.display(description=_("边界概况"))
    def boundary_summary(self, region: Region) -> str:
        """Pieces, points, area in km² and extent in degrees."""
        west, south, east, north = region.boundary.extent
        return gettext("%(parts)d 块，%(points)d 点，%(area).1f 平方公里，经度 %(lon)s，纬度 %(lat)s") % {
            "parts": len(region.boundary),
            "points": region.boundary.num_coords,
            "area": area_m2(region.boundary.wkb) / 1e6,
            "lon": f"{west:.4f}–{east:.4f}",
            "lat": f"{south:.4f}–{north:.4f}",
        }
