"""Columns by binary COPY come out as they went in; Django gives jsonb as its text."""

from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest
from django.db import connection

from twin.copying import copy_columns

pytestmark = pytest.mark.django_db

NAN = float("nan")


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMPORARY TABLE copied (a int8 PRIMARY KEY, b int2, c int4, d float4, e float8, f bool,
               g timestamptz, h text, i jsonb) ON COMMIT DROP"""
        )
        yield cursor.cursor


def columns(**other):
    stamps = [0, 946_684_800_000_001, 1_790_000_000_123_456]
    return {
        "a": ("int8", np.array([1, 2**53, -7])),
        "b": ("int2", np.ma.masked_less(np.array([4, -1, 6], np.int16), 0)),
        "c": ("int4", np.array([-1, 2, 3])),
        "d": ("float4", np.array([0.5, NAN, NAN], np.float32)),
        "e": ("float8", np.array([NAN, 121.47370000000001, -0.0])),
        "f": ("bool", np.array([True, False, True])),
        "g": ("timestamptz", np.array(stamps)),
        "h": ("text", ["gcj02", None, ""]),
        "i": ("jsonb", ['{"电流": 1}', None, "[]"]),
        **other,
    }


def read(cursor):
    cursor.execute("SELECT * FROM copied ORDER BY c")
    return cursor.fetchall()


def test_values_missing_values_and_texts(cursor):
    copy_columns(cursor, "copied", columns())
    first, second, third = read(cursor)
    assert first == (1, 4, -1, 0.5, None, True, datetime(1970, 1, 1, tzinfo=UTC), "gcj02", '{"电流": 1}')
    assert second[:6] == (2**53, None, 2, None, 121.47370000000001, False)
    assert second[6:] == (datetime(2000, 1, 1, 0, 0, 0, 1, tzinfo=UTC), None, None)
    assert third[:6] == (-7, 6, 3, None, 0.0, True)
    assert third[6:] == (datetime.fromtimestamp(1_790_000_000, UTC).replace(microsecond=123456), "", "[]")


def test_rows_without_texts(cursor):
    copy_columns(cursor, "copied", columns(h=("text", [None] * 3), i=("jsonb", [None] * 3)))
    assert [row[7:] for row in read(cursor)] == [(None, None)] * 3


def test_no_rows(cursor):
    copy_columns(cursor, "copied", {"a": ("int8", np.empty(0, np.int64)), "h": ("text", [])})
    assert read(cursor) == []


def test_what_the_table_refuses_is_said_and_nothing_stays(cursor):
    with pytest.raises(psycopg.errors.UniqueViolation), cursor.connection.transaction():
        copy_columns(cursor, "copied", {"a": ("int8", np.array([1, 2, 1]))})
    with pytest.raises(psycopg.DataError), cursor.connection.transaction():
        copy_columns(cursor, "copied", {"a": ("int8", np.array([1])), "i": ("jsonb", ["{"])})
    assert read(cursor) == []
