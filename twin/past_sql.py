"""Reading the database's part of the history as columns: ``twin_track`` (:mod:`twin.history`).

One asset's rows come from its partition's unique index (asset, time, …), all rows of a short time from the BRIN on
time. Rows leave PostgreSQL in binary, every field of a fixed width and all of them in one piece, so that a million rows
become columns without an object for each.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from gis.notices import stamp_of
from twin.exceptions import PastTooSlowError
from twin.kinds import kinds
from twin.past_rows import Assets, Ids, Rows

STATEMENT_TIMEOUT_MS = 8_000
STATUS_ROWS = 64
"""A row that does not say the status has that of the newest of so many earlier ones that does."""

_EPOCH_2000_US = 946_684_800_000_000
_TYPES = {"int2": ">i2", "int8": ">i8", "float4": ">f4", "float8": ">f8", "timestamptz": ">i8"}
"""By PostgreSQL's name, how a value stands in an answer."""
# Compiling would take longer than any of these queries. And the newest row is the first of the index: of a partition
# that was not analysed yet, the planner believes that an asset has a row or two there, and would sort them all.
_MANNER = "SET LOCAL statement_timeout = {}; SET LOCAL jit = off; SET LOCAL enable_sort = off"
Bounds = tuple[float, float, float, float]
_Column = tuple[str, str, sql.SQL]

_POSITION: list[_Column] = [
    ("asset", "int8", sql.SQL("t.asset_id")),
    ("kind", "int2", sql.SQL("t.kind")),
    ("time_us", "timestamptz", sql.SQL("t.ts")),
    ("lon", "float8", sql.SQL("t.lon")),
    ("lat", "float8", sql.SQL("t.lat")),
    ("alt_m", "float4", sql.SQL("coalesce(t.alt_m, 'NaN')")),
    ("speed_m_s", "float4", sql.SQL("coalesce(t.speed_m_s, 'NaN')")),
    ("heading_deg", "float4", sql.SQL("coalesce(t.heading_deg, 'NaN')")),
    ("status", "int2", sql.SQL("coalesce(t.status, -1::int2)")),
]
_POSITION_SQL = sql.SQL(", ").join(expression for _name, _type, expression in _POSITION)


_lock = threading.Lock()
_assets: tuple[tuple[int, tuple[int, ...]], Assets] | None = None


def read_assets(cursor: Any, only: int | None = None) -> Assets:
    """Every asset of a declared kind, or one; those out of use, too: they were on the map while they were in use.

    All of them are read anew when one has changed since.
    """
    global _assets
    if only is not None:
        return _read_assets(cursor, sql.SQL("a.id = {}").format(sql.Literal(only)))
    version = stamp_of(["assets"]), tuple(kind.code for kind in kinds())
    with _lock:
        if _assets is None or _assets[0] != version:
            _assets = (version, _read_assets(cursor, sql.SQL("true")))
        return _assets[1]


def _read_assets(cursor: Any, wanted: sql.Composable) -> Assets:
    codes = sql.SQL(", ").join(sql.SQL("({}, {})").format(kind.key, kind.code) for kind in kinds())
    columns = _copy(
        cursor,
        sql.SQL(
            """SELECT a.id::int8, k.code::int2, coalesce(a.owner_id, 0)::int8
               FROM twin_asset a JOIN (VALUES {}) AS k(key, code) ON k.key = a.kind WHERE {}"""
        ).format(codes, wanted),
        [("id", "int8"), ("kind", "int2"), ("owner", "int8")],
    )
    order = np.argsort(columns["id"])
    return Assets(columns["id"][order], columns["kind"][order], columns["owner"][order])


def newest_before(cursor: Any, assets: Assets, at_us: int, look_back_us: int) -> Rows:
    """Each asset's newest row at or before a moment, none where that is longer ago than the look-back."""
    span = _span(at_us - look_back_us, at_us)
    body = "SELECT r.* FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL ({newest}) AS r"
    return _union(
        cursor,
        [
            sql.SQL(body).format(ids=ids, newest=_newest(code, sql.SQL("t.asset_id = a.id"), span))
            for code, ids in _by_kind(assets)
        ],
    )


