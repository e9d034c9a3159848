"""Cameras over HTTP: which there are, how they are, watching them (WHEP), and moving them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from ninja import Router, Schema
from ninja.params import Path
from pydantic import Field

from access.audit import Action, record
from access.roles import Permission
from access.scope import scope_of
from media.asking import ask
from media.exceptions import MediaError, NotOfferedError
from media.faults import status_of, told
from media.models import Channel, VideoDevice
from media.sight.finding import heading_of, lens_of, place_of, with_places
from media.whep.offer import MOST_BYTES

router = Router(tags=["video"])

MOST_LISTED = 5000
OPEN_S = 20.0
"""A camera has 12 s to answer a call."""
SDP = "application/sdp"


class SteerIn(Schema):
    """A word of ``media/gb28181/control.py`` with its arguments; ``move`` without any stops."""

    word: str = Field(max_length=20)
    args: dict[str, Any] = Field(default={}, max_length=10)


@router.get("/video/channels")
def channels(request: HttpRequest, asset: int | None = None) -> dict[str, Any]:
    """Channels in the user's scope, by device; those of, or carried by, one thing on the map with ``asset``."""
    rows = with_places(visible(request))
    rows = rows.filter(Q(asset=asset) | Q(carrier=asset)) if asset is not None else rows.filter(listed=True)
    found = list(rows.order_by("device__name", "name", "pk")[: MOST_LISTED + 1])
    return {"channels": whole(request, found[:MOST_LISTED]), "truncated": len(found) > MOST_LISTED}


@router.post("/video/channels/{int:pk}/whep")
def watch(request: HttpRequest, pk: Path[int], playback: int | None = None) -> HttpResponse:
    """Begin to watch (WHEP): a session description in, its answer out, on the record; live, or one's own playback.

    201: the answer, and under ``Location`` the viewing; 404: not in the user's scope; 413, 415: no session
    description; 422: one that nothing can be sent to, or the limit is reached; 503: the camera is offline; 504: it
    does not answer.
    """
    channel = get_object_or_404(visible(request), pk=pk)
    if request.content_type != SDP:
        return _fault(415, "sdp", gettext("请求内容须为 application/sdp。"))
    if len(request.body) > MOST_BYTES:
        return _fault(413, "sdp", gettext("会话描述过长。"))
    offer = request.body.decode("utf-8", "replace")
    try:
        more = {"playback": playback} if playback is not None else {}
        who = {"user": request.user.pk, "login": request.session.session_key or ""}
        opened = ask("whep_open", OPEN_S, channel=channel.pk, offer=offer, **who, **more)
    except MediaError as error:
        return _refused(error)
    record(Action.WATCH, subject=channel, detail={"session": opened["session"][:8], **more})
    response = HttpResponse(opened["answer"], status=201, content_type=SDP)
    response["Location"] = f"/api/v1/video/sessions/{opened['session']}"
    response["Cache-Control"] = "no-store"
    return response


@router.get("/video/sessions/{str:key}")
def viewing(request: HttpRequest, key: Path[str]) -> HttpResponse:
    """How one's own viewing is: state, codec, whether it is transcoded; of one that has ended, why."""
    return _asked("whep_state", session=key, user=request.user.pk)


@router.patch("/video/sessions/{str:key}")
def trickle(request: HttpRequest, key: Path[str]) -> HttpResponse:
    """Candidates of the browser (RFC 8840): not needed, for its checks say where it is; a restart is refused."""
    if request.content_type != "application/trickle-ice-sdpfrag":
        return _fault(415, "sdp", gettext("请求内容须为 application/trickle-ice-sdpfrag。"))
    try:
        peer = ask("whep_peer", session=key, user=request.user.pk)
    except MediaError as error:
        return _gone(error)
    named = [
        line[12:].strip()
        for line in request.body.decode("utf-8", "replace").splitlines()
        if line[:12] == "a=ice-ufrag:"
    ]
    if any(name != peer for name in named):
        return _fault(422, "restart", gettext("不支持重启连接，请重新打开画面。"))
    return HttpResponse(status=204)


