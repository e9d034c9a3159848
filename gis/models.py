"""Administrative regions, and the versions of what changes."""

from __future__ import annotations

from typing import Self

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex
from django.core.validators import RegexValidator
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class RegionQuerySet(models.QuerySet["Region"]):
    """Nested questions, answered by the materialised path."""

    def under(self, *paths: str) -> Self:
        """Regions whose path begins with one of ``paths`` (the named regions included); none for no path."""
        condition = models.Q(pk__in=[])
        for path in paths:
            condition |= models.Q(path__startswith=path)
        return self.filter(condition)

    def above(self, path: str) -> Self:
        """The region with this path and all that contain it, the outermost first."""
        codes = [code for code in path.split("/") if code]
        return self.filter(code__in=codes).order_by("path")


class Region(models.Model):
    """An administrative area (行政区) with its code; regions nest.

    ``boundary`` is what everything computes with (EPSG:4326). ``boundary_source`` is the same boundary exactly as
    it was delivered, in the coordinates of ``datum`` (a name of :mod:`gis.crs`), so that a better conversion can be
    made from it later.
    """

    class Level(models.TextChoices):
        PROVINCE = "province", _("省级")
        CITY = "city", _("地级")
        DISTRICT = "district", _("区县")
        SUBDISTRICT = "subdistrict", _("街镇")
        PARK = "park", _("园区")

    code = models.CharField(
        _("区划代码"),
        max_length=12,
        unique=True,
        validators=[RegexValidator(r"^[0-9A-Za-z._-]+$", _("代码只能由字母、数字和 . _ - 组成。"))],
        help_text=_("国家行政区划代码（GB/T 2260），园区可自编。"),
    )
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=120, blank=True)
    level = models.CharField(_("级别"), max_length=16, choices=Level.choices)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级区划")
    )
    path = models.TextField(_("路径"), editable=False)
    boundary = models.MultiPolygonField(_("边界"), srid=4326)
    boundary_source = models.MultiPolygonField(_("原始边界"), srid=0, null=True, blank=True, spatial_index=False)
    datum = models.CharField(_("原始坐标系"), max_length=200, blank=True)
    source = models.CharField(_("来源"), max_length=200, blank=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = _("行政区")
        verbose_name_plural = _("行政区")
        ordering = ["path"]
        indexes = [models.Index(fields=["path"], name="geo_region_path", opclasses=["text_pattern_ops"])]

    def __str__(self) -> str:
        return self.name

    @property
    def level_name(self) -> str:
        """What it is called: a city with a province's code ranks as one."""
        if self.level == self.Level.CITY and self.code.endswith("0000"):
            return gettext("特别行政区") if self.code[0] == "8" else gettext("直辖市（省级）")
        return str(self.Level(self.level).label)

    def save(self, *args, **kwargs) -> None:
        """Save, keeping ``path`` true here and in every region below.

        Raises
        ------
        ValueError
            The region would lie inside itself.
        """
        old = self.path
        above = self.parent.path if self.parent else "/"
        if old and above.startswith(old) and self.pk:
            raise ValueError(f"region {self.code} cannot lie inside itself")
        self.path = f"{above}{self.code}/"
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "path"}
        with transaction.atomic():
            super().save(*args, **kwargs)
            if old and old != self.path:
                below = Region.objects.under(old).exclude(pk=self.pk)
                below.update(path=Concat(Value(self.path), Substr(F("path"), len(old) + 1)))


