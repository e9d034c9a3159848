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
from psycopg import sql

from gis.notices import stamp_of
from twin.history import SLOT_US
from twin.kinds import kinds
from twin.past_columns import EPOCH_2000_US, TYPES, moment, read_columns
from twin.past_rows import Assets, Ids, Rows

STATUS_ROWS = 64
"""A row that does not say the status has that of the newest of so many earlier ones that does."""

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
    columns = read_columns(
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
                  AND t.ts <= to_timestamp(0) + q.to_us * interval '1 microsecond' AND {} AND {} OFFSET 0) AS r"""
    # OFFSET 0: or else the planner, who cannot know how short the spans are, would read the whole day beside them.
    arrays = [_array(values) for values in (ids, after_us, to_us)]
    which = (*arrays, _POSITION_SQL, sql.Literal(code), _span(*limits_us), _inside(bounds))
    return _union(cursor, [sql.SQL(body).format(*which)])


def next_slots(cursor: Any, code: int, ids: Ids, after_us: Ids, limits_us: tuple[int, int]) -> Rows:
    """Of each asset the rows of the first slot of time in which it reported after a moment of its own, in no order.

    Parameters
    ----------
    ids, after_us : int64[k]
        An asset may stand there several times.
    limits_us : (after, to)
        Around everything; what the planner leaves out partitions by.
    """
    span = _span(*limits_us)
    # OFFSET 0 as above; the first row says the slot.
    body = """SELECT r.* FROM unnest({ids}, {after}) AS q(id, after_us)
              CROSS JOIN LATERAL (
                  SELECT date_bin({slot}, t.ts, to_timestamp(0)) AS start FROM twin_track t
                  WHERE t.kind = {code} AND t.asset_id = q.id AND {span}
                  AND t.ts > to_timestamp(0) + q.after_us * interval '1 microsecond' ORDER BY t.ts LIMIT 1) AS f
              CROSS JOIN LATERAL (
                  SELECT {position} FROM twin_track t WHERE t.kind = {code} AND t.asset_id = q.id AND {span}
                  AND t.ts > to_timestamp(0) + q.after_us * interval '1 microsecond'
                  AND t.ts >= f.start AND t.ts < f.start + {slot} OFFSET 0) AS r"""
    which = {"ids": _array(ids), "after": _array(after_us), "code": sql.Literal(code), "span": span}
    return _union(cursor, [sql.SQL(body).format(**which, slot=_interval(SLOT_US), position=_POSITION_SQL)])


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
    found = read_columns(
        cursor, sql.SQL(" UNION ALL ").join(parts), [("asset", "int8"), ("status", "int2"), ("ts", "timestamptz")]
    )
    said = zip(found["status"].tolist(), (found["ts"] + EPOCH_2000_US).tolist(), strict=True)
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
            (first,) = read_columns(
                cursor,
                sql.SQL(
                    """SELECT coalesce(min(r.ts), '-infinity') FROM unnest({ids}) AS a(id) CROSS JOIN LATERAL (
                           SELECT t.ts FROM {table} t WHERE t.asset_id = a.id ORDER BY t.ts LIMIT 1) AS r"""
                ).format(ids=ids, table=sql.Identifier(name)),
                [("ts", "timestamptz")],
            )["ts"].tolist()
            if first != np.iinfo(np.int64).min:
                found.append(first + EPOCH_2000_US)
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
        for code in assets.codes()
    ]


def _span(after_us: int, to_us: int) -> sql.Composed:
    return sql.SQL("t.ts > {} AND t.ts <= {}").format(moment(after_us), moment(to_us))


def _interval(us: int) -> sql.Composed:
    return sql.SQL("{}::interval").format(sql.Literal(f"{us} microseconds"))


def _union(cursor: Any, parts: Sequence[sql.Composable], most: int | None = None) -> Rows:
    fields = [(name, kind) for name, kind, _expression in _POSITION]
    if not parts:
        return Rows({name: np.empty(0, np.dtype(TYPES[kind]).newbyteorder("=")) for name, kind in fields})
    query: sql.Composable = sql.SQL(" UNION ALL ").join(parts)
    if most is not None:
        query = sql.SQL("{} LIMIT {}").format(query, sql.Literal(most))
    columns = read_columns(cursor, query, fields)
    columns["time_us"] += EPOCH_2000_US
    return Rows(columns)
