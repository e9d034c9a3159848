"""Desk pages of alerts: what is open, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.desk import Tile, as_lines, register_tile
from access.roles import Permission
from access.scope import ScopedQuerySet, scope_of
from command.admin.happened import HappenedInline
from command.exceptions import CommandError
from command.forms import ActionForm
from command.lifecycle import AlertAction, AlertState, StepAction, advance, assignees
from command.models import Alert, AlertStep
from command.rules import Grade, registry
from command.wire import spoken_evidence, spoken_parameters

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


class StepInline(HappenedInline):
    """The log of an alert."""

    model = AlertStep
    fields = readonly_fields = ("at", "action", "by_name", "state_after", "text")


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
        return as_lines(f"{e['title']}：{e['value']} {e['unit']}" for e in spoken_evidence(alert.rule, alert.evidence))

    @admin.display(description=_("规则参数"))
    def parameters_table(self, alert: Alert) -> str:
        """How the rule was set, one parameter a line."""
        shown = spoken_parameters(alert.rule, alert.parameters, alert.evidence)
        return as_lines(f"{p['title']}：{p['value']} {p['unit']}" for p in shown)

    def has_dispatch_permission(self, request: HttpRequest) -> bool:
        """Whether the user may do anything to any alert; each is asked again when it is done."""
        rules_roles = {rule.disposer_role for rule in registry} - {None}
        held = set(request.user.grants.values_list("role", flat=True))  # type: ignore[union-attr]
        dispatches = self.scope(request, Permission.DISPATCH) | self.scope(request, Permission.ADMINISTER)
        return not dispatches.empty or bool(held & rules_roles)

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
