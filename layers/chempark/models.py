"""Registers of the chemical park: plants, zones with their limits, and the people who carry tags."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.personal import PersonalField
from access.scope import ScopedQuerySet, ScopePaths
from twin.kinds import PERSON
from twin.models import Area

MOST_PEOPLE = 100_000


def _count(verbose_name: object, least: int = 0, **options: object) -> models.PositiveIntegerField:
    limits = [MinValueValidator(least), MaxValueValidator(MOST_PEOPLE)]
    return models.PositiveIntegerField(verbose_name, null=True, blank=True, validators=limits, **options)  # type: ignore[arg-type]


class Plant(models.Model):
    """化工企业: an organization with a plant in the park; its site is the organization's."""

    class Hazard(models.TextChoices):
        """Level of its gravest major hazard source (重大危险源, GB 18218)."""

        ONE = "1", _("一级")
        TWO = "2", _("二级")
        THREE = "3", _("三级")
        FOUR = "4", _("四级")
        NONE = "", _("不构成")

    organization = models.OneToOneField(
        "access.Organization", models.CASCADE, primary_key=True, related_name="+", verbose_name=_("单位")
    )
    hazard = models.CharField(_("重大危险源等级"), max_length=1, choices=Hazard, blank=True, default=Hazard.NONE.value)
    duty_telephone = PersonalField(_("值班电话"), kind="telephone")

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="organization__path", regions=("organization__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("化工企业")
        ordering = ["organization__name"]

    def __str__(self) -> str:
        return str(self.organization)


class Zone(models.Model):
    """人员区域: how many may, must and may not be in one of the twin's zones; a limit left out is not judged."""

    area = models.OneToOneField(
        "twin.Area",
        models.CASCADE,
        primary_key=True,
        related_name="+",
        limit_choices_to={"kind": Area.Kind.ZONE},
        verbose_name=_("区域"),
    )
    plant = models.ForeignKey(Plant, models.PROTECT, related_name="zones", verbose_name=_("化工企业"))
    most_people = _count(_("人数上限"), help_text=_("超过即超员。"))
    least_people = _count(_("人数下限"), help_text=_("少于即缺员。"))
    gathering_people = _count(_("聚集人数"), 2, help_text=_("聚在一处达到此数即为聚集。"))
    stay_limit_min = models.PositiveIntegerField(
        _("允许停留（分钟）"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10_080)]
    )
    still_limit_s = models.PositiveIntegerField(
        _("允许静止（秒）"),
        null=True,
        blank=True,
        validators=[MinValueValidator(30), MaxValueValidator(86_400)],
        help_text=_("不填则用规则的参数。"),
    )
    post = models.CharField(_("岗位"), max_length=60, blank=True, help_text=_("必须有人在岗的岗位。"))
    post_people = _count(_("在岗人数"), 1)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="area__owner__path", regions=("area__owner__region__path", "area__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("人员区域")
        ordering = ["area__name"]
        constraints = [
            models.CheckConstraint(
                name="chempark_zone_limits_order",
                condition=models.Q(most_people=None)
                | models.Q(least_people=None)
                | models.Q(least_people__lte=models.F("most_people")),
                violation_error_message=_("人数下限不能大于上限。"),
            ),
            models.CheckConstraint(
                name="chempark_zone_post_complete",
                condition=models.Q(post="", post_people=None)
                | (~models.Q(post="") & models.Q(post_people__isnull=False)),
                violation_error_message=_("岗位与在岗人数须同时填写。"),
            ),
        ]

    def __str__(self) -> str:
        return str(self.area)

    def clean(self) -> None:
        """Refuse another kind of area."""
        if self.area_id and self.area.kind != Area.Kind.ZONE:
            raise ValidationError({"area": gettext("该区域不是人员区域。")})


class TagHolder(models.Model):
    """持卡人员: somebody with a tag; one row of the twin's assets."""

    asset = models.OneToOneField(
        "twin.Asset",
        models.CASCADE,
        primary_key=True,
        related_name="+",
        limit_choices_to={"kind": PERSON.key},
        verbose_name=_("对象"),
    )
    name = models.CharField(_("姓名"), max_length=60)
    telephone = PersonalField(_("手机号码"), kind="mobile")
    plant = models.ForeignKey(Plant, models.PROTECT, related_name="holders", verbose_name=_("作业企业"))
    employer = models.ForeignKey(
        "access.Organization",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("用人单位"),
        help_text=_("承包商人员填写其单位。"),
    )
    post = models.CharField(_("岗位"), max_length=60, blank=True)
    zones = models.ManyToManyField(
        Zone, blank=True, related_name="holders", verbose_name=_("本人区域"), help_text=_("不填则不判越界。")
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="asset__owner__path", regions=("asset__owner__region__path", "asset__state__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("持卡人员")
        ordering = ["name", "asset__code"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse another kind of asset."""
        if self.asset_id and self.asset.kind != PERSON.key:
            raise ValidationError({"asset": gettext("该对象不是人员。")})
