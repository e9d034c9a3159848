"""Reading the history as columns: the only module that knows where the past lies and how it is laid out.

Another store (archives by column) takes its place by offering the same functions. Here it is ``twin_track``
(:mod:`twin.history`): one asset's rows come from its partition's unique index (asset, time, …), all rows of a short
time from the BRIN on time. Rows leave PostgreSQL as binary COPY: every field has a fixed width, so a million rows
become columns without an object for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from twin.exceptions import PastTooSlowError
from twin.kinds import kinds

STATEMENT_TIMEOUT_MS = 8_000
STATUS_ROWS = 64
"""A row that does not say the status has that of the newest of so many earlier ones that does."""

_EPOCH_2000_US = 946_684_800_000_000
_HEADER_BYTES = 19
_END = b"\xff\xff"
# Compiling would take longer than any of these queries. And the newest row is the first of the index: of a partition
# that was not analysed yet, the planner believes that an asset has a row or two there, and would sort them all.
_MANNER = "SET LOCAL statement_timeout = {}; SET LOCAL jit = off; SET LOCAL enable_sort = off"
Ids = NDArray[np.int64]
_Column = tuple[str, str, sql.SQL]

_POSITION: list[_Column] = [
    ("asset", ">i8", sql.SQL("t.asset_id")),
    ("kind", ">i2", sql.SQL("t.kind")),
    ("time_us", ">i8", sql.SQL("t.ts")),
    ("lon", ">f8", sql.SQL("t.lon")),
    ("lat", ">f8", sql.SQL("t.lat")),
    ("alt_m", ">f4", sql.SQL("coalesce(t.alt_m, 'NaN')")),
    ("speed_m_s", ">f4", sql.SQL("coalesce(t.speed_m_s, 'NaN')")),
    ("heading_deg", ">f4", sql.SQL("coalesce(t.heading_deg, 'NaN')")),
    ("status", ">i2", sql.SQL("coalesce(t.status, -1::int2)")),
]
_POSITION_SQL = sql.SQL(", ").join(expression for _name, _type, expression in _POSITION)


@dataclass(frozen=True)
class Rows:
    """``n`` positions of the past.

    Attributes
    ----------
    columns : dict of arrays
        ``asset`` int64, ``kind`` int16, ``time_us`` int64 (microseconds since 1970 UTC), ``lon`` and ``lat`` float64
        (degrees), ``alt_m``, ``speed_m_s`` and ``heading_deg`` float32 (NaN unknown), ``status`` int16 (-1 unsaid);
        each of shape (n,).
    """

    columns: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.columns["asset"])

    def __getitem__(self, name: str) -> NDArray:
        return self.columns[name]

    def take(self, rows: NDArray) -> Rows:
        """Some of the rows, by index or mask."""
        return Rows({name: column[rows] for name, column in self.columns.items()})


@dataclass(frozen=True)
class Assets:
    """Assets of every kind, in use or not, by ascending key: ``id``, ``kind`` (code) and ``owner`` (0: none)."""

    id: Ids
    kind: NDArray[np.int16]
    owner: Ids

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: NDArray) -> Assets:
        """Some of them, by index or mask."""
        return Assets(self.id[rows], self.kind[rows], self.owner[rows])

    def find(self, ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where ``ids`` stand, and which are here at all."""
        if not len(self):
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
        at = np.minimum(np.searchsorted(self.id, ids), len(self) - 1)
        return at, self.id[at] == ids


def read_assets(cursor: Any, only: int | None = None) -> Assets:
    """Every asset of a declared kind, or one; those out of use, too: they were on the map while they were in use."""
    wanted = sql.SQL("true") if only is None else sql.SQL("a.id = {}").format(sql.Literal(only))
    codes = sql.SQL(", ").join(sql.SQL("({}, {})").format(kind.key, kind.code) for kind in kinds())
    columns = _copy(
        cursor,
        sql.SQL(
            """SELECT a.id::int8, k.code::int2, coalesce(a.owner_id, 0)::int8
               FROM twin_asset a JOIN (VALUES {}) AS k(key, code) ON k.key = a.kind WHERE {} ORDER BY a.id"""
        ).format(codes, wanted),
        [("id", ">i8"), ("kind", ">i2"), ("owner", ">i8")],
    )
    return Assets(columns["id"], columns["kind"], columns["owner"])


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


