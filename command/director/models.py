"""Scenes, tours of scenes, and the walls on which they are shown."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.scope import Scoped, ScopePaths

USER = settings.AUTH_USER_MODEL
SHORTEST_DWELL_S, LONGEST_DWELL_S = 3, 3600
MOST_IDS = 200
MOST_ID_CHARS = 80


def check_ids(value: object) -> None:
    """Refuse what is no list of short texts.

    Raises
    ------
    ValidationError
        It is none.
    """
    fits = isinstance(value, list) and len(value) <= MOST_IDS
    if not fits or not all(isinstance(each, str) and 0 < len(each) <= MOST_ID_CHARS for each in value):  # type: ignore[attr-defined]
        raise ValidationError(_('须为编号的列表，如 ["hotwork.machines"]。'))


def _between(least: float, most: float) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class Placed(Scoped):
    """Base of what belongs to a region, to an organization, or (neither) to the whole city."""

    name = models.CharField(_("名称"), max_length=60)
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("行政区")
    )
    organization = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("单位")
    )
    position = models.PositiveIntegerField(_("排序"), default=0)
    created_by = models.ForeignKey(
        USER, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", verbose_name=_("创建人")
    )
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)

    scope_paths: ClassVar[ScopePaths] = ScopePaths(
        organization="organization__path", regions=("region__path", "organization__region__path")
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse two places.

        Raises
        ------
        ValidationError
            Both a region and an organization are named.
        """
        if self.region_id is not None and self.organization_id is not None:
            raise ValidationError({"organization": _("行政区与单位只能填一项；都不填则属全市。")})


class Scene(Placed):
    """场景: a view of the map, what is drawn on it, and which panels are folded. It holds names, never data."""

    lon = models.FloatField(_("经度"), validators=_between(-180, 180))
    lat = models.FloatField(_("纬度"), validators=_between(-90, 90))
    zoom = models.FloatField(_("缩放级别"), validators=_between(0, 24))
    pitch = models.FloatField(_("倾角（度）"), default=0, validators=_between(0, 85))
    bearing = models.FloatField(_("方位角（度）"), default=0, validators=_between(-360, 360))
    district = models.CharField(_("下钻的区"), max_length=12, blank=True, help_text=_("区划代码；留空则看全域。"))
    layers = models.JSONField(
        _("显示的图层"),
        null=True,
        blank=True,
        validators=[check_ids],
        help_text=_("图层编号的列表；留空则不改变大屏上的图层。"),
    )
    folded = models.JSONField(_("折起的面板"), default=list, blank=True, validators=[check_ids])
    asset = models.ForeignKey(
        "twin.Asset", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("选中的对象")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("场景")
        ordering = ["position", "name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(region=None) | Q(organization=None), name="command_scene_one_place")
        ]


class Tour(Placed):
    """巡演: scenes one after the other, each for a while."""

    loop = models.BooleanField(_("循环播放"), default=True)

    class Meta:
        verbose_name = verbose_name_plural = _("巡演")
        ordering = ["position", "name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(region=None) | Q(organization=None), name="command_tour_one_place")
        ]


class TourStep(models.Model):
    """巡演步骤: one scene of a tour and how long it stays."""

    tour = models.ForeignKey(Tour, models.CASCADE, related_name="steps", verbose_name=_("巡演"))
    scene = models.ForeignKey(Scene, models.CASCADE, related_name="steps", verbose_name=_("场景"))
    dwell_s = models.PositiveIntegerField(
        _("停留（秒）"), default=20, validators=_between(SHORTEST_DWELL_S, LONGEST_DWELL_S)
    )
    position = models.PositiveIntegerField(_("排序"), default=0)

    objects: ClassVar[AuditedQuerySet] = AuditedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = verbose_name_plural = _("巡演步骤")
        ordering = ["tour", "position", "id"]

    def __str__(self) -> str:
        return f"{self.tour} · {self.scene}"


class Wall(models.Model):
    """大屏: one open command screen, what is on it, and what it was told. Written by :mod:`command.director.store`."""

    key = models.UUIDField(_("大屏标识"))
    """Chosen by the browser and kept there: a reloaded page is the same wall."""
    user = models.ForeignKey(USER, models.CASCADE, related_name="walls", verbose_name=_("登录账号"))
    name = models.CharField(_("名称"), max_length=60, blank=True)
    code = models.CharField(_("编号"), max_length=4)
    """Short; shown large on the wall when asked for, to tell two walls apart."""
    holder = models.CharField(_("连接"), max_length=32)
    """The socket that speaks for this wall now."""
    since = models.DateTimeField(_("上线时间"))
    seen_at = models.DateTimeField(_("最近联系"))
    left_at = models.DateTimeField(_("离线时间"), null=True)
    state = models.JSONField(_("当前画面"), default=dict)
    run = models.JSONField(_("播放中的巡演"), null=True)
    """The tour being played with all its steps, so that it goes on whatever becomes of tablet, tour and scenes."""
    orders = models.JSONField(_("待执行的指令"), default=list)
    """What the wall has not yet said it has done, the oldest first."""
    number = models.BigIntegerField(_("指令序号"), default=0)
    done = models.BigIntegerField(_("已执行序号"), default=0)
    fault = models.CharField(_("执行结果"), max_length=200, blank=True)
    version = models.BigIntegerField(_("版本"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("大屏")
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="command_wall_once")]
        indexes = [models.Index(fields=["seen_at"], name="command_wall_seen")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The name it was given, else who opened it and its code."""
        return self.name or f"{self.user.get_full_name()} {self.code}"