@router.delete("/video/sessions/{str:key}")
def leave(request: HttpRequest, key: Path[str]) -> HttpResponse:
    """Watch no more."""
    return _asked("whep_close", session=key, user=request.user.pk)


@router.put("/video/channels/{int:pk}/control")
def take_control(request: HttpRequest, pk: Path[int]) -> HttpResponse:
    """Ask to move a camera, or to keep on; ``mine`` says whether it is granted, ``name`` who has it."""
    channel = _steerable(request, pk)
    name = str(request.user)
    return _asked("steer_take", channel=channel.pk, user=request.user.pk, name=name)


@router.delete("/video/channels/{int:pk}/control")
def give_control(request: HttpRequest, pk: Path[int]) -> HttpResponse:
    """Give a camera back; it stands still."""
    return _asked("steer_give", channel=_steerable(request, pk).pk, user=request.user.pk)


@router.post("/video/channels/{int:pk}/control")
def steer(request: HttpRequest, pk: Path[int], asked: SteerIn) -> HttpResponse:
    """Move a camera that one has; on the record but for its stops."""
    channel = _steerable(request, pk)
    answer = _asked("steer", channel=channel.pk, user=request.user.pk, word=asked.word, args=asked.args)
    if answer.status_code == 200 and any(asked.args.values()):
        record(Action.STEER, subject=channel, detail={"word": asked.word, "args": asked.args})
    return answer


def visible(request: HttpRequest) -> Any:
    """Channels in the user's scope."""
    return Channel.objects.within(scope_of(request.user))  # type: ignore[arg-type]


def _steerable(request: HttpRequest, pk: int) -> Channel:
    """A channel the user may move; seen ones are not always."""
    scope = scope_of(request.user, Permission.DISPATCH)  # type: ignore[arg-type]
    return get_object_or_404(Channel.objects.within(scope), pk=pk)


def _asked(question: str, **args: Any) -> HttpResponse:
    try:
        value = ask(question, **args)
    except NotOfferedError as error:
        return _gone(error) if question.startswith("whep") else _refused(error)
    except MediaError as error:
        return _refused(error)
    return JsonResponse(value or {})


def _gone(error: MediaError) -> HttpResponse:
    """A viewing that is not there, or somebody else's, which is the same."""
    return _fault(404, "gone", "Not Found") if isinstance(error, NotOfferedError) else _refused(error)


def _refused(error: MediaError) -> HttpResponse:
    status, code = status_of(error)
    return _fault(status, code, told(error))


def _fault(status: int, code: str, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail, "code": code}, status=status, json_dumps_params={"ensure_ascii": False})


def whole(request: HttpRequest, channels: Sequence[Channel]) -> list[dict[str, Any]]:
    """What pages are told of channels that came by :func:`media.sight.finding.with_places`."""
    steered = set(
        Channel.objects.within(scope_of(request.user, Permission.DISPATCH))  # type: ignore[arg-type]
        .filter(pk__in=[channel.pk for channel in channels])
        .values_list("pk", flat=True)
    )
    return [_told(channel, channel.pk in steered) for channel in channels]


def _told(channel: Channel, steered: bool) -> dict[str, Any]:
    lon, lat = place_of(channel) or (None, None)
    view_deg, view_v_deg, _view_m = lens_of(channel)
    return {
        "id": channel.pk,
        "name": channel.name,
        "code": channel.code,
        "online": channel.online,
        "address": channel.address,
        "device": channel.device.name,
        "owner": channel.device.owner.name if channel.device.owner is not None else "",
        "asset": channel.asset_id,
        "carrier": channel.carrier_id,
        "lon": lon,
        "lat": lat,
        "heading_deg": heading_of(channel),
        "view_deg": view_deg,
        "view_v_deg": view_v_deg,
        "steerable": steered,
        "speaks": channel.device.protocol == VideoDevice.Protocol.GB28181,
    }
