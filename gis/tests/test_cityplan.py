"""The drawn city: the same each time, within its districts, sound, and denser towards its middle."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis import boundary_data
from gis.cityplan import Features, draw_city
from gis.cityplan.frame import Frame, smooth_line
from gis.cityplan.lattice import strings
from gis.geodesy import area_m2

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cityplan")]  # drawn by one process


def districts(code: str) -> list[shapely.Geometry]:
    """Boundaries of a city's districts, or its own."""

    def leaves(row):
        below = boundary_data.children(row)
        return [leaf for child in below for leaf in leaves(child)] if below else [row]

    return [shapely.make_valid(boundary_data.boundary(row)) for row in leaves(boundary_data.find(code))]


@pytest.fixture(scope="module", params=["310000", "320583"], ids=["Shanghai", "Kunshan"])
def city(request) -> tuple[Features, shapely.Geometry, str]:
    shapes = districts(request.param)
    return draw_city(request.param, shapes, 1), shapely.union_all(shapes), request.param


def rows(drawn: Features, kind: str, *categories: str) -> np.ndarray:
    chosen = drawn.kind == kind
    return drawn.geometry[chosen & np.isin(drawn.category, categories) if categories else chosen]


def test_the_same_seed_draws_the_same_city_another_another(city):
    drawn, _outline, code = city
    again, other = draw_city(code, districts(code), 1), draw_city(code, districts(code), 2)
    assert shapely.to_wkb(again.geometry).tolist() == shapely.to_wkb(drawn.geometry).tolist()
    assert (again.category == drawn.category).all() and len(other) != len(drawn)


def test_everything_is_sound_and_within_the_districts(city):
    drawn, outline, _code = city
    assert shapely.is_valid(drawn.geometry).all() and not shapely.is_empty(drawn.geometry).any()
    grown = outline.buffer(1e-6)
    shapely.prepare(grown)
    # Streets run from knot to knot: within the city both, and a bay between them at the most.
    streets = np.isin(drawn.category, ("trunk", "arterial", "secondary", "local", "canal"))
    inside = shapely.contains(grown, drawn.geometry)
    cut = shapely.intersection(drawn.geometry[~inside], grown)
    share = shapely.length(cut).sum() / shapely.length(drawn.geometry).sum()
    assert inside[~streets].mean() > 0.98 and inside.mean() > 0.97 and share < 0.05
    apart = shapely.distance(drawn.geometry[~inside], outline)
    assert apart.max(initial=0.0) == 0.0


def test_there_is_all_a_city_has_in_bearable_numbers(city):
    drawn, _outline, code = city
    wanted = {
        "road": {"motorway", "trunk", "arterial", "secondary", "local"},
        "water": {"river", "canal", "lake"},
        "green": {"park", "wood", "belt"},
        "block": {"urban", "residential", "commercial", "industrial"},
        "building": {"house", "midrise", "tower", "landmark"},
    }
    for kind, categories in wanted.items():
        assert set(drawn.category[drawn.kind == kind]) == categories
    buildings = (drawn.kind == "building").sum()
    assert len(drawn) - buildings <= 60_000 and 1_000 < buildings <= 8_000
    if code == "310000":
        assert (drawn.kind == "block").sum() > 10_000
        assert {"黄浦江", "苏州河", "内环路", "外环路"} <= set(drawn.name)


def test_no_block_and_no_street_lies_in_a_river(city):
    drawn, _outline, _code = city
    rivers = shapely.union_all(rows(drawn, "water", "river"))
    shapely.prepare(rivers)
    blocks = rows(drawn, "block", "residential", "commercial", "industrial")
    wet = blocks[shapely.intersects(rivers, blocks)]
    assert shapely.area(shapely.intersection(wet, rivers)).sum() < 1e-4 * shapely.area(rivers)
    assert not shapely.intersects(rivers, rows(drawn, "road", "local")).any()
    assert not shapely.intersects(rivers, rows(drawn, "building")).any()
    # Yet there are bridges.
    assert shapely.intersects(rivers, rows(drawn, "road", "trunk", "arterial", "secondary")).any()


def test_buildings_stand_apart_and_higher_towards_the_middle(city):
    drawn, _outline, code = city
    chosen = drawn.kind == "building"
    shapes, heights, kinds = drawn.geometry[chosen], drawn.height_m[chosen], drawn.category[chosen]
    assert np.isfinite(heights).all() and heights.min() >= 7 and heights.max() > 400
    plain = shapes[kinds != "landmark"]
    tree = shapely.STRtree(plain)
    a, b = tree.query(plain, predicate="overlaps")
    assert len(a) == 0, (a, b)
    size = np.array([area_m2(shape) for shape in shapes[:500]])
    assert 60 < np.median(size) < 4_000
    top = shapely.centroid(shapes[np.argmax(heights)])
    if code == "310000":
        # Lujiazui: east of the river's bend.
        assert abs(top.x - 121.5065) < 0.01 and abs(top.y - 31.236) < 0.01
    distance = np.hypot(
        (shapely.get_x(shapely.centroid(shapes)) - top.x) * np.cos(np.radians(top.y)),
        shapely.get_y(shapely.centroid(shapes)) - top.y,
    )
    near, rim = heights[distance < 0.005].mean(), heights[(distance > 0.01) & (distance < 0.016)].mean()
    assert near > 1.6 * rim


def test_far_zooms_have_few_features(city):
    drawn, _outline, _code = city
    assert (drawn.min_zoom <= 8).sum() < 1_500 and (drawn.min_zoom <= 11).sum() < 6_000


def test_strings_join_neighbouring_edges_and_no_others():
    x, y = np.meshgrid(np.arange(3.0), np.arange(6.0), indexing="ij")
    kept = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    lines, row = strings(x, y, kept, longest=3)
    found = [shapely.get_coordinates(line)[:, 1].tolist() for line in lines]
    assert found == [[0, 1, 2], [3, 4], [0, 1, 2, 3], [3, 4, 5]] and row.tolist() == [0, 0, 2, 2]
    assert len(strings(x, y, np.zeros_like(kept))[0]) == 0


def test_frame_and_curve():
    frame = Frame(121.5, 31.2)
    points = np.array([[121.4, 31.1], [121.6, 31.4]])
    assert frame.to_degrees(frame.to_plane(points)) == pytest.approx(points)
    curve = smooth_line([(0, 0), (1, 0), (1, 1)])
    assert curve[0].tolist() == [0, 0] and curve[-1].tolist() == [1, 1] and len(curve) == 25
    ring = smooth_line([(0, 0), (1, 0), (1, 1)], closed=True)
    assert ring[0] == pytest.approx(ring[-1])
