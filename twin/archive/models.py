"""The manifest of the archive."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ArchivedDay(models.Model):
    """归档日: one day (UTC) of one kind's history, in a file of the archive instead of a partition.

    Its row comes and goes in the transaction that drops or refills the partition, so that at every moment exactly one
    of the two is what is read.
    """

    kind = models.PositiveSmallIntegerField(_("类别代码"))
    day = models.DateField(_("日期（UTC）"))
    name = models.CharField(_("文件"), max_length=200, unique=True)
    rows = models.BigIntegerField(_("行数"))
    size_bytes = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    first_at = models.DateTimeField(_("最早时间"))
    last_at = models.DateTimeField(_("最晚时间"))
    west = models.FloatField(_("西"))
    south = models.FloatField(_("南"))
    east = models.FloatField(_("东"))
    north = models.FloatField(_("北"))
    archived_at = models.DateTimeField(_("归档时间"))
    restored_until = models.DateTimeField(_("恢复到"), null=True)
    """While set, a partition holds the day, the file's rows included; from then on it may be archived again."""

    class Meta:
        verbose_name = verbose_name_plural = _("归档日")
        ordering = ["kind", "day"]
        constraints = [models.UniqueConstraint(fields=["kind", "day"], name="one_archived_file_a_day")]

    def __str__(self) -> str:
        return self.name
