"""Annotations, every state they were in, and their photographs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.models import Organization
from access.roles import Permission
from access.scope import Scope, ScopedQuerySet, organizations_in, scope_of, under
from gis.models import Region
from twin.annotations.symbols import COLOURS, symbol_choices

if TYPE_CHECKING:
    from access.models import User

USER = settings.AUTH_USER_MODEL
MOST_TITLE_CHARS = 120
MOST_TEXT_CHARS = 2000


def lies_in(scope: Scope) -> Q:
    """Condition: shared with an organization of the scope, or lying (also) in a region of it.

    A thing that has neither is inside only the whole city, as everywhere (:meth:`access.scope.Scope.allows`).
    """
    if scope.everything:
        return Q()
    if scope.empty:
        return Q(pk__in=())
    regions = Region.objects.filter(under(scope.region_paths)).order_by().values("pk")
    organizations = Organization.objects.filter(organizations_in(scope)).order_by().values("pk")
    return Q(regions__overlap=ArraySubquery(regions)) | Q(organizations__overlap=ArraySubquery(organizations))


class AnnotationQuerySet(ScopedQuerySet):
    """Annotations, or their versions."""

    def within(self, scope: Scope) -> Self:
        """Only what is inside ``scope``: an annotation may lie in several regions and be shared with several firms."""
        return self.filter(lies_in(scope))

    def seen(self, user: User) -> Self:
        """What somebody sees: within their scope, not removed, and not hidden from them.

        Hidden ones are seen by their author and by who administers where they lie.
        """
        found = self.within(scope_of(user)).filter(removed=False)
        administered = scope_of(user, Permission.ADMINISTER)
        if administered.everything:
            return found
        return found.filter(Q(hidden=False) | Q(author=user.pk) | lies_in(administered))


class AnnotationVersionQuerySet(AnnotationQuerySet):
    """Versions of annotations."""

    def at(self, moment: datetime) -> Self:
        """What was on the map at a moment: one version at most of each annotation."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=moment), valid_from__lte=moment)


class AnnotationPhotograph(models.Model):
    """标绘照片: a photograph as we keep it: re-encoded, without what the camera wrote about itself and the place.

    Nobody but who sent it sees one that no annotation shows.
    """

    file = models.CharField(_("文件"), max_length=200, unique=True)
    small = models.CharField(_("缩略图"), max_length=200, unique=True)
    width = models.PositiveIntegerField(_("宽（像素）"))
    height = models.PositiveIntegerField(_("高（像素）"))
    bytes = models.PositiveIntegerField(_("字节数"))
    sent_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("上传人"))
    sent_at = models.DateTimeField(_("上传时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("标绘照片")

    def __str__(self) -> str:
        return self.file


class AnnotationContent(models.Model):
    """What an annotation is at one time.

    ``regions``: every district and region below that its shape touches; ``organizations``: whom it is shared with.
    ``subject_kind`` and ``subject_key`` name what it is about (:mod:`twin.annotations.subjects`), "" for nothing, and
    ``subject_title`` what that was called. ``happened_at`` is the time it tells of.
    """

    kind = models.CharField(_("符号"), max_length=32, choices=symbol_choices)
    title = models.CharField(_("名称"), max_length=MOST_TITLE_CHARS, blank=True)
    text = models.CharField(_("说明"), max_length=MOST_TEXT_CHARS, blank=True)
    keywords = ArrayField(models.CharField(max_length=20), default=list, blank=True, verbose_name=_("关键词"))
    colour = models.CharField(_("颜色"), max_length=16, blank=True, choices=list(COLOURS.items()))
    shape = models.GeometryField(_("图形"), srid=4326)
    length_m = models.FloatField(_("长度（米）"), null=True)
    area_m2 = models.FloatField(_("面积（平方米）"), null=True)
    happened_at = models.DateTimeField(_("所述时间"), default=timezone.now)
    subject_kind = models.CharField(_("对应对象类别"), max_length=32, blank=True)
    subject_key = models.CharField(_("对应对象"), max_length=64, blank=True)
    subject_title = models.CharField(_("对应对象名称"), max_length=200, blank=True)
    photograph = models.ForeignKey(
        AnnotationPhotograph, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("照片")
    )
    copied_from = models.ForeignKey(
        "twin.Annotation", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("引用自")
    )
    regions = ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("所在区域"))
    organizations = ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("共享单位"))
    locked = models.BooleanField(_("锁定"), default=False)
    hidden = models.BooleanField(_("隐藏"), default=False)
    removed = models.BooleanField(_("删除"), default=False)
    author = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("标绘人"))
    changed_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("修改人"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())  # type: ignore[attr-defined]


class Annotation(AnnotationContent):
    """标绘: what somebody put on the map. ``version`` is counted by the database; so is every version kept."""

    version = models.PositiveIntegerField(_("版本"), default=1, editable=False)
    created_at = models.DateTimeField(_("标绘时间"), auto_now_add=True)
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("标绘")
        ordering = ["-changed_at", "-pk"]
        indexes = [
            GinIndex(fields=["regions"], name="annotation_by_region"),
            GinIndex(fields=["organizations"], name="annotation_by_organization"),
            models.Index(fields=["-changed_at", "-id"], name="annotation_newest"),
            models.Index(fields=["subject_kind", "subject_key"], name="annotation_by_subject"),
        ]


class AnnotationVersion(AnnotationContent):
    """标绘版本: what an annotation was from one change to the next; written by triggers, whoever changes it and how."""

    annotation = models.ForeignKey(
        Annotation, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="versions",
        verbose_name=_("标绘"),
    )  # fmt: skip
    version = models.PositiveIntegerField(_("版本"))
    valid_from = models.DateTimeField(_("起"))
    valid_to = models.DateTimeField(_("止"), null=True)

    objects = AnnotationVersionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("标绘版本")
        ordering = ["annotation_id", "version"]
        constraints = [models.UniqueConstraint(fields=["annotation", "version"], name="annotation_version_once")]
        indexes = [models.Index(fields=["valid_from", "valid_to"], name="annotation_version_when")]
