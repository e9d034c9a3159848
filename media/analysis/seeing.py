"""Who may see which findings and uploads, what becomes of findings people judge, and what is deleted in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from ninja.errors import HttpError

from access.audit import Action, record
from access.models import User
from access.roles import Permission
from access.scope import scope_of
from media.analysis.models import AnalysisFinding, AnalysisUpload
from media.models import Channel

ONE_LOOK_S = 600
KEPT = timedelta(days=90)
KEPT_CONFIRMED = timedelta(days=365)
KEPT_UPLOADS = timedelta(days=30)
AT_ONCE = 500


def findings_seen(user: User) -> QuerySet[AnalysisFinding]:
    """Findings of cameras in a user's scope, and of what the user sent in without saying of which camera."""
    scope = scope_of(user)
    if scope.everything:
        return AnalysisFinding.objects.all()
    own = AnalysisFinding.objects.filter(channel=None, upload__by=user)
    inside = AnalysisFinding.objects.within(scope)
    return AnalysisFinding.objects.filter(Q(pk__in=inside.values("pk")) | Q(pk__in=own.values("pk")))


def uploads_seen(user: User) -> QuerySet[AnalysisUpload]:
    """Uploads of cameras in a user's scope, and the user's own."""
    scope = scope_of(user)
    if scope.everything:
        return AnalysisUpload.objects.all()
    channels = Channel.objects.within(scope).values("pk")
    return AnalysisUpload.objects.filter(Q(by=user, channel=None) | Q(channel__in=channels))


def seen_finding(request: HttpRequest, pk: int) -> AnalysisFinding:
    """A finding, if the user may see it; 404 otherwise."""
    rows = findings_seen(cast(User, request.user)).select_related("channel__device", "upload", "verdict_by")
    return get_object_or_404(rows, pk=pk)


def note_look(request: HttpRequest, finding: AnalysisFinding) -> None:
    """Write down that somebody looks at a finding's picture; once in a while for each."""
    if cache.add(f"analysis-look-{request.user.pk}-{finding.pk}", 1, ONE_LOOK_S):
        subject: Any = finding.channel or finding
        record(Action.WATCH, subject=subject, detail={"finding": finding.pk, "at": finding.taken_at.isoformat()})


def judged_by(user: User, findings: Sequence[AnalysisFinding]) -> set[int]:
    """Keys of those that a user may confirm or reject: of cameras they answer for, and of what they sent in."""
    scope = scope_of(user, Permission.DISPATCH)
    channels = Channel.objects.within(scope).filter(pk__in=[each.channel_id for each in findings if each.channel_id])
    answered = set(channels.values_list("pk", flat=True))

    def may(finding: AnalysisFinding) -> bool:
        if finding.channel_id is not None:
            return finding.channel_id in answered
        return scope.everything or (finding.upload is not None and finding.upload.by_id == user.pk)

    return {finding.pk for finding in findings if may(finding)}


def judge(request: HttpRequest, finding: AnalysisFinding, verdict: str) -> AnalysisFinding:
    """Confirm or reject a finding, on the record.

    Raises
    ------
    HttpError
        403: the user sees it, but does not answer for it.
    """
    user = cast(User, request.user)
    if not judged_by(user, [finding]):
        raise HttpError(403, gettext("您可以查看这条结果，但无权确认。"))
    with transaction.atomic():
        locked = AnalysisFinding.objects.select_for_update().get(pk=finding.pk)
        before, locked.verdict = locked.verdict, verdict
        locked.verdict_by, locked.verdict_at = user, timezone.now()
        locked.save(update_fields=["verdict", "verdict_by", "verdict_at"])
        changes = {"verdict": [str(before), verdict]}
        record(Action.CHANGE, subject=locked, changes=changes, detail={"label": locked.label})
    return locked


def tally(user: User) -> dict[str, dict[str, int]]:
    """By analyser: how many findings there are, and how many people confirmed and rejected."""
    verdict = AnalysisFinding.Verdict
    rows = findings_seen(user).order_by().values("analyser").annotate(
        findings=Count("pk"),
        confirmed=Count("pk", filter=Q(verdict=verdict.CONFIRMED)),
        rejected=Count("pk", filter=Q(verdict=verdict.REJECTED)),
    )  # fmt: skip
    named = ("findings", "confirmed", "rejected")
    return {str(row["analyser"]): {name: int(row[name]) for name in named} for row in rows}  # type: ignore[literal-required]


def expire(now: datetime) -> int:
    """Delete findings with their pictures, and uploads, that are past their time; returns how many findings."""
    old = AnalysisFinding.objects.filter(ended_at__lt=now - KEPT).filter(
        ~Q(verdict=AnalysisFinding.Verdict.CONFIRMED) | Q(ended_at__lt=now - KEPT_CONFIRMED)
    )
    count = 0
    while rows := list(old.order_by("pk")[:AT_ONCE].values_list("pk", "picture")):
        names = {name for _pk, name in rows}
        with transaction.atomic():
            AnalysisFinding.objects.filter(pk__in=[pk for pk, _name in rows]).delete()
            shared = set(AnalysisFinding.objects.filter(picture__in=names).values_list("picture", flat=True))
        for name in names - shared:
            default_storage.delete(name)
        count += len(rows)
    for upload in AnalysisUpload.objects.filter(at__lt=now - KEPT_UPLOADS).exclude(file=""):
        default_storage.delete(upload.file)
        upload.file = ""
        upload.save(update_fields=["file"])
    return count
