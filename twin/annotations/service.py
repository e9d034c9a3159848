"""Making and changing annotations: who may, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from access.models import Organization, User
from access.roles import Permission
from access.scope import Scope, scope_of, under
from gis.models import Region
from twin.annotations.exceptions import AnnotationFaultError, AnnotationForbiddenError, AnnotationStaleError
from twin.annotations.messages import told
from twin.annotations.models import MOST_TEXT_CHARS, MOST_TITLE_CHARS, Annotation
from twin.annotations.photographs import photographs_seen
from twin.annotations.push import publish_after_commit
from twin.annotations.shapes import measured, read_shape, regions_of, stored, symbol_of
from twin.annotations.subjects import subject_kinds
from twin.annotations.symbols import COLOURS

MOST_KEYWORDS, MOST_KEYWORD_CHARS = 10, 20
MOST_ORGANIZATIONS = 50


@dataclass(frozen=True)
class Wanted:
    """What an annotation is to be; ``subject``: kind and key, None for nothing; organizations by key."""

    kind: str
    shape: Mapping[str, Any]
    title: str = ""
    text: str = ""
    keywords: Sequence[str] = ()
    colour: str = ""
    happened_at: datetime | None = None
    subject: tuple[str, str] | None = None
    photograph: int | None = None
    organizations: Sequence[int] = field(default_factory=tuple)


def annotates_at(scope: Scope, regions: Sequence[int], organizations: Sequence[int]) -> bool:
    """Whether what lies in these regions, or is shared with these organizations, is somebody's to draw.

    Stricter than seeing: a district's officer draws in the district, not wherever its firms are.
    """
    if scope.everything:
        return True
    if scope.region_paths and Region.objects.filter(under(scope.region_paths), pk__in=regions).exists():
        return True
    inside = under(scope.organization_paths)
    return bool(scope.organization_paths) and Organization.objects.filter(inside, pk__in=organizations).exists()


def rights(user: User, annotation: Annotation) -> tuple[bool, bool]:
    """Whether somebody may edit an annotation, and whether they may lock, hide and remove it."""
    place = annotation.regions, annotation.organizations
    if not annotates_at(scope_of(user, Permission.ANNOTATE), *place):
        return False, False
    manages = annotation.author_id == user.pk or annotates_at(scope_of(user, Permission.ADMINISTER), *place)
    return manages or not annotation.locked, manages


def make_annotation(user: User, wanted: Wanted, copied_from: Annotation | None = None) -> Annotation:
    """Put something on the map.

    Raises
    ------
    AnnotationError
        It cannot be, or not by this person.
    """
    annotation = Annotation(author=user, copied_from=copied_from)
    with transaction.atomic():
        _fill(annotation, wanted, user)
        _save(annotation, user)
    return annotation


def change_annotation(user: User, key: int, wanted: Wanted, version: int) -> Annotation:
    """Make an annotation what is wanted, if it is still what the person has seen (``version``).

    Raises
    ------
    AnnotationError
        It cannot be, or not by this person, or somebody has changed it since.
    Annotation.DoesNotExist
        This person sees no such annotation.
    """
    with transaction.atomic():
        annotation = _locked(user, key, version)
        if not rights(user, annotation)[0]:
            raise AnnotationForbiddenError(_refused(annotation))
        _fill(annotation, wanted, user)
        _save(annotation, user)
    return annotation


def mark_annotation(user: User, key: int, version: int, **marks: bool) -> Annotation:
    """Lock, hide or remove an annotation, or take that back: ``locked``, ``hidden``, ``removed``; errors as above."""
    with transaction.atomic():
        annotation = _locked(user, key, version)
        if not rights(user, annotation)[1]:
            raise AnnotationForbiddenError(gettext("只有标绘人和管理员可以锁定、隐藏或删除，请联系他们。"))
        for name, value in marks.items():
            setattr(annotation, name, value)
        _save(annotation, user)
    return annotation


def copy_annotation(user: User, key: int, subject: tuple[str, str] | None) -> Annotation:
    """Use an earlier annotation again, for another subject, now; it says where it came from. Errors as above."""
    source = Annotation.objects.seen(user).get(pk=key)
    seen = Organization.objects.within(scope_of(user)).filter(pk__in=source.organizations)
    wanted = Wanted(
        kind=source.kind,
        shape=told(source)["shape"],
        title=source.title,
        text=source.text,
        keywords=source.keywords,
        colour=source.colour,
        subject=subject,
        photograph=source.photograph_id,
        organizations=list(seen.values_list("pk", flat=True)),
    )
    return make_annotation(user, wanted, source)


def _locked(user: User, key: int, version: int) -> Annotation:
    Annotation.objects.select_for_update(of=("self",)).get(pk=key)
    annotation = Annotation.objects.seen(user).select_related("author", "changed_by").get(pk=key)
    if annotation.version != version:
        who = annotation.changed_by.get_full_name() if annotation.changed_by else ""
        said = gettext("“%(title)s”已被%(who)s改过，您的修改没有保存。请查看现在的内容，再决定是否重改。")
        raise AnnotationStaleError(said % {"title": annotation, "who": who or gettext("他人")}, told(annotation))
    return annotation


def _refused(annotation: Annotation) -> str:
    if annotation.locked:
        return gettext("该标绘已锁定，只有标绘人和管理员可以修改。可“引用”一份再改。")
    return gettext("该标绘不在您可标绘的范围内，只能查看。")


def _save(annotation: Annotation, user: User) -> None:
    annotation.changed_by = user
    annotation.save()
    annotation.refresh_from_db(fields=["version"])
    publish_after_commit(annotation)


def _fill(annotation: Annotation, wanted: Wanted, user: User) -> None:
    symbol = symbol_of(wanted.kind)
    shape = read_shape(symbol, wanted.shape)
    annotation.kind = wanted.kind
    annotation.title, annotation.text = wanted.title.strip()[:MOST_TITLE_CHARS], wanted.text.strip()[:MOST_TEXT_CHARS]
    if symbol.key == "text" and not annotation.title:
        raise AnnotationFaultError(gettext("请填写要标在图上的文字。"))
    annotation.keywords = _keywords(wanted.keywords)
    if wanted.colour and wanted.colour not in COLOURS:
        raise AnnotationFaultError(gettext("没有这种颜色，请从颜色表中选择。"))
    annotation.colour = wanted.colour
    if wanted.happened_at is not None:
        annotation.happened_at = wanted.happened_at
    elif annotation.pk is None:
        annotation.happened_at = timezone.now()
    annotation.shape = stored(shape)
    annotation.length_m, annotation.area_m2 = measured(shape)
    _set_subject(annotation, wanted.subject, user)
    _set_photograph(annotation, wanted.photograph, user)
    annotation.regions = regions_of(annotation.shape)
    annotation.organizations = _shared(annotation, wanted.organizations, user)
    if not annotates_at(scope_of(user, Permission.ANNOTATE), annotation.regions, annotation.organizations):
        raise AnnotationForbiddenError(gettext("这里不在您可标绘的范围内，请画到本辖区内。"))


def _keywords(given: Sequence[str]) -> list[str]:
    words = list(dict.fromkeys(word.strip() for word in given if word.strip()))
    if len(words) > MOST_KEYWORDS or any(len(word) > MOST_KEYWORD_CHARS for word in words):
        said = gettext("关键词最多 %(count)d 个，每个最多 %(chars)d 字。")
        raise AnnotationFaultError(said % {"count": MOST_KEYWORDS, "chars": MOST_KEYWORD_CHARS})
    return words


def _set_subject(annotation: Annotation, wanted: tuple[str, str] | None, user: User) -> None:
    if wanted == (annotation.subject_kind, annotation.subject_key):
        return
    if wanted is None:
        annotation.subject_kind = annotation.subject_key = annotation.subject_title = ""
        return
    kind = subject_kinds().get(wanted[0])
    title = kind.title(user, wanted[1]) if kind else None
    if title is None:
        raise AnnotationFaultError(gettext("没有这个对应对象，或它不在您的数据范围内。请重新选择，或选“无”。"))
    annotation.subject_kind, annotation.subject_key = wanted
    annotation.subject_title = title[:200]


def _set_photograph(annotation: Annotation, wanted: int | None, user: User) -> None:
    if wanted is None and annotation.kind == "photograph":
        raise AnnotationFaultError(gettext("请先选择一张照片。"))
    if wanted == annotation.photograph_id:
        return
    if wanted is not None and not photographs_seen(user).filter(pk=wanted).exists():
        raise AnnotationFaultError(gettext("没有这张照片，请重新上传。"))
    annotation.photograph_id = wanted


def _shared(annotation: Annotation, wanted: Sequence[int], user: User) -> list[int]:
    """Keys of the organizations that it is shared with; a firm's own planner shares with the firm, at least."""
    given = set(wanted)
    if len(given) > MOST_ORGANIZATIONS:
        raise AnnotationFaultError(gettext("最多共享给 %d 家单位。") % MOST_ORGANIZATIONS)
    own = scope_of(user, Permission.ANNOTATE)
    if own.organization_paths and not own.everything and not own.region_paths and not given:
        given = {user.organization_id} if user.organization_id else set()
    new = given - set(annotation.organizations)
    if Organization.objects.within(scope_of(user)).filter(pk__in=new).count() != len(new):
        raise AnnotationForbiddenError(gettext("有共享单位不在您的数据范围内，请去掉后再保存。"))
    return sorted(given)
