"""Assets, their present state, the areas they enter and leave.

The track history is no model: it is written and read as columns, see :mod:`twin.history`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.gis.db import models
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, ScopePaths
from gis.numbered_cells import cell_of
from twin.annotations.models import Annotation as Annotation
from twin.annotations.models import AnnotationPhotograph as AnnotationPhotograph
from twin.annotations.models import AnnotationVersion as AnnotationVersion
from twin.archive.models import ArchivedDay as ArchivedDay
from twin.area_versions import AreaVersion as AreaVersion
from twin.basemaps.models import Basemap as Basemap
from twin.boundaries import boundary_fault, inner_strip, line_fault
from twin.grids.models import GridRun as GridRun
from twin.grids.models import GridScore as GridScore
from twin.grids.models import GridThreshold as GridThreshold
from twin.kinds import kind_choices
from twin.period_text import check_periods


class Asset(models.Model):
    """对象: anything with an identity on the map."""

    kind = models.CharField(_("类别"), max_length=32, choices=kind_choices)
    code = models.CharField(_("编号"), max_length=64)
    name = models.CharField(_("名称"), max_length=120)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="assets", verbose_name=_("所属单位")
    )
    active = models.BooleanField(_("在用"), default=True)
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "state__region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("对象")
        ordering = ["kind", "code"]
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="asset_code_once_a_kind")]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class State(models.Model):
    """实时状态: an asset's latest position; written by the ingest as columns, never going back in time."""

    asset = models.OneToOneField(
        Asset, models.CASCADE, primary_key=True, db_constraint=False, related_name="state", verbose_name=_("对象")
    )
    ts = models.DateTimeField(_("定位时间"))
    received_at = models.DateTimeField(_("接收时间"))
    lon = models.FloatField(_("经度"))
    lat = models.FloatField(_("纬度"))
    alt_m = models.FloatField(_("高度（米）"), null=True)
    speed_m_s = models.FloatField(_("速度（米/秒）"), null=True)
    heading_deg = models.FloatField(_("航向（度）"), null=True)
    accuracy_m = models.FloatField(_("精度（米）"), null=True)
    status = models.SmallIntegerField(_("状态"))
    status_ts = models.DateTimeField(_("状态时间"), null=True, editable=False)
    attrs = models.JSONField(_("属性"), default=dict)
    still_since = models.DateTimeField(_("静止起始"), null=True)
    still_lon = models.FloatField(_("静止处经度"), null=True)
    still_lat = models.FloatField(_("静止处纬度"), null=True)
    region = models.ForeignKey(
        "geo.Region", models.SET_NULL, null=True, db_index=False, related_name="+", verbose_name=_("当前区域")
    )
    # Finds what is in a tile. Most positions leave it as it was, and an update that changes no indexed column
    # touches no index; one on the position itself would be touched by all.
    cell = models.GeneratedField(
        expression=cell_of("lon", "lat"),
        output_field=models.IntegerField(),
        db_persist=True,
        db_index=True,
        verbose_name=_("网格"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("实时状态")

    def __str__(self) -> str:
        return f"{self.asset_id} {self.ts:%F %T}"


VERSIONED = (
    *("name", "kind", "boundary", "line", "z_min_m", "z_max_m", "owner_id", "region_id", "periods", "active"),
    *("source", "attributes"),
)
"""What of an area is kept version by version: the columns that the triggers of ``twin_area`` look at."""


class Area(models.Model):
    """区域: a polygon, with or without a height range, that things enter and leave; or a line that they pass.

    A line (警戒线) runs from its first point to its last. Its right-hand side is its inner side: who passes it from
    left to right enters, the other way leaves, and nobody is inside. Its boundary is a strip on that side, for maps.
    """

    class Kind(models.TextChoices):
        """What an area is for."""

        FENCE = "fence", _("电子围栏")
        KEY_AREA = "key_area", _("重点区域")
        ZONE = "zone", _("人员区域")
        LINE = "line", _("警戒线")

    name = models.CharField(_("名称"), max_length=120)
    kind = models.CharField(_("类别"), max_length=16, choices=Kind)
    boundary = models.MultiPolygonField(_("范围"), srid=4326, blank=True)
    line = models.MultiLineStringField(_("警戒线"), srid=4326, null=True, blank=True, spatial_index=False)
    z_min_m = models.FloatField(_("底高（米）"), null=True, blank=True)
    z_max_m = models.FloatField(_("顶高（米）"), null=True, blank=True)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="areas", verbose_name=_("所属单位")
    )
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所在区域")
    )
    periods = models.JSONField(
        _("时段"), default=list, blank=True, validators=[check_periods], help_text=_("没有时段则始终有效。")
    )
    source = models.CharField(_("来源"), max_length=200, blank=True, default="", db_default="")
    attributes = models.JSONField(
        _("属性"), default=dict, blank=True, db_default=models.Value({}, models.JSONField()), editable=False
    )
    version = models.PositiveIntegerField(_("版本"), default=1, editable=False)
    active = models.BooleanField(_("启用"), default=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("区域")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(z_min_m__isnull=True)
                | models.Q(z_max_m__isnull=True)
                | models.Q(z_min_m__lt=models.F("z_max_m")),
                name="area_bottom_below_top",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="line", line__isnull=False) | (~models.Q(kind="line") & models.Q(line=None)),
                name="area_line_where_it_is_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Refuse a shape that cannot be tested against, unless something worse is said of it already."""
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        name, fault = self._shape_fault()
        if fault and name not in errors and name not in (exclude or ()):
            errors[name] = fault
        if errors:
            raise ValidationError(errors)

    def _shape_fault(self) -> tuple[str, str]:
        if self.kind == self.Kind.LINE:
            return "line", line_fault(self.line)
        if self.line is not None:
            return "line", gettext("只有警戒线才有线。")
        return "boundary", gettext("请粘贴范围。") if self.boundary is None else boundary_fault(self.boundary)

    def clean(self) -> None:
        """Refuse an area that is upside down."""
        if self.z_min_m is not None and self.z_max_m is not None and self.z_min_m >= self.z_max_m:
            raise ValidationError({"z_max_m": gettext("顶高须大于底高。")})

    def save(self, *args: object, **kwargs: object) -> None:
        """Save; any change makes a new version. The database counts too, and keeps every version (AreaVersion)."""
        if self.line is not None:
            self.boundary = inner_strip(self.line)
        if self.pk:
            before = Area.objects.filter(pk=self.pk).first()
            if before and any(getattr(before, field) != getattr(self, field) for field in VERSIONED):
                self.version = before.version + 1
                if kwargs.get("update_fields") is not None:
                    kwargs["update_fields"] = {*kwargs["update_fields"], "version"}  # type: ignore[misc]
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Presence(models.Model):
    """Which asset is inside which area now; kept with the history, in the same transaction."""

    pk = models.CompositePrimaryKey("asset_id", "area_id")
    # Without constraints in the database, as below: gis/references.py.
    asset = models.ForeignKey(Asset, models.CASCADE, db_constraint=False, db_index=False, related_name="presences")
    area = models.ForeignKey(Area, models.CASCADE, db_constraint=False, related_name="presences")
    since = models.DateTimeField(_("进入时间"))
    outside_since = models.DateTimeField(_("越出时间"), null=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = _("在区域内")


class BeyondLine(models.Model):
    """Which asset is beyond a line, but not clearly; kept with the history, in the same transaction."""

    pk = models.CompositePrimaryKey("asset_id", "area_id")
    asset = models.ForeignKey(Asset, models.CASCADE, related_name="+")
    area = models.ForeignKey(Area, models.CASCADE, related_name="+")
    since = models.DateTimeField(_("越线时间"))
    inward = models.SmallIntegerField(_("方向"))

    class Meta:
        verbose_name = verbose_name_plural = _("过线待定")


class AreaEvent(models.Model):
    """进出事件: an asset entered or left an area."""

    asset = models.ForeignKey(
        Asset, models.CASCADE, db_constraint=False, related_name="area_events", verbose_name=_("对象")
    )
    area = models.ForeignKey(Area, models.CASCADE, db_constraint=False, related_name="events", verbose_name=_("区域"))
    area_version = models.PositiveIntegerField(_("区域版本"))
    entered = models.BooleanField(_("进入"))
    ts = models.DateTimeField(_("时间"), db_index=True)
    lon = models.FloatField(_("经度"))
    lat = models.FloatField(_("纬度"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="asset__owner__path", regions=("asset__owner__region__path", "asset__state__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("进出事件")
        ordering = ["-ts", "-id"]

    def __str__(self) -> str:
        return f"{self.asset_id} {'→' if self.entered else '←'} {self.area_id} {self.ts:%F %T}"


class CensusRun(models.Model):
    """统计采样: one count of everything in use, see :mod:`twin.census`."""

    at = models.DateTimeField(_("统计时间"), primary_key=True)
    things = models.PositiveIntegerField(_("对象数"))
    took_ms = models.PositiveIntegerField(_("用时（毫秒）"))

    class Meta:
        verbose_name = verbose_name_plural = _("统计采样")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%F %T}"


class Census(models.Model):
    """采样数: how many things of one kind, status, owner and district there were at one run.

    Written by SQL only. Owner and district are as they were; the count outlives them, so nothing ties it to their rows.
    """

    at = models.DateTimeField(_("统计时间"))
    kind = models.CharField(_("类别"), max_length=32)
    status = models.SmallIntegerField(_("状态"))
    owner = models.ForeignKey(
        "access.Organization", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("所属单位"),
    )  # fmt: skip
    region = models.ForeignKey(
        "geo.Region", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("当前区域"),
    )  # fmt: skip
    count = models.PositiveIntegerField(_("数量"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("采样数")
        indexes = [models.Index(fields=["at", "kind"], name="census_at_kind")]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.kind} {self.status}: {self.count}"
