"""Recordings kept for their time and proved: what is due is deleted, never what is held; the whole chain is read."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from prometheus_client import Counter

from access.audit import Action, acting, record
from media.models import Channel
from media.recordings import places
from media.recordings.chain import Fault, faults
from media.recordings.ledger import chain_of, channel_name
from media.recordings.models import RecordingMark, RecordingRemoval, RecordingSegment

logger = logging.getLogger(__name__)

HIGH_SHARE, LOW_SHARE = 0.90, 0.85
"""Of the disk: above the one, what may go early is deleted until the other."""
AT_ONCE = 500
MOST_MOVED = 2000

removed_early = Counter("sandtable_recordings_removed_early", "Segments deleted before their time for want of room")


def not_held(rows: QuerySet[RecordingSegment]) -> QuerySet[RecordingSegment]:
    """Those that nothing binds: a case, ticket or alert keeps every segment that reaches into its span."""
    binding = RecordingMark.objects.filter(
        ~Q(kind=RecordingMark.Kind.NOTE), channel=OuterRef("channel"), released_at=None,
        starts_at__lte=OuterRef("ends_at"), ends_at__gte=OuterRef("starts_at"),
    )  # fmt: skip
    return rows.filter(~Exists(binding)).exclude(state=RecordingSegment.State.WRITING)


def expire(now: datetime) -> int:
    """Delete what is past its time and not held, the oldest first; returns how many segments.

    Raises
    ------
    OSError
        A file could not be deleted; what was before it is.
    """
    due = not_held(RecordingSegment.objects.filter(expires_at__lte=now)).order_by("starts_at")
    count = 0
    while rows := list(due[:AT_ONCE]):
        count += _remove(rows, RecordingRemoval.Why.EXPIRED)
    return count


def make_room() -> int:
    """Where the disk is nearly full, delete what may go early, the first to expire first; returns how many segments.

    Raises
    ------
    OSError
    """
    if not places.folder().is_dir():
        return 0
    usage = shutil.disk_usage(places.folder())
    if usage.used <= HIGH_SHARE * usage.total:
        return 0
    wanted = usage.used - LOW_SHARE * usage.total
    rows = not_held(RecordingSegment.objects.filter(early=True, away=False)).order_by("expires_at", "starts_at")
    going: list[RecordingSegment] = []
    for row in rows.iterator():
        if wanted <= 0:
            break
        going.append(row)
        wanted -= row.size_bytes
    count = sum(_remove(going[i : i + AT_ONCE], RecordingRemoval.Why.PRESSURE) for i in range(0, len(going), AT_ONCE))
    if count:
        removed_early.inc(count)
        logger.warning("recordings: the disk is nearly full: %d segments were deleted before their time", count)
    return count


def move_all_away() -> int:
    """Move what has ended to object storage, where there is one; returns how many segments.

    Raises
    ------
    OSError, ArchiveStoreError
        It does not answer; what was not moved is still here.
    """
    there = places.store()
    if there is None:
        return 0
    rows = RecordingSegment.objects.filter(state=RecordingSegment.State.KEPT, away=False).order_by("starts_at")
    count = 0
    for row in rows[:MOST_MOVED]:
        places.move_away(row, there)
        count += 1
    return count


def _remove(rows: Sequence[RecordingSegment], why: RecordingRemoval.Why) -> int:
    """Delete files, then their rows: interrupted between, the row is still due and goes with the next turn."""
    for row in rows:
        places.delete(row)
    by_place = sorted(rows, key=lambda row: (row.channel_id, row.number))
    # One after the other in one channel: the difference of number and place in the list is the same.
    runs = groupby(enumerate(by_place), key=lambda pair: (pair[1].channel_id, pair[1].number - pair[0]))
    with transaction.atomic(), acting("recordings"):
        for _key, pairs in runs:
            _note_removal([row for _i, row in pairs], why)
        RecordingSegment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _note_removal(run: Sequence[RecordingSegment], why: RecordingRemoval.Why) -> None:
    first, last = run[0], run[-1]
    size = sum(row.size_bytes for row in run)
    before = RecordingRemoval.objects.filter(channel=first.channel_id, last=first.number - 1, why=why).first()
    if before is not None:
        before.last, before.ends_at, before.link = last.number, last.ends_at, last.link
        before.size_bytes += size
        before.save()
    else:
        RecordingRemoval.objects.create(
            channel_id=first.channel_id, first=first.number, last=last.number, starts_at=first.starts_at,
            ends_at=last.ends_at, size_bytes=size, why=why, link=last.link,
        )  # fmt: skip
    detail = {"first": first.number, "last": last.number, "bytes": size, "why": str(why), "link": last.link}
    record(Action.DELETE, subject=first.channel, detail={"recordings": True, **detail})


def verify(channel: Channel, *, files: bool = True) -> Iterator[Fault]:
    """What does not fit in a channel's recordings.

    Parameters
    ----------
    files : bool
        Whether every file is read and compared, too.
    """
    yield from faults(channel_name(channel), chain_of(channel.pk))
    if not files:
        return
    had = (RecordingSegment.State.KEPT, RecordingSegment.State.MISSING)
    kept = RecordingSegment.objects.filter(channel=channel, state__in=had).order_by("number")
    for row in kept.iterator():
        try:
            found = places.sha256_of(row)
        except OSError:
            yield Fault(row.number, "file_missing")
            continue
        if found != (row.sha256, row.size_bytes):
            yield Fault(row.number, "file_changed")


def recorded_channels() -> Iterable[Channel]:
    """Channels of which there is anything, or was."""
    numbers = RecordingSegment.objects.order_by().values("channel").union(
        RecordingRemoval.objects.order_by().values("channel")
    )  # fmt: skip
    keys = [row["channel"] for row in numbers]
    return Channel.objects.filter(pk__in=keys).select_related("device").order_by("pk")
