"""Moving days of the history from partitions to files and back, so that at no moment a row is in neither.

The order is: write the file beside, bring it to the disk, put it in its place, read it back and compare, and only then,
in one transaction, enter it in the manifest and drop the partition. Whatever is interrupted leaves a file that the
manifest does not know, which a later run sweeps away, or a partition that is still there.

A row that comes late for an archived day makes a partition of its own, which is read beside the file; the next run
writes a new file of both.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg import sql

from gis.notices import connection_parameters
from twin.archive.exchange import copy_back, midnight, rows_by_hour
from twin.archive.files import groups_of, read_tables
from twin.archive.making import MadeFile, write_day
from twin.archive.models import ArchivedDay
from twin.archive.stores import ArchiveStore
from twin.exceptions import ArchiveBusyError, ArchiveDamagedError, ArchiveError
from twin.history import ensure_partitions, lock_partitions, partition_name
from twin.kinds import AssetKind, kinds

logger = logging.getLogger(__name__)

RESTORED_DAYS = 7
"""How long a restored day stays in the database when nobody says otherwise."""
SWEEP_AFTER_S = 3600
_KEEPER = 0x5A4E
"""Advisory lock of those who archive, restore and sweep."""
_DAY = timedelta(days=1)
_US = timedelta(microseconds=1)


@contextmanager
def _keeper() -> Iterator[psycopg.Cursor]:
    """A connection of one's own on which one snapshot is read; nobody else keeps the archive meanwhile."""
    with psycopg.connect(**{**connection_parameters(), "autocommit": True}) as own, own.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_KEEPER])
        row = cursor.fetchone()
        if row is None or not row[0]:
            raise ArchiveBusyError("somebody else is archiving or restoring at the moment")
        try:
            yield cursor
        finally:
            if not own.broken:  # a lost session has lost its locks
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_KEEPER])


def due(today: date) -> list[tuple[AssetKind, date]]:
    """Partitions old enough to be archived, the oldest first; restored ones when their time is over."""
    now = timezone.now()
    stay = set(ArchivedDay.objects.filter(restored_until__gt=now).values_list("kind", "day"))
    found = []
    with connection.cursor() as cursor:
        for kind in kinds():
            cursor.execute(
                "SELECT right(relname, 8) FROM pg_class WHERE relkind = 'r' AND relname LIKE %s AND relname < %s",
                [f"twin\\_track\\_{kind.code:03d}\\_%", partition_name(kind, today - kind.hot_days * _DAY)],
            )
            days = [datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date() for (text,) in cursor.fetchall()]
            found += [(kind, day) for day in days if (kind.code, day) not in stay]
    return sorted(found, key=lambda pair: (pair[1], pair[0].code))


def archive_due(store: ArchiveStore, today: date) -> tuple[list[ArchivedDay], list[tuple[AssetKind, date, str]]]:
    """Archive what is due.

    Returns
    -------
    done : list of ArchivedDay
    failed : list of (kind, day, reason)
        What could not be archived; it is where it was.

    Raises
    ------
    ArchiveBusyError
        Somebody else is doing it.
    """
    done, failed = [], []
    with _keeper() as cursor:
        sweep(store)
        for kind, day in due(today):
            try:
                archived = _archive(cursor, store, kind, day)
            except (ArchiveError, OperationalError, OSError, pa.ArrowException) as error:
                logger.warning("archive: %s of %s stays in the database: %s", kind.key, day, str(error).strip())
                failed.append((kind, day, str(error).strip()))
            else:
                done += [archived] if archived else []
    return done, failed


def archive_day(store: ArchiveStore, kind: AssetKind, day: date) -> ArchivedDay | None:
    """Archive one day now, old enough or not; None where it has no rows.

    Raises
    ------
    ArchiveError
        It is where it was.
    """
    with _keeper() as cursor:
        return _archive(cursor, store, kind, day)


def _archive(cursor: psycopg.Cursor, store: ArchiveStore, kind: AssetKind, day: date) -> ArchivedDay | None:
    table = partition_name(kind, day)
    known = ArchivedDay.objects.filter(kind=kind.code, day=day).first()
    marks = _late_marks(cursor, kind, day)
    with cursor.connection.transaction():
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        by_hour = rows_by_hour(cursor, table)
        made = write_day(cursor, store, table, day, by_hour, known) if by_hour else None
    new = None
    if made is not None and known is not None and made.rows == known.rows:
        made.path.unlink()  # nothing came since
        check(store, known)
        new = known
    elif made is not None:
        new = _put(store, kind, day, made)
    before = known.name if known is not None and new is not None and known.name != new.name else None
    with transaction.atomic(), connection.cursor() as own:
        lock_partitions(own)
        own.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table)))
        # Behind the drop's lock nobody writes the day: what came since the reading has left its mark.
        if _late_marks(own, kind, day) - marks:
            raise ArchiveBusyError("rows of the day came while it was read")
        own.execute("DELETE FROM twin_late WHERE id = ANY(%s)", [list(marks)])
        own.execute(
            "DELETE FROM twin_digest WHERE kind = %s AND slot >= %s AND slot < %s",
            [kind.code, midnight(day), midnight(day + _DAY)],
        )
        if marks:
            # Keyframes of the day and the day after it were made without what came late.
            own.execute(
                "DELETE FROM twin_keyframe WHERE kind = %s AND at > %s AND at <= %s",
                [kind.code, midnight(day), midnight(day + 2 * _DAY)],
            )
        if new is not None:
            new.pk = known.pk if known is not None else None
            new.restored_until = None
            new.save()
    if before is not None:
        store.delete(before)
    return new


