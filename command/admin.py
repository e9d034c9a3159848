"""Desk pages of this floor: alerts with what is done to them, rules with their settings and versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.desk import Tile, register_tile
from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.roles import Permission
from access.scope import ScopedQuerySet, scope_of
from command.director import admin as _director  # noqa: F401 (Django looks for pages here)
from command.exceptions import CommandError
from command.forms import PREFIX, ActionForm, form_for
from command.lifecycle import AlertAction, AlertState, StepAction, advance, assignees
from command.models import Alert, AlertStep, RuleSetting, RuleVersion
from command.rules import GRADE_NAMES, Grade, registry
from command.watch.admin import DutyShiftAdmin, WeatherReportAdmin  # noqa: F401 - pages of this app
from command.wire import spoken_evidence
from twin.period_text import write_text

MOST_AT_ONCE = 200


@register_tile
def open_alerts(request: HttpRequest) -> Tile | None:
    """Alerts inside the user's scope that are not closed."""
    scope = scope_of(request.user, Permission.VIEW)  # type: ignore[arg-type]
    if scope.empty:
        return None
    alerts = Alert.objects.within(scope).exclude(state=AlertState.CLOSED)
    red = gettext("其中红色 %d 条") % alerts.filter(grade=Grade.RED).count()
    return Tile(gettext("未关闭的预警"), alerts.count(), reverse("admin:command_alert_changelist"), red, "red")


class RuleFilter(admin.SimpleListFilter):
    """By rule, by its title."""

    title = _("规则")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Rules that are installed."""
        return [(rule.id, str(rule.title)) for rule in registry]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Alerts of the chosen rule."""
        return queryset.filter(rule=self.value()) if self.value() else queryset


class OpenFilter(admin.SimpleListFilter):
    """Open or not: those not closed unless asked otherwise."""

    title = _("状态")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All, and each state."""
        return [("all", gettext("全部")), *((value, str(label)) for value, label in AlertState.choices)]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """As usual, but "all" without a choice means "not closed"."""
        first, *rest = super().choices(changelist)
        yield {**first, "display": gettext("未关闭")}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Alerts in the chosen state."""
        if self.value() in AlertState.values:
            return queryset.filter(state=self.value())
        return queryset if self.value() == "all" else queryset.exclude(state=AlertState.CLOSED)


class StepInline(admin.TabularInline):
    """The log of an alert."""

    model = AlertStep
    fields = readonly_fields = ("at", "action", "by_name", "state_after", "text")
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the alert sees its log."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False


