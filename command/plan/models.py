"""Drafts of areas (区域方案) and what became of them, step by step."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from access.scope import Scoped, ScopePaths
from command.plan.lifecycle import DraftAction, DraftState
from twin.models import Area
from twin.period_text import check_periods

USER = settings.AUTH_USER_MODEL
MOST_TEXT_CHARS = 2000


class AreaDraft(Scoped):
    """区域方案: what an area is to be. Nothing is in force before somebody else has approved it.

    ``area`` is the area it changes, none for a new one, ``base_version`` the version it was drawn from and
    ``made_version`` the one it became. ``figure`` says how the shape was drawn (a circle's centre and radius, …) where
    numbers say it better than its points. ``retire`` takes the area out of force.
    """

    name = models.CharField(_("名称"), max_length=120)
    kind = models.CharField(_("类别"), max_length=16, choices=Area.Kind)
    shape = models.GeometryField(_("图形"), srid=4326)
    figure = models.JSONField(_("画法"), default=dict, blank=True)
    z_min_m = models.FloatField(_("底高（米）"), null=True, blank=True)
    z_max_m = models.FloatField(_("顶高（米）"), null=True, blank=True)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所属单位")
    )
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所在区域")
    )
    periods = models.JSONField(_("时段"), default=list, blank=True, validators=[check_periods])
    source = models.CharField(_("来源"), max_length=200, blank=True)
    attributes = models.JSONField(_("属性"), default=dict, blank=True)
    area = models.ForeignKey(
        Area, models.CASCADE, null=True, blank=True, related_name="drafts", verbose_name=_("现有区域")
    )
    base_version = models.PositiveIntegerField(_("依据版本"), null=True, blank=True)
    made_version = models.PositiveIntegerField(_("生效版本"), null=True, blank=True)
    retire = models.BooleanField(_("停用"), default=False)
    state = models.CharField(_("状态"), max_length=16, choices=DraftState, default=DraftState.DRAFT)
    revision = models.PositiveIntegerField(_("修订"), default=1)
    created_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("起草人"))
    created_at = models.DateTimeField(_("起草时间"), auto_now_add=True)
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)
    in_force_at = models.DateTimeField(_("生效时间"), null=True, blank=True)
    stamp = models.BigIntegerField(_("变更号"), null=True, blank=True)
    """Version of the notice ``areas`` that told of it (:mod:`gis.notices`)."""

    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("区域方案")
        ordering = ["-changed_at", "-pk"]
        indexes = [models.Index(fields=["state", "-changed_at"], name="draft_by_state")]
        constraints = [
            models.CheckConstraint(
                condition=Q(z_min_m__isnull=True) | Q(z_max_m__isnull=True) | Q(z_min_m__lt=models.F("z_max_m")),
                name="draft_bottom_below_top",
            ),
            models.UniqueConstraint(
                fields=["area"],
                condition=Q(state__in=DraftState.open_states()),
                name="one_open_draft_an_area",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DraftStep(models.Model):
    """方案流转: who did what to a draft, when; written by :mod:`command.plan.lifecycle` only."""

    draft = models.ForeignKey(AreaDraft, models.CASCADE, related_name="steps", verbose_name=_("区域方案"))
    action = models.CharField(_("操作"), max_length=16, choices=DraftAction)
    at = models.DateTimeField(_("时间"), auto_now_add=True)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("操作人"))
    by_name = models.CharField(_("操作人姓名"), max_length=150)
    state_before = models.CharField(_("操作前"), max_length=16, choices=DraftState)
    state_after = models.CharField(_("操作后"), max_length=16, choices=DraftState)
    text = models.CharField(_("说明"), max_length=MOST_TEXT_CHARS, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("方案流转")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.draft_id} {self.action} {self.at:%F %T}"
