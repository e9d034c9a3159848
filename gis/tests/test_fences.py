"""The fence index and the comparison of positions, each against a slow and obvious version."""

from __future__ import annotations

import threading
from collections import defaultdict

import numpy as np
import pytest
import shapely

from gis.fences import FenceIndex, transitions

SQUARE = shapely.box(0, 0, 10, 10)
NAN = float("nan")


def located(index: FenceIndex, lon, lat, alt_m=None) -> set[tuple[int, int]]:
    points, fences = index.locate(np.atleast_1d(lon), np.atleast_1d(lat), alt_m)
    assert (np.diff(points) >= 0).all()
    pairs = list(zip(points.tolist(), fences.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


def test_an_empty_index_contains_nothing():
    index = FenceIndex.build([], [])
    assert len(index) == 0
    assert located(index, [121.0], [31.0]) == set()
    assert index.locate_one([121.0], [31.0]).tolist() == [-1]
    assert located(FenceIndex.build([1], [SQUARE]), [], []) == set()


@pytest.mark.parametrize("point", [(0, 0), (10, 5), (5, 10), (5, 5)])
def test_the_boundary_is_inside(point):
    assert located(FenceIndex.build([7], [SQUARE]), *point) == {(0, 7)}


def test_holes_pieces_and_missing_polygons():
    ring = shapely.Polygon(SQUARE.exterior.coords, [shapely.box(4, 4, 6, 6).exterior.coords])
    pieces = shapely.MultiPolygon([shapely.box(20, 0, 21, 1), shapely.box(30, 0, 31, 1)])
    index = FenceIndex.build([1, 2, 3, 4], [ring, pieces, None, shapely.Polygon()])
    assert located(index, [5, 1, 20.5, 30.5, 25], [5, 1, 0.5, 0.5, 0.5]) == {(1, 1), (2, 2), (3, 2)}


def test_points_that_are_no_points_are_inside_nothing_and_disturb_no_other():
    index = FenceIndex.build([1], [SQUARE])
    assert located(index, [NAN, 5, np.inf, 5, 5], [5, NAN, 5, 5, -np.inf]) == {(3, 1)}
    assert index.locate_one([NAN, 5], [5, 5]).tolist() == [-1, 1]


def test_heights_are_closed_open_ended_and_unknown_counts_as_inside():
    index = FenceIndex.build([1, 2, 3], [SQUARE] * 3, [10, NAN, NAN], [20, 15, NAN])
    alt_m = np.array([10, 20, 15, 9.99, 20.01, NAN])
    pairs = located(index, np.full(6, 5.0), np.full(6, 5.0), alt_m)
    inside = [{fence for point, fence in pairs if point == i} for i in range(6)]
    assert inside == [{1, 2, 3}, {1, 3}, {1, 2, 3}, {2, 3}, {3}, {1, 2, 3}]
    assert located(index, 5, 5) == {(0, 1), (0, 2), (0, 3)}


def test_locate_one_on_a_coverage():
    cells = [shapely.box(x, y, x + 1, y + 1) for x in range(4) for y in range(4)]
    index = FenceIndex.build(np.arange(100, 116), cells)
    assert index.locate_one([0.5, 3.5, 9, 1.0], [0.5, 3.5, 9, 0.5]).tolist() == [100, 115, -1, 100]


@pytest.mark.parametrize(
    ("ids", "polygons", "heights", "message"),
    [
        ([1, 1], [SQUARE, SQUARE], None, "repeat"),
        ([-1], [SQUARE], None, "negative"),
        ([1, 2], [SQUARE], None, "polygons"),
        ([1], [SQUARE], [1, 2], "heights"),
        ([5], [shapely.Point(0, 0)], None, "fence 5 is no polygon"),
    ],
)
def test_a_wrong_declaration_is_refused(ids, polygons, heights, message):
    with pytest.raises(ValueError, match=message):
        FenceIndex.build(ids, polygons, heights)


def random_fences(rng: np.random.Generator, count: int) -> list[shapely.Polygon]:
    fences = []
    for _ in range(count):
        angle = np.linspace(0, 2 * np.pi, int(rng.integers(3, 40)), endpoint=False)
        radius = rng.uniform(0.02, 0.3) * rng.uniform(0.5, 1, len(angle))
        centre = rng.random(2)
        fences.append(shapely.Polygon(np.c_[centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)]))
    return fences


@pytest.mark.parametrize("seed", range(5))
def test_locate_agrees_with_one_by_one(seed):
    rng = np.random.default_rng(seed)
    fences = random_fences(rng, 60)
    ids = rng.permutation(1000)[:60]
    low = np.where(rng.random(60) < 0.5, NAN, rng.uniform(0, 50, 60))
    high = np.where(rng.random(60) < 0.5, NAN, rng.uniform(50, 100, 60))
    lon, lat = rng.random(400), rng.random(400)
    alt_m = np.where(rng.random(400) < 0.2, NAN, rng.uniform(-10, 110, 400))
    expected = {
        (i, int(ids[j]))
        for i in range(400)
        for j in range(60)
        if fences[j].intersects(shapely.Point(lon[i], lat[i])) and not (alt_m[i] < low[j] or alt_m[i] > high[j])
    }
    index = FenceIndex.build(ids, fences, low, high)
    assert located(index, lon, lat, alt_m) == expected
    one = index.locate_one(lon, lat)
    assert one.tolist() == [
        min((int(ids[j]) for j in range(60) if fences[j].intersects(shapely.Point(lon[i], lat[i]))), default=-1)
        for i in range(400)
    ]


def test_several_threads_may_ask_at_once():
    rng = np.random.default_rng(9)
    index = FenceIndex.build(np.arange(200), random_fences(rng, 200))
    lon, lat = rng.random(5000), rng.random(5000)
    expected = index.locate(lon, lat)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(index.locate(lon, lat))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(np.array_equal(answer, expected) for answer in answers)


def slow_transitions(assets, pairs, presence):
    """Follow each asset position by position with plain sets."""
    now = defaultdict(set)
    for who, fence in presence:
        now[who].add(fence)
    events = []
    for i, who in enumerate(assets):
        here = {fence for point, fence in pairs if point == i}
        events += [(i, fence, False) for fence in sorted(now[who] - here)]
        events += [(i, fence, True) for fence in sorted(here - now[who])]
        now[who] = here
    return events, sorted((who, fence) for who, fences in now.items() for fence in fences)


def run(assets, pairs, presence):
    pairs, presence = sorted(pairs), sorted(presence)
    result = transitions(
        assets,
        [point for point, _ in pairs],
        [fence for _, fence in pairs],
        [who for who, _ in presence],
        [fence for _, fence in presence],
    )
    events = list(zip(result.point_index.tolist(), result.fence_id.tolist(), result.entered.tolist(), strict=True))
    return events, sorted(zip(result.present_asset.tolist(), result.present_fence.tolist(), strict=True))


def test_a_fence_crossed_within_one_batch_is_entered_and_left():
    events, presence = run([3, 3, 3], {(1, 50)}, set())
    assert events == [(1, 50, True), (2, 50, False)]
    assert presence == []


def test_staying_inside_says_nothing_and_others_keep_their_presence():
    events, presence = run([3, 3], {(0, 50), (1, 50)}, {(3, 50), (4, 60)})
    assert events == []
    assert presence == [(3, 50), (4, 60)]


def test_leaving_one_fence_for_another_reports_the_exit_first():
    events, presence = run([3], {(0, 9)}, {(3, 50)})
    assert events == [(0, 50, False), (0, 9, True)]
    assert presence == [(3, 9)]


def test_nothing_in_nothing_out():
    assert run([], set(), set()) == ([], [])
    assert run([], set(), {(1, 2)}) == ([], [(1, 2)])
    assert run([5, 6], set(), set()) == ([], [])


@pytest.mark.parametrize("seed", range(300))
def test_transitions_agree_with_one_by_one(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 40))
    assets = np.sort(rng.integers(0, rng.integers(1, 12), n)) * 7
    fences = rng.permutation(10**12 + np.arange(6))
    share = rng.random()
    pairs = {(i, int(fence)) for i in range(n) for fence in fences if rng.random() < share}
    presence = {(who * 7, int(fence)) for who in range(14) for fence in fences if rng.random() < 0.3}
    assert run(assets, pairs, presence) == slow_transitions(assets.tolist(), pairs, presence)