def newest_by_cell(cursor: Any, assets: Assets, from_us: int, to_us: int, cell_us: int) -> Rows:
    """Each asset's last row in each time cell after ``from_us`` up to ``to_us``, in no order.

    Costs one probe of the index for an asset and cell, however many rows a cell has.
    """
    cells = sql.SQL("generate_series({}, {}, {}) AS c(t)").format(
        _moment(from_us), _moment(to_us - 1), _interval(cell_us)
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


def status_before(cursor: Any, assets: Assets, at_us: int, look_back_us: int) -> dict[int, int]:
    """The last status that each asset said at or before a moment, where one of its newest rows says any."""
    span = _span(at_us - look_back_us, at_us)
    body = """SELECT a.id, r.status FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL (
                  SELECT s.status FROM (
                      SELECT t.ts, t.status FROM twin_track t WHERE t.kind = {code} AND t.asset_id = a.id AND {span}
                      ORDER BY t.ts DESC LIMIT {rows}) AS s
                  WHERE s.status IS NOT NULL ORDER BY s.ts DESC LIMIT 1) AS r"""
    parts = [
        sql.SQL(body).format(ids=ids, code=sql.Literal(code), span=span, rows=sql.Literal(STATUS_ROWS))
        for code, ids in _by_kind(assets)
    ]
    if not parts:
        return {}
    found = _copy(cursor, sql.SQL(" UNION ALL ").join(parts), [("asset", ">i8"), ("status", ">i2")])
    return dict(zip(found["asset"].tolist(), found["status"].tolist(), strict=True))


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
            (moment,) = _copy(
                cursor,
                sql.SQL(
                    """SELECT coalesce(min(r.ts), '-infinity') FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL (
                           SELECT t.ts FROM {table} t WHERE t.asset_id = a.id ORDER BY t.ts LIMIT 1) AS r"""
                ).format(ids=ids, table=sql.Identifier(name)),
                [("ts", ">i8")],
            )["ts"].tolist()
            if moment != np.iinfo(np.int64).min:
                found.append(moment + _EPOCH_2000_US)
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
            sql.SQL("'{{{}}}'::int8[]").format(sql.SQL(",".join(map(str, assets.id[assets.kind == code].tolist())))),
        )
        for code in np.unique(assets.kind)
    ]


def _span(after_us: int, to_us: int) -> sql.Composed:
    return sql.SQL("t.ts > {} AND t.ts <= {}").format(_moment(after_us), _moment(to_us))


def _moment(us: int) -> sql.Composed:
    # A literal: only what the planner sees as a constant leaves out partitions.
    stamp = np.datetime64(us, "us").item().isoformat()
    return sql.SQL("{}::timestamptz").format(sql.Literal(f"{stamp}+00:00"))


def _interval(us: int) -> sql.Composed:
    return sql.SQL("{}::interval").format(sql.Literal(f"{us} microseconds"))


def _union(cursor: Any, parts: Sequence[sql.Composable], most: int | None = None) -> Rows:
    fields = [(name, kind) for name, kind, _expression in _POSITION]
    if not parts:
        return Rows({name: np.empty(0, np.dtype(kind).newbyteorder("=")) for name, kind in fields})
    query: sql.Composable = sql.SQL(" UNION ALL ").join(parts)
    if most is not None:
        query = sql.SQL("{} LIMIT {}").format(query, sql.Literal(most))
    columns = _copy(cursor, query, fields)
    columns["time_us"] += _EPOCH_2000_US
    return Rows(columns)


def _copy(cursor: Any, query: sql.Composable, fields: Sequence[tuple[str, str]]) -> dict[str, NDArray]:
    """A query's answer as columns.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    query : Composable
        Its columns are NOT NULL and of fixed width.
    fields : sequence of (name, dtype)
        Of the columns, big endian; ``timestamptz`` is int64 microseconds since 2000-01-01 UTC.

    Raises
    ------
    PastTooSlowError
        It takes longer than :data:`STATEMENT_TIMEOUT_MS`.
    """
    record = [("fields", ">i2")]
    for name, kind in fields:
        record += [(f"{name} length", ">i4"), (name, kind)]
    cursor.execute(_MANNER.format(STATEMENT_TIMEOUT_MS))
    try:
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy:
            data = b"".join(copy)
    except psycopg.errors.QueryCanceled:
        raise PastTooSlowError from None
    table = np.frombuffer(data[_HEADER_BYTES : -len(_END)], dtype=record)
    return {name: table[name].astype(np.dtype(kind).newbyteorder("=")) for name, kind in fields}