def rows_between(cursor: Any, assets: Assets, from_us: int, to_us: int, most: int) -> Rows | None:
    """Every row of theirs after ``from_us`` up to ``to_us``, in no order; None where there are more than ``most``."""
    body = "SELECT {} FROM twin_track t WHERE t.kind = {} AND t.asset_id = ANY({}) AND {}"
    span = _span(from_us, to_us)
    found = _union(
        cursor,
        [sql.SQL(body).format(_POSITION_SQL, sql.Literal(code), ids, span) for code, ids in _by_kind(assets)],
        most + 1,
    )
    return None if len(found) > most else found


def track(cursor: Any, code: int, asset: int, from_us: int, to_us: int, most: int) -> Rows:
    """One asset's rows after ``from_us`` up to ``to_us``, of too many the newest ``most``; in no order."""
    body = """SELECT * FROM (SELECT {} FROM twin_track t WHERE t.kind = {} AND t.asset_id = {} AND {}
              ORDER BY t.ts DESC LIMIT {}) AS r"""
    which = (_POSITION_SQL, sql.Literal(code), sql.Literal(asset), _span(from_us, to_us), sql.Literal(most))
    return _union(cursor, [sql.SQL(body).format(*which)])


def attributes(cursor: Any, code: int, asset: int, at_us: int) -> str | None:
    """What an asset reported beside its position at this very instant, as JSON."""
    cursor.execute(
        sql.SQL(
            """SELECT attrs::text FROM twin_track WHERE kind = {} AND asset_id = {} AND ts = {}
               ORDER BY device_id DESC, seq DESC LIMIT 1"""
        ).format(sql.Literal(code), sql.Literal(asset), moment(at_us))
    )
    row = cursor.fetchone()
    return row[0] if row else None


def inside_between(cursor: Any, code: int, from_us: int, to_us: int, bounds: Bounds) -> Rows:
    """Every row of a kind after ``from_us`` up to ``to_us`` within bounds (west, south, east, north), in no order."""
    body = "SELECT {} FROM twin_track t WHERE t.kind = {} AND {} AND {}"
    which = (_POSITION_SQL, sql.Literal(code), _span(from_us, to_us), _inside(bounds))
    return _union(cursor, [sql.SQL(body).format(*which)])


def inside_spans(
    cursor: Any, code: int, ids: Ids, after_us: Ids, to_us: Ids, bounds: Bounds, limits_us: tuple[int, int]
) -> Rows:
    """Rows of each asset in a span of its own, within bounds, in no order.

    Parameters
    ----------
    ids, after_us, to_us : int64[k]
        An asset may stand there several times.
    limits_us : (after, to)
        Around all the spans; what the planner leaves out partitions by.
    """
    body = """SELECT r.* FROM unnest({}, {}, {}) AS q(id, after_us, to_us) CROSS JOIN LATERAL (
                  SELECT {} FROM twin_track t WHERE t.kind = {} AND t.asset_id = q.id
                  AND t.ts > to_timestamp(0) + q.after_us * interval '1 microsecond'
                  AND t.ts <= to_timestamp(0) + q.to_us * interval '1 microsecond' AND {} AND {}) AS r"""
    arrays = [_array(values) for values in (ids, after_us, to_us)]
    which = (*arrays, _POSITION_SQL, sql.Literal(code), _span(*limits_us), _inside(bounds))
    return _union(cursor, [sql.SQL(body).format(*which)])


def _inside(bounds: Bounds) -> sql.Composed:
    west, south, east, north = map(sql.Literal, bounds)
    return sql.SQL("t.lon BETWEEN {} AND {} AND t.lat BETWEEN {} AND {}").format(west, east, south, north)


