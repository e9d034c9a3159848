"""When more waited than one transaction takes: since when, how much, and when it was worked off; told to people."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from prometheus_client import Gauge

logger = logging.getLogger(__name__)

TOLD_AFTER_S = 5.0
"""What is worked off sooner is nothing that anybody has to hear of."""

since_time = Gauge(
    "sandtable_ingest_backlog_since_timestamp_seconds", "When the last backlog began; 0: none since the process started"
)
over_time = Gauge(
    "sandtable_ingest_backlog_over_timestamp_seconds", "When the last backlog was worked off; 0: it lasts, or none was"
)
most_messages = Gauge("sandtable_ingest_backlog_most_messages", "Most messages that waited in the last backlog")


class Backlog:
    """One a worker; :meth:`follow` it with each transaction.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since: float | None = None
        self._most = 0
        self._told = False

    def follow(self, waiting: int, left: int) -> None:
        """Note how many messages wait in all, and how many of them did not fit into the transaction at hand."""
        now = self._clock()
        if left:
            if self._since is None:
                self._since, self._most = now, 0
            self._most = max(self._most, waiting)
            if not self._told and now - self._since >= TOLD_AFTER_S:
                self._told = True
                since_time.set(int(self._since))
                over_time.set(0)
                logger.warning("ingest: a backlog of %d messages; the present goes first", self._most)
            if self._told:
                most_messages.set(self._most)
        elif self._since is not None:
            if self._told:
                over_time.set(int(now))
                logger.info("ingest: caught up: %d messages waited, %.0f s", self._most, now - self._since)
            self._since, self._told = None, False
