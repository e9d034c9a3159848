"""What is posted is done in order, by another thread; what is asked is answered after it."""

from __future__ import annotations

import threading

import psycopg
import pytest

from gis.notices import connection_parameters
from twin.later import Writer, later


@pytest.fixture
def writer(db):
    connection = psycopg.connect(**connection_parameters(), autocommit=True)
    writer = Writer(connection)
    writer.post(lambda cursor: cursor.execute("CREATE TEMPORARY TABLE said (word text)"))
    yield writer
    writer.stop()
    connection.close()


def say(word):
    return lambda cursor: cursor.execute("INSERT INTO said VALUES (%s)", [word]).rowcount


def words(cursor):
    return [word for (word,) in cursor.execute("SELECT word FROM said").fetchall()]


def test_who_asks_hears_what_was_posted_before(writer):
    go_on = threading.Event()
    cursor = writer.begin()
    writer.post(lambda _cursor: go_on.wait(30))
    first = later(cursor, say("one"))
    assert not first.done()  # whoever posts does not wait
    go_on.set()
    assert words(cursor) == ["one"]
    cursor.executemany("INSERT INTO said VALUES (%s)", [["two"]])
    with cursor.connection.transaction(force_rollback=True):
        cursor.execute("INSERT INTO said VALUES ('taken back')")
    last = later(cursor, say("three"))
    writer.commit().result()
    assert (first.result(), last.result()) == (1, 1)
    assert words(writer.cursor()) == ["one", "two", "three"]


def test_after_a_failure_nothing_posted_is_done_until_it_is_abandoned(writer):
    cursor = writer.begin()
    later(cursor, say("one"))
    later(cursor, lambda writing: writing.execute("SELECT 1 / 0"))
    skipped = later(cursor, say("two"))
    committed = writer.commit()
    for ask in (skipped.result, committed.result, lambda: cursor.execute("SELECT 1"), lambda: cursor.connection):
        with pytest.raises(psycopg.errors.DivisionByZero):
            ask()
    writer.abandon()
    assert words(writer.cursor()) == []
    cursor = writer.begin()
    later(cursor, say("again"))
    writer.commit().result()
    assert words(cursor) == ["again"]


def test_a_transaction_that_ends_otherwise_is_no_commit(writer):
    cursor = writer.begin()

    def fail_silently(writing):
        with pytest.raises(psycopg.errors.DivisionByZero):
            writing.execute("SELECT 1 / 0")

    later(cursor, fail_silently)
    with pytest.raises(psycopg.InternalError):
        writer.commit().result()


def test_a_connection_that_is_gone_is_closed(writer):
    cursor = writer.begin()
    own = cursor.connection.info.backend_pid
    with psycopg.connect(**connection_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [own])
    later(cursor, say("one"))
    with pytest.raises(psycopg.OperationalError):
        writer.join()
    writer.abandon()
    assert writer.connection.closed


def test_where_nothing_can_be_posted_it_is_done_at_once(writer):
    writer.join()
    with writer.connection.cursor() as cursor:
        assert later(cursor, say("now")).result() == 1
        assert words(cursor) == ["now"]