def _array(values: Ids) -> sql.Composed:
    return sql.SQL("'{{{}}}'::int8[]").format(sql.SQL(",".join(map(str, values.tolist()))))


def all_between(cursor: Any, code: int, from_us: int, to_us: int) -> Rows:
    """Every row of a kind after ``from_us`` up to ``to_us``, in no order."""
    body = "SELECT {} FROM twin_track t WHERE t.kind = {} AND {}"
    return _union(cursor, [sql.SQL(body).format(_POSITION_SQL, sql.Literal(code), _span(from_us, to_us))])


def newest_by_cell(cursor: Any, assets: Assets, from_us: int, to_us: int, cell_us: int) -> Rows:
    """Each asset's last row in each time cell after ``from_us`` up to ``to_us``, in no order.

    Costs one probe of the index for an asset and cell, however many rows a cell has.
    """
    cells = sql.SQL("generate_series({}, {}, {}) AS c(t)").format(
        moment(from_us), moment(to_us - 1), _interval(cell_us)
    )
    inside = sql.SQL("t.asset_id = a.id AND t.ts > c.t AND t.ts <= c.t + {}").format(_interval(cell_us))
    body = "SELECT r.* FROM unnest({ids}) AS a(id) CROSS JOIN {cells} CROSS JOIN LATERAL ({newest}) AS r"
    return _union(
        cursor,
        [
            sql.SQL(body).format(ids=ids, cells=cells, newest=_newest(code, inside, _span(from_us, to_us)))
            for code, ids in _by_kind(assets)
        ],
    )


def status_before(cursor: Any, assets: Assets, at_us: int, look_back_us: int) -> dict[int, tuple[int, int]]:
    """The last status that each asset said at or before a moment, and when, where one of its newest rows says any."""
    span = _span(at_us - look_back_us, at_us)
    body = """SELECT a.id, r.status, r.ts FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL (
                  SELECT s.status, s.ts FROM (
                      SELECT t.ts, t.status FROM twin_track t WHERE t.kind = {code} AND t.asset_id = a.id AND {span}
                      ORDER BY t.ts DESC LIMIT {rows}) AS s
                  WHERE s.status IS NOT NULL ORDER BY s.ts DESC LIMIT 1) AS r"""
    parts = [
        sql.SQL(body).format(ids=ids, code=sql.Literal(code), span=span, rows=sql.Literal(STATUS_ROWS))
        for code, ids in _by_kind(assets)
    ]
    if not parts:
        return {}
    found = _copy(
        cursor, sql.SQL(" UNION ALL ").join(parts), [("asset", "int8"), ("status", "int2"), ("ts", "timestamptz")]
    )
    said = zip(found["status"].tolist(), (found["ts"] + _EPOCH_2000_US).tolist(), strict=True)
    return dict(zip(found["asset"].tolist(), said, strict=True))


def oldest(cursor: Any, assets: Assets) -> int | None:
    """When the oldest row kept of any of these assets was, microseconds since 1970 UTC; None where there is none.

    Looks through the days' partitions, the oldest first, no further than the first that has such a row.
    """
    found: list[int] = []
    for code, ids in _by_kind(assets):
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE %s ORDER BY relname",
            [f"twin\\_track\\_{code:03d}\\_%"],
        )
        for (name,) in cursor.fetchall():
            # NULL has no fixed width: minus infinity stands for "none here".
            (first,) = _copy(
                cursor,
                sql.SQL(
                    """SELECT coalesce(min(r.ts), '-infinity') FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL (
                           SELECT t.ts FROM {table} t WHERE t.asset_id = a.id ORDER BY t.ts LIMIT 1) AS r"""
                ).format(ids=ids, table=sql.Identifier(name)),
                [("ts", "timestamptz")],
            )["ts"].tolist()
            if first != np.iinfo(np.int64).min:
                found.append(first + _EPOCH_2000_US)
                break
    return min(found, default=None)


