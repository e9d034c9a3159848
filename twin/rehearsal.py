"""An area that is not there yet, followed over the recorded past as the intake follows those that are (预演).

The same code does it: :class:`twin.borders.Borders` and :class:`twin.known.Known`, only that nothing is read of the
present and nothing written. What comes out is what observers of the intake are told, a day at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.fences import FenceIndex
from gis.lines import LineIndex
from gis.plane import M_PER_DEG
from twin.batch import PositionBatch
from twin.borders import Borders, Crossings, Whole
from twin.crossings import Undecided
from twin.kinds import kinds
from twin.known import Known
from twin.near_places import Place
from twin.near_rows import rows_near, together
from twin.observers import Moved
from twin.past import Look, candidates
from twin.past_rows import Assets, Ids, Rows

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class PaperArea:
    """An area on paper.

    Attributes
    ----------
    id : int
        A key that no other area has, or that of the area it would change.
    shape : shapely geometry
        Polygon or MultiPolygon; of a line LineString or MultiLineString. Degrees of EPSG:4326.
    z_min_m, z_max_m : float
        NaN where open.
    """

    id: int
    shape: BaseGeometry
    z_min_m: float = np.nan
    z_max_m: float = np.nan

    @property
    def is_line(self) -> bool:
        """Whether it is passed, and nobody is inside."""
        return "LineString" in self.shape.geom_type


class PaperBorders(Borders):
    """One area, of which nothing is known beforehand and nothing written."""

    def __init__(self, area: PaperArea) -> None:
        super().__init__()
        columns = ([area.id], [area.shape], [area.z_min_m], [area.z_max_m])
        if area.is_line:
            self._lines = LineIndex.build(*columns)
        else:
            self._fences = FenceIndex.build(*columns)

    def _write(self, cursor: psycopg.Cursor, moving: PositionBatch, crossed: Crossings, versions: Whole) -> None:
        pass

    def _whereabouts(self, cursor: psycopg.Cursor, assets: list[int]) -> dict[int, tuple[float, float, int]]:
        return {}

    def _undecided(self, cursor: psycopg.Cursor, assets: list[int]) -> tuple[Undecided, Undecided]:
        return {}, {}

    def _keep(self, cursor: psycopg.Cursor, what: Literal["outside", "beyond"], was: Undecided, now: Undecided) -> None:
        pass


@dataclass(frozen=True)
class Followed:
    """A day of the past, followed; ``thinned``: where somebody stayed inside, one row in five minutes was looked at."""

    moved: Moved
    thinned: bool


def follow(
    cursor: Any, look: Look, area: PaperArea, from_us: int, to_us: int, codes: Iterable[int]
) -> Iterator[Followed]:
    """Go along with everything that came near an area, a day (UTC) at a time.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    look : Look
        Whose; positions there that they may not see count as if they had not been reported.
    from_us, to_us : int
        Microseconds since 1970 UTC. Who is inside at the beginning enters with the first row.
    codes : iterable of int
        Kinds of things to look at.

    Raises
    ------
    PastError
        There is too much, it takes too long, or an archived file is damaged.
    """
    shapely.prepare(area.shape)
    place = Place(area.shape, _around(area.shape), area.is_line)
    borders, known = PaperBorders(area), Known()
    everyone = candidates(cursor, look)
    wanted = [code for code in everyone.codes() if code in set(codes)]
    inside = np.zeros(0, np.int64)
    for start_us in range(from_us // DAY_US * DAY_US, to_us, DAY_US):
        span = max(start_us - 1, from_us), min(start_us + DAY_US - 1, to_us)
        parts, thinned = [], False
        for code in wanted:
            found = rows_near(cursor, everyone.take(everyone.kind == code), code, place, *span, inside)
            parts.append(found.rows)
            thinned |= found.thinned
        rows = together(parts) if parts else None
        if rows is None or not len(rows):
            continue
        batch = _batch(_seen(look, everyone, area, rows), everyone)
        yield Followed(_move(cursor, batch, borders, known), thinned)
        inside = known.insiders()


def _move(cursor: Any, batch: PositionBatch, borders: PaperBorders, known: Known) -> Moved:
    first = np.append(True, batch.asset[1:] != batch.asset[:-1])[: len(batch)]
    known.meet(batch.asset[first].tolist())
    slots = known.slots(batch.asset)
    still_since_us = known.follow(batch, slots)
    was = known.presences(batch.asset[first], slots[first])
    row, area, change, crossed = borders.follow(cursor, batch, *was)
    stays = known.stay(batch, slots, row, area, change)
    return Moved(batch, np.zeros(len(batch), np.int64), still_since_us, *stays, *crossed)


def _around(shape: BaseGeometry) -> tuple[float, float, float, float]:
    """Its bounds with room for the widest stray."""
    west, south, east, north = shape.bounds
    room = max(kind.jitter_m for kind in kinds()) * 1.01 / M_PER_DEG
    wide = room / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.01)
    return west - wide, south - room, east + wide, north + room


def _seen(look: Look, everyone: Assets, area: PaperArea, rows: Rows) -> Rows:
    """Without the positions there that this viewer may not see."""
    if look.sight.everything and look.regions is None:
        return rows
    west, south, east, north = _around(area.shape)
    here = (rows["lon"] >= west) & (rows["lon"] <= east) & (rows["lat"] >= south) & (rows["lat"] <= north)
    inside = np.flatnonzero(here)
    at, known = everyone.find(rows["asset"][inside])
    seen = np.ones(len(rows), bool)
    seen[inside] = known & look.covers(everyone.owner[at], rows["lon"][inside], rows["lat"][inside])
    return rows.take(seen)


def _batch(rows: Rows, everyone: Assets) -> PositionBatch:
    """Rows as the intake has them: by asset and time, one of each moment."""
    rows = rows.take(np.lexsort((rows["time_us"], rows["asset"])))
    asset, time_us = rows["asset"], rows["time_us"]
    rows = rows.take(np.append(True, (asset[1:] != asset[:-1]) | (time_us[1:] != time_us[:-1]))[: len(rows)])
    n = len(rows)
    at, _known = everyone.find(rows["asset"])
    nothing: Ids = np.zeros(n, np.int64)
    unknown: NDArray[np.float32] = np.full(n, np.nan, np.float32)
    return PositionBatch(
        asset=rows["asset"].astype(np.int64),
        device=nothing,
        kind=rows["kind"].astype(np.uint8),
        owner=everyone.owner[at],
        seq=nothing,
        time_us=rows["time_us"].astype(np.int64),
        received_us=rows["time_us"].astype(np.int64),
        lon=rows["lon"].astype(np.float64),
        lat=rows["lat"].astype(np.float64),
        alt_m=rows["alt_m"],
        speed_m_s=rows["speed_m_s"],
        heading_deg=rows["heading_deg"],
        accuracy_m=unknown,
        status=rows["status"].astype(np.int16),
        source_x=unknown.astype(np.float64),
        source_y=unknown.astype(np.float64),
        datum=[""] * n,
        attrs=[""] * n,
    )
