"""Results of risk grids: what each run made of every cell, what regions came to, and from where on what is grave."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.scope import ScopedQuerySet, ScopePaths
from gis.exceptions import GridError
from gis.grids.grading import Grade, Thresholds

GRADE_NAMES = {
    Grade.RED: _("高"),
    Grade.ORANGE: _("较高"),
    Grade.YELLOW: _("中"),
    Grade.BLUE: _("低"),
}


class IndexKey(models.TextChoices):
    """The three indices of a risk grid (指数)."""

    INHERENT = "inherent", _("本底指数")
    CONTROL = "control", _("管控指数")
    COMPOSITE = "composite", _("综合指数")


class GridRun(models.Model):
    """网格计算: what a risk grid was from ``at`` until it changed, ``until`` when it was last looked after.

    ``columns``: cells with their indices and factors as Arrow IPC (:mod:`twin.grids.store`).
    """

    grid = models.CharField(_("网格"), max_length=64)
    at = models.DateTimeField(_("计算时间"))
    until = models.DateTimeField(_("有效至"))
    lattice = models.CharField(_("格网"), max_length=32)
    cells = models.PositiveIntegerField(_("格数"))
    recomputed = models.PositiveIntegerField(_("重算格数"))
    sources = models.PositiveIntegerField(_("来源数"))
    took_ms = models.PositiveIntegerField(_("用时（毫秒）"))
    thresholds = models.JSONField(_("分级阈值"))
    columns = models.BinaryField(_("结果"))

    class Meta:
        verbose_name = verbose_name_plural = _("网格计算")
        ordering = ["grid", "-at"]
        constraints = [models.UniqueConstraint(fields=["grid", "at"], name="grid_run_once")]

    def __str__(self) -> str:
        return f"{self.grid} {self.at:%F %T}"


class GridScore(models.Model):
    """区域指数: what the cells of a district or street came to at one run."""

    run = models.ForeignKey(GridRun, models.CASCADE, related_name="scores", verbose_name=_("网格计算"))
    region = models.ForeignKey("geo.Region", models.CASCADE, related_name="+", verbose_name=_("区域"))
    index = models.CharField(_("指数"), max_length=16, choices=IndexKey)
    value = models.FloatField(_("指数值"), null=True)
    mean = models.FloatField(_("平均值"), null=True)
    worst = models.FloatField(_("最差格"), null=True)
    grade = models.PositiveSmallIntegerField(_("等级"), choices=[(int(g), name) for g, name in GRADE_NAMES.items()])
    cells = models.JSONField(_("各级格数"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(regions=("region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("区域指数")
        ordering = ["run", "region", "index"]
        constraints = [models.UniqueConstraint(fields=["run", "region", "index"], name="grid_score_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.region_id} {self.index}"


class GridThreshold(models.Model):
    """分级阈值: from where on an index is yellow, orange, red; every change is in the audit ledger."""

    grid = models.CharField(_("网格"), max_length=64, editable=False)
    index = models.CharField(_("指数"), max_length=16, choices=IndexKey, editable=False)
    yellow = models.FloatField(_("中（黄）"))
    orange = models.FloatField(_("较高（橙）"))
    red = models.FloatField(_("高（红）"))
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("修改人")
    )

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("风险分级阈值")
        ordering = ["grid", "index"]
        constraints = [models.UniqueConstraint(fields=["grid", "index"], name="grid_threshold_once")]

    def __str__(self) -> str:
        return f"{self.grid} {self.get_index_display()}"

    @property
    def thresholds(self) -> Thresholds:
        """As the engine has them."""
        return Thresholds(self.yellow, self.orange, self.red)

    def clean(self) -> None:
        """Refuse thresholds out of order, and an index turned upside down."""
        try:
            made = self.thresholds
        except (GridError, TypeError):
            raise ValidationError(gettext("三个阈值须由黄到红依次升高（管控指数依次降低）。")) from None
        if made.falling != (self.index == IndexKey.CONTROL):
            raise ValidationError(gettext("管控指数越低越差，阈值由黄到红降低；其他指数升高。"))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save what passes :meth:`clean`."""
        self.clean()
        super().save(*args, **kwargs)
