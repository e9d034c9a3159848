"""Annotations over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import shapely
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.models import Organization, User
from access.roles import Permission
from access.scope import scope_of
from gis.coordinate_text import read_coordinates, write_coordinates
from gis.exceptions import GisError
from twin.annotations.exceptions import AnnotationError, AnnotationForbiddenError, AnnotationStaleError
from twin.annotations.messages import feature, iso, person, told
from twin.annotations.models import Annotation, AnnotationVersion
from twin.annotations.search import Asked, listed, narrowed
from twin.annotations.service import (
    Wanted,
    change_annotation,
    copy_annotation,
    make_annotation,
    mark_annotation,
    rights,
)
from twin.annotations.shapes import any_shape
from twin.annotations.subjects import subject_kinds
from twin.annotations.symbols import COLOURS, SYMBOLS
from twin.datum_choices import datum_choices

router = Router(tags=["annotations"])

LISTED, MOST_LISTED = 500, 2_000
MOST_SKIPPED = 1_000_000
MOST_EXPORTED = 20_000
MOST_VERSIONS = 200
MOST_FOUND = 10
_MARKS: dict[str, dict[str, bool]] = {
    "lock": {"locked": True},
    "unlock": {"locked": False},
    "hide": {"hidden": True},
    "show": {"hidden": False},
    "remove": {"removed": True},
}


class SubjectIn(Schema):
    """What an annotation is about."""

    kind: str = Field(max_length=32)
    key: str = Field(max_length=64)


class AnnotationIn(Schema):
    """An annotation as it is to be; ``version``: the one that was changed."""

    kind: str = Field(max_length=32)
    shape: dict[str, Any]
    title: str = Field(default="", max_length=120)
    text: str = Field(default="", max_length=2000)
    keywords: list[str] = Field(default=[], max_length=20)
    colour: str = Field(default="", max_length=16)
    happened_at: datetime | None = None
    subject: SubjectIn | None = None
    photograph: int | None = None
    organizations: list[int] = Field(default=[], max_length=100)
    version: int = 0

    def wanted(self) -> Wanted:
        """The same, for :mod:`twin.annotations.service`."""
        at = self.happened_at
        if at is not None and timezone.is_naive(at):
            raise HttpError(400, gettext("所述时间要带时区，如 2026-11-21T08:00:00+08:00。"))
        values = self.model_dump(exclude={"version", "subject"})
        return Wanted(**values, subject=(self.subject.kind, self.subject.key) if self.subject else None)


class CoordinatesIn(Schema):
    """Lines of coordinates in a datum, to become a ``point``, ``line`` or ``polygon``; or a shape to be written out."""

    datum: str = Field(max_length=200)
    text: str = Field(default="", max_length=200_000)
    sort: str = Field(default="polygon", pattern="^(point|line|polygon)$")
    shape: dict[str, Any] | None = None


class MarkIn(Schema):
    """Something done to an annotation that was seen in ``version``."""

    version: int


class CopyIn(Schema):
    """What an earlier annotation is used for."""

    subject: SubjectIn | None = None


def answered(work: Callable[[], Any]) -> Any:
    """What ``work`` gives; its refusals as HTTP answers, a stale one with what the annotation is now.

    Raises
    ------
    HttpError
    """
    try:
        return work()
    except Annotation.DoesNotExist:
        raise HttpError(404, "Not Found") from None
    except AnnotationForbiddenError as error:
        raise HttpError(403, str(error)) from error
    except AnnotationStaleError as error:
        return JsonResponse({"detail": str(error), "now": error.now}, status=409)
    except AnnotationError as error:
        raise HttpError(400, str(error)) from error


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # the API lets nobody else in


@router.get("/annotations/symbols")
def symbols(request: HttpRequest) -> dict[str, Any]:
    """The palette: ``{"symbols", "colours", "subjects", "datums", "draws", "user"}``; ``draws``: whether one may."""
    user = _user(request)
    return {
        "symbols": [
            {
                "key": each.key,
                "name": str(each.name),
                "sort": each.sort,
                "glyph": each.glyph,
                "colour": each.colour,
                "group": each.group,
                "stroke": each.stroke,
                "measured": each.measured,
            }
            for each in SYMBOLS.values()
        ],
        "colours": [{"key": key, "name": str(name)} for key, name in COLOURS.items()],
        "subjects": [{"key": each.key, "name": str(each.name)} for each in subject_kinds().values()],
        "datums": datum_choices(),
        "draws": not scope_of(user, Permission.ANNOTATE).empty,
        "user": user.pk,
    }


@router.get("/annotations")
def list_annotations(
    request: HttpRequest,
    asked: Query[Asked],
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = LISTED,
    skip: Annotated[int, Query(ge=0, le=MOST_SKIPPED)] = 0,
) -> dict[str, Any]:
    """Annotations that one sees, the last changed first: ``{"annotations", "count", "truncated"}``.

    ``limit`` of them after ``skip``; ``count``: how many there are, ``truncated``: whether there are more after these.
    """
    found = answered(lambda: narrowed(Annotation.objects.seen(_user(request)), asked))
    rows = list(listed(found)[skip : skip + limit + 1])
    is_all = len(rows) <= limit and (rows or not skip)
    count = skip + len(rows) if is_all else found.count()
    return {"annotations": [told(row) for row in rows[:limit]], "count": count, "truncated": len(rows) > limit}


@router.get("/annotations.geojson")
def annotations_file(request: HttpRequest, asked: Query[Asked]) -> JsonResponse:
    """The same as a GeoJSON file; 400 where there are more than 20,000."""
    found = answered(lambda: narrowed(Annotation.objects.seen(_user(request)), asked))
    rows = list(listed(found)[: MOST_EXPORTED + 1])
    if len(rows) > MOST_EXPORTED:
        raise HttpError(400, gettext("超过 %d 条，请缩小查找范围再导出。") % MOST_EXPORTED)
    answer = JsonResponse({"type": "FeatureCollection", "features": [feature(row) for row in rows]})
    name = f"annotations-{timezone.localtime():%Y%m%d-%H%M%S}.geojson"
    answer["Content-Type"] = "application/geo+json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@router.post("/annotations", response={201: dict[str, Any]})
def add(request: HttpRequest, given: AnnotationIn) -> Any:
    """Put something on the map."""
    user = _user(request)
    return Status(201, _whole(answered(lambda: make_annotation(user, given.wanted())).pk, user))


@router.get("/annotations/subjects")
def subjects(request: HttpRequest, q: str = "") -> dict[str, Any]:
    """What an annotation can be about, by name: ``{"subjects": [{kind, key, title, kind_name}]}``."""
    user, text = _user(request), q.strip()
    found = [
        {"kind": kind.key, "key": key, "title": title, "kind_name": str(kind.name)}
        for kind in subject_kinds().values()
        for key, title in (kind.find(user, text) if text else [])
    ]
    return {"subjects": found}


@router.get("/annotations/organizations")
def organizations(request: HttpRequest, q: str = "") -> dict[str, Any]:
    """Organizations with which one may share, by name: ``{"organizations": [{id, name}]}``."""
    user, text = _user(request), q.strip()
    if scope_of(user, Permission.ANNOTATE).empty:
        raise HttpError(403, gettext("您没有标绘权限。"))
    found = Organization.objects.within(scope_of(user)).filter(name__icontains=text).order_by("name")
    return {"organizations": list(found.values("id", "name")[:MOST_FOUND]) if text else []}


@router.post("/annotations/coordinates")
def coordinates(request: HttpRequest, asked: CoordinatesIn) -> dict[str, Any]:
    """Typed coordinates as a shape (degrees of WGS 84), or a shape as text: ``{"shape", "text"}``."""
    try:
        given = None if asked.shape is None else answered(lambda: any_shape(asked.shape))
        shape = read_coordinates(asked.text, asked.datum, asked.sort) if given is None else given
        text = asked.text if given is None else write_coordinates(shape, asked.datum)
    except (GisError, ValueError) as error:
        raise HttpError(400, str(error)) from error
    return {"shape": json.loads(shapely.to_geojson(shape)), "text": text}


@router.get("/annotations/{int:key}")
def one(request: HttpRequest, key: Path[int]) -> dict[str, Any]:
    """An annotation, with what one may do to it (``may``) and, for who draws, whom it is shared with."""
    return answered(lambda: _whole(key, _user(request)))


@router.put("/annotations/{int:key}")
def change(request: HttpRequest, key: Path[int], given: AnnotationIn) -> Any:
    """Make an annotation what is given; 409 with ``now``: somebody changed it since ``version``."""
    user = _user(request)
    done = answered(lambda: change_annotation(user, key, given.wanted(), given.version))
    return done if isinstance(done, JsonResponse) else _whole(key, user)


@router.post("/annotations/{int:key}/copy", response={201: dict[str, Any]})
def copy(request: HttpRequest, key: Path[int], given: CopyIn) -> Any:
    """Use an annotation again for another subject; the new one says where it came from."""
    user = _user(request)
    subject = (given.subject.kind, given.subject.key) if given.subject else None
    return Status(201, _whole(answered(lambda: copy_annotation(user, key, subject)).pk, user))


@router.get("/annotations/{int:key}/versions")
def versions(request: HttpRequest, key: Path[int]) -> dict[str, Any]:
    """What an annotation was, the newest first: ``{"versions": […]}``, each with who made it and when."""
    user = _user(request)
    answered(lambda: Annotation.objects.seen(user).get(pk=key))
    rows = listed(AnnotationVersion.objects.seen(user)).filter(annotation=key).order_by("-version")[:MOST_VERSIONS]
    return {"versions": [told(row) for row in rows]}


@router.post("/annotations/{int:key}/{action}")
def mark(
    request: HttpRequest,
    key: Path[int],
    action: Path[Literal["lock", "unlock", "hide", "show", "remove"]],
    given: MarkIn,
) -> Any:
    """Lock, hide or remove an annotation, or unlock or show it; 409 as with a change."""
    user = _user(request)
    done = answered(lambda: mark_annotation(user, key, given.version, **_MARKS[action]))
    if isinstance(done, JsonResponse):
        return done
    return {"id": key, "removed": True} if done.removed else _whole(key, user)


def _whole(key: int, user: User) -> dict[str, Any]:
    annotation = listed(Annotation.objects.seen(user)).select_related("copied_from__author").get(pk=key)
    edits, manages = rights(user, annotation)
    said = told(annotation) | {"may": {"edit": edits, "manage": manages}}
    source = annotation.copied_from
    if source is not None and Annotation.objects.seen(user).filter(pk=source.pk).exists():
        said["source"] = {"id": source.pk, "title": str(source), "author": person(source.author)}
        said["source"]["happened_at"] = iso(source.happened_at)
    if not scope_of(user, Permission.ANNOTATE).empty:
        shared = Organization.objects.within(scope_of(user)).filter(pk__in=annotation.organizations)
        said["organizations"] = list(shared.order_by("name").values("id", "name"))
    return said
