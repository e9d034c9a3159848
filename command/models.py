"""Rules as they are set, and alerts with their log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.scope import Scoped, ScopePaths
from command.director import models as _director  # noqa: F401 (Django looks for models here)
from command.exceptions import RuleError
from command.lifecycle import AlertState, StepAction
from command.plan import models as _plan  # noqa: F401
from command.rules import GRADE_NAMES, Rule, registry
from command.watch.models import DutyShift, WeatherReport  # noqa: F401 - models of this app
from gis.models import Region
from twin.period_text import check_periods

USER = settings.AUTH_USER_MODEL

COUNTED = ("enabled", "parameters", "periods", "regions")
"""What makes a new version of a rule's setting."""


class RuleSetting(models.Model):
    """规则: how a rule is set; every change is a new version, kept in :class:`RuleVersion`."""

    rule = models.CharField(_("规则"), max_length=64, primary_key=True, editable=False)
    enabled = models.BooleanField(_("启用"), default=True)
    parameters = models.JSONField(_("规则参数"), default=dict, blank=True)
    periods = models.JSONField(_("时段"), default=list, blank=True, validators=[check_periods])
    regions = models.JSONField(_("适用区域"), default=list, blank=True, help_text=_("区划代码；留空则全市适用。"))
    version = models.PositiveIntegerField(_("版本"), default=0, editable=False)
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)
    changed_by = models.ForeignKey(
        USER, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("修改人")
    )

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("预警规则")
        ordering = ["rule"]

    def __str__(self) -> str:
        return registry.title_of(self.rule)

    def clean(self) -> None:
        """Refuse parameters that the rule does not have or would not take, and regions that are not there."""
        faults: dict[str, Any] = {}
        rule = registry.find(self.rule)
        if rule is not None:
            try:
                rule.settled(self.parameters)
            except RuleError as error:
                faults["parameters"] = str(error)
        known = set(Region.objects.filter(code__in=self.regions).values_list("code", flat=True))
        if unknown := [str(code) for code in self.regions if code not in known]:
            faults["regions"] = _("没有这些区划代码：%s") % ", ".join(unknown)
        if faults:
            raise ValidationError(faults)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save as a new version, unless nothing that counts has changed."""
        with transaction.atomic():
            before = RuleSetting.objects.select_for_update().filter(pk=self.pk).first()
            if before is not None and all(getattr(before, name) == getattr(self, name) for name in COUNTED):
                return
            self.version = before.version + 1 if before is not None else 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version", "changed_at"}
            super().save(*args, **kwargs)
            self.as_version().save(force_insert=True)

    def as_version(self) -> RuleVersion:
        """What it is now, to be kept."""
        counted = {name: getattr(self, name) for name in COUNTED}
        return RuleVersion(setting=self, version=self.version, changed_by=self.changed_by, **counted)


class RuleVersion(models.Model):
    """规则版本: what a rule's settings were from a moment on; never changed."""

    setting = models.ForeignKey(RuleSetting, models.CASCADE, related_name="versions", verbose_name=_("规则"))
    version = models.PositiveIntegerField(_("版本"))
    enabled = models.BooleanField(_("启用"))
    parameters = models.JSONField(_("规则参数"))
    periods = models.JSONField(_("时段"))
    regions = models.JSONField(_("适用区域"))
    changed_at = models.DateTimeField(_("修改时间"), auto_now_add=True)
    changed_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("修改人"))

    class Meta:
        verbose_name = verbose_name_plural = _("规则版本")
        ordering = ["setting", "-version"]
        constraints = [models.UniqueConstraint(fields=["setting", "version"], name="rule_version_once")]

    def __str__(self) -> str:
        return f"{self.setting_id} v{self.version}"


class PendingCause(models.Model):
    """待定起因: a cause that came or went, but not yet for as long as its rule asks (:mod:`command.lasting`)."""

    pk = models.CompositePrimaryKey("rule", "asset_id", "area_id")
    rule = models.CharField(_("规则"), max_length=64)
    # Numbers without rows of their own: 0 stands for no area, and nothing here outlives its use.
    asset_id = models.BigIntegerField(_("对象"))
    area_id = models.BigIntegerField(_("区域"))
    since = models.DateTimeField(_("自何时"))
    coming = models.BooleanField(_("出现"))
    version = models.PositiveIntegerField(_("规则版本"))
    """What waited for a rule that was set otherwise begins anew."""

    class Meta:
        verbose_name = verbose_name_plural = _("待定起因")


