"""Partitions made ahead, made late, dropped; rows stored once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from gis.notices import connection_parameters
from twin.history import drop_expired, ensure_partitions, partition_name, write_tracks
from twin.kinds import DRONE, MACHINE
from twin.tasks import keep_partitions
from twin.tests.states import states

pytestmark = pytest.mark.django_db(transaction=True)
DAY = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def cursor():
    with psycopg.connect(**connection_parameters()) as own, own.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
        yield cursor
        own.rollback()


def tables(cursor, pattern):
    cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE %s AND relkind = 'r' ORDER BY 1", [pattern])
    return [row[0] for row in cursor.fetchall()]


def stored_ms(cursor):
    cursor.execute("SELECT extract(epoch FROM ts)::float8 * 1000 FROM twin_track WHERE asset_id = 1 ORDER BY ts")
    return [row[0] for row in cursor.fetchall()]


def batch(times_ms, seq, asset=1, kind=1):
    n = len(times_ms)
    return states(asset=[asset] * n, time_ms=times_ms, seq=seq, kind=[kind] * n).batch


def test_a_row_without_a_partition_makes_one(cursor):
    ms = DAY.timestamp() * 1000
    assert partition_name(MACHINE, DAY.date()) not in tables(cursor, "twin_track%")
    assert write_tracks(cursor, batch([ms, ms + 1], [1, 2])) == 2
    assert partition_name(MACHINE, DAY.date()) in tables(cursor, "twin_track%")
    assert stored_ms(cursor) == [ms, ms + 1]


def test_rows_delivered_again_are_not_stored_again(cursor):
    ms = DAY.timestamp() * 1000
    write_tracks(cursor, batch([ms, ms + 1], [1, 2]))
    assert write_tracks(cursor, batch([ms + 1, ms + 2], [2, 3])) == 1
    assert stored_ms(cursor) == [ms, ms + 1, ms + 2]


def test_a_row_known_and_a_row_without_a_partition_in_one_batch(cursor):
    """Whichever the database meets first (it looks at a thousand rows at a time) must not hide the other for ever."""
    ms = DAY.timestamp() * 1000
    month_ms = 30 * 86_400_000
    write_tracks(cursor, batch([ms], [1]))
    times = [ms + n for n in range(2000)]
    assert write_tracks(cursor, batch([*times, ms + month_ms], [*range(1, 2001), 9000])) == 2000
    assert write_tracks(cursor, batch([ms - month_ms, *times], [9001, *range(1, 2001)])) == 1


def test_one_instant_twice_in_one_batch_is_one_row(cursor):
    ms = DAY.timestamp() * 1000
    assert write_tracks(cursor, batch([ms, ms], [5, 5])) == 1


def test_partitions_are_made_while_the_history_is_read_and_written(cursor):
    """A backup reads for minutes; neither it nor another worker may hold up the road."""
    cursor.connection.commit()  # of the fixture's TRUNCATE
    cursor.execute("SET statement_timeout = '3s'")
    ms = DAY.timestamp() * 1000
    with psycopg.connect(**connection_parameters()) as other, other.cursor() as busy:
        ensure_partitions(busy, {MACHINE: {DAY.date()}})
        other.commit()
        busy.execute("SELECT count(*) FROM twin_track")
        write_tracks(busy, batch([ms], [1]))
        ensure_partitions(cursor, {MACHINE: {DAY.date() + timedelta(100)}})
        cursor.connection.rollback()
        other.rollback()
        drop_expired(busy, DAY.date() + timedelta(days=200))
        other.commit()


def test_dropping_gives_up_where_somebody_reads(cursor, caplog):
    long_ago = date(2025, 6, 1)
    cursor.connection.commit()  # of the fixture's TRUNCATE
    with psycopg.connect(**connection_parameters()) as other, other.cursor() as reader:
        ensure_partitions(reader, {DRONE: {long_ago}})
        other.commit()
        reader.execute("SELECT count(*) FROM twin_track")
        keep_partitions(timestamp=int(DAY.timestamp()))
        assert partition_name(DRONE, long_ago) in tables(reader, "twin_track%")
        other.rollback()
    keep_partitions(timestamp=int(DAY.timestamp()))
    assert partition_name(DRONE, long_ago) not in tables(cursor, "twin_track%")
    assert partition_name(DRONE, DAY.date() + timedelta(days=3)) in tables(cursor, "twin_track%")
    drop_expired(cursor, DAY.date() + timedelta(days=200))
    cursor.connection.commit()


def test_retention_is_by_kind(cursor):
    today = date(2026, 6, 30)
    past = today - timedelta(days=60)
    ensure_partitions(cursor, {MACHINE: {past}, DRONE: {past}})
    dropped = drop_expired(cursor, today)
    assert partition_name(DRONE, past) in dropped
    assert partition_name(MACHINE, past) not in dropped
    assert partition_name(MACHINE, past) in tables(cursor, "twin_track%")


def test_the_day_that_is_exactly_as_old_as_the_retention_stays(cursor):
    today = date(2026, 6, 30)
    last, gone = (today - timedelta(days=DRONE.retention_days + n) for n in (0, 1))
    ensure_partitions(cursor, {DRONE: {last, gone}})
    assert drop_expired(cursor, today) == [partition_name(DRONE, gone)]


def test_the_job_catches_up_after_a_pause():
    later = datetime(2027, 1, 1, tzinfo=UTC)
    keep_partitions(timestamp=int(later.timestamp()))
    with connection.cursor() as cursor:
        found = tables(cursor, "twin_track%")
        drop_expired(cursor, date(2028, 1, 1))
    assert partition_name(MACHINE, date(2027, 1, 1)) in found
    assert partition_name(MACHINE, date(2027, 1, 4)) in found
