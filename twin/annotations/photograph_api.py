"""Photographs of annotations over HTTP."""

from __future__ import annotations

from typing import Any, cast

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.utils.translation import gettext
from ninja import Router, Status
from ninja.errors import HttpError
from ninja.params import Path

from access.models import User
from access.roles import Permission
from access.scope import scope_of
from twin.annotations.exceptions import PhotographError
from twin.annotations.messages import iso
from twin.annotations.photographs import MOST_BYTES, photographs_seen, take_photograph

router = Router(tags=["annotations"])

KEPT_S = 24 * 3600


@router.post("/annotations/photographs", response={201: dict[str, Any]})
def send(request: HttpRequest) -> Any:
    """Keep a photograph: the body is the file. What the camera said of place and time is offered, not kept."""
    user = cast(User, request.user)
    if scope_of(user, Permission.ANNOTATE).empty:
        raise HttpError(403, gettext("您没有标绘权限。"))
    try:
        photograph, told = take_photograph(request.read(MOST_BYTES + 1), user)
    except PhotographError as error:
        raise HttpError(400, str(error)) from error
    place = None if told.lon is None else {"lon": told.lon, "lat": told.lat}
    said = {"id": photograph.pk, "width": photograph.width, "height": photograph.height}
    return Status(201, said | {"place": place, "taken_at": iso(told.taken_at)})


@router.get("/annotations/photographs/{int:key}")
def photograph(request: HttpRequest, key: Path[int], small: bool = False) -> FileResponse:
    """A photograph as JPEG, or a small one; 404: there is none, or nothing one sees shows it."""
    found = photographs_seen(cast(User, request.user)).filter(pk=key).first()
    name = found and (found.small if small else found.file)
    if not name or not default_storage.exists(name):
        raise Http404
    answer = FileResponse(default_storage.open(name), content_type="image/jpeg")
    answer["Cache-Control"] = f"private, max-age={KEPT_S}"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
