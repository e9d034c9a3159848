"""Jobs of the twin."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from gis.pyramid import bring_up_to_date
from gis.tiles import registry
from twin.annotations.photographs import forget_unused
from twin.archive.keeping import archive_due, expire
from twin.archive.stores import archive_store
from twin.census import drop_old, take_census
from twin.exceptions import ArchiveError
from twin.history import drop_expired, ensure_partitions, upcoming_days
from twin.kinds import kinds
from twin.maplayers import live_layer
from twin.summaries import summarize

logger = logging.getLogger(__name__)


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="twin.keep_partitions")
def keep_partitions(timestamp: int) -> None:
    """Make the history's partitions ahead of time and drop the expired ones.

    Runs often because it costs nothing when there is nothing to do, and catches up by itself when it was late.
    """
    today = datetime.fromtimestamp(timestamp, UTC).date()
    with transaction.atomic(), connection.cursor() as cursor:
        ensure_partitions(cursor, dict.fromkeys(kinds(), upcoming_days(today)))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            dropped = drop_expired(cursor, today)
    except OperationalError as error:
        logger.warning("history: nothing dropped, somebody reads it (%s); next time", str(error).strip())
    else:
        if dropped:
            logger.info("history: dropped %s", ", ".join(dropped))


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="twin.count_things")
def count_things(timestamp: int) -> None:
    """Count what there is, and forget old counts.

    What is counted is the present, whenever the job comes to run: a time that was missed stays a gap.
    """
    now = timezone.now()
    take_census(now)
    drop_old(now)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="twin.sum_up_history", lock="twin.sum_up_history")
def sum_up_history(timestamp: int) -> None:
    """Make the history's digests and keyframes that are due (:mod:`twin.digests`, :mod:`twin.keyframes`)."""
    summarize(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="twin.sum_up_tiles", lock="twin.sum_up_tiles")
def sum_up_tiles(timestamp: int) -> None:
    """Bring the sums up to date that far tiles of dense layers are made from (:mod:`gis.pyramid`)."""
    live = (live_layer(kind, f"assets.{kind.key}") for kind in kinds())
    if done := bring_up_to_date([*registry.all(), *live]):
        logger.info("tiles: summed up %s", ", ".join(done))


@app.periodic(cron="40 17 * * *")
@app.task(queueing_lock="twin.archive_old_days", lock="twin.archive_old_days")
def archive_old_days(timestamp: int) -> None:
    """Move old days of the history into the archive, and delete from it what is past its retention.

    In the small hours of China; what fails is where it was, and its turn comes again the next day.
    """
    store = archive_store()
    try:
        done, _failed = archive_due(store, timezone.now().astimezone(UTC).date())
        gone = expire(store, timezone.now().astimezone(UTC).date())
    except (ArchiveError, OSError) as error:
        logger.error("archive: %s", error)
        return
    for archived in done:
        logger.info("archive: %s, %d rows, %d bytes", archived.name, archived.rows, archived.size_bytes)
    if gone:
        logger.info("archive: past retention, deleted %s", ", ".join(gone))


@app.periodic(cron="20 18 * * *")
@app.task(queueing_lock="twin.forget_unused_photographs")
def forget_unused_photographs(timestamp: int) -> None:
    """Delete photographs that were sent for an annotation which nobody then saved."""
    if gone := forget_unused(timezone.now()):
        logger.info("annotations: deleted %d photographs that nothing shows", gone)