class BaseFeature(models.Model):
    """One thing of the basemap (底图): a road, water, green, a block or a building's footprint.

    Generated ones (:mod:`gis.cityplan`) are a sketch and say so; an imported file replaces those of its kind.
    """

    class Kind(models.TextChoices):
        ROAD = "road", _("道路")
        WATER = "water", _("水系")
        GREEN = "green", _("绿地")
        BLOCK = "block", _("街区")
        BUILDING = "building", _("建筑")

    kind = models.CharField(_("类别"), max_length=16, choices=Kind)
    category = models.CharField(_("细类"), max_length=32)
    name = models.CharField(_("名称"), max_length=120, blank=True)
    height_m = models.FloatField(_("高度（米）"), null=True, blank=True)
    min_zoom = models.PositiveSmallIntegerField(_("最小显示级别"))
    generated = models.BooleanField(_("程序生成"))
    source = models.CharField(_("来源"), max_length=200)
    geometry = models.GeometryField(_("图形"), srid=4326, spatial_index=False)

    class Meta:
        verbose_name = _("底图要素")
        verbose_name_plural = _("底图要素")
        # One tree for each kind, and of the many-featured kinds one more for the few that far zooms show. The column is
        # named as an expression, because Django leaves the condition of a plain geometry field's index out.
        indexes = [
            *(
                GistIndex(F("geometry"), name=f"geo_base_{kind}", condition=models.Q(kind=kind))
                for kind in ("road", "water", "green", "block", "building")
            ),
            *(
                GistIndex(F("geometry"), name=f"geo_base_{kind}_far", condition=models.Q(kind=kind, min_zoom__lte=zoom))
                for kind, zoom in (("road", 11), ("green", 11), ("block", 11))
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.category}"


class Stamp(models.Model):
    """Version of one topic: grows with every change to a table of that topic (see :mod:`gis.notices`)."""

    name = models.CharField(max_length=64, primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        verbose_name = _("版本戳")
        verbose_name_plural = _("版本戳")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Calibration(models.Model):
    """A transformation of coordinates that was estimated from control points (坐标标定), under a name.

    Rows are never changed but for ``active``: a new estimate is a new version, and what was converted with an old
    one can be told by its number. The name alone means the latest version; ``active`` ones are offered for choice.
    """

    name = models.CharField(
        _("名称"),
        max_length=40,
        validators=[RegexValidator(r"^[\w-][\w.-]*$", _("名称只能由汉字、字母、数字和 . _ - 组成。"))],
        help_text=_("导入、导出、终端和接口里用这个名称选用，例如 shanghai2000。"),
    )
    version = models.PositiveIntegerField(_("版本"))
    active = models.BooleanField(_("启用"), default=True)
    model = models.CharField(_("模型"), max_length=16)
    pipeline = models.TextField(_("PROJ 定义"))
    degrees = models.BooleanField(_("源坐标是经纬度"))
    source = models.JSONField(_("源坐标系"))
    points = models.JSONField(_("控制点"))
    quality = models.JSONField(_("精度"))
    middle_x = models.FloatField(_("控制点中心 X"))
    middle_y = models.FloatField(_("控制点中心 Y"))
    note = models.CharField(_("说明"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("保存时间"), auto_now_add=True)
    created_by = models.CharField(_("保存人"), max_length=150)

    class Meta:
        verbose_name = _("坐标标定")
        verbose_name_plural = _("坐标标定")
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="geo_calibration_version"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(active=True), name="geo_calibration_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class Pyramid(models.Model):
    """瓦片汇总: how far the sums of one dense tile layer for far zooms have got (:mod:`gis.pyramid`)."""

    layer = models.CharField(_("图层"), max_length=63)
    digest = models.CharField(max_length=16, unique=True)
    version = models.BigIntegerField()
    features = models.PositiveIntegerField(_("要素数"))
    built_at = models.DateTimeField(_("汇总时间"))

    class Meta:
        verbose_name = verbose_name_plural = _("瓦片汇总")

    def __str__(self) -> str:
        return self.layer


class PyramidCell(models.Model):
    """瓦片汇总格: so many features of a layer in one cell at one zoom; or one feature large enough to be drawn there.

    ``place`` lies in EPSG:3857, its height being the number of layer, zoom and kind of sum: one index finds what
    is in a tile. Written by SQL only.
    """

    pyramid = models.ForeignKey(Pyramid, models.CASCADE, related_name="+")
    feature_id = models.BigIntegerField(null=True)
    count = models.PositiveIntegerField()
    regions = models.TextField()
    place = models.GeometryField(srid=3857, dim=3, spatial_index=False)

    class Meta:
        verbose_name = verbose_name_plural = _("瓦片汇总格")
        indexes = [GistIndex(fields=["place"], name="geo_pyramid_place", opclasses=["gist_geometry_ops_nd"])]

    def __str__(self) -> str:
        return f"{self.pyramid_id} {self.count}"