def _put(store: ArchiveStore, kind: AssetKind, day: date, made: MadeFile) -> ArchivedDay:
    """Put a file in its place and read it back from there; its row of the manifest, not yet stored."""
    with made.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    west, south, east, north = made.bounds.tolist()
    archived = ArchivedDay(
        kind=kind.code, day=day, name=f"{kind.key}/{day:%Y}/{kind.key}-{day:%Y%m%d}-{sha256[:12]}.parquet",
        rows=made.rows, size_bytes=made.path.stat().st_size, sha256=sha256,
        first_at=_moment(made.first_us), last_at=_moment(made.last_us),
        west=west, south=south, east=east, north=north, archived_at=timezone.now(),
    )  # fmt: skip
    store.put(made.path, archived.name)
    check(store, archived)
    return archived


def check(store: ArchiveStore, archived: ArchivedDay) -> None:
    """Read a file back: its checksum, and every value of every row.

    Raises
    ------
    ArchiveDamagedError
        It is missing, or is not what was written.
    """
    try:
        sha256 = store.sha256(archived.name)
    except OSError as error:
        raise ArchiveDamagedError(f"{archived.name}: {error}") from error
    if sha256 != archived.sha256:
        raise ArchiveDamagedError(f"{archived.name}: its checksum is {sha256}, not {archived.sha256}")
    groups = np.arange(len(groups_of(store, archived.name).rows))
    rows = sum(len(table) for table in read_tables(store, archived.name, groups))
    if rows != archived.rows:
        raise ArchiveDamagedError(f"{archived.name}: {rows} rows are in it, not {archived.rows}")


def restore(store: ArchiveStore, kind: AssetKind, day: date, days: int = RESTORED_DAYS) -> ArchivedDay:
    """Bring an archived day back into the database for some days; the file stays.

    Raises
    ------
    ArchiveError
        It is not archived, damaged, or somebody else is at it.
    """
    with _keeper():
        archived = ArchivedDay.objects.filter(kind=kind.code, day=day).first()
        if archived is None:
            raise ArchiveError(f"{kind.key} of {day} is not archived")
        if archived.restored_until is None:
            check(store, archived)
            with transaction.atomic(), connection.cursor() as cursor:
                ensure_partitions(cursor, {kind: {day}})
                table = sql.Identifier(partition_name(kind, day))
                # What came late since is in the partition already; it may stand in the file, too.
                cursor.execute(sql.SQL("CREATE TEMPORARY TABLE late_rows ON COMMIT DROP AS TABLE {}").format(table))
                cursor.execute(sql.SQL("TRUNCATE {}").format(table))
                for piece in read_tables(store, archived.name, np.arange(len(groups_of(store, archived.name).rows))):
                    copy_back(cursor.cursor, kind.code, piece)
                cursor.execute("INSERT INTO twin_track SELECT * FROM late_rows ON CONFLICT DO NOTHING")
                archived.restored_until = timezone.now() + days * _DAY
                archived.save()
        else:
            archived.restored_until = timezone.now() + days * _DAY
            archived.save()
    return archived


def expire(store: ArchiveStore, today: date) -> list[str]:
    """Delete the files whose every position is older than its kind's retention; returns their names."""
    gone: list[str] = []
    for kind in kinds():
        old = ArchivedDay.objects.filter(kind=kind.code, day__lt=today - kind.retention_days * _DAY)
        names = list(old.values_list("name", flat=True))
        old.delete()
        gone += names
    for name in gone:  # one that fails here is swept later
        store.delete(name)
    return gone


def sweep(store: ArchiveStore) -> list[str]:
    """Delete what interrupted runs left: half made files, and archived ones that the manifest does not know."""
    store.clear_spool()
    known = set(ArchivedDay.objects.values_list("name", flat=True))
    old = timezone.now().timestamp() - SWEEP_AFTER_S
    orphans = [name for name, written in store.files().items() if name not in known and written < old]
    for name in orphans:
        store.delete(name)
    return orphans


def _late_marks(cursor: Any, kind: AssetKind, day: date) -> set[int]:
    cursor.execute(
        "SELECT id FROM twin_late WHERE kind = %s AND slot >= %s AND slot < %s",
        [kind.code, midnight(day), midnight(day + _DAY)],
    )
    return {row[0] for row in cursor.fetchall()}


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + us * _US
