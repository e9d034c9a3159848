"""Jobs of the twin."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from twin.census import drop_old, take_census
from twin.history import drop_expired, ensure_partitions, upcoming_days
from twin.kinds import kinds

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
