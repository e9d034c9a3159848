"""Desk page of the thresholds of risk grids. They hold for the whole city, so whoever plans all of it sets them."""

from __future__ import annotations

from django.contrib import admin

from access.city_settings import CitySettingAdmin
from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from twin.grids.models import GridThreshold


@admin.register(GridThreshold)
class GridThresholdAdmin(ExchangeMixin, HistoryMixin, CitySettingAdmin):
    """From where on an index is yellow, orange, red; in force at the next run, within a minute."""

    importable = False

    list_display = ["grid", "index", "yellow", "orange", "red", "changed_at", "changed_by"]
    list_select_related = ["changed_by"]
    search_fields = ["grid"]
    list_filter = ["index"]
    readonly_fields = ["grid", "index", "changed_at", "changed_by"]
    fields = ["grid", "index", "yellow", "orange", "red", "changed_at", "changed_by"]
