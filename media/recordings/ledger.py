"""The register of segments: rows that follow what the writer does, and the chain that is closed with each."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from prometheus_client import Gauge

from media.models import Channel
from media.recordings.chain import Entry, Removed, link, root
from media.recordings.models import RecordingRemoval, RecordingSegment
from media.recordings.repair import Repaired, repair

logger = logging.getLogger(__name__)

AT_ONCE = 1000

missing_now = Gauge("sandtable_recordings_missing", "Segments in the register whose files are gone")

SALVAGED_DAYS = 30
"""A file nobody had told of is kept for so long, for nobody knows what it was recorded for."""


@dataclass(frozen=True)
class News:
    """How a segment is now; ``sha256`` where it has ended, ``lost`` where nothing of it is left."""

    channel: int
    name: str
    begins_us: int
    ends_us: int
    size: int
    codecs: str
    width: int
    height: int
    left_out: str = ""
    damaged: int = 0
    reasons: str = ""
    days: int = SALVAGED_DAYS
    early: bool = False
    sha256: str = ""
    lost: bool = False


def channel_name(channel: Channel) -> str:
    """What names a channel in its chain for good: keys change where a database is filled anew."""
    return f"{channel.device.code}/{channel.code}"


def moment(us: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def micros(at: datetime) -> int:
    """A time as microseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def entry_of(row: RecordingSegment) -> Entry:
    """A segment as far as it is proved."""
    return Entry(
        row.number, micros(row.starts_at), micros(row.ends_at), row.codecs, row.size_bytes, row.sha256, row.link
    )


def write_news(news: Sequence[News]) -> None:
    """Take what the writer has done into the register, in its order; telling it twice does no harm."""
    if not news:
        return
    with transaction.atomic():
        there = {row.name: row for row in RecordingSegment.objects.filter(name__in={each.name for each in news})}
        numbers = _last_numbers({each.channel for each in news if each.name not in there})
        known = set(Channel.objects.filter(pk__in={each.channel for each in news}).values_list("pk", flat=True))
        for each in news:
            row = there.get(each.name)
            if row is None:
                if each.channel not in known:  # deleted while it was recorded
                    continue
                numbers[each.channel] = numbers.get(each.channel, 0) + 1
                row = there[each.name] = RecordingSegment(
                    channel_id=each.channel, number=numbers[each.channel], name=each.name,
                    starts_at=moment(each.begins_us),
                )  # fmt: skip
            if row.state == RecordingSegment.State.WRITING:
                _follow(row, each)


def _last_numbers(channels: set[int]) -> dict[int, int]:
    numbers: dict[int, int] = {}
    for rows, field in ((RecordingSegment.objects, "number"), (RecordingRemoval.objects, "last")):
        last = rows.filter(channel__in=channels).order_by().values("channel").annotate(most=Max(field))
        for channel, most in last.values_list("channel", "most"):
            numbers[channel] = max(numbers.get(channel, 0), most)
    return numbers


def _follow(row: RecordingSegment, news: News) -> None:
    row.ends_at, row.size_bytes = moment(news.ends_us), news.size
    row.codecs, row.width, row.height = news.codecs, news.width, news.height
    row.left_out, row.damaged, row.reasons = news.left_out, news.damaged, news.reasons
    row.retention_days, row.early = news.days, news.early
    row.expires_at = row.ends_at + timedelta(days=news.days)
    if news.sha256 or news.lost:
        row.sha256 = news.sha256
        row.state = RecordingSegment.State.LOST if news.lost else RecordingSegment.State.KEPT
        row.link = link(_link_before(row), entry_of(row))
    row.save()


def _link_before(row: RecordingSegment) -> str:
    if row.number > 1:
        before = RecordingSegment.objects.filter(channel=row.channel_id, number=row.number - 1).first()
        if before is not None:
            return before.link
        removed = RecordingRemoval.objects.filter(channel=row.channel_id, last=row.number - 1).first()
        if removed is not None:
            return removed.link
    return root(channel_name(Channel.objects.select_related("device").get(pk=row.channel_id)))


def chain_of(channel: int) -> Iterator[Entry | Removed]:
    """A channel's chain in the order of its numbers, up to the segment that is being written."""
    rows = RecordingSegment.objects.filter(channel=channel).exclude(state=RecordingSegment.State.WRITING)
    removals = list(RecordingRemoval.objects.filter(channel=channel).order_by("first"))
    for row in rows.order_by("number").iterator():
        while removals and removals[0].first < row.number:
            removed = removals.pop(0)
            yield Removed(removed.first, removed.last, removed.link)
        yield entry_of(row)
    for removed in removals:
        yield Removed(removed.first, removed.last, removed.link)


def take_up_again(folder: Path) -> int:
    """End what a crash left open: segments of the register, and files it never heard of; returns how many.

    For whoever alone records, before he begins.
    """
    news: list[News] = []
    open_rows = RecordingSegment.objects.filter(state=RecordingSegment.State.WRITING).order_by("channel", "number")
    for row in open_rows:
        left = repair(folder / row.name)
        begins = micros(row.starts_at)
        news.append(_salvaged(row.channel_id, row.name, begins, left, row))
    near = RecordingSegment.objects.filter(away=False)
    known = dict(near.values_list("name", "state"))
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    _settle_missing(known, files.keys())
    for name, path in sorted(files.items(), key=lambda pair: pair[1].stem):
        if name not in known and (left := repair(path)) is not None:
            news.append(_salvaged(int(path.parts[-3]), name, int(path.stem), left, None))
    write_news(news)
    return len(news)


def _settle_missing(known: Mapping[str, str], there: Collection[str]) -> None:
    """Say of which segments the files are gone, and of which they are back: a backup holds the register alone, and may
    be restored where there are none, or where some were deleted since."""
    kept, missing = RecordingSegment.State.KEPT, RecordingSegment.State.MISSING
    gone = [name for name, state in known.items() if state == kept and name not in there]
    back = [name for name, state in known.items() if state == missing and name in there]
    for names, before, now in ((gone, kept, missing), (back, missing, kept)):
        for at in range(0, len(names), AT_ONCE):
            rows = RecordingSegment.objects.filter(name__in=names[at : at + AT_ONCE], state=before)
            rows.update(state=now)
    if gone:
        logger.warning("recordings: the files of %d segments are gone", len(gone))
    missing_now.set(RecordingSegment.objects.filter(state=missing).count())


def _files(folder: Path) -> Iterable[Path]:
    return (
        path
        for path in folder.glob("*/*/*.mp4")
        if path.stem.isdigit() and path.parts[-3].isdigit() and path.parts[-2].isdigit()
    )


def _salvaged(channel: int, name: str, begins_us: int, left: Repaired | None, row: RecordingSegment | None) -> News:
    if left is None:
        news = News(channel, name, begins_us, begins_us, 0, row.codecs if row else "", 0, 0, lost=True)
    else:
        ends_us = begins_us + round(left.seconds * 1e6)
        news = News(
            channel, name, begins_us, ends_us, left.size, left.codecs, left.width, left.height, sha256=left.sha256
        )
    if row is None:
        return news
    return replace(
        news,
        left_out=row.left_out,
        damaged=row.damaged,
        reasons=row.reasons,
        days=row.retention_days,
        early=row.early,
    )
