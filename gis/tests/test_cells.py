"""Cells answer as the shapes themselves do, and leave the rest to them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis.cells import OUTSIDE, UNSURE, CellMap
from gis.coverage import Coverage
from gis.fences import FenceIndex

RNG = np.random.default_rng(7)


def star(x, y, radius, points):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    far = radius * (1 + 0.3 * np.sin(angle * 9))
    return shapely.Polygon(np.stack([x + far * np.cos(angle), y + far * np.sin(angle)], axis=1))


def with_hole():
    return shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (3, 1), (3, 3), (1, 3)]])


SHAPES = {
    "star": star(5, 5, 3, 2000),
    "hole": with_hole(),
    "two": shapely.union_all([shapely.box(0, 0, 1, 1), shapely.box(8, 8, 9, 9)]),
    "sliver": shapely.box(2, 2, 7, 2.000001),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_cells_say_of_points_and_boxes_is_true(name):
    shape = SHAPES[name]
    cells = CellMap.build(np.array([3]), np.array([shape]), 6)
    grid = np.linspace(-1, 10, 111)
    x, y = (np.r_[part, RNG.uniform(-1, 10, 5_000)] for part in (np.repeat(grid, 111), np.tile(grid, 111)))
    said, truth = cells.at(x, y), shapely.intersects_xy(shape, x, y)
    assert truth[said == 3].all()
    assert not truth[said == OUTSIDE].any()
    x, y, w, h = RNG.uniform(-1, 10, 5_000), RNG.uniform(-1, 10, 5_000), *RNG.uniform(0, 2, (2, 5_000))
    boxes = shapely.box(x, y, x + w, y + h)
    said = cells.over(x, y, x + w, y + h)
    assert shapely.contains(shape, boxes[said == 3]).all()
    assert not shapely.intersects(shape, boxes[said == OUTSIDE]).any()
    if name == "star":
        assert (said == 3).any()
        assert (said == UNSURE).mean() < 0.6


def test_points_nowhere_and_shapes_that_are_none():
    cells = CellMap.build(np.array([1, 2]), np.array([None, shapely.Polygon()]), 4)
    assert cells.at(np.array([0.0, np.nan]), np.array([0.0, 1.0])).tolist() == [OUTSIDE, OUTSIDE]


def test_a_coverage_answers_as_its_index():
    squares = [shapely.box(x, y, x + 1, y + 1) for x in range(4) for y in range(4)]
    squares.append(star(2, 2, 0.5, 300))
    ids = RNG.permutation(len(squares)) + 10
    index = FenceIndex.build(ids, squares)
    x, y = (np.r_[np.tile([0, 1, 2.5, 4, np.nan], 5), RNG.uniform(-1, 5, 20_000)] for _ in range(2))
    x[:25] = np.repeat([0, 1, 2.5, 4, np.nan], 5)
    assert (Coverage(index).locate_one(x, y) == index.locate_one(x, y)).all()


def test_some_of_the_shapes_have_cells_of_their_own():
    squares = np.array([shapely.box(x, 0, x + 1, 1) for x in range(4)])
    cells = CellMap.build(np.arange(4) + 1, squares, 5).of(np.array([False, False, True]))
    x, y = RNG.uniform(-1, 5, (2, 5_000))
    said, truth = cells.at(x, y), shapely.intersects_xy(squares[1], x, y)
    assert truth[said == 1].all() and (said == 1).any()
    assert not truth[said == OUTSIDE].any()
    west, south, east, north = cells.reach()
    assert (west, south, east, north) == pytest.approx((1, 0, 2, 1), abs=0.2)
    assert CellMap.build(np.arange(4), squares, 5).of(np.zeros(1, bool)).reach() is None
