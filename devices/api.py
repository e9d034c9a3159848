"""Commands to devices over HTTP: send one, see what became of the last ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from ninja import Router, Schema
from ninja.params import Path
from pydantic import Field

from access.scope import scope_of
from devices.commands import VALID_FOR, commandable_by, send_command
from devices.exceptions import CommandInvalidError, CommandNotSentError
from devices.models import Device, DeviceCommand

router = Router(tags=["devices"])

MOST_SHOWN = 50


class CommandIn(Schema):
    """What is asked: a word of ``devices/vocabulary.py`` (or a maker's own, ``x-…``) and for how long it holds."""

    name: str = Field(max_length=64)
    args: dict[str, Any] = {}
    valid_s: int = Field(int(VALID_FOR.total_seconds()), ge=5, le=3600)


@router.get("/devices/{str:identifier}/commands")
def commands(request: HttpRequest, identifier: Path[str]) -> dict[str, Any]:
    """The last commands to a device in the user's scope, newest first."""
    device = _visible(request, identifier)
    rows = DeviceCommand.objects.filter(device=device).select_related("issued_by")[:MOST_SHOWN]
    return {"commands": [_whole(row) for row in rows]}


@router.post("/devices/{str:identifier}/commands")
def command(request: HttpRequest, identifier: Path[str], asked: CommandIn) -> Any:
    """Send a command.

    201: recorded and on its way; 400: it makes no sense; 403: seen but not the user's to command; 404: not in the
    user's scope; 503: nobody could take it, nothing is recorded.
    """
    device = _visible(request, identifier)
    if not commandable_by(request.user).filter(pk=device.pk).exists():  # type: ignore[arg-type]
        return JsonResponse({"detail": gettext("您无权向这台终端下发指令。")}, status=403)
    valid_for = timedelta(seconds=asked.valid_s)
    try:
        sent = send_command(device, asked.name, asked.args, request.user, valid_for)  # type: ignore[arg-type]
    except CommandInvalidError as error:
        return JsonResponse({"detail": str(error)}, status=400)
    except CommandNotSentError as error:
        return JsonResponse({"detail": str(error)}, status=503)
    return JsonResponse(_whole(sent), status=201)


def _visible(request: HttpRequest, identifier: str) -> Device:
    """The device, if the user may see it; 404 otherwise, so that nobody learns what exists elsewhere."""
    return get_object_or_404(Device.objects.within(scope_of(request.user)), identifier=identifier)  # type: ignore[arg-type]


def _whole(row: DeviceCommand) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "args": row.args,
        "state": row.state_now,
        "attempts": row.attempts,
        "issued_by": row.issued_by.display_name or row.issued_by.username if row.issued_by else None,
        "issued_at": row.issued_at,
        "expires_at": row.expires_at,
        "replied_at": row.replied_at,
        "reply_text": row.reply_text,
    }
