"""Where moving things meet areas and lines: who is in which area, who entered, left and passed what.

Hysteresis (去抖): each kind of thing says how far its positions stray (:class:`twin.kinds.AssetKind`); what is not
decided yet is kept beside the presences, in the transaction of the positions.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from gis.fences import FenceIndex, Transitions, transitions
from gis.hysteresis import Rows, Waiting, hold_exits, hold_passes
from gis.lines import LineIndex
from twin.batch import MICROSECOND, PositionBatch
from twin.crossings import Undecided, read_undecided, read_whereabouts, write_crossings, write_undecided
from twin.kinds import kinds
from twin.later import later

Whole = NDArray[np.int64]


class Crossings(NamedTuple):
    """Areas entered and left, and lines passed, ordered by row: int64[c], int64[c], bool[c]."""

    row: Whole
    area: Whole
    entered: NDArray[np.bool_]


class Followed(NamedTuple):
    """What a batch did: which rows are in which areas (int64[k], ordered by row), and what was crossed.

    ``change`` tells of areas, ``crossed`` of areas and lines.
    """

    row: Whole
    area: Whole
    change: Transitions
    crossed: Crossings


class Borders:
    """The areas and lines in use, and what is not decided about the things that came near them.

    Empty until :meth:`load`. It remembers things until :meth:`forget`, which a failed transaction demands.
    """

    def __init__(self) -> None:
        none = np.zeros(0)
        self._fences = FenceIndex.build([], [])
        self._lines = LineIndex.build([], [], none, none)
        self._versions: dict[int, int] = {}
        self._margin_m, self._after_us, self._silent_us = np.zeros(256), *np.zeros((2, 256), np.int64)
        for kind in kinds():
            self._margin_m[kind.code] = kind.jitter_m
            self._after_us[kind.code] = kind.leave_after_s * MICROSECOND
            self._silent_us[kind.code] = kind.silent_after_s * MICROSECOND
        self._outside: Undecided = {}
        self._beyond: Undecided = {}
        self._met: set[int] = set()
        self._last: dict[int, tuple[float, float, int]] = {}

    def load(self, cursor: psycopg.Cursor) -> int:
        """Read the active areas and lines afresh; returns how many there are."""
        cursor.execute(
            """SELECT id, ST_AsBinary(coalesce(line, boundary)), coalesce(z_min_m, 'NaN'), coalesce(z_max_m, 'NaN'),
                      line IS NOT NULL
               FROM twin_area WHERE active ORDER BY id"""
        )
        rows = cursor.fetchall()
        shapes = shapely.from_wkb([bytes(row[1]) for row in rows])
        is_line = np.array([row[4] for row in rows], bool)
        ids, low, high = (np.array([row[k] for row in rows]) for k in (0, 2, 3))
        areas = (column[~is_line] for column in (ids, shapes, low, high))
        self._fences = FenceIndex.build(*areas)
        self._lines = LineIndex.build(*(column[is_line] for column in (ids, shapes, low, high)))
        # Of all areas: one put out of force is still left by whoever is inside.
        cursor.execute("SELECT id, version FROM twin_area")
        self._versions = dict(cursor.fetchall())
        # Nobody is beyond a line that is out of use, nor will be when it is used again.
        cursor.execute("DELETE FROM twin_beyondline AS b USING twin_area AS a WHERE a.id = b.area_id AND NOT a.active")
        self._drop_areas(set(ids[is_line].tolist()))
        return len(rows)

    @property
    def areas(self) -> Collection[int]:
        """Keys of all areas and lines there are, in force or not."""
        return self._versions.keys()

    def _drop_areas(self, lines: Collection[int]) -> None:
        """What is not decided about areas that are gone, or lines out of use, will not be."""
        self._outside = _only(self._outside, self._versions)
        self._beyond = _only(self._beyond, lines)
        # Kept only while there are lines.
        self._last.clear()

    def forget(self) -> None:
        """Drop what is known of things; it is read again when they next move."""
        self._met.clear()
        self._last.clear()
        self._outside.clear()
        self._beyond.clear()

    def follow(self, cursor: psycopg.Cursor, moving: PositionBatch, was_asset: Whole, was_area: Whole) -> Followed:
        """Go along with rows sorted by asset and time; writes crossings, presences and what is not decided.

        Parameters
        ----------
        cursor : psycopg.Cursor
            In the transaction of the positions.
        moving : PositionBatch
            Rows newer than the present of their assets.
        was_asset, was_area : int64[p]
            Who was in which area before.
        """
        assets = moving.asset[np.r_[True, moving.asset[1:] != moving.asset[:-1]][: len(moving)]].tolist()
        self.recall(cursor, assets)
        alt_m = moving.alt_m.astype(np.float64)
        row, area = self._fences.locate(moving.lon, moving.lat, alt_m)
        change = transitions(moving.asset, row, area, was_asset, was_area)
        rows = Rows(moving.asset, moving.time_us, self._after_us[moving.kind])
        margin_m = self._margin_m[moving.kind]
        held = hold_exits(
            change,
            rows,
            margin_m == 0,
            lambda fence, r: self._fences.near(fence, moving.lon[r], moving.lat[r], alt_m[r], margin_m[r]),
            _waiting(self._outside, assets),
        )
        change = held.change
        if len(held.row):
            row, area = np.r_[row, held.row], np.r_[area, held.fence]
            by_row = np.argsort(row, kind="stable")
            row, area = row[by_row], area[by_row]
        crossed = Crossings(change.point_index, change.fence_id, change.entered)
        if len(moving) and (len(self._lines) or self._beyond):
            crossed = self._pass_lines(cursor, moving, assets, rows, margin_m, alt_m, crossed)
        if len(crossed.row):
            versions = np.array([self._versions.get(key, 0) for key in crossed.area.tolist()], np.int64)
            self._write(cursor, moving, crossed, versions)
        self._decide(cursor, "outside", self._outside, assets, held.waiting)
        return Followed(row, area, change, crossed)

    def _pass_lines(
        self,
        cursor: psycopg.Cursor,
        moving: PositionBatch,
        assets: list[int],
        rows: Rows,
        margin_m: NDArray[np.float64],
        alt_m: NDArray[np.float64],
        crossed: Crossings,
    ) -> Crossings:
        """What lines were passed, beside the areas entered and left."""
        row, line, inward = self._lines.crossed(*self._steps(cursor, moving, assets), alt_m)
        before = _waiting(self._beyond, assets)
        there = np.isin(before.subject, self._lines.ids)
        passed = hold_passes(
            row,
            line,
            inward,
            rows,
            # Where positions do not stray, whoever is beyond is past it.
            lambda of, r: (margin_m[r] > 0) & self._lines.within(of, moving.lon[r], moving.lat[r], margin_m[r]),
            before.take(np.flatnonzero(there)),
        )
        self._decide(cursor, "beyond", self._beyond, assets, passed.waiting)
        row = np.r_[crossed.row, passed.row]
        by_row = np.argsort(row, kind="stable")
        area, entered = np.r_[crossed.area, passed.line], np.r_[crossed.entered, passed.inward]
        return Crossings(row[by_row], area[by_row], entered[by_row])

    def _steps(
        self, cursor: psycopg.Cursor, moving: PositionBatch, assets: list[int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where each row's step begins and ends, degrees; it begins nowhere (NaN) where the way is not known.

        The way is taken to be straight, which nobody believes of a thing that was silent.
        """
        if unmet := [asset for asset in assets if asset not in self._last]:
            self._last |= dict.fromkeys(unmet, (np.nan, np.nan, 0)) | self._whereabouts(cursor, unmet)
        end = np.c_[moving.lon, moving.lat]
        start, since_us = np.empty_like(end), np.empty_like(moving.time_us)
        start[1:], since_us[1:] = end[:-1], moving.time_us[:-1]
        first = np.flatnonzero(np.r_[True, moving.asset[1:] != moving.asset[:-1]][: len(moving)])
        lon, lat, time_us = zip(*(self._last[asset] for asset in assets), strict=True)
        start[first], since_us[first] = np.c_[lon, lat], time_us
        start[moving.time_us - since_us > self._silent_us[moving.kind]] = np.nan
        last = np.r_[first[1:], len(moving)] - 1
        places = zip(*(column[last].tolist() for column in (moving.lon, moving.lat, moving.time_us)), strict=True)
        self._last |= zip(assets, places, strict=True)
        return start, end

    def recall(self, cursor: psycopg.Cursor, assets: list[int]) -> None:
        """Read what is not decided about things not yet met."""
        unmet = [asset for asset in assets if asset not in self._met]
        if unmet:
            outside, beyond = self._undecided(cursor, unmet)
            self._outside |= outside
            self._beyond |= beyond
            self._met.update(unmet)

    def _decide(
        self,
        cursor: psycopg.Cursor,
        what: Literal["outside", "beyond"],
        known: Undecided,
        assets: list[int],
        waiting: Waiting,
    ) -> None:
        """Make ``waiting`` what is not decided about these assets, here and in the database."""
        if not known and not len(waiting):
            return
        now: Undecided = {}
        columns = (waiting.asset, waiting.subject, waiting.since_us, waiting.inward)
        for asset, subject, since_us, inward in zip(*(column.tolist() for column in columns), strict=True):
            now.setdefault(asset, {})[subject] = since_us, inward
        was = {asset: known.pop(asset) for asset in assets if asset in known}
        known |= now
        self._keep(cursor, what, was, now)

    # What a rehearsal (twin/rehearsal.py) does without: the database's side of it.

    def _write(self, cursor: psycopg.Cursor, moving: PositionBatch, crossed: Crossings, versions: Whole) -> None:
        of_line = np.isin(crossed.area, self._lines.ids)
        later(cursor, partial(write_crossings, moving=moving, crossed=crossed, versions=versions, of_line=of_line))

    def _whereabouts(self, cursor: psycopg.Cursor, assets: list[int]) -> dict[int, tuple[float, float, int]]:
        return read_whereabouts(cursor, assets)

    def _undecided(self, cursor: psycopg.Cursor, assets: list[int]) -> tuple[Undecided, Undecided]:
        return read_undecided(cursor, assets)

    def _keep(self, cursor: psycopg.Cursor, what: Literal["outside", "beyond"], was: Undecided, now: Undecided) -> None:
        later(cursor, partial(write_undecided, what=what, was=was, now=now))


def _only(undecided: Undecided, subjects: Collection[int]) -> Undecided:
    kept = {
        asset: {subject: state for subject, state in states.items() if subject in subjects}
        for asset, states in undecided.items()
    }
    return {asset: states for asset, states in kept.items() if states}


def _waiting(undecided: Undecided, assets: list[int]) -> Waiting:
    if not undecided:
        return Waiting.nothing()
    found = [
        (asset, subject, *state)
        for asset in assets
        if asset in undecided
        for subject, state in undecided[asset].items()
    ]
    return Waiting(*np.array(found, np.int64).reshape(-1, 4).T)
