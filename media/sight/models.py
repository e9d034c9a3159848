"""Where a camera that turns looks now."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Gaze(models.Model):
    """云台位置: how a camera stands, as it says itself; written by the process it talks to, of no change notice."""

    channel = models.OneToOneField("media.Channel", models.CASCADE, primary_key=True, related_name="gaze")
    at = models.DateTimeField(_("时间"))
    pan_deg = models.FloatField(_("水平角（度）"), null=True)
    tilt_deg = models.FloatField(_("俯仰角（度）"), null=True)
    view_deg = models.FloatField(_("水平视场角（度）"), null=True)
    view_v_deg = models.FloatField(_("竖直视场角（度）"), null=True)
    view_m = models.FloatField(_("可视距离（米）"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("云台位置")
