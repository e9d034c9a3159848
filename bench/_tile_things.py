"""What ``bench tiles`` draws: machines where they are now, and areas, crowded in the middle of a city."""

from __future__ import annotations

import time

import numpy as np
from django.db import connection

from bench._load import PREFIX
from gis.pyramid import bring_up_to_date
from twin.kinds import MACHINE
from twin.maplayers import AREAS, live_layer

MIDDLE = (121.47, 31.23)
SPREAD_DEG = 0.22
RADIUS_DEG = 0.0025
CORNERS = 36


def fill(moving: int, fixed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make them; returns where the first of them are, in degrees."""
    remove()
    rng = np.random.default_rng(3)
    lon, lat = (rng.normal(middle, SPREAD_DEG, moving + fixed) for middle in MIDDLE)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO twin_asset (kind, code, name, active, created_at)
               SELECT 'machine', %s || lpad(i::text, 6, '0'), '焊机 ' || i, true, now()
               FROM generate_series(0, %s - 1) AS i""",
            [PREFIX, moving],
        )
        cursor.execute(
            """INSERT INTO twin_state (asset_id, ts, received_at, lon, lat, status, speed_m_s, heading_deg, attrs)
               SELECT a.id, now(), now(), p.lon, p.lat, p.i %% 3, 5, p.i %% 360, '{}'
               FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p (lon, lat, i)
               JOIN twin_asset AS a ON a.kind = 'machine' AND a.code = %s || lpad((p.i - 1)::text, 6, '0')""",
            [lon[:moving].tolist(), lat[:moving].tolist(), PREFIX],
        )
        cursor.execute(
            """INSERT INTO twin_area (name, kind, boundary, periods, version, active)
               SELECT %s || p.i, 'fence', ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326), %s, %s)),
                      '[]', 1, true
               FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p (lon, lat, i)""",
            [PREFIX, RADIUS_DEG, CORNERS // 4, lon[moving:].tolist(), lat[moving:].tolist()],
        )
        for table in ("twin_asset", "twin_state", "twin_area"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return lon, lat


def sum_up() -> float:
    """Make the sums for far zooms, as the minutely job does; returns the seconds it took."""
    began = time.perf_counter()
    bring_up_to_date([live_layer(MACHINE, f"assets.{MACHINE.key}"), AREAS])
    return round(time.perf_counter() - began, 1)


def remove() -> None:
    """Take them away."""
    with connection.cursor() as cursor:
        for statement in (
            "DELETE FROM twin_state USING twin_asset AS a WHERE a.id = asset_id AND a.code LIKE %s",
            "DELETE FROM twin_asset WHERE code LIKE %s",
            "DELETE FROM twin_area WHERE name LIKE %s",
        ):
            cursor.execute(statement, [f"{PREFIX}%"])
