"""Tasks, models and uploads out of the database, findings into it; blocks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from media.analysis.interface import Box, Seen
from media.analysis.judging import Following, Lasting, Task
from media.analysis.models import AnalysisFinding, AnalysisModel, AnalysisTask, AnalysisUpload
from media.analysis.registered import AnalyserKind, registered
from media.analysis.wire import Reply
from media.models import Channel
from media.recordings.ledger import micros
from media.sight.finding import place_of
from twin.periods import PeriodError, read_periods

ONNX = "media.analysis.onnxmodel:make"
WITH_PLACE = ("channel__asset__state", "channel__carrier__state")
UNDONE = (AnalysisUpload.State.WAITING, AnalysisUpload.State.RUNNING)


def models_folder() -> Path:
    """Where files of models lie."""
    return Path(settings.VAR_DIR) / "models"


def load_analysers() -> dict[str, AnalyserKind]:
    """Every analyser there is, by key: of modules, and the desk's models."""
    found = registered()
    folder = models_folder()
    for row in AnalysisModel.objects.filter(enabled=True):
        found[row.analyser] = AnalyserKind(
            row.analyser,
            row.name,
            ONNX,
            {
                "file": str(folder / row.file),
                "labels": str(folder / row.labels),
                "sha256": row.sha256,
                "width": row.width,
                "height": row.height,
                "layout": str(row.layout),
            },
        )
    return found


def load_tasks() -> list[Task]:
    """Tasks of cameras that are there; one whose periods nobody can read is for the whole day."""
    tasks = []
    rows = AnalysisTask.objects.filter(enabled=True, channel__device__active=True)
    for row in rows.select_related(*WITH_PLACE):
        try:
            periods = read_periods(row.periods)
        except PeriodError:
            periods = ()
        tasks.append(
            Task(
                row.pk,
                row.channel_id,
                row.analyser,
                row.every_s,
                row.confidence,
                frozenset(filter(None, (word.strip() for word in row.labels.replace("，", ",").split(",")))),
                Box(row.left, row.top, row.right - row.left, row.bottom - row.top),
                row.grade,
                periods,
                row.channel.code,
                place_of(row.channel),
            )
        )
    return tasks


def load_followings() -> dict[int, Following]:
    """Causes that lasted when the process ended, by task."""
    found: dict[int, Following] = {}
    for row in AnalysisFinding.objects.filter(ended_at=None, task__isnull=False):
        last_us = micros(row.last_at)
        lasting = Lasting(last_us, row.looks, told_us=last_us)
        found.setdefault(row.task_id or 0, Following()).lasting[row.label] = lasting
    return found


def begin_findings(task: Task, began: Mapping[str, Sequence[Seen]], reply: Reply, at_us: int) -> None:
    """Store causes that began, with their key frame."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    more = {
        "task_id": task.pk, "channel_id": task.channel, "analyser": task.analyser, "grade": task.grade,
        "taken_at": at, "last_at": at,
    }  # fmt: skip
    with transaction.atomic():
        row = AnalysisTask.objects.select_for_update(of=("self",)).filter(pk=task.pk)
        if (found_task := row.select_related(*WITH_PLACE).first()) is not None:
            place = place_of(found_task.channel)
            more |= {"lon": place[0] if place else None, "lat": place[1] if place else None}
            # One that another process of ours left open is this one.
            lasting = AnalysisFinding.objects.filter(task=task.pk, ended_at=None, label__in=began)
            known = set(lasting.values_list("label", flat=True))
            _create({label: found for label, found in began.items() if label not in known}, reply, at, more)


def keep_look(
    upload: AnalysisUpload, found: Mapping[str, Sequence[Seen]], reply: Reply, at_us: int, looked: int
) -> None:
    """Store what was seen in the picture of an upload that was looked at last, and how many were; both or neither.

    It does not last, and raises nothing.
    """
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    place = place_of(upload.channel) if upload.channel is not None else None
    more = {
        "upload": upload, "channel": upload.channel, "analyser": upload.analyser, "grade": AnalysisTask.Grade.BLUE,
        "lon": place[0] if place else None, "lat": place[1] if place else None,
        "taken_at": at, "last_at": at, "ended_at": at,
    }  # fmt: skip
    with transaction.atomic():
        _create(found, reply, at, more)
        note_upload(upload.pk, AnalysisUpload.State.RUNNING, looked)


def _create(began: Mapping[str, Sequence[Seen]], reply: Reply, at: datetime, more: Mapping[str, Any]) -> None:
    if not began:
        return
    name = f"analysis/{at:%Y/%m/%d}/{secrets.token_hex(16)}.jpg"
    kept = default_storage.save(name, ContentFile(reply.jpeg))
    AnalysisFinding.objects.bulk_create(
        [
            AnalysisFinding(
                label=label,
                confidence=found[0].confidence,
                boxes=[[*(round(edge, 5) for edge in seen.box), round(seen.confidence, 4)] for seen in found],
                picture=kept,
                width=reply.width,
                height=reply.height,
                **more,
            )
            for label, found in began.items()
        ]
    )


def tell_findings(task: int, went_on: Mapping[str, tuple[int, int]], ended: Mapping[str, int]) -> set[str]:
    """Store until when causes of a task were seen, and how often; and that others ended, at which time.

    Returns
    -------
    set of str
        Labels that went on but are stored as ended: somebody set the task otherwise and back again meanwhile.
    """
    rows = AnalysisFinding.objects.filter(task=task, ended_at=None)
    over = {
        label
        for label, (last_us, looks) in went_on.items()
        if not rows.filter(label=label).update(last_at=datetime.fromtimestamp(last_us / 1e6, UTC), looks=looks)
    }
    for label, at_us in ended.items():
        rows.filter(label=label).update(ended_at=datetime.fromtimestamp(at_us / 1e6, UTC))
    return over


def end_orphans() -> int:
    """End what nobody looks for any more; returns how many.

    Its task was switched off, is gone, or is for another camera or analyser now.
    """
    gone = Q(task=None) | Q(task__enabled=False) | Q(channel__device__active=False)
    other = ~Q(task__channel=F("channel")) | ~Q(task__analyser=F("analyser"))
    keys = AnalysisFinding.objects.filter(gone | other, ended_at=None).values_list("pk", flat=True)
    return AnalysisFinding.objects.filter(pk__in=list(keys)).update(ended_at=timezone.now())


def load_uploads() -> list[int]:
    """Uploads that are not done."""
    return list(AnalysisUpload.objects.filter(state__in=UNDONE).order_by("pk").values_list("pk", flat=True))


def load_upload(key: int) -> AnalysisUpload | None:
    """One of them."""
    return AnalysisUpload.objects.select_related(*WITH_PLACE).filter(pk=key).first()


def note_upload(key: int, state: str, looked: int, why: str = "") -> None:
    """How far an upload is."""
    AnalysisUpload.objects.filter(pk=key).update(state=state, looked=looked, why=why[:500])


def load_channel_card(key: int) -> tuple[str, tuple[float, float] | None] | None:
    """Code and place of a channel."""
    row = Channel.objects.select_related("asset__state", "carrier__state").filter(pk=key).first()
    return None if row is None else (row.code, place_of(row))