def _newest(code: int, which: sql.Composable, span: sql.Composable) -> sql.Composed:
    # The span beside `which`: it is constant, so that the planner leaves out other days' partitions.
    return sql.SQL(
        """SELECT {} FROM twin_track t WHERE t.kind = {} AND {} AND {}
           ORDER BY t.ts DESC, t.device_id DESC, t.seq DESC LIMIT 1"""
    ).format(_POSITION_SQL, sql.Literal(code), which, span)


def _by_kind(assets: Assets) -> list[tuple[int, sql.Composed]]:
    """Code of each kind there is, and its assets as an array for SQL."""
    return [
        (
            int(code),
            _array(assets.id[assets.kind == code]),
        )
        for code in np.unique(assets.kind)
    ]


def _span(after_us: int, to_us: int) -> sql.Composed:
    return sql.SQL("t.ts > {} AND t.ts <= {}").format(moment(after_us), moment(to_us))


def moment(us: int) -> sql.Composed:
    """A moment as a constant of a query."""
    # A literal: only what the planner sees as a constant leaves out partitions.
    stamp = np.datetime64(us, "us").item().isoformat()
    return sql.SQL("{}::timestamptz").format(sql.Literal(f"{stamp}+00:00"))


def _interval(us: int) -> sql.Composed:
    return sql.SQL("{}::interval").format(sql.Literal(f"{us} microseconds"))


def _union(cursor: Any, parts: Sequence[sql.Composable], most: int | None = None) -> Rows:
    fields = [(name, kind) for name, kind, _expression in _POSITION]
    if not parts:
        return Rows({name: np.empty(0, np.dtype(_TYPES[kind]).newbyteorder("=")) for name, kind in fields})
    query: sql.Composable = sql.SQL(" UNION ALL ").join(parts)
    if most is not None:
        query = sql.SQL("{} LIMIT {}").format(query, sql.Literal(most))
    columns = _copy(cursor, query, fields)
    columns["time_us"] += _EPOCH_2000_US
    return Rows(columns)


def read_pieces(cursor: Any, query: sql.Composable, pieces: int) -> list[tuple[int, list[bytes]]]:
    """A query's rows: a whole number (int8), then so many pieces of data (bytea); as binary, for they are large."""
    with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy:
        copy.set_types(["int8"] + ["bytea"] * pieces)
        return [(row[0], list(row[1:])) for row in copy.rows()]


def _copy(cursor: Any, query: sql.Composable, fields: Sequence[tuple[str, str]]) -> dict[str, NDArray]:
    """A query's answer as columns.

    PostgreSQL strings the rows together to one value: handed over row by row, each would cost more than all the rest.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    query : Composable
        Its columns are NOT NULL.
    fields : sequence of (name, type)
        Of the columns, as :data:`_TYPES` has them; ``timestamptz`` is int64 microseconds since 2000-01-01 UTC.

    Raises
    ------
    PastTooSlowError
        It takes longer than :data:`STATEMENT_TIMEOUT_MS`.
    """
    record = [(name, _TYPES[kind]) for name, kind in fields]
    names = [sql.Identifier(name) for name, _kind in fields]
    sent = [
        sql.SQL("{}({})").format(sql.Identifier(f"{kind}send" if kind != "timestamptz" else "timestamptz_send"), name)
        for (_name, kind), name in zip(fields, names, strict=True)
    ]
    strung = sql.SQL("SELECT 0::int8, string_agg({}, ''::bytea) FROM ({}) AS r({})").format(
        sql.SQL(" || ").join(sent), query, sql.SQL(", ").join(names)
    )
    cursor.execute(_MANNER.format(STATEMENT_TIMEOUT_MS))
    try:
        ((_zero, (data,)),) = read_pieces(cursor, strung, 1)
    except psycopg.errors.QueryCanceled:
        raise PastTooSlowError from None
    table = np.frombuffer(data or b"", dtype=record)
    return {name: table[name].astype(table[name].dtype.newbyteorder("=")) for name, _kind in fields}
