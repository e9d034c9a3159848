"""Desk pages of the twin: assets, areas, enter and exit events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.gis import forms
from django.contrib.gis.geos import GEOSGeometry, MultiLineString, MultiPolygon
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from twin.basemaps import admin as _basemaps  # noqa: F401 - registers its page
from twin.boundaries import read_boundary, read_line
from twin.grids import admin as _grids  # noqa: F401 - Django looks for pages here
from twin.models import Area, AreaEvent, Asset
from twin.period_text import HELP, read_text, write_text


@admin.register(Asset)
class AssetAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Assets; where they are now is read-only, the map shows it."""

    list_display = ["code", "name", "kind", "owner", "active", "seen_at", "region"]
    list_filter = ["kind", "active", ("owner", ScopedRelatedFilter)]
    list_select_related = ["owner", "state__region"]
    search_fields = ["code", "name"]
    readonly_fields = ["seen_at", "region", "created_at"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    @admin.display(description=_("最后定位"), ordering="state__ts")
    def seen_at(self, asset: Asset) -> Any:
        """Time of the latest position, to the second: that it is now is what one looks for."""
        state = getattr(asset, "state", None)
        return date_format(localtime(state.ts), "Y-m-d H:i:s") if state else None

    @admin.display(description=_("当前区域"))
    def region(self, asset: Asset) -> Any:
        """District where it is now."""
        state = getattr(asset, "state", None)
        return state.region if state else None


class ShapeField(forms.GeometryField):
    """A shape as text, GeoJSON or WKT, degrees of EPSG:4326, read by :attr:`read`."""

    widget = forms.Textarea
    read: Callable[[str], GEOSGeometry]

    def prepare_value(self, value: Any) -> Any:
        """Show a stored shape as GeoJSON, to the last digit: saved unchanged, it is unchanged."""
        if not isinstance(value, MultiPolygon | MultiLineString):
            return value
        return json.dumps({"type": value.geom_type, "coordinates": value.coords})

    def to_python(self, value: Any) -> GEOSGeometry | None:
        """Read what was typed."""
        return type(self).read(value) if value and isinstance(value, str) else value or None

    def clean(self, value: Any) -> GEOSGeometry | None:
        """Check what was typed."""
        shape = self.to_python(value)
        self.validate(shape)
        return shape


class BoundaryField(ShapeField):
    """A boundary; a single polygon becomes one of one."""

    read = staticmethod(read_boundary)


class LineField(ShapeField):
    """A line; a single one becomes one of one."""

    read = staticmethod(read_line)


class PeriodsField(forms.CharField):
    """Periods as lines of text (:mod:`twin.period_text`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": forms.Textarea, "help_text": HELP, **options})

    def prepare_value(self, value: Any) -> Any:
        """Show stored periods as lines."""
        return write_text(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[dict[str, Any]]:
        """Read lines."""
        return read_text(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines say something else."""
        return super().has_changed(self.prepare_value(initial or []), data)


class AreaForm(forms.ModelForm):
    """Area with its boundary as text, until it is drawn on the map."""

    boundary = BoundaryField(label=_("范围"), required=False, help_text=_("粘贴 GeoJSON 或 WKT；WGS 84 的度，经度在前"))
    line = LineField(
        label=_("警戒线"),
        required=False,
        help_text=_(
            "类别为警戒线时，不填范围，在此粘贴 LineString。顺着画线方向看，右侧为内：从左到右为进入，反之为离开。"
        ),
    )
    periods = PeriodsField(label=_("时段"))

    class Meta:
        model = Area
        fields = [
            "name",
            "kind",
            "boundary",
            "line",
            "z_min_m",
            "z_max_m",
            "periods",
            "owner",
            "region",
            "source",
            "active",
        ]


@admin.register(Area)
class AreaAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Areas; a change is in force on the live stream within a second.

    For those who may approve: whoever only plans draws a draft (``/plan/``), which somebody else approves.
    """

    form = AreaForm
    exchange_keys = (("name", "kind", "owner", "region"), ("name", "kind", "owner"), ("name", "kind"))
    list_display = ["name", "kind", "owner", "region", "version", "active"]
    list_filter = ["kind", "active", ("region", ScopedRelatedFilter)]
    list_select_related = ["owner", "region"]
    search_fields = ["name"]
    add_requires = change_requires = delete_requires = Permission.APPROVE


@admin.register(AreaEvent)
class AreaEventAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Who entered and left what, when."""

    list_display = ["ts", "asset", "entered", "area", "area_version"]
    list_filter = ["entered", "area__kind"]
    list_select_related = ["asset", "area"]
    search_fields = ["asset__code", "asset__name", "area__name"]
    date_hierarchy = "ts"
    add_requires = change_requires = delete_requires = None

    def get_readonly_fields(self, request: HttpRequest, obj: AreaEvent | None = None) -> list[str]:
        """Everything: it happened."""
        return ["asset", "area", "area_version", "entered", "ts", "lon", "lat"]
