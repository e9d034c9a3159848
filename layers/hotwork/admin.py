"""Desk pages of hot work."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import OnceChosenMixin, ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from layers.hotwork.models import (
    ControlRecord,
    HotworkFirm,
    ImportantPeriod,
    KeyArea,
    Machine,
    Welder,
    WorkConfirmation,
)
from twin.admin import PeriodsField


@admin.register(HotworkFirm)
class HotworkFirmAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Firms that do hot work."""

    list_display = ["organization", "trade", "licence_number", "licence_valid_to", "safety_officer"]
    list_filter = ["trade", ("organization__region", ScopedRelatedFilter)]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__uscc", "licence_number"]
    fields = ["organization", "trade", "licence_number", "licence_valid_to", "safety_officer", "telephone", "where"]
    readonly_fields = ["where"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    @admin.display(description=_("位置"))
    def where(self, firm: HotworkFirm) -> str:
        """Its place in degrees, to a metre."""
        return f"{firm.place.x:.5f}, {firm.place.y:.5f}" if firm.place else ""


@admin.register(Welder)
class WelderAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Welders with their certificates."""

    exchange_keys = (("identity_number",), ("certificate_number", "certificate"), ("name", "firm", "region"))

    list_display = ["name", "firm", "certificate", "certificate_text", "valid_to", "region"]
    list_filter = ["certificate", "valid_to", ("region", ScopedRelatedFilter)]
    list_select_related = ["firm__organization", "region"]
    search_fields = ["name", "certificate_number", "identity_number__exact", "telephone__exact"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    @admin.display(description=_("证书编号"))
    def certificate_text(self, welder: Welder) -> str:
        """The certificate's number, masked where it is an identity number."""
        return welder.certificate_shown


@admin.register(Machine)
class MachineAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Welding machines."""

    list_display = ["serial", "model", "asset", "firm", "site", "welder"]
    list_filter = ["model", ("firm", ScopedRelatedFilter)]
    list_select_related = ["asset", "firm__organization", "site", "welder"]
    search_fields = ["serial", "model", "asset__code", "asset__name", "firm__organization__name"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES


class KeyAreaForm(forms.ModelForm):
    """Forbidden hours are typed as lines."""

    forbidden_periods = PeriodsField(label=_("禁止动火时段"))

    class Meta:
        model = KeyArea
        fields = ["area", "category", "safety_officer", "telephone", "forbidden_periods"]


@admin.register(KeyArea)
class KeyAreaAdmin(OnceChosenMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Key areas; their shape is kept with the areas of the map."""

    form = KeyAreaForm
    list_display = ["area", "category", "safety_officer", "telephone"]
    list_filter = ["category", ("area__region", ScopedRelatedFilter)]
    list_select_related = ["area"]
    search_fields = ["area__name", "category"]
    add_requires = change_requires = delete_requires = Permission.PLAN


@admin.register(ImportantPeriod)
class ImportantPeriodAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Important periods."""

    list_display = ["name", "starts_at", "ends_at", "place"]
    list_filter = ["starts_at", ("region", ScopedRelatedFilter)]
    list_select_related = ["region", "area"]
    search_fields = ["name", "area__name", "region__name"]
    add_requires = change_requires = delete_requires = Permission.PLAN

    @admin.display(description=_("地点"))
    def place(self, period: ImportantPeriod) -> str:
        """Region or area."""
        return period.place


class OngoingFilter(admin.SimpleListFilter):
    """Whether the work still goes on."""

    title = _("是否仍在作业")
    parameter_name = "ongoing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Yes and no."""
        return [("1", _("作业中")), ("0", _("已结束"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        """The chosen ones."""
        return queryset.filter(ended_at__isnull=self.value() == "1") if self.value() else queryset


@admin.register(ControlRecord)
class ControlRecordAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Work in key areas and important periods, to be read and confirmed."""

    list_display = ["place_name", "asset", "welder", "started_at", "ended_at", "length", "confirmed"]
    list_filter = [OngoingFilter, "started_at", ("area", ScopedRelatedFilter), ("period", ScopedRelatedFilter)]
    list_select_related = ["asset", "welder", "confirmation"]
    search_fields = ["place_name", "asset__code", "asset__name", "welder__name"]
    date_hierarchy = "started_at"
    actions = ["confirm"]
    add_requires = change_requires = delete_requires = None

    @admin.display(description=_("作业时长"))
    def length(self, record: ControlRecord) -> str:
        """How long the work lasted, or lasts."""
        minutes = int(((record.ended_at or timezone.now()) - record.started_at).total_seconds() // 60)
        return gettext("%(h)d 小时 %(m)d 分") % {"h": minutes // 60, "m": minutes % 60}

    @admin.display(description=_("已核实"), boolean=True)
    def confirmed(self, record: ControlRecord) -> bool:
        """Whether somebody confirmed it."""
        return hasattr(record, "confirmation")

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        """Whoever may dispatch somewhere."""
        return not self.scope(request, Permission.DISPATCH).empty

    @admin.action(description=_("核实所选作业"), permissions=["confirm"])
    def confirm(self, request: HttpRequest, records: models.QuerySet) -> None:
        """Confirm work inside the scope; each is reminded of for the rest of the day."""
        chosen = ControlRecord.objects.filter(pk__in=records.values("pk"))
        made = 0
        for record in chosen.within(self.scope(request, Permission.DISPATCH)).filter(confirmation=None):
            by: Any = request.user
            _row, new = WorkConfirmation.objects.get_or_create(record=record, defaults={"confirmed_by": by})
            made += new
        self.message_user(request, gettext("已核实 %d 项作业。") % made, messages.SUCCESS)
