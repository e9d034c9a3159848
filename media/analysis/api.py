"""What machines see, over HTTP: one picture of a camera, analysers, findings with their pictures, verdicts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Literal, cast

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.audit import Action, record
from access.models import User
from access.roles import Permission
from access.scope import scope_of
from media.analysis.lasting import frame_of
from media.analysis.models import AnalysisFinding
from media.analysis.seeing import findings_seen, judge, judged_by, note_look, seen_finding, tally
from media.analysis.store import load_analysers
from media.analysis.task_api import router as tasks
from media.analysis.upload_api import router as uploads
from media.asking import ask
from media.exceptions import MediaError
from media.faults import status_of, told
from media.models import Channel
from media.sight.finding import place_of

router = Router(tags=["video analysis"])
router.add_router("", tasks)
router.add_router("", uploads)

SHOT_S = 30.0
LOOK_S = 60.0
MOST_LISTED = 200


class LookIn(Schema):
    """Which analyser looks, and from which confidence on its findings are told."""

    analyser: str = Field(max_length=64)
    confidence: float = Field(0.5, ge=0.05, le=1)


class FindingFilter(Schema):
    """Which findings; ``before``: only those with a smaller key than this."""

    verdict: Literal["", "open", "confirmed", "rejected"] = ""
    analyser: str = Field("", max_length=64)
    channel: int | None = None
    upload: int | None = None
    before: int | None = None
    limit: int = Field(50, ge=1, le=MOST_LISTED)


class VerdictIn(Schema):
    """What a person says of a finding."""

    verdict: Literal["confirmed", "rejected"]


@router.get("/video/channels/{int:pk}/frame")
def frame(request: HttpRequest, pk: Path[int]) -> HttpResponse:
    """A camera's picture of now as JPEG with time (UTC), camera and place in its EXIF; on the record.

    404: not in the user's scope; 422: its pictures cannot be decoded; 503, 504: there are none.
    """
    channel = _channel(request, pk)
    taken = _asked("analysis_frame", SHOT_S, channel=channel.pk)
    record(Action.WATCH, subject=channel, detail={"frame": taken["taken_ms"]})
    answer = HttpResponse(base64.b64decode(taken["jpeg"]), content_type="image/jpeg")
    answer["X-Picture-Time"] = datetime.fromtimestamp(taken["taken_ms"] / 1000, UTC).isoformat(timespec="milliseconds")
    answer["X-Picture-Camera"] = channel.code
    if (place := place_of(channel)) is not None:
        answer["X-Picture-Place"] = f"{place[0]:.6f},{place[1]:.6f}"
    answer["Cache-Control"] = "no-store"
    return answer


@router.post("/video/channels/{int:pk}/look")
def look(request: HttpRequest, pk: Path[int], asked: LookIn) -> dict[str, Any]:
    """Have an analyser look at a camera's picture of now; nothing of it is kept, and nothing is raised."""
    channel = _channel(request, pk, Permission.DISPATCH)
    more = {"analyser": asked.analyser, "confidence": asked.confidence}
    taken = _asked("analysis_look", LOOK_S, channel=channel.pk, **more)
    record(Action.WATCH, subject=channel, detail={"frame": taken["taken_ms"], "analyser": asked.analyser})
    return {**taken, "camera": channel.code, "place": place_of(channel)}


@router.get("/video/analysers")
def analysers(request: HttpRequest) -> dict[str, Any]:
    """Analysers with what people confirmed and rejected of theirs in the user's scope; ``failed`` null: not known."""
    try:
        state: dict[str, Any] | None = ask("analysis_state", 3.0)["analysers"]
    except MediaError:
        state = None
    counts, kinds = tally(cast(User, request.user)), load_analysers()
    none = {"findings": 0, "confirmed": 0, "rejected": 0}
    told_of = [
        {
            "key": key,
            "title": str(kinds[key].title) if key in kinds else key,
            "offered": key in kinds,
            **counts.get(key, none),
            **({"failed": None, "why": "", "waiting": 0} if state is None else _well | state.get(key, {})),
        }
        for key in sorted({*kinds, *counts})
    ]
    return {"analysers": told_of}


_well = {"failed": False, "why": "", "waiting": 0}


@router.get("/video/findings")
def findings(request: HttpRequest, wanted: Query[FindingFilter]) -> dict[str, Any]:
    """Findings in scope, the newest first: ``{"findings": […], "truncated": bool}``."""
    conditions = {
        "verdict": wanted.verdict or None,
        "analyser": wanted.analyser or None,
        "channel": wanted.channel,
        "upload": wanted.upload,
        "pk__lt": wanted.before,
    }
    rows = findings_seen(cast(User, request.user)).filter(
        **{name: value for name, value in conditions.items() if value is not None}
    )
    found = list(rows.select_related("channel", "upload", "verdict_by").order_by("-pk")[: wanted.limit + 1])
    able = judged_by(cast(User, request.user), found)
    names = {key: str(kind.title) for key, kind in load_analysers().items()}
    listed = [_told(row, names, row.pk in able) for row in found[: wanted.limit]]
    return {"findings": listed, "truncated": len(found) > wanted.limit}


@router.get("/video/findings/{int:pk}/picture")
def picture(request: HttpRequest, pk: Path[int]) -> FileResponse:
    """The key frame of a finding as JPEG, as it was taken; looking is on the record."""
    finding = seen_finding(request, pk)
    if not default_storage.exists(finding.picture):
        raise Http404
    note_look(request, finding)
    answer = FileResponse(default_storage.open(finding.picture), content_type="image/jpeg")
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@router.post("/video/findings/{int:pk}/verdict")
def verdict(request: HttpRequest, pk: Path[int], asked: VerdictIn) -> dict[str, Any]:
    """Confirm or reject; a rejected finding's alert ends its cause, and it is not raised again while it lasts."""
    finding = judge(request, seen_finding(request, pk), asked.verdict)
    return {"id": finding.pk, "verdict": finding.verdict}


def _channel(request: HttpRequest, pk: int, permission: str = Permission.VIEW) -> Channel:
    rows = Channel.objects.within(scope_of(request.user, permission))  # type: ignore[arg-type]
    return get_object_or_404(rows.select_related("asset__state", "carrier__state"), pk=pk)


def _asked(question: str, within_s: float, **args: Any) -> dict[str, Any]:
    try:
        return ask(question, within_s, **args)
    except MediaError as error:
        raise HttpError(status_of(error)[0], told(error)) from error


def _told(row: AnalysisFinding, names: dict[str, str], judged: bool) -> dict[str, Any]:
    by = row.verdict_by
    return {
        **frame_of(row),
        "id": row.pk,
        "confidence": row.confidence,
        "analyser": row.analyser,
        "analyser_name": names.get(row.analyser, row.analyser),
        "grade": row.grade,
        "channel": None if row.channel is None else {"id": row.channel.pk, "name": row.channel.name},
        "asset": None if row.channel is None else row.channel.asset_id,
        "upload": None if row.upload is None else {"id": row.upload.pk, "name": row.upload.name},
        "lon": row.lon,
        "lat": row.lat,
        "last_at": row.last_at.isoformat(timespec="milliseconds"),
        "ended": row.ended_at is not None,
        "looks": row.looks,
        "verdict_name": row.get_verdict_display(),
        "verdict_by": "" if by is None else by.display_name or by.get_username(),
        "may_judge": judged,
    }
