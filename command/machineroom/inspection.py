"""Reading the state of the platform from its database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from command.machineroom.state import Database, FailingJob, Jobs, Lease, Machine, Process, Sample
from command.store import read_causes
from devices.reporting.figures import Interval
from twin.history import partition_name
from twin.kinds import kinds

ALWAYS = ("web", "ingest", "rules", "jobs")
EVENTS_LOOKED_AT = 5000
"""Ends of jobs are looked for among the last so many events: about a week of the platform's own jobs."""

_FAILING = """
WITH ended AS (SELECT j.task_name, e.type, e.at FROM procrastinate_events e JOIN procrastinate_jobs j ON j.id = e.job_id
               WHERE e.id > (SELECT coalesce(max(id), 0) - %s FROM procrastinate_events)
                 AND e.type IN ('failed', 'succeeded'))
SELECT task_name, count(*), max(at) FROM ended f
WHERE type = 'failed'
  AND NOT EXISTS (SELECT 1 FROM ended s WHERE s.task_name = f.task_name AND s.type = 'succeeded' AND s.at > f.at)
GROUP BY task_name ORDER BY task_name
"""
_WAITING = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(greatest(scheduled_at, deferred.at)))::float8, 0)
FROM procrastinate_jobs j
     LEFT JOIN LATERAL (SELECT max(at) AS at FROM procrastinate_events
                        WHERE job_id = j.id AND type = 'deferred') AS deferred ON true
WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
"""


def read_machine(cursor: Any, rules: Iterable[str], database: Database | None = None) -> Machine:
    """The platform as it is.

    Parameters
    ----------
    cursor : cursor
        Django's.
    rules : iterable of str
        Whose open causes count.
    database : Database, optional
        What :func:`read_database` said a moment ago: it looks at every file, so it is not asked at each turn.
    """
    cursor.execute("SELECT clock_timestamp()")
    now: datetime = cursor.fetchone()[0]
    held: dict[str, set[str]] = defaultdict(set)
    for rule, cause in read_causes(cursor, rules):
        held[rule].add(cause)
    return Machine(
        now=now,
        processes=_processes(cursor),
        samples=_samples(cursor, now),
        expected=(*ALWAYS, *(["warden"] if settings.BROKER_DIR is not None else [])),
        leases=_leases(cursor),
        jobs=_jobs(cursor),
        database=database or read_database(cursor),
        missing_partitions=_missing_partitions(cursor, now),
        held={rule: frozenset(causes) for rule, causes in held.items()},
    )


def read_database(cursor: Any) -> Database:
    """Size, connections and partitions."""
    cursor.execute(
        """SELECT pg_database_size(current_database()), current_setting('max_connections')::int,
                  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                  (SELECT min(right(relname, 8)) FROM pg_class WHERE relkind = 'r' AND relname ~ %(day)s),
                  (SELECT max(right(relname, 8)) FROM pg_class WHERE relkind = 'r' AND relname ~ %(day)s)""",
        {"day": r"^twin_track_\d{3}_\d{8}$"},
    )
    size, most, connections, oldest, newest = cursor.fetchone()
    return Database(size, connections, most, oldest, newest)


def _processes(cursor: Any) -> tuple[Process, ...]:
    cursor.execute(
        """SELECT line, name, host, pid, revision, started_at, reported_at, figures::text
           FROM devices_processreport ORDER BY host, name"""
    )
    return tuple(
        Process(line, name, host, pid, revision, started_at, reported_at, _interval(figures))
        for line, name, host, pid, revision, started_at, reported_at, figures in cursor.fetchall()
    )


def _samples(cursor: Any, now: datetime) -> tuple[Sample, ...]:
    cursor.execute(
        "SELECT at, line, name, host, figures::text FROM devices_processsample WHERE at > %s ORDER BY at",
        [now - timedelta(hours=1)],
    )
    return tuple(
        Sample(at, line, name, host, _interval(figures)) for at, line, name, host, figures in cursor.fetchall()
    )


def _interval(figures: str) -> Interval:
    return Interval.from_json(json.loads(figures))


def _leases(cursor: Any) -> tuple[Lease, ...]:
    cursor.execute(
        """SELECT shard, owner, greatest(extract(epoch FROM clock_timestamp() - expires_at)::float8, 0)
           FROM devices_shardlease ORDER BY shard"""
    )
    return tuple(Lease(*row) for row in cursor.fetchall())


def _jobs(cursor: Any) -> Jobs:
    cursor.execute(_WAITING)
    waiting, oldest_s = cursor.fetchone()
    cursor.execute(_FAILING, [EVENTS_LOOKED_AT])
    return Jobs(waiting, max(oldest_s, 0.0), tuple(FailingJob(*row) for row in cursor.fetchall()))


def _missing_partitions(cursor: Any, now: datetime) -> tuple[str, ...]:
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).date()
    wanted = {partition_name(kind, tomorrow): kind.key for kind in kinds()}
    # Attached, not merely there: a table that no history leads to takes no positions.
    cursor.execute(
        """SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relname = ANY(%s)""",
        [list(wanted)],
    )
    there = {row[0] for row in cursor.fetchall()}
    return tuple(key for name, key in wanted.items() if name not in there)
