"""Lines that steps cross, compared with what the sides of each end say; distances on the plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from gis.lines import LineIndex
from gis.nearness import pairs_within
from gis.plane import M_PER_DEG, distances_m

NAN = float("nan")


def index(*lines, low=None, high=None):
    none = np.full(len(lines), np.nan)
    return LineIndex.build(
        np.arange(1, len(lines) + 1), list(lines), none if low is None else low, none if high is None else high
    )


def crossed(lines, *path, alt_m=NAN):
    """Crossings along a path: (step, line, inward)."""
    points = np.array(path, float)
    alt = np.broadcast_to(np.asarray(alt_m, float), len(points) - 1)
    return list(zip(*(column.tolist() for column in lines.crossed(points[:-1], points[1:], alt)), strict=True))


NORTHWARD = shapely.LineString([(5, 0), (5, 10)])


def test_the_right_hand_side_is_inside():
    lines = index(NORTHWARD)
    assert crossed(lines, (4, 5), (6, 5), (4, 5)) == [(0, 1, 1), (1, 1, -1)]
    assert crossed(lines, (4, 12), (6, 12)) == []
    assert crossed(lines, (4, 5), (4, 7)) == []
    assert crossed(index(shapely.reverse(NORTHWARD)), (4, 5), (6, 5)) == [(0, 1, -1)]


def test_the_line_itself_belongs_to_its_inner_side():
    lines = index(NORTHWARD)
    assert crossed(lines, (4, 5), (5, 5), (4, 5)) == [(0, 1, 1), (1, 1, -1)]
    assert crossed(lines, (6, 5), (5, 5), (6, 5)) == []
    assert crossed(lines, (4, 5), (5, 5), (6, 5)) == [(0, 1, 1)]


def test_a_path_there_and_back_within_a_step_or_along_the_line_crosses_nothing():
    bend = shapely.LineString([(0, 0), (5, 10), (10, 0)])
    assert crossed(index(bend), (-1, 5), (11, 5)) == []
    assert crossed(index(bend), (-1, 5), (5, 5), (11, 5)) == [(0, 1, 1), (1, 1, -1)]
    assert crossed(index(NORTHWARD), (5, 1), (5, 9)) == []


@pytest.mark.parametrize("corner", [(5, 10), (5, 12), (5, 0.0)])
def test_through_a_corner_it_is_crossed_once(corner):
    lines = index(shapely.LineString([(0, 5), corner, (10, 5)]))
    down = crossed(lines, (corner[0], 30), corner, (corner[0], -30))
    assert [sign for _step, _line, sign in down] == [1]
    assert crossed(lines, (corner[0], 30), (corner[0], -30)) == [(0, 1, 1)]


def test_heights_unknown_places_and_rests():
    lines = index(NORTHWARD, low=[10.0], high=[20.0])
    for alt_m, count in ((15, 1), (20, 1), (21, 0), (NAN, 1)):
        assert len(crossed(lines, (4, 5), (6, 5), alt_m=alt_m)) == count
    assert crossed(index(NORTHWARD), (NAN, 5), (6, 5), (6, 5), (6, NAN)) == []
    assert crossed(index(), (4, 5), (6, 5)) == []


def test_every_step_agrees_with_shapely_and_the_cut_of_a_path_changes_nothing():
    random = np.random.default_rng(5)
    shapes = [shapely.LineString(random.uniform(0, 10, (random.integers(2, 7), 2))) for _ in range(40)]
    lines = index(*shapes)
    path = random.uniform(0, 10, (200, 2))
    found = crossed(lines, *path)
    for step, line, _inward in found:
        assert shapely.LineString(path[step : step + 2]).intersects(shapes[line - 1])
    odd = {
        (step, line + 1)
        for step in range(len(path) - 1)
        for line, shape in enumerate(shapes)
        if len(shapely.get_parts(shapely.intersection(shape, shapely.LineString(path[step : step + 2])))) % 2
        and not shapely.is_empty(shapely.intersection(shape, shapely.LineString(path[step : step + 2])))
    }
    assert {(step, line) for step, line, _inward in found} >= odd
    middle = np.repeat(path, 2, axis=0)[1:-1].reshape(-1, 2, 2)
    cut = np.concatenate([[a, a + (b - a) * 0.37, b] for a, b in middle])
    net, net_cut = np.zeros(41), np.zeros(41)
    for net_, steps in ((net, found), (net_cut, crossed(lines, *cut))):
        for _step, line, inward in steps:
            net_[line] += inward
    assert net.tolist() == net_cut.tolist()


def test_what_is_no_line_is_refused():
    with pytest.raises(ValueError, match="2 is no line"):
        index(NORTHWARD, shapely.box(0, 0, 1, 1))
    with pytest.raises(ValueError, match="ascend"):
        LineIndex.build([2, 1], [NORTHWARD, NORTHWARD], [NAN, NAN], [NAN, NAN])


def test_within_is_in_metres_east_and_north():
    line = index(shapely.LineString([(121.5, 31.2), (121.5, 31.3)]))
    east = 12 / (M_PER_DEG * math.cos(math.radians(31.25)))
    lon = np.array([121.5 + east, 121.5 + east, 121.5, 121.5])
    lat = np.array([31.25, 31.25, 31.3 + 12 / M_PER_DEG, 31.25])
    margin_m = np.array([11.9, 12.1, 12.1, 0.0])
    assert line.within(np.array([1, 1, 1, 9]), lon, lat, margin_m).tolist() == [False, True, True, False]


@pytest.mark.parametrize("radius_m", [1.0, 40.0, 700.0, 60_000.0])
def test_pairs_are_those_of_every_distance(radius_m):
    random = np.random.default_rng(int(radius_m))
    lon, lat = random.uniform(121.4, 121.5, 300), random.uniform(31.1, 31.2, 300)
    lon[:20], lat[:20] = lon[20:40], lat[20:40]
    lon[7], lat[9] = np.nan, np.inf
    to_lon, to_lat = np.r_[lon[:150], random.uniform(121.3, 121.6, 200)], np.r_[lat[:150], np.full(200, 31.15)]
    point, other, distance_m = pairs_within(lon, lat, to_lon, to_lat, radius_m)
    with np.errstate(invalid="ignore"):
        every = distances_m(lon[:, None], lat[:, None], to_lon[None], to_lat[None])
    assert set(zip(point.tolist(), other.tolist(), strict=True)) == {
        (i, k) for i, k in np.argwhere(every <= radius_m).tolist()
    }
    assert distance_m.tolist() == every[point, other].tolist()
    assert (np.diff(point) >= 0).all()
    assert (np.diff(distance_m)[np.diff(point) == 0] >= 0).all()


def test_nobody_is_near_nobody():
    none, one = np.zeros(0), np.array([31.0])
    assert all(len(column) == 0 for column in pairs_within(none, none, one, one, 5))
    with pytest.raises(ValueError, match="positive"):
        pairs_within(one, one, one, one, 0)
