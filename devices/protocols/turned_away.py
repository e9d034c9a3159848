"""What the ways in turn away before it reaches an ingest worker: counted and recorded like every other refusal.

Shared by the protocols that are not MQTT (there the broker's log tells). Whoever floods costs memory for a second and
one write a second, not one write a message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

import psycopg

from devices.ingest.decode import Refused
from devices.ingest.ledger import count_refusals, write_refusals
from devices.process import PATIENCE

logger = logging.getLogger(__name__)

MOST_HELD = 10_000


class TurnedAway:
    """Refusals of one process until they are written.

    Parameters
    ----------
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, database: dict) -> None:
        self._database = database
        self._held: deque[Refused] = deque()
        self._overflowed = 0
        self._writing = threading.Lock()

    def add(self, reason: str, detail: str, device: str = "", where: str = "", payload: str = "") -> None:
        """Note one; while the database is away and memory is full, only that there were more."""
        if len(self._held) < MOST_HELD:
            self._held.append(Refused(time.time_ns() // 1000, reason, detail, device, where, payload))
        else:
            self._overflowed += 1

    def write(self) -> None:
        """Store what is held; call it about once a second, off the event loop."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        if not self._held:
            return
        refused = list(self._held)
        try:
            with psycopg.connect(**PATIENCE | self._database) as connection, connection.cursor() as cursor:
                write_refusals(cursor, refused)
        except psycopg.Error as error:
            logger.warning("refusals: %s; trying again", str(error).strip())
            return
        for _ in refused:
            self._held.popleft()
        count_refusals(refused)
        if self._overflowed:
            logger.error("refusals: %d more were not recorded", self._overflowed)
            self._overflowed = 0
