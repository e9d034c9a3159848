"""Duty shifts and weather reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.personal import PersonalField
from access.scope import Scoped, ScopePaths

LONGEST_SHIFT = timedelta(days=7)
EARLY = timedelta(minutes=5)
"""How far a reporter's clock may go ahead of ours."""


class DutyShift(Scoped):
    """值班: somebody is on duty for a region, from one time to another."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("值班用户"),
        help_text=_("有平台账号的，选账号；没有的，填姓名。"),
    )  # fmt: skip
    name = models.CharField(_("姓名"), max_length=80, blank=True, help_text=_("留空则用账号的姓名。"))
    title = models.CharField(_("值班职务"), max_length=80, blank=True, help_text=_("如：值班长、带班领导。"))
    telephone = PersonalField(_("值班电话"), kind="telephone")
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("值班区域"),
        help_text=_("留空为全市。"),
    )  # fmt: skip
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))

    scope_paths = ScopePaths(regions=("region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("值班")
        ordering = ["-starts_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_at__lt=models.F("ends_at")), name="duty_starts_before_end")
        ]
        indexes = [models.Index(fields=["ends_at"], name="duty_end")]

    def __str__(self) -> str:
        return f"{self.shown_name} {timezone.localtime(self.starts_at):%m-%d %H:%M}"

    @property
    def shown_name(self) -> str:
        """What the person is called."""
        if self.name or self.person is None:
            return self.name
        return self.person.display_name or self.person.username

    def clean(self) -> None:
        """Refuse a shift of nobody, and one that does not end."""
        faults: dict[str, Any] = {}
        if not self.name and self.person_id is None:
            faults["name"] = _("请选值班用户或填姓名。")
        if self.starts_at and self.ends_at:
            if self.starts_at >= self.ends_at:
                faults["ends_at"] = _("结束时间须晚于开始时间。")
            elif self.ends_at - self.starts_at > LONGEST_SHIFT:
                faults["ends_at"] = _("一班最长 7 天。")
        if faults:
            raise ValidationError(faults)


class WeatherReport(Scoped):
    """天气: what somebody observed, where and when; the source is always named."""

    class Condition(models.TextChoices):
        """The sky, as forecasts of the national service name it."""

        CLEAR = "clear", _("晴")
        CLOUDY = "cloudy", _("多云")
        OVERCAST = "overcast", _("阴")
        SHOWER = "shower", _("阵雨")
        THUNDERSTORM = "thunderstorm", _("雷阵雨")
        LIGHT_RAIN = "light_rain", _("小雨")
        MODERATE_RAIN = "moderate_rain", _("中雨")
        HEAVY_RAIN = "heavy_rain", _("大雨")
        RAINSTORM = "rainstorm", _("暴雨")
        SLEET = "sleet", _("雨夹雪")
        LIGHT_SNOW = "light_snow", _("小雪")
        SNOW = "snow", _("中到大雪")
        FOG = "fog", _("雾")
        HAZE = "haze", _("霾")
        DUST = "dust", _("沙尘")

    class Wind(models.TextChoices):
        """Where the wind comes from."""

        CALM = "calm", _("静风")
        N = "n", _("北风")
        NE = "ne", _("东北风")
        E = "e", _("东风")
        SE = "se", _("东南风")
        S = "s", _("南风")
        SW = "sw", _("西南风")
        W = "w", _("西风")
        NW = "nw", _("西北风")

    observed_at = models.DateTimeField(_("观测时间"), default=timezone.now)
    source = models.CharField(_("来源"), max_length=80, help_text=_("谁观测或发布的，如：市气象台、现场值班员。"))
    condition = models.CharField(_("天气现象"), max_length=16, choices=Condition)
    temperature_c = models.FloatField(
        _("气温（℃）"), null=True, blank=True, validators=[MinValueValidator(-60), MaxValueValidator(60)]
    )
    wind = models.CharField(_("风向"), max_length=4, choices=Wind, blank=True)
    wind_speed_m_s = models.FloatField(
        _("风速（米/秒）"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(120)]
    )
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所在区域"),
        help_text=_("留空为全市。"),
    )  # fmt: skip
    entered_at = models.DateTimeField(_("录入时间"), auto_now_add=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("录入人")
    )

    scope_paths = ScopePaths(regions=("region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("天气")
        ordering = ["-observed_at", "-pk"]
        indexes = [models.Index(fields=["-observed_at"], name="weather_observed")]

    def __str__(self) -> str:
        return f"{self.get_condition_display()} {timezone.localtime(self.observed_at):%m-%d %H:%M}"

    def clean(self) -> None:
        """Refuse what was not observed yet, and a wind that blows from nowhere."""
        faults: dict[str, Any] = {}
        if isinstance(self.observed_at, datetime) and self.observed_at > timezone.now() + EARLY:
            faults["observed_at"] = _("观测时间不能晚于现在。")
        if self.wind_speed_m_s is not None and not self.wind:
            faults["wind"] = _("有风速时须有风向。")
        if faults:
            raise ValidationError(faults)
