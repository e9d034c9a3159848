"""Desk pages of rules: their settings, and every version of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.city_settings import CitySettingAdmin
from access.desk import as_lines
from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from command.admin.happened import HappenedInline
from command.forms import PREFIX, form_for
from command.models import RuleSetting, RuleVersion
from command.rules import GRADE_NAMES, Grade, Trigger, registry
from twin.period_text import write_text


class VersionInline(HappenedInline):
    """What a rule's settings were, and what each change changed."""

    model = RuleVersion
    fields = readonly_fields = ("version", "changed_at", "changed_by", "differences")
    ordering = ["-version"]

    @admin.display(description=_("变更"))
    def differences(self, version: RuleVersion) -> str:
        """Old and new values, one a line."""
        before = RuleVersion.objects.filter(setting=version.setting_id, version=version.version - 1).first()
        return as_lines(_differences(before, version)) if before else "—"


@admin.register(RuleSetting)
class RuleSettingAdmin(ExchangeMixin, HistoryMixin, CitySettingAdmin):
    """Rules, with every version kept. They hold for the whole city, so whoever plans all of it sets them."""

    importable = False

    list_display = ["title", "rule", "grade", "enabled", "version", "changed_at", "changed_by"]
    list_filter = ["enabled"]
    list_select_related = ["changed_by"]
    search_fields = ["rule"]
    readonly_fields = ["rule", "grade", "advice", "version", "changed_at", "changed_by"]
    inlines = [VersionInline]

    @admin.display(description=_("名称"))
    def title(self, setting: RuleSetting) -> str:
        """What people call it."""
        return str(setting)

    @admin.display(description=_("等级"))
    def grade(self, setting: RuleSetting) -> str:
        """Grade of its alerts; none where its module is not installed."""
        rule = registry.find(setting.rule)
        return str(GRADE_NAMES[Grade(rule.grade)]) if rule else gettext("模块未安装")

    @admin.display(description=_("处置建议"))
    def advice(self, setting: RuleSetting) -> str:
        """What to do about its alerts."""
        rule = registry.find(setting.rule)
        return str(rule.advice) if rule else ""

    def get_form(
        self, request: HttpRequest, obj: RuleSetting | None = None, change: bool = False, **options: Any
    ) -> Any:
        """The rule's own form."""
        return form_for(obj)

    def get_fieldsets(self, request: HttpRequest, obj: RuleSetting | None = None) -> Any:
        """Parameters as a section of their own."""
        names = [name for name in form_for(obj).base_fields if name.startswith(PREFIX)]
        rule = registry.find(obj.rule) if obj is not None else None
        # The platform is in no district.
        where = [] if rule is not None and rule.on is Trigger.PLATFORM else ["regions"]
        return [
            (None, {"fields": ["rule", "grade", "advice", "enabled", "periods", *where]}),
            *([(_("规则参数"), {"fields": names})] if names else []),
            (_("版本"), {"fields": ["version", "changed_at", "changed_by"]}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans the whole city; a rule whose module is gone is only looked at."""
        installed = obj is None or registry.find(obj.rule) is not None
        return installed and super().has_change_permission(request, obj)


def _differences(before: RuleVersion, after: RuleVersion) -> Iterable[str]:
    rule = registry.find(after.setting_id)
    titles = {p.key: str(p.title) for p in rule.parameters} if rule else {}
    for key in sorted({*before.parameters, *after.parameters}):
        old, new = before.parameters.get(key), after.parameters.get(key)
        if old != new:
            yield f"{titles.get(key, key)}：{old} → {new}"
    if before.enabled != after.enabled:
        yield gettext("启用") if after.enabled else gettext("停用")
    for name, shown in (("periods", write_text), ("regions", ", ".join)):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            title = RuleVersion._meta.get_field(name).verbose_name  # type: ignore[union-attr]
            yield f"{title}：{shown(old) or '—'} → {shown(new) or '—'}"
