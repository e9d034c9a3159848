"""A track as the HTTP API tells it: points, and what they say together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ninja import Schema

from twin.batch import MICROSECOND
from twin.kinds import AssetKind
from twin.past_store import track
from twin.tracks.quality import Mark
from twin.tracks.trips import tell

MOST_POINTS = 5000
MOST_ROWS = 100_000
"""Of more, the newest are told of."""
_MS_US = MICROSECOND // 1000


class StayOut(Schema):
    """停留: where the thing stayed, and how long."""

    start: datetime
    end: datetime
    lon: float
    lat: float


class TripOut(Schema):
    """行程: from one stay to the next."""

    start: datetime
    end: datetime
    distance_m: float


class TrackOut(Schema):
    """Where an asset was: ``points`` of [longitude, latitude, milliseconds since 1970, metres a second or null].

    ``distance_m``, ``stays`` and ``trips`` are of all rows of the time (at most the newest 100,000), left out points
    included, and without those of ``marks``: [milliseconds, ``time`` | ``place`` | ``acceleration``].
    ``distance_by_hour``: [beginning of the hour in milliseconds, metres]. ``unexplained_m``: between points that are
    too far apart in time for the thing to have travelled by itself.
    """

    points: list[tuple[float, float, float, float | None]]
    start: datetime
    end: datetime
    truncated: bool
    distance_m: float
    unexplained_m: float
    distance_by_hour: list[tuple[float, float]]
    stays: list[StayOut]
    trips: list[TripOut]
    marks: list[tuple[float, str]]


def track_out(cursor: Any, kind: AssetKind, asset: int, start: datetime, end: datetime) -> TrackOut:
    """One asset's track between two moments, in the database or archived.

    Parameters
    ----------
    cursor : cursor
        In a transaction.

    Raises
    ------
    PastError
    """
    from_us, to_us = (round(moment.timestamp() * MICROSECOND) for moment in (start, end))
    rows = track(cursor, kind.code, asset, from_us - 1, to_us, MOST_ROWS + 1)
    truncated = len(rows) > MOST_POINTS
    time_us = rows["time_us"][-MOST_ROWS:]
    told = tell(time_us, rows["lon"][-MOST_ROWS:], rows["lat"][-MOST_ROWS:], kind.fastest_m_s)
    marked = told.marks.nonzero()[0].tolist()
    columns = [rows[name][-MOST_POINTS:] for name in ("lon", "lat", "time_us", "speed_m_s")]
    columns[2] = columns[2] / _MS_US
    lon, lat, ms, speed = (column.tolist() for column in columns)
    # Built without checking each of thousands of points again; they are numbers by their columns.
    return TrackOut.model_construct(
        points=[(x, y, t, None if v != v else v) for x, y, t, v in zip(lon, lat, ms, speed, strict=True)],
        start=start,
        end=end,
        truncated=truncated,
        distance_m=round(told.distance_m, 1),
        unexplained_m=round(told.unexplained_m, 1),
        distance_by_hour=[(us / _MS_US, round(metres, 1)) for us, metres in told.hours],
        stays=[StayOut(start=_at(s.start_us), end=_at(s.end_us), lon=s.lon, lat=s.lat) for s in told.stays],
        trips=[
            TripOut(start=_at(t.start_us), end=_at(t.end_us), distance_m=round(t.distance_m, 1)) for t in told.trips
        ],
        marks=[(time_us[i].item() / _MS_US, Mark(told.marks[i]).name.lower()) for i in marked],
    )


def _at(us: int) -> datetime:
    return datetime.fromtimestamp(us / MICROSECOND, UTC)
