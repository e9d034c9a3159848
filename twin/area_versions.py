"""What every area was, from when until when: written by the database itself, whoever changes an area and how.

Triggers of ``twin_area`` (migration ``0008_area_versions``) count :attr:`twin.models.Area.version` and write the row
of each version in the transaction of the change; one on the audit ledger adds who did it. Nothing else writes here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, ScopePaths


def area_kind_choices() -> list[tuple[str, str | Promise]]:
    """Kinds of areas, asked for when they are needed."""
    from twin.models import Area

    return [(kind.value, kind.label) for kind in Area.Kind]


class AreaVersionQuerySet(ScopedQuerySet):
    """Versions of areas."""

    def at(self, moment: datetime) -> Self:
        """Those that were in use at a moment: one at most for each area."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=moment),
            Q(valid_to__isnull=True) | Q(valid_to__gt=moment),
            active=True,
        )


class AreaVersion(models.Model):
    """区域版本: what an area was from one change to the next.

    ``valid_from`` is empty where nobody knows since when: the area is older than this history. ``valid_to`` is empty
    for what holds now. Area, owner, district and person are as they were, and outlive their rows: nothing ties it to
    them.
    """

    area = models.ForeignKey(
        "twin.Area", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="versions",
        verbose_name=_("区域"),
    )  # fmt: skip
    version = models.PositiveIntegerField(_("版本"))
    name = models.CharField(_("名称"), max_length=120)
    kind = models.CharField(_("类别"), max_length=16, choices=area_kind_choices)
    boundary = models.MultiPolygonField(_("范围"), srid=4326)
    line = models.MultiLineStringField(_("警戒线"), srid=4326, null=True, spatial_index=False)
    z_min_m = models.FloatField(_("底高（米）"), null=True)
    z_max_m = models.FloatField(_("顶高（米）"), null=True)
    owner = models.ForeignKey(
        "access.Organization", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("所属单位"),
    )  # fmt: skip
    region = models.ForeignKey(
        "geo.Region", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("所在区域"),
    )  # fmt: skip
    periods = models.JSONField(_("时段"), default=list)
    active = models.BooleanField(_("启用"))
    source = models.CharField(_("来源"), max_length=200, blank=True, db_default="")
    attributes = models.JSONField(_("属性"), default=dict, db_default=models.Value({}, models.JSONField()))
    valid_from = models.DateTimeField(_("起"), null=True)
    valid_to = models.DateTimeField(_("止"), null=True)
    changed_by = models.ForeignKey(
        "access.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("修改人"),
    )  # fmt: skip

    objects = AreaVersionQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path", "region__path"))

    class Meta:
        verbose_name = verbose_name_plural = _("区域版本")
        ordering = ["area_id", "version"]  # by "area", deleted ones would drop out
        constraints = [models.UniqueConstraint(fields=["area", "version"], name="area_version_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
