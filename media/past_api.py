"""What cameras themselves have recorded, and speaking to them, over HTTP."""

from __future__ import annotations

import base64
import os
from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from ninja import File, Router, Schema
from ninja.files import UploadedFile
from ninja.params import Path
from pydantic import AwareDatetime

from access.audit import Action, record
from access.roles import Permission
from access.scope import scope_of
from media.asking import ask
from media.exceptions import MediaError
from media.faults import in_words, status_of, told
from media.films import film, pieces_of
from media.gb28181.downloads import folder
from media.gb28181.voice import MOST_BYTES, RATE, read_wav
from media.models import Channel

router = Router(tags=["video"])

LIST_S, OPEN_S, SPEAK_S = 60.0, 20.0, 30.0


class PieceIn(Schema):
    """A piece of the past, a day at most."""

    begins: AwareDatetime
    ends: AwareDatetime


class OrderIn(Schema):
    """What a viewer says: ``value`` is the speed (0.25, 0.5, 1, 2, 4), or seconds from the beginning."""

    action: Literal["pause", "resume", "speed", "seek"]
    value: float = 0.0


@router.get("/video/channels/{int:pk}/recordings")
def recordings(request: HttpRequest, pk: Path[int], begins: AwareDatetime, ends: AwareDatetime) -> HttpResponse:
    """What the camera, or its recorder, has recorded between two times; ``whole``: nothing is missing in the list.

    404: not in the user's scope; 409: the device says no; 422: the times make no sense; 503: it is offline; 504: it
    does not answer.
    """
    channel = _visible(request, pk)
    return _asked("recordings", LIST_S, **_names(channel), begins=_text(begins), ends=_text(ends))


@router.post("/video/channels/{int:pk}/playbacks")
def play(request: HttpRequest, pk: Path[int], piece: PieceIn) -> HttpResponse:
    """Prepare to watch a piece: ``key`` names it, for those that follow and for the player. Faults as above."""
    channel = _visible(request, pk)
    times = {"begins": _text(piece.begins), "ends": _text(piece.ends)}
    return _asked("playback", OPEN_S, **_names(channel), pk=channel.pk, user=request.user.pk, **times)


@router.get("/video/playbacks/{int:key}")
def playback(request: HttpRequest, key: Path[int]) -> HttpResponse:
    """Where one's own playback is: ``state``, ``position_s`` of ``length_s``, ``speed``, and ``at``, the time shown."""
    return _asked("playback_state", key=key, user=request.user.pk)


@router.post("/video/playbacks/{int:key}")
def order(request: HttpRequest, key: Path[int], asked: OrderIn) -> HttpResponse:
    """Pause one's own playback, go on, faster or slower, elsewhere."""
    return _asked("playback_order", OPEN_S, key=key, user=request.user.pk, action=asked.action, value=asked.value)


@router.post("/video/channels/{int:pk}/downloads")
def download(request: HttpRequest, pk: Path[int], piece: PieceIn) -> HttpResponse:
    """Have a piece, two hours at most, loaded down from the device; ``key`` names it. On the record."""
    channel = _visible(request, pk)
    times = {"begins": _text(piece.begins), "ends": _text(piece.ends)}
    answer = _asked("download", OPEN_S, **_names(channel), pk=channel.pk, user=request.user.pk, **times)
    if answer.status_code == 200:
        record(Action.EXPORT, subject=channel, detail={"kept_by": "device", **times})
    return answer


@router.get("/video/downloads/{str:key}")
def download_state(request: HttpRequest, key: Path[str]) -> HttpResponse:
    """How far one's own download is: ``state`` (loading, done, failed), ``seconds`` of ``length_s``, ``size``."""
    try:
        told_of = ask("download_state", key=key, user=request.user.pk)
    except MediaError as error:
        return _refused(error)
    return JsonResponse(told_of | {"why": in_words(told_of["why"])}, json_dumps_params={"ensure_ascii": False})


@router.get("/video/downloads/{str:key}/video.mp4")
def downloaded(request: HttpRequest, key: Path[str]) -> HttpResponse | StreamingHttpResponse:
    """The file of one's own download, once it is done, of a channel that is still in one's scope; else 404."""
    try:
        told = ask("download_state", key=key, user=request.user.pk)
    except MediaError as error:
        return _refused(error)
    channel = _visible(request, told["channel"])
    if told["state"] != "done":
        raise Http404
    try:
        file = (folder() / f"{key}.mp4").open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return film(f"{channel.name}.mp4", os.fstat(file.fileno()).st_size, pieces_of(file))


@router.post("/video/channels/{int:pk}/announcements")
def announce(request: HttpRequest, pk: Path[int], file: UploadedFile = File(...)) -> HttpResponse:  # noqa: B008
    """Say what a WAV file says through the camera's loudspeaker; on the record. Answers once the device listens.

    404: not in the user's scope, or not the user's to command; 422: no such file, or somebody is speaking there.
    """
    scope = scope_of(request.user, Permission.DISPATCH)  # type: ignore[arg-type]
    channel = get_object_or_404(Channel.objects.within(scope).select_related("device"), pk=pk)
    try:
        sound = read_wav(file.read(MOST_BYTES + 1))
        told_s = len(sound) / RATE
        ask("announce", SPEAK_S, **_names(channel), sound=base64.b64encode(sound).decode())
    except MediaError as error:
        return _refused(error)
    record(Action.CHANGE, subject=channel, detail={"announcement_s": round(told_s, 1), "file": (file.name or "")[:100]})
    return JsonResponse({"seconds": round(told_s, 1)}, status=201)


def _visible(request: HttpRequest, pk: int) -> Channel:
    """A channel in the user's scope; 404 otherwise, so that nobody learns what exists elsewhere."""
    rows = Channel.objects.within(scope_of(request.user)).select_related("device")  # type: ignore[arg-type]
    return get_object_or_404(rows, pk=pk)


def _names(channel: Channel) -> dict[str, str]:
    return {"device": channel.device.code, "channel": channel.code}


def _text(at: datetime) -> str:
    return at.isoformat()


def _asked(question: str, timeout_s: float = 15.0, **args: Any) -> HttpResponse:
    try:
        return JsonResponse(ask(question, timeout_s, **args))
    except MediaError as error:
        return _refused(error)


def _refused(error: MediaError) -> HttpResponse:
    status, code = status_of(error)
    return JsonResponse({"detail": told(error), "code": code}, status=status, json_dumps_params={"ensure_ascii": False})