def test_splitting_a_batch_changes_no_event():
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(20), 6)
    inside = rng.random((120, 5)) < 0.5
    whole = transitions(who, *np.nonzero(inside), [], [])
    asset, fence = np.empty(0, int), np.empty(0, int)
    events = []
    for step in range(6):
        rows = np.arange(step, 120, 6)
        part = transitions(who[rows], *np.nonzero(inside[rows]), asset, fence)
        asset, fence = part.present_asset, part.present_fence
        events += zip(rows[part.point_index], part.fence_id, part.entered, strict=True)
    assert sorted(events) == sorted(zip(whole.point_index, whole.fence_id, whole.entered, strict=True))
    assert set(zip(asset, fence, strict=True)) == set(zip(whole.present_asset, whole.present_fence, strict=True))


def test_an_unsorted_batch_or_a_stray_pair_is_refused():
    with pytest.raises(ValueError, match="sorted by asset"):
        transitions([2, 1], [], [], [], [])
    with pytest.raises(ValueError, match="point_index"):
        transitions([1, 2], [2], [1], [], [])
    with pytest.raises(ValueError, match="fence ids must be within"):
        transitions([1], [0], [-1], [], [])
    with pytest.raises(ValueError, match="fence ids must be within"):
        transitions([1], [], [], [1], [1 << 61])
