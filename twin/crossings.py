"""Crossings, presences and what is not decided about them, in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import psycopg
from numpy.typing import NDArray

from gis.references import hold
from twin.batch import MICROSECOND, PositionBatch
from twin.copying import copy_columns

Undecided = dict[int, dict[int, tuple[int, int]]]
"""By asset and area or line: since when (microseconds since 1970), and which way (1 inwards, -1 outwards)."""


def write_crossings(
    cursor: psycopg.Cursor,
    moving: PositionBatch,
    crossed: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
    versions: NDArray[np.int64],
    of_line: NDArray[np.bool_],
) -> None:
    """Write events, and the presences that follow: whoever passes a line is inside nothing.

    Parameters
    ----------
    crossed : row int64[c], area int64[c], entered bool[c]
        In the order of the rows of ``moving``.
    versions : int64[c]
        Version of each area.
    of_line : bool[c]
        Whether the area is a line.
    """
    at, area, entered = crossed
    # An area deleted a moment ago has no row to refer to: its events have no subject any more.
    held = hold(cursor, "twin_area", area) & hold(cursor, "twin_asset", moving.asset[at])
    if not held.all():
        at, area, entered, versions, of_line = at[held], area[held], entered[held], versions[held], of_line[held]
    asset, time_us = moving.asset[at], moving.time_us[at]
    copy_columns(
        cursor,
        "twin_areaevent",
        {
            "asset_id": ("int8", asset),
            "area_id": ("int8", area),
            "area_version": ("int4", versions),
            "entered": ("bool", entered),
            "ts": ("timestamptz", time_us),
            "lon": ("float8", moving.lon[at]),
            "lat": ("float8", moving.lat[at]),
        },
    )
    kept = ~of_line
    _follow_presences(cursor, asset[kept], area[kept], entered[kept], time_us[kept])


def _follow_presences(
    cursor: psycopg.Cursor,
    asset: NDArray[np.int64],
    area: NDArray[np.int64],
    entered: NDArray[np.bool_],
    time_us: NDArray[np.int64],
) -> None:
    """Who is inside after events in the order of time: the last one of a pair tells; the first tells who was before."""
    order = np.lexsort((np.arange(len(asset)), area, asset))
    asset, area, entered, time_us = asset[order], area[order], entered[order], time_us[order]
    first = np.flatnonzero(np.r_[True, (asset[1:] != asset[:-1]) | (area[1:] != area[:-1])][: len(asset)])
    last = np.r_[first[1:], len(asset)][: len(first)] - 1
    was, comes = ~entered[first], entered[last]
    if len(new := last[comes & ~was]):
        _come(cursor, asset[new], area[new], time_us[new])
    if len(again := last[comes & was]):
        cursor.execute(
            """UPDATE twin_presence AS p SET since = v.since
               FROM unnest(%s::int8[], %s::int8[], %s::timestamptz[]) AS v(asset, area, since)
               WHERE p.asset_id = v.asset AND p.area_id = v.area""",
            [asset[again].tolist(), area[again].tolist(), [stamp(us) for us in time_us[again].tolist()]],
        )
    if len(gone := last[~comes & was]):
        cursor.execute(
            """DELETE FROM twin_presence AS p USING unnest(%s::int8[], %s::int8[]) AS v(asset, area)
               WHERE p.asset_id = v.asset AND p.area_id = v.area""",
            [asset[gone].tolist(), area[gone].tolist()],
        )


def _come(
    cursor: psycopg.Cursor, asset: NDArray[np.int64], area: NDArray[np.int64], time_us: NDArray[np.int64]
) -> None:
    """Presences that begin: at once, or one by one where somebody else wrote one of them."""
    try:
        with cursor.connection.transaction():
            copy_columns(
                cursor,
                "twin_presence",
                {"asset_id": ("int8", asset), "area_id": ("int8", area), "since": ("timestamptz", time_us)},
            )
    except psycopg.errors.UniqueViolation:
        cursor.execute(
            """INSERT INTO twin_presence (asset_id, area_id, since)
               SELECT * FROM unnest(%s::int8[], %s::int8[], %s::timestamptz[])
               ON CONFLICT (asset_id, area_id) DO UPDATE SET since = excluded.since""",
            [asset.tolist(), area.tolist(), [stamp(us) for us in time_us.tolist()]],
        )


def read_undecided(cursor: psycopg.Cursor, assets: list[int]) -> tuple[Undecided, Undecided]:
    """Who of these assets is outside an area it has not left, and beyond a line it has not passed."""
    found: tuple[Undecided, Undecided] = {}, {}
    for part, query in enumerate(
        (
            """SELECT asset_id, area_id, (extract(epoch FROM outside_since) * 1000000)::int8, -1
               FROM twin_presence WHERE asset_id = ANY(%s) AND outside_since IS NOT NULL""",
            """SELECT asset_id, area_id, (extract(epoch FROM since) * 1000000)::int8, inward
               FROM twin_beyondline WHERE asset_id = ANY(%s)""",
        )
    ):
        cursor.execute(query, [assets])
        for asset, area, since_us, inward in cursor.fetchall():
            found[part].setdefault(asset, {})[area] = since_us, inward
    return found


def write_undecided(cursor: psycopg.Cursor, what: Literal["outside", "beyond"], was: Undecided, now: Undecided) -> None:
    """Store what changed between two states of the same assets."""
    before, after = _flat(was), _flat(now)
    over = [pair for pair in before if pair not in after]
    new = [(*pair, stamp(after[pair][0]), after[pair][1]) for pair in after if after[pair] != before.get(pair)]
    if over:
        columns = [list(column) for column in zip(*over, strict=True)]
        cursor.execute(_OVER[what], columns)
    if new:
        columns = [list(column) for column in zip(*new, strict=True)]
        cursor.execute(_NEW[what], columns)


_OVER: dict[str, Any] = {
    "outside": """UPDATE twin_presence AS p SET outside_since = NULL FROM unnest(%s::int8[], %s::int8[])
                  AS v(asset, area) WHERE p.asset_id = v.asset AND p.area_id = v.area""",
    "beyond": """DELETE FROM twin_beyondline AS b USING unnest(%s::int8[], %s::int8[]) AS v(asset, area)
                 WHERE b.asset_id = v.asset AND b.area_id = v.area""",
}
_NEW: dict[str, Any] = {
    "outside": """UPDATE twin_presence AS p SET outside_since = v.since
                  FROM unnest(%s::int8[], %s::int8[], %s::timestamptz[], %s::int2[]) AS v(asset, area, since, inward)
                  WHERE p.asset_id = v.asset AND p.area_id = v.area""",
    "beyond": """INSERT INTO twin_beyondline (asset_id, area_id, since, inward)
                 SELECT v.asset, a.id, v.since, v.inward
                 FROM unnest(%s::int8[], %s::int8[], %s::timestamptz[], %s::int2[]) AS v(asset, area, since, inward)
                 JOIN twin_area AS a ON a.id = v.area
                 ON CONFLICT (asset_id, area_id) DO UPDATE SET since = excluded.since, inward = excluded.inward""",
}


def read_whereabouts(cursor: psycopg.Cursor, assets: list[int]) -> dict[int, tuple[float, float, int]]:
    """Where each of these assets is, degrees, and since when it is known to be there."""
    cursor.execute(
        """SELECT asset_id, lon, lat, (extract(epoch FROM ts) * 1000000)::int8 FROM twin_state
           WHERE asset_id = ANY(%s)""",
        [assets],
    )
    return {asset: (lon, lat, time_us) for asset, lon, lat, time_us in cursor.fetchall()}


def stamp(us: int) -> datetime:
    """A time from microseconds since 1970-01-01 UTC."""
    return datetime.fromtimestamp(us / MICROSECOND, UTC)


def _flat(undecided: Undecided) -> dict[tuple[int, int], tuple[int, int]]:
    return {(asset, area): state for asset, areas in undecided.items() for area, state in areas.items()}
