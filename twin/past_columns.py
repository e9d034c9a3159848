"""Answers of PostgreSQL as columns, whatever is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from twin.exceptions import PastTooSlowError

STATEMENT_TIMEOUT_MS = 8_000
EPOCH_2000_US = 946_684_800_000_000
"""PostgreSQL counts from 2000-01-01 UTC."""
TYPES = {"int2": ">i2", "int8": ">i8", "float4": ">f4", "float8": ">f8", "timestamptz": ">i8"}
"""By PostgreSQL's name, how a value stands in an answer."""
# Compiling would take longer than any of these queries. And the newest row is the first of the index: of a partition
# that was not analysed yet, the planner believes that an asset has a row or two there, and would sort them all.
_MANNER = "SET LOCAL statement_timeout = {}; SET LOCAL jit = off; SET LOCAL enable_sort = off"


def moment(us: int) -> sql.Composed:
    """A moment as a constant of a query."""
    # A literal: only what the planner sees as a constant leaves out partitions.
    stamp = np.datetime64(us, "us").item().isoformat()
    return sql.SQL("{}::timestamptz").format(sql.Literal(f"{stamp}+00:00"))


def read_pieces(cursor: Any, query: sql.Composable, pieces: int) -> list[tuple[int, list[bytes]]]:
    """A query's rows: a whole number (int8), then so many pieces of data (bytea); as binary, for they are large."""
    with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy:
        copy.set_types(["int8"] + ["bytea"] * pieces)
        return [(row[0], list(row[1:])) for row in copy.rows()]


def read_columns(cursor: Any, query: sql.Composable, fields: Sequence[tuple[str, str]]) -> dict[str, NDArray]:
    """As :func:`columns_of`, in the manner in which the past is asked; ``cursor`` is in a transaction.

    Raises
    ------
    PastTooSlowError
        It takes longer than :data:`STATEMENT_TIMEOUT_MS`.
    """
    cursor.execute(_MANNER.format(STATEMENT_TIMEOUT_MS))
    try:
        return columns_of(cursor, query, fields)
    except psycopg.errors.QueryCanceled:
        raise PastTooSlowError from None


def columns_of(cursor: Any, query: sql.Composable, fields: Sequence[tuple[str, str]]) -> dict[str, NDArray]:
    """A query's answer as columns.

    PostgreSQL strings the rows together to one value: handed over row by row, each would cost more than all the rest.

    Parameters
    ----------
    query : Composable
        Its columns are NOT NULL.
    fields : sequence of (name, type)
        Of the columns, as :data:`TYPES` has them; ``timestamptz`` is int64 microseconds since 2000-01-01 UTC.
    """
    record = [(name, TYPES[kind]) for name, kind in fields]
    names = [sql.Identifier(name) for name, _kind in fields]
    sent = [
        sql.SQL("{}({})").format(sql.Identifier(f"{kind}send" if kind != "timestamptz" else "timestamptz_send"), name)
        for (_name, kind), name in zip(fields, names, strict=True)
    ]
    strung = sql.SQL("SELECT 0::int8, string_agg({}, ''::bytea) FROM ({}) AS r({})").format(
        sql.SQL(" || ").join(sent), query, sql.SQL(", ").join(names)
    )
    ((_zero, (data,)),) = read_pieces(cursor, strung, 1)
    table = np.frombuffer(data or b"", dtype=record)
    return {name: table[name].astype(table[name].dtype.newbyteorder("=")) for name, _kind in fields}
