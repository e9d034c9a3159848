"""Desk pages of the watch: the duty roster and weather reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter, choices
from access.roles import Permission
from command.watch.models import DutyShift, WeatherReport


class _PlannedMixin(ScopedAdminMixin):
    """Kept by those who plan somewhere."""

    add_requires: str | None = Permission.PLAN
    change_requires: str | None = Permission.PLAN
    delete_requires: str | None = Permission.PLAN


class WhenFilter(admin.SimpleListFilter):
    """Shifts from today on, the next first, unless asked otherwise: a roster is planned far ahead."""

    title = _("时间")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that are over, and all."""
        return [("past", gettext("已结束")), ("all", gettext("全部"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """As usual, but "all" without a choice means "from today on"."""
        first, *rest = super().choices(changelist)
        yield {**first, "display": gettext("今天及以后")}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Shifts of the chosen time."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if self.value() == "past":
            return queryset.filter(ends_at__lte=today)
        return queryset if self.value() == "all" else queryset.filter(ends_at__gt=today)


@admin.register(DutyShift)
class DutyShiftAdmin(_PlannedMixin, admin.ModelAdmin):
    """The duty roster; telephone numbers stay masked."""

    list_display = ["shown_name", "title", "region", "starts_at", "ends_at", "is_now", "telephone"]
    list_filter = [WhenFilter, ("region", ScopedRelatedFilter)]
    list_select_related = ["person", "region"]
    search_fields = ["name", "person__display_name", "title", "telephone__exact"]
    date_hierarchy = "starts_at"
    fields = ["person", "name", "title", "telephone", "region", ("starts_at", "ends_at")]

    def get_ordering(self, request: HttpRequest) -> Any:
        """What is to come, the next first; what was, the last first."""
        return ["-starts_at", "pk"] if request.GET.get(WhenFilter.parameter_name) else ["starts_at", "pk"]

    @admin.display(description=_("姓名"))
    def shown_name(self, shift: DutyShift) -> str:
        """What the person is called."""
        return shift.shown_name

    @admin.display(description=_("正在值班"), boolean=True)
    def is_now(self, shift: DutyShift) -> bool:
        """Whether the shift lasts now."""
        return shift.starts_at <= timezone.now() < shift.ends_at


@admin.register(WeatherReport)
class WeatherReportAdmin(_PlannedMixin, admin.ModelAdmin):
    """Weather reports. What was said stays as it was said: a mistake is taken out and entered anew."""

    change_requires = None

    list_display = ["observed_at", "condition", "temperature_c", "wind", "wind_speed_m_s", "region", "source"]
    list_filter = ["condition", ("region", ScopedRelatedFilter)]
    list_select_related = ["region"]
    search_fields = ["source"]
    date_hierarchy = "observed_at"
    fields = [
        "observed_at", "source", "condition", "temperature_c", ("wind", "wind_speed_m_s"), "region",
    ]  # fmt: skip

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Places the reporter may report about."""
        options.setdefault("queryset", choices(db_field, self.scope(request, self.add_requires)))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: WeatherReport, form: Any, change: bool) -> None:
        """Note who entered it."""
        obj.entered_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
