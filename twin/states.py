"""Present states of assets into the database: a staging table by COPY, then one statement."""

from __future__ import annotations

from functools import partial

import numpy as np
import psycopg
from numpy.typing import NDArray

from gis.references import hold
from twin.batch import PositionBatch
from twin.copying import Column, copy_columns
from twin.known import Known
from twin.later import later
from twin.meters import stage

_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS twin_state_staging (
    asset_id int8, ts timestamptz, received_at timestamptz, lon float8, lat float8, alt_m float8, speed_m_s float8,
    heading_deg float8, accuracy_m float8, status int2, region_id int8, status_ts timestamptz, still_since timestamptz,
    still_lon float8, still_lat float8, is_new bool, attrs jsonb
) ON COMMIT DELETE ROWS"""
_UPDATE = """
UPDATE twin_state AS s SET ts = u.ts, received_at = u.received_at, lon = u.lon, lat = u.lat, alt_m = u.alt_m,
    speed_m_s = u.speed_m_s, heading_deg = u.heading_deg, accuracy_m = u.accuracy_m, status = u.status,
    region_id = u.region_id, status_ts = u.status_ts, still_since = u.still_since, still_lon = u.still_lon,
    still_lat = u.still_lat, attrs = u.attrs
FROM twin_state_staging AS u WHERE s.asset_id = u.asset_id AND s.ts < u.ts"""
_INSERT = """
INSERT INTO twin_state AS s (asset_id, ts, received_at, lon, lat, alt_m, speed_m_s, heading_deg, accuracy_m, status,
                             region_id, status_ts, still_since, still_lon, still_lat, attrs)
SELECT asset_id, ts, received_at, lon, lat, alt_m, speed_m_s, heading_deg, accuracy_m, status, region_id, status_ts,
       still_since, still_lon, still_lat, attrs
FROM twin_state_staging WHERE is_new
ON CONFLICT (asset_id) DO NOTHING"""


def write_states(
    cursor: psycopg.Cursor, batch: PositionBatch, region: NDArray[np.int64], known: Known, new: NDArray[np.bool_]
) -> None:
    """Have these rows made the present states of their assets, unless they are newer already.

    Parameters
    ----------
    batch : PositionBatch
        One row an asset, met before.
    region : int64[n]
        District of each; 0 for none.
    new : bool[n]
        Which of them have no state yet. One whose asset was deleted a moment ago gets none.
    """
    slots = known.slots(batch.asset)
    columns: dict[str, Column] = {
        "asset_id": ("int8", batch.asset),
        "ts": ("timestamptz", batch.time_us),
        "received_at": ("timestamptz", batch.received_us),
        "lon": ("float8", batch.lon),
        "lat": ("float8", batch.lat),
        "alt_m": ("float8", batch.alt_m),
        "speed_m_s": ("float8", batch.speed_m_s),
        "heading_deg": ("float8", batch.heading_deg),
        "accuracy_m": ("float8", batch.accuracy_m),
        "status": ("int2", batch.status),
        "region_id": ("int8", np.ma.masked_equal(region, 0)),
        "status_ts": ("timestamptz", np.ma.masked_equal(known["status_us"][slots], 0)),
        "still_since": ("timestamptz", known["rest_us"][slots]),
        "still_lon": ("float8", known["rest_lon"][slots]),
        "still_lat": ("float8", known["rest_lat"][slots]),
        "is_new": ("bool", new),
        "attrs": ("jsonb", [value or "{}" for value in batch.attrs]),
    }
    later(cursor, partial(_write, columns=columns, asset=batch.asset, new=new))


def _write(
    cursor: psycopg.Cursor, columns: dict[str, Column], asset: NDArray[np.int64], new: NDArray[np.bool_]
) -> None:
    with stage("latest"):
        inserted = new.copy()
        inserted[new] = hold(cursor, "twin_asset", asset[new])
        cursor.execute(_STAGING)
        cursor.execute("DELETE FROM twin_state_staging")  # of an earlier try in this transaction
        copy_columns(cursor, "twin_state_staging", columns | {"is_new": ("bool", inserted)})
        if not new.all():
            cursor.execute(_UPDATE)
        if inserted.any():
            cursor.execute(_INSERT)
