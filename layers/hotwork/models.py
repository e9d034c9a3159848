"""Registers of hot work: firms, machines, welders, key areas, important periods, and what was done where."""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib.gis.db import models
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.personal import PersonalField
from access.scope import ScopedQuerySet, ScopePaths
from twin.kinds import MACHINE
from twin.models import Area
from twin.period_text import check_periods

_HOLDS_IDENTITY = re.compile(r"\d{17}[\dXx]")


class HotworkFirm(models.Model):
    """涉焊单位: an organization that does hot work, with its licence."""

    organization = models.OneToOneField(
        "access.Organization", models.CASCADE, primary_key=True, related_name="+", verbose_name=_("单位")
    )
    trade = models.CharField(_("行业"), max_length=60, blank=True)
    licence_number = models.CharField(_("许可证编号"), max_length=40, blank=True)
    licence_valid_to = models.DateField(_("许可证有效期至"), null=True, blank=True)
    safety_officer = models.CharField(_("安全负责人"), max_length=60, blank=True)
    telephone = PersonalField(_("联系电话"), kind="telephone")
    place = models.PointField(_("位置"), srid=4326, null=True, blank=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="organization__path", regions=("organization__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("涉焊单位")
        ordering = ["organization__name"]

    def __str__(self) -> str:
        return str(self.organization)


class Welder(models.Model):
    """焊工, with the certificate that allows the work.

    The number of a 特种作业操作证 is ``T`` and the holder's identity number: it is shown from that and never stored
    a second time in the clear.
    """

    class Certificate(models.TextChoices):
        """Who gave the certificate, and for what."""

        SPECIAL_WORK = "special_work", _("特种作业操作证")
        BUILDING = "building", _("建筑施工特种作业操作资格证书")
        EQUIPMENT = "equipment", _("特种设备作业人员证")

    name = models.CharField(_("姓名"), max_length=60)
    identity_number = PersonalField(_("公民身份号码"), kind="identity_number")
    telephone = PersonalField(_("手机号码"), kind="mobile")
    firm = models.ForeignKey(
        HotworkFirm, models.PROTECT, null=True, blank=True, related_name="welders", verbose_name=_("所属单位"),
        help_text=_("流动焊工不填。"),
    )  # fmt: skip
    region = models.ForeignKey("geo.Region", models.PROTECT, related_name="+", verbose_name=_("登记区域"))
    certificate = models.CharField(_("证书类别"), max_length=16, choices=Certificate, default=Certificate.SPECIAL_WORK)
    certificate_number = models.CharField(
        _("证书编号"), max_length=40, blank=True, help_text=_("特种作业操作证编号由公民身份号码得出，不必填写。")
    )
    valid_from = models.DateField(_("有效期自"))
    valid_to = models.DateField(_("有效期至"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="firm__organization__path", regions=("region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("焊工")
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                name="hotwork_welder_valid_order",
                condition=models.Q(valid_to__gt=models.F("valid_from")),
                violation_error_message=_("有效期至须晚于有效期自。"),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def certificate_shown(self) -> str:
        """The certificate's number, masked where it is the identity number."""
        if self.certificate == self.Certificate.SPECIAL_WORK and self.identity_number:
            return f"T{self.identity_number}"
        return self.certificate_number

    def clean(self) -> None:
        """Refuse a certificate without a number, and one whose number gives an identity number away."""
        if _HOLDS_IDENTITY.search(self.certificate_number):
            raise ValidationError({"certificate_number": gettext("编号中含有公民身份号码，请填入公民身份号码一栏。")})
        if self.certificate == self.Certificate.SPECIAL_WORK:
            if not self.identity_number:
                raise ValidationError({"identity_number": gettext("特种作业操作证须登记公民身份号码。")})
        elif not self.certificate_number:
            raise ValidationError({"certificate_number": gettext("请填写证书编号。")})


class Machine(models.Model):
    """焊机: a welding machine on the register; one row of the twin's assets."""

    asset = models.OneToOneField(
        "twin.Asset",
        models.CASCADE,
        primary_key=True,
        related_name="+",
        limit_choices_to={"kind": MACHINE.key},
        verbose_name=_("对象"),
    )
    serial = models.CharField(_("出厂编号"), max_length=60, unique=True)
    model = models.CharField(_("型号"), max_length=60)
    firm = models.ForeignKey(HotworkFirm, models.PROTECT, related_name="machines", verbose_name=_("使用单位"))
    site = models.ForeignKey(
        "twin.Area",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"kind": Area.Kind.FENCE},
        verbose_name=_("登记工地"),
    )
    welder = models.ForeignKey(
        Welder, models.SET_NULL, null=True, blank=True, related_name="machines", verbose_name=_("当班焊工")
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="asset__owner__path", regions=("asset__owner__region__path", "asset__state__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("焊机")
        ordering = ["serial"]

    def __str__(self) -> str:
        return f"{self.model} {self.serial}"

    def clean(self) -> None:
        """Refuse another kind of asset, and another kind of area."""
        if self.asset_id and self.asset.kind != MACHINE.key:
            raise ValidationError({"asset": gettext("该对象不是设备。")})
        if self.site is not None and self.site.kind != Area.Kind.FENCE:
            raise ValidationError({"site": gettext("登记工地须为电子围栏。")})


class KeyArea(models.Model):
    """重点区域: what the hot-work register knows of one of the twin's key areas."""

    area = models.OneToOneField(
        "twin.Area",
        models.CASCADE,
        primary_key=True,
        related_name="+",
        limit_choices_to={"kind": Area.Kind.KEY_AREA},
        verbose_name=_("区域"),
    )
    category = models.CharField(_("类型"), max_length=60, blank=True, help_text=_("如：人员密集场所、油库。"))
    safety_officer = models.CharField(_("安全员"), max_length=60, blank=True)
    telephone = PersonalField(_("安全员电话"), kind="telephone")
    forbidden_periods = models.JSONField(
        _("禁止动火时段"),
        default=list,
        blank=True,
        validators=[check_periods],
        help_text=_("没有时段则不禁止，仍按重点区域预警。"),
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="area__owner__path", regions=("area__owner__region__path", "area__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("重点区域")
        ordering = ["area__name"]

    def __str__(self) -> str:
        return str(self.area)

    def clean(self) -> None:
        """Refuse another kind of area."""
        if self.area_id and self.area.kind != Area.Kind.KEY_AREA:
            raise ValidationError({"area": gettext("该区域不是重点区域。")})


class ImportantPeriod(models.Model):
    """重要时段: from when to when no hot work is allowed in a region, or in one area."""

    name = models.CharField(_("时段名称"), max_length=120)
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))
    region = models.ForeignKey("geo.Region", models.PROTECT, related_name="+", verbose_name=_("地点（行政区）"))
    area = models.ForeignKey(
        "twin.Area",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("地点（区域）"),
        help_text=_("不填则为整个行政区。"),
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(regions=("region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("重要时段")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                name="hotwork_period_order",
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                violation_error_message=_("结束时间须晚于开始时间。"),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """Where it holds."""
        return str(self.area or self.region)


class ControlRecord(models.Model):
    """重点区域作业管控记录: work inside a key area, or at the place of an important period; written as it happens."""

    asset = models.ForeignKey("twin.Asset", models.PROTECT, related_name="+", verbose_name=_("焊机"))
    area = models.ForeignKey("twin.Area", models.SET_NULL, null=True, related_name="+", verbose_name=_("重点区域"))
    period = models.ForeignKey(
        ImportantPeriod, models.SET_NULL, null=True, related_name="+", verbose_name=_("重要时段")
    )
    place_name = models.CharField(_("地点"), max_length=120, help_text=_("记录时的名称。"))
    welder = models.ForeignKey(Welder, models.SET_NULL, null=True, related_name="+", verbose_name=_("焊工"))
    region = models.ForeignKey("geo.Region", models.SET_NULL, null=True, related_name="+", verbose_name=_("所在区域"))
    started_at = models.DateTimeField(_("开始时间"), db_index=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True)
    lon = models.FloatField(_("经度"))
    lat = models.FloatField(_("纬度"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="asset__owner__path",
        regions=("asset__owner__region__path", "region__path", "area__region__path"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("重点区域作业管控记录")
        ordering = ["-started_at", "-id"]
        indexes = [models.Index("asset", condition=models.Q(ended_at=None), name="hotwork_record_open")]

    def __str__(self) -> str:
        return f"{self.asset} · {self.place_name}"


class WorkConfirmation(models.Model):
    """核实: somebody confirmed that the work of a control record is going on; it is reminded of for that day."""

    record = models.OneToOneField(
        ControlRecord, models.CASCADE, primary_key=True, related_name="confirmation", verbose_name=_("管控记录")
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("核实人")
    )
    confirmed_at = models.DateTimeField(_("核实时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="record__asset__owner__path",
        regions=("record__asset__owner__region__path", "record__region__path"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("作业核实")

    def __str__(self) -> str:
        return str(self.record)