class Alert(Scoped):
    """预警: what a rule raised, and what people did about it. Raised by SQL only (:mod:`command.store`)."""

    rule = models.CharField(_("规则"), max_length=64)
    rule_version = models.PositiveIntegerField(_("规则版本"))
    parameters = models.JSONField(_("规则参数"))
    grade = models.SmallIntegerField(_("等级"), choices=[(int(grade), name) for grade, name in GRADE_NAMES.items()])
    state = models.CharField(_("状态"), max_length=16, choices=AlertState, default=AlertState.RAISED)
    cause = models.CharField(_("起因"), max_length=120)
    """Names the cause: of one rule and cause at most one alert is open. Outlives the asset and the area."""
    asset = models.ForeignKey("twin.Asset", models.SET_NULL, null=True, related_name="alerts", verbose_name=_("对象"))
    area = models.ForeignKey("twin.Area", models.SET_NULL, null=True, related_name="alerts", verbose_name=_("区域"))
    area_version = models.PositiveIntegerField(_("区域版本"), null=True)
    subject = models.CharField(_("主体"), max_length=250)
    """Name of the asset or area as it was."""
    owner = models.ForeignKey(
        "access.Organization", models.SET_NULL, null=True, related_name="+", verbose_name=_("所属单位")
    )
    region = models.ForeignKey("geo.Region", models.SET_NULL, null=True, related_name="+", verbose_name=_("发生区域"))
    lon = models.FloatField(_("经度"), null=True)
    lat = models.FloatField(_("纬度"), null=True)
    raised_at = models.DateTimeField(_("产生时间"))
    cause_ended_at = models.DateTimeField(_("起因消除时间"), null=True)
    evidence = models.JSONField(_("依据"))
    group_by = models.CharField(_("分组依据"), max_length=32)
    group_key = models.CharField(_("分组"), max_length=140)
    assigned_to = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("指派给"))
    due_at = models.DateTimeField(_("时限"), null=True)
    escalated_at = models.DateTimeField(_("升级时间"), null=True)
    acknowledged_at = models.DateTimeField(_("确认时间"), null=True)
    acknowledged_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("确认人"))
    disposed_at = models.DateTimeField(_("处置时间"), null=True)
    disposed_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("处置人"))
    feedback = models.TextField(_("处置反馈"), blank=True)
    verified_at = models.DateTimeField(_("核验时间"), null=True)
    verified_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("核验人"))
    closed_at = models.DateTimeField(_("关闭时间"), null=True)
    closed_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("关闭人"))

    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("预警")
        ordering = ["-raised_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "cause"],
                condition=models.Q(cause_ended_at__isnull=True),
                name="alert_once_while_its_cause_lasts",
            )
        ]
        indexes = [
            models.Index(fields=["-raised_at"], name="alert_raised"),
            models.Index(fields=["rule", "group_by", "-raised_at"], name="alert_group"),
            models.Index(
                fields=["grade", "-raised_at"], name="alert_open", condition=~models.Q(state=AlertState.CLOSED)
            ),
            models.Index(fields=["due_at"], name="alert_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["closed_at"], name="alert_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.subject}"

    @property
    def title(self) -> str:
        """The rule's title, in the language of the page; its id where its module is gone."""
        return registry.title_of(self.rule)


class AlertStep(models.Model):
    """处置记录: one step in the life of an alert; never changed, but for the mark that listeners were told."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="steps", verbose_name=_("预警"))
    at = models.DateTimeField(_("时间"), auto_now_add=True)
    action = models.CharField(_("步骤"), max_length=16, choices=StepAction)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("操作人"))
    by_name = models.CharField(_("操作人姓名"), max_length=150, blank=True)
    state_before = models.CharField(_("原状态"), max_length=16, choices=AlertState, blank=True)
    state_after = models.CharField(_("新状态"), max_length=16, choices=AlertState)
    text = models.TextField(_("说明"), blank=True)
    detail = models.JSONField(_("详情"), default=dict)
    told = models.BooleanField(_("已通知"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("处置记录")
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["id"], name="alert_step_untold", condition=models.Q(told=False))]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.action} {self.at:%F %T}"


def due_after(rule: Rule | None, since: datetime) -> datetime | None:
    """Until when somebody should have done the next thing about an alert of ``rule``."""
    if rule is None or rule.escalate_after_s is None:
        return None
    return since + timedelta(seconds=rule.escalate_after_s)
