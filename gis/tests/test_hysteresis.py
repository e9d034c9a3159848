"""Exits and passes that hold against jitter, compared with one thing followed step by step; however a stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis.fences import FenceIndex, transitions
from gis.hysteresis import Rows, Waiting, hold_exits, hold_passes
from gis.lines import LineIndex
from gis.plane import M_PER_DEG

S = 1_000_000
LON, LAT = 121.5, 0.0
"""On the equator a metre is as long eastwards as northwards."""


def deg(east_m, north_m=0.0):
    return LON + np.asarray(east_m) / M_PER_DEG, LAT + np.asarray(north_m) / M_PER_DEG


def box(west_m, east_m):
    return shapely.box(*deg(west_m, -50), *deg(east_m, 50))


BOXES = [box(0, 100), box(90, 200), box(300, 310)]
FENCES = FenceIndex.build([1, 2, 3], BOXES)
LINES = LineIndex.build(
    [7, 8],
    [shapely.LineString([deg(50, -50), deg(50, 50)]), shapely.LineString([deg(120, 50), deg(130, 0), deg(120, -50)])],
    [np.nan] * 2,
    [np.nan] * 2,
)


class Follower:
    """Follows batches, as the intake does, and writes down what happened."""

    def __init__(self, margin_m, after_s):
        self.margin_m, self.after_us = margin_m, after_s * S
        self.present = np.zeros((2, 0), np.int64)
        self.outside = self.beyond = Waiting.nothing()
        self.last = {}
        self.events, self.inside = [], []

    def batch(self, asset, time_us, lon, lat):
        n = len(asset)
        rows = Rows(asset, time_us, np.full(n, self.after_us))
        margin_m = np.full(n, float(self.margin_m))
        nowhere = np.full(n, np.nan)
        row, fence = FENCES.locate(lon, lat)
        change = transitions(asset, row, fence, *self.present)
        held = hold_exits(
            change,
            rows,
            margin_m == 0,
            lambda f, r: FENCES.near(f, lon[r], lat[r], nowhere[r], margin_m[r]),
            self.outside,
        )
        self.present = np.array([held.change.present_asset, held.change.present_fence])
        gone = np.isin(self.outside.asset, asset)
        self.outside = join(self.outside.take(np.flatnonzero(~gone)), held.waiting)
        end = np.c_[lon, lat]
        start = np.empty_like(end)
        for i, one in enumerate(asset.tolist()):
            start[i] = self.last.get(one, (np.nan, np.nan))
            self.last[one] = end[i]
        passed = hold_passes(
            *LINES.crossed(start, end, nowhere),
            rows,
            lambda f, r: (margin_m[r] > 0) & LINES.within(f, lon[r], lat[r], margin_m[r]),
            self.beyond,
        )
        gone = np.isin(self.beyond.asset, asset)
        self.beyond = join(self.beyond.take(np.flatnonzero(~gone)), passed.waiting)
        change = held.change
        for of, key, inward in (
            *zip(change.point_index, change.fence_id, change.entered, strict=True),
            *zip(passed.row, passed.line, passed.inward, strict=True),
        ):
            self.events.append((int(asset[of]), int(time_us[of]) // S, int(key), bool(inward)))
        for r, f in zip(np.r_[row, held.row].tolist(), np.r_[fence, held.fence].tolist(), strict=True):
            self.inside.append((int(asset[r]), int(time_us[r]) // S, f))


def join(*waiting):
    return Waiting(
        *(np.concatenate([getattr(w, c) for w in waiting]) for c in ("asset", "subject", "since_us", "inward"))
    )


def follow(asset, second, lon, lat, margin_m, after_s, size):
    follower = Follower(margin_m, after_s)
    for first in range(0, len(asset), size):
        part = slice(first, first + size)
        order = np.lexsort((second[part], asset[part]))
        follower.batch(asset[part][order], second[part][order] * S, lon[part][order], lat[part][order])
    return sorted(follower.events), sorted(follower.inside)


def walk(metres, margin_m=10, after_s=30, every_s=1, size=1000):
    """Events of one thing that goes eastwards and back: (second, fence or line, inward)."""
    lon, lat = deg(np.array(metres, float))
    n = len(lon)
    second = np.arange(n) * every_s
    events, _inside = follow(np.ones(n, np.int64), second, lon, np.full(n, lat), margin_m, after_s, size)
    return [(at, key, inward) for _asset, at, key, inward in events]


def test_the_error_of_positions_neither_leaves_nor_enters():
    assert walk([305, 311, 305, 319, 320, 305]) == [(0, 3, True)]
    assert walk([305, 311, 305, 319, 321, 305]) == [(0, 3, True), (4, 3, False), (5, 3, True)]
    assert walk([305, 311, 305], margin_m=0) == [(0, 3, True), (1, 3, False), (2, 3, True)]


def test_who_stays_outside_has_left_however_near():
    assert walk([305, *[312] * 40], after_s=30) == [(0, 3, True), (31, 3, False)]
    assert walk([305, 312, 305, *[312] * 29, 305, *[312] * 5], after_s=30) == [(0, 3, True)]
    assert walk([305, 312, 312], after_s=0) == [(0, 3, True), (1, 3, False)]


def test_a_line_is_passed_once_it_is_clear():
    assert walk([45, 55, 45, 55, 61]) == [(0, 1, True), (4, 7, True)]
    assert walk([45, 55, 45, 55, 45, 20]) == [(0, 1, True)]
    assert walk([45, *[55] * 40])[1:] == [(31, 7, True)]
    assert walk([45, 55, 45], margin_m=0)[1:] == [(1, 7, True), (2, 7, False)]


@pytest.mark.parametrize(("margin_m", "after_s"), [(0, 30), (8, 30), (8, 3), (8, 0), (40, 12), (8, 10_000)])
@pytest.mark.parametrize("seed", range(2))
def test_however_the_stream_is_cut_the_same_happens(margin_m, after_s, seed):
    random = np.random.default_rng(seed)
    things, steps = 5, 60
    asset = np.tile(np.arange(1, things + 1), steps)
    second = np.repeat(np.cumsum(random.integers(1, 4, steps)), things)
    paths = np.cumsum(random.normal(0, 7, (steps, things)), axis=0) + random.choice([5, 95, 122, 305], things)
    paths[:, 0] = np.where(random.random(steps) < 0.5, 47, 53)  # on the spot, astride a line
    lon, lat = deg(paths.reshape(-1), random.normal(0, 12, steps * things))
    whole = follow(asset, second, lon, lat, margin_m, after_s, len(asset))
    for size in (1, 7, 100):
        assert follow(asset, second, lon, lat, margin_m, after_s, size) == whole
    assert whole == step_by_step(asset, second, lon, lat, margin_m, after_s)


def step_by_step(asset, second, lon, lat, margin_m, after_s):
    """The same for one position after the other, as one would say it."""
    events, inside = [], []
    here, last, beyond = {}, {}, {}
    for one, at, x, y in zip(asset.tolist(), second.tolist(), lon.tolist(), lat.tolist(), strict=True):
        point = shapely.Point((x - LON) * M_PER_DEG, y * M_PER_DEG)
        located = set(FENCES.locate([x], [y])[1].tolist())
        for fence in (1, 2, 3):
            known = (one, fence) in here
            if fence in located:
                if not known:
                    events.append((one, at, fence, True))
                here[one, fence] = None
            elif known:
                since = here[one, fence] if here[one, fence] is not None else at
                near = on_plane(BOXES[fence - 1]).distance(point) <= margin_m
                if margin_m and near and at - since < after_s:
                    here[one, fence] = since
                else:
                    del here[one, fence]
                    events.append((one, at, fence, False))
            if (one, fence) in here:
                inside.append((one, at, fence))
        step = np.array([last.get(one, (np.nan, np.nan))]), np.array([(x, y)])
        last[one] = (x, y)
        met = {line: net for _step, line, net in zip(*LINES.crossed(*step, np.array([np.nan])), strict=True)}
        for line in (7, 8):
            net, since = beyond.get((one, line), (0, at))
            if line in met:
                net, since = net + met[line], at
            near = on_plane(LINES._plane._shapes[line - 7]).distance(point) <= margin_m
            if net and margin_m and near and at - since < after_s:
                beyond[one, line] = net, since
                continue
            beyond.pop((one, line), None)
            if net:
                events.append((one, at, line, net > 0))
    return sorted(events), sorted(inside)


def on_plane(shape):
    return shapely.transform(shape, lambda points: (points - [LON, 0]) * M_PER_DEG)
