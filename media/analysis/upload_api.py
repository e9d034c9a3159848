"""Pictures and videos sent to be looked at, over HTTP."""

from __future__ import annotations

import secrets
import tempfile
from datetime import datetime
from pathlib import PurePath
from typing import Any, cast

from django.core.files import File
from django.core.files.storage import default_storage
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.models import User
from access.roles import Permission
from access.scope import scope_of
from media.analysis.models import AnalysisUpload
from media.analysis.pictures import VIDEOS
from media.analysis.seeing import uploads_seen
from media.analysis.store import UNDONE, load_analysers
from media.asking import ask
from media.exceptions import MediaError
from media.faults import status_of, told
from media.models import Channel

router = Router(tags=["video analysis"])

MOST_BYTES = 256 << 20
CHUNK = 1 << 20
ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", *VIDEOS})
MOST_WAITING = 20
"""Of one person."""
MOST_LISTED = 100


class UploadIn(Schema):
    """About a file: its name (the ending says what it is), which analyser looks, how often, and whose picture it is."""

    name: str = Field(min_length=1, max_length=120)
    analyser: str = Field(max_length=64)
    every_s: float = Field(5.0, ge=0.2, le=3600)
    confidence: float = Field(0.5, ge=0.05, le=1)
    channel: int | None = None
    taken_at: datetime | None = None


@router.post("/video/uploads")
def send(request: HttpRequest, about: Query[UploadIn]) -> Any:
    """Have a picture or video looked at: the body is the file. What is found is told by ``/video/findings?upload=``.

    413: too large; 415: of a kind nobody reads; 422: no such analyser; 429: too many of one's own wait.
    """
    user = cast(User, request.user)
    if scope_of(user, Permission.DISPATCH).empty:
        raise HttpError(403, gettext("您没有送检权限。"))
    ending = PurePath(about.name).suffix.lower()
    if ending not in ENDINGS:
        raise HttpError(415, gettext("可用的文件：JPEG、PNG、WebP 图片，MP4、MOV、MKV、TS 视频。"))
    if about.analyser not in load_analysers():
        raise HttpError(422, gettext("没有这个分析器。"))
    channel = None
    if about.channel is not None:
        channel = get_object_or_404(Channel.objects.within(scope_of(user, Permission.DISPATCH)), pk=about.channel)
    if AnalysisUpload.objects.filter(by=user, state__in=UNDONE).count() >= MOST_WAITING:
        raise HttpError(429, gettext("您有 %d 个文件还在等待，请稍后再送。") % MOST_WAITING)
    taken_at = about.taken_at
    if taken_at is not None and timezone.is_naive(taken_at):
        taken_at = timezone.make_aware(taken_at)
    upload = AnalysisUpload.objects.create(
        channel=channel, analyser=about.analyser, file=_kept(request, ending), name=about.name.replace("\0", ""),
        every_s=about.every_s, confidence=about.confidence, taken_at=taken_at, by=user,
    )  # fmt: skip
    try:
        ask("analysis_upload", upload=upload.pk)
    except MediaError as error:
        default_storage.delete(upload.file)
        upload.delete()
        raise HttpError(status_of(error)[0], told(error)) from error
    return JsonResponse(_told(upload), status=201)


@router.get("/video/uploads")
def uploads(request: HttpRequest) -> dict[str, Any]:
    """What was sent, the newest first."""
    rows = uploads_seen(cast(User, request.user)).order_by("-pk")[:MOST_LISTED]
    return {"uploads": [_told(row) for row in rows]}


@router.get("/video/uploads/{int:pk}")
def upload(request: HttpRequest, pk: Path[int]) -> dict[str, Any]:
    """How far one is."""
    return _told(get_object_or_404(uploads_seen(cast(User, request.user)), pk=pk))


def _kept(request: HttpRequest, ending: str) -> str:
    """Store a request's body; returns its name."""
    with tempfile.TemporaryFile() as body:
        size = 0
        while chunk := request.read(CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise HttpError(413, gettext("文件太大：最多 %d MB。") % (MOST_BYTES >> 20))
            body.write(chunk)
        if not size:
            raise HttpError(400, gettext("文件是空的。"))
        body.seek(0)
        return default_storage.save(f"analysis/uploads/{secrets.token_hex(16)}{ending}", File(body))


def _told(row: AnalysisUpload) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "analyser": row.analyser,
        "channel": row.channel_id,
        "state": row.state,
        "state_name": row.get_state_display(),
        "why": row.why,
        "looked": row.looked,
        "at": row.at.isoformat(timespec="milliseconds"),
    }