@admin.register(Alert)
class AlertAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Alerts, to be read; what is done to them goes through their life cycle."""

    add_requires = change_requires = delete_requires = None

    list_display = ["raised_at", "grade", "named_rule", "subject", "area", "region", "state", "lasts", "assigned_to"]
    list_filter = [OpenFilter, "grade", RuleFilter, ("region", ScopedRelatedFilter)]
    list_select_related = ["area", "region", "assigned_to"]
    search_fields = ["subject", "area__name", "asset__code", "feedback"]
    date_hierarchy = "raised_at"
    show_full_result_count = False
    actions = ["acknowledge", "assign", "dispose", "send_back", "verify", "close"]
    inlines = [StepInline]
    fieldsets = [
        (None, {"fields": [("grade", "state"), "named_rule", "subject", "asset", "area", "area_version", "advice"]}),
        (_("地点"), {"fields": ["owner", "region", ("lon", "lat")]}),
        (_("依据"), {"fields": ["evidence_table", "rule_version", "parameters_table", "group_key"]}),
        (_("时间"), {"fields": ["raised_at", "cause_ended_at", "due_at", "escalated_at"]}),
        (
            _("处置"),
            {
                "fields": [
                    "assigned_to",
                    ("acknowledged_at", "acknowledged_by"),
                    ("disposed_at", "disposed_by"),
                    "feedback",
                    ("verified_at", "verified_by"),
                    ("closed_at", "closed_by"),
                ]
            },
        ),
    ]

    @admin.display(description=_("规则"), ordering="rule")
    def named_rule(self, alert: Alert) -> str:
        """The rule's title."""
        return alert.title

    @admin.display(description=_("起因仍在"), boolean=True)
    def lasts(self, alert: Alert) -> bool:
        """Whether the cause still holds."""
        return alert.cause_ended_at is None

    @admin.display(description=_("处置建议"))
    def advice(self, alert: Alert) -> str:
        """What to do."""
        rule = registry.find(alert.rule)
        return str(rule.advice) if rule else ""

    @admin.display(description=_("依据"))
    def evidence_table(self, alert: Alert) -> str:
        """What the rule saw, one value a line."""
        return _lines(f"{e['title']}：{e['value']} {e['unit']}" for e in spoken_evidence(alert.rule, alert.evidence))

    @admin.display(description=_("规则参数"))
    def parameters_table(self, alert: Alert) -> str:
        """How the rule was set, one parameter a line."""
        rule = registry.find(alert.rule)
        titles = {p.key: str(p.title) for p in rule.parameters} if rule else {}
        return _lines(f"{titles.get(key, key)}：{value}" for key, value in alert.parameters.items())

    def has_dispatch_permission(self, request: HttpRequest) -> bool:
        """Whether the user may do anything to any alert; each is asked again when it is done."""
        rules_roles = {rule.disposer_role for rule in registry} - {None}
        held = set(request.user.grants.values_list("role", flat=True))  # type: ignore[union-attr]
        return not self.scope(request, Permission.DISPATCH).empty or bool(held & rules_roles)

    @admin.action(description=_("确认"), permissions=["dispatch"])
    def acknowledge(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """Somebody has seen them."""
        return self._act(request, queryset, AlertAction.ACKNOWLEDGE)

    @admin.action(description=_("指派"), permissions=["dispatch"])
    def assign(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """Somebody is to see to them."""
        return self._act(request, queryset, AlertAction.ASSIGN)

    @admin.action(description=_("处置"), permissions=["dispatch"])
    def dispose(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """Something was done about them."""
        return self._act(request, queryset, AlertAction.DISPOSE)

    @admin.action(description=_("核验"), permissions=["dispatch"])
    def verify(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """It was done well."""
        return self._act(request, queryset, AlertAction.VERIFY)

    @admin.action(description=_("关闭"), permissions=["dispatch"])
    def close(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """That is all."""
        return self._act(request, queryset, AlertAction.CLOSE)

    @admin.action(description=_("退回"), permissions=["dispatch"])
    def send_back(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """It was not done well."""
        return self._act(request, queryset, AlertAction.RETURN)

    def _act(self, request: HttpRequest, queryset: ScopedQuerySet, action: AlertAction) -> Any:
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, gettext("一次最多处理 %d 条预警。") % MOST_AT_ONCE, messages.ERROR)
            return None
        people = assignees(request.user)  # type: ignore[arg-type]
        asks = action in (AlertAction.ASSIGN, AlertAction.DISPOSE, AlertAction.RETURN)
        form = ActionForm(action, people, request.POST if "do" in request.POST or not asks else None)
        if form.is_valid():
            self._do(request, chosen, action, form)
            return HttpResponseRedirect(reverse("admin:command_alert_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": StepAction(action.value).label,
            "opts": Alert._meta,
            "alerts": chosen,
            "action": request.POST["action"],
            "form": form,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "command/act.html", context)

    def _do(self, request: HttpRequest, chosen: list[Alert], action: AlertAction, form: ActionForm) -> None:
        failed: dict[str, list[str]] = {}
        text = form.cleaned_data["text"]
        for alert in chosen:
            try:
                advance(alert.pk, action, request.user, text=text, assign_to=form.assign_to)  # type: ignore[arg-type]
            except CommandError as error:
                failed.setdefault(str(error), []).append(str(alert))
        done = len(chosen) - sum(map(len, failed.values()))
        if done:
            said = gettext("%(action)s：%(count)d 条预警。") % {"action": StepAction(action.value).label, "count": done}
            self.message_user(request, said, messages.SUCCESS)
        for why, subjects in failed.items():
            self.message_user(request, f"{'、'.join(subjects)} — {why}", messages.ERROR)


class VersionInline(admin.TabularInline):
    """What a rule's settings were, and what each change changed."""

    model = RuleVersion
    fields = readonly_fields = ("version", "changed_at", "changed_by", "differences")
    ordering = ["-version"]
    extra = 0
    can_delete = False

    @admin.display(description=_("变更"))
    def differences(self, version: RuleVersion) -> str:
        """Old and new values, one a line."""
        before = RuleVersion.objects.filter(setting=version.setting_id, version=version.version - 1).first()
        return _lines(_differences(before, version)) if before else "—"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the rule sees its versions."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it happened."""
        return False


@admin.register(RuleSetting)
class RuleSettingAdmin(ExchangeMixin, HistoryMixin, admin.ModelAdmin):
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
        return [
            (None, {"fields": ["rule", "grade", "advice", "enabled", "periods", "regions"]}),
            *([(_("规则参数"), {"fields": names})] if names else []),
            (_("版本"), {"fields": ["version", "changed_at", "changed_by"]}),
        ]

    def save_model(self, request: HttpRequest, obj: RuleSetting, form: Any, change: bool) -> None:
        """Note who changed it."""
        obj.changed_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans somewhere sees how alerts come about."""
        return not scope_of(request.user, Permission.PLAN).empty  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever plans the whole city; a rule whose module is gone is only looked at."""
        installed = obj is None or registry.find(obj.rule) is not None
        return installed and scope_of(request.user, Permission.PLAN).everything  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rules are declared by modules."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Their history stays."""
        return False


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


def _lines(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return format_html('<pre class="ledger">{}</pre>', text) if text else "—"
