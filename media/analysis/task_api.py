"""Tasks of analysers over HTTP: which camera is looked at, by what, how often."""

from __future__ import annotations

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from ninja import Router, Schema
from ninja.errors import HttpError
from ninja.params import Path
from pydantic import Field

from access.roles import Permission
from access.scope import scope_of
from media.analysis.models import AnalysisTask
from media.analysis.store import load_analysers
from media.models import Channel

router = Router(tags=["video analysis"])

MOST_LISTED = 5000
FIELDS = ("analyser", "enabled", "every_s", "confidence", "labels", "left", "top", "right", "bottom", "grade",
          "periods")  # fmt: skip


Number = Annotated[float, Field(allow_inf_nan=False)]
"""What can be compared: nothing is as sure as "not a number", so a task with that would never find anything."""


class TaskIn(Schema):
    """What of a task is set; fields that are left out keep what they are, or what a new task begins with."""

    analyser: str | None = Field(None, max_length=64)
    enabled: bool | None = None
    every_s: int | None = None
    confidence: Number | None = None
    labels: str | None = Field(None, max_length=400)
    left: Number | None = None
    top: Number | None = None
    right: Number | None = None
    bottom: Number | None = None
    grade: int | None = None
    periods: list[Any] | None = Field(None, max_length=50)


class NewTaskIn(TaskIn):
    """A new task."""

    channel: int
    analyser: str = Field(max_length=64)


@router.get("/video/tasks")
def tasks(request: HttpRequest) -> dict[str, Any]:
    """Tasks of cameras in scope."""
    rows = AnalysisTask.objects.within(scope_of(request.user)).select_related("channel")  # type: ignore[arg-type]
    return {"tasks": [_told(row) for row in rows.order_by("channel__name", "pk")[:MOST_LISTED]]}


@router.post("/video/tasks")
def add(request: HttpRequest, asked: NewTaskIn) -> Any:
    """Have a camera looked at; for whoever keeps its device. 422: something of it cannot be."""
    scope = scope_of(request.user, Permission.MANAGE_DEVICES)  # type: ignore[arg-type]
    channel = get_object_or_404(Channel.objects.within(scope), pk=asked.channel)
    return JsonResponse(_told(_saved(AnalysisTask(channel=channel), asked)), status=201)


@router.patch("/video/tasks/{int:pk}")
def change(request: HttpRequest, pk: Path[int], asked: TaskIn) -> dict[str, Any]:
    """Set some of a task."""
    with transaction.atomic():
        return _told(_saved(_kept(request, pk), asked))


@router.delete("/video/tasks/{int:pk}")
def remove(request: HttpRequest, pk: Path[int]) -> HttpResponse:
    """Look no more; what was found stays."""
    with transaction.atomic():
        _kept(request, pk).delete()
    return HttpResponse(status=204)


def _kept(request: HttpRequest, pk: int) -> AnalysisTask:
    """A task whose camera the user keeps; nobody else changes it while this transaction lasts."""
    scope = scope_of(request.user, Permission.MANAGE_DEVICES)  # type: ignore[arg-type]
    rows = AnalysisTask.objects.within(scope).select_related("channel").select_for_update(of=("self",))
    return get_object_or_404(rows, pk=pk)


def _saved(task: AnalysisTask, asked: TaskIn) -> AnalysisTask:
    given = {name: value for name in FIELDS if (value := getattr(asked, name)) is not None}
    if "analyser" in given and given["analyser"] not in load_analysers():
        raise HttpError(422, gettext("没有这个分析器。"))
    for name, value in given.items():
        setattr(task, name, value)
    try:
        task.full_clean(exclude=["channel"])
    except ValidationError as error:
        raise HttpError(422, "；".join(error.messages)) from None
    task.save()
    return task


def _told(task: AnalysisTask) -> dict[str, Any]:
    return {
        "id": task.pk,
        "channel": {"id": task.channel.pk, "name": task.channel.name},
        **{name: getattr(task, name) for name in FIELDS},
    }
