"""The reporter: a thread in every long-running process that writes what the process did into the database."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry

from devices.reporting.disks import watch_backups, watch_folders
from devices.reporting.figures import Totals, between, read_totals
from gis.notices import connection_parameters

logger = logging.getLogger(__name__)

REPORT_S = 5.0
SAMPLE_S = 30.0
KEPT_S = 3900
"""Samples are kept a little longer than the hour that is shown."""
FORGOTTEN_AFTER_S = 7 * 86_400
"""A process that was never heard again for so long is no part of the platform any more."""
STATEMENT_S = 5


class Reporter:
    """Tells of one process, in a thread of its own with a connection of its own.

    Parameters
    ----------
    line : str
        What it does: ``web``, ``ingest``, ``rules``, ``warden``, ``jobs``.
    name : str
        What it is called among those of its machine; empty: made from ``line`` and the process number.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, line: str, name: str, database: dict[str, Any], registry: CollectorRegistry = REGISTRY) -> None:
        self.line = line
        self.name = name or f"{line}-{os.getpid()}"
        self.host = socket.gethostname()[:64]
        self._database = database
        self._registry = registry
        self._started_at = datetime.now(UTC)
        self._connection: psycopg.Connection | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._reported = self._sampled = self._totals()
        self._well = True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End in good order: the process is no longer told of."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STATEMENT_S)

    def report(self) -> None:
        """Write what the process did since the last report; every :data:`SAMPLE_S` a sample for the hour besides.

        Raises
        ------
        psycopg.Error
            The database is away; what was not told is told with the next report.
        """
        now = self._totals()
        cursor = self._connect().cursor()
        cursor.execute(
            """INSERT INTO devices_processreport (line, name, host, pid, revision, started_at, reported_at, figures)
               VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s)
               ON CONFLICT (host, name) DO UPDATE SET line = excluded.line, pid = excluded.pid,
                   revision = excluded.revision, started_at = excluded.started_at, reported_at = excluded.reported_at,
                   figures = excluded.figures""",
            [
                *(self.line, self.name, self.host, os.getpid(), settings.REVISION[:64], self._started_at),
                json.dumps(between(self._reported, now).as_json()),
            ],
        )
        self._reported = now
        if now.at - self._sampled.at >= SAMPLE_S:
            self._sample(cursor, now)

    def _sample(self, cursor: psycopg.Cursor, now: Totals) -> None:
        # Shards are shown as they are now only: an hour of sixty-four of them would be most of the table.
        figures = between(self._sampled, now).without("shard")
        cursor.execute(
            """INSERT INTO devices_processsample (line, name, host, at, figures)
               VALUES (%s, %s, %s, clock_timestamp(), %s)""",
            [self.line, self.name, self.host, json.dumps(figures.as_json())],
        )
        self._sampled = now
        cursor.execute("DELETE FROM devices_processsample WHERE at < now() - make_interval(secs => %s)", [KEPT_S])
        cursor.execute(
            "DELETE FROM devices_processreport WHERE reported_at < now() - make_interval(secs => %s)",
            [FORGOTTEN_AFTER_S],
        )

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            pause_s = REPORT_S
            try:
                self.report()
            except psycopg.Error as error:
                if self._well:
                    logger.warning("reporter: %s; trying again", str(error).strip())
                self._well = False
                self._close()
            else:
                if not self._well:
                    logger.info("reporter: reporting again")
                self._well = True
        self._leave()

    def _leave(self) -> None:
        try:
            self._connect().execute(
                "DELETE FROM devices_processreport WHERE host = %s AND name = %s AND pid = %s",
                [self.host, self.name, os.getpid()],
            )
        except psycopg.Error:
            logger.warning("reporter: could not sign off")
        self._close()

    def _connect(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            options = f"-c statement_timeout={STATEMENT_S * 1000}"
            self._connection = psycopg.connect(
                **{"connect_timeout": STATEMENT_S, **self._database, "options": options}, autocommit=True
            )
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _totals(self) -> Totals:
        return read_totals(time.monotonic(), self._registry)


@contextmanager
def reporting(line: str) -> Iterator[None]:
    """Tell of this process as long as the block runs."""
    reporter = start_reporting(line)
    try:
        yield
    finally:
        reporter.stop()


def start_reporting(line: str) -> Reporter:
    """Begin to tell of this process; whoever calls ends it with :meth:`Reporter.stop`."""
    folders = {"data": settings.VAR_DIR}
    if settings.BROKER_DIR is not None:
        folders["servers"] = Path(settings.BROKER_DIR).parent
    watch_folders(folders)
    watch_backups(settings.VAR_DIR / "backups")
    reporter = Reporter(line, settings.PROCESS_NAME, connection_parameters())
    reporter.start()
    return reporter
