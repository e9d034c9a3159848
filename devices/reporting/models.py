"""What processes told of themselves: the last report of each, and samples of the last hour."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ProcessReport(models.Model):
    """进程: a long-running process of the platform and what it did in its last seconds; written by itself only."""

    line = models.CharField(_("用途"), max_length=16)
    name = models.CharField(_("进程"), max_length=64)
    host = models.CharField(_("主机"), max_length=64)
    pid = models.IntegerField(_("进程号"))
    revision = models.CharField(_("程序版本"), max_length=64, blank=True)
    started_at = models.DateTimeField(_("启动时间"))
    reported_at = models.DateTimeField(_("最近上报"))
    figures = models.JSONField(_("指标"))

    class Meta:
        verbose_name = verbose_name_plural = _("进程")
        constraints = [models.UniqueConstraint(fields=["host", "name"], name="process_once_a_host")]

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"


class ProcessSample(models.Model):
    """进程采样: what a process did in half a minute; the last hour is kept."""

    line = models.CharField(_("用途"), max_length=16)
    name = models.CharField(_("进程"), max_length=64)
    host = models.CharField(_("主机"), max_length=64)
    at = models.DateTimeField(_("时间"), db_index=True)
    figures = models.JSONField(_("指标"))

    class Meta:
        verbose_name = verbose_name_plural = _("进程采样")

    def __str__(self) -> str:
        return f"{self.name}@{self.host} {timezone.localtime(self.at):%F %T}"
