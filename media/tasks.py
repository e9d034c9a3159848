"""Jobs of video."""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate.contrib.django import app

from media.analysis.seeing import expire as expire_findings
from media.recordings.keeping import expire, make_room, move_all_away
from twin.archive.stores import ArchiveStoreError

logger = logging.getLogger(__name__)


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="media.keep_recordings", lock="media.keep_recordings")
def keep_recordings(timestamp: int) -> None:
    """Delete recordings that are due, make room where the disk is nearly full, move what has ended to its store."""
    if gone := expire(timezone.now()):
        logger.info("recordings: %d segments were past their time", gone)
    make_room()
    try:
        move_all_away()
    except (ArchiveStoreError, OSError) as error:
        logger.error("recordings: nothing more is moved to object storage now: %s", error)
        raise


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="media.keep_findings", lock="media.keep_findings")
def keep_findings(timestamp: int) -> None:
    """Delete findings of analysers, their pictures and what was sent in, when their time is over."""
    if gone := expire_findings(timezone.now()):
        logger.info("analysis: %d findings were past their time", gone)
