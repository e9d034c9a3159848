"""Coordinates that land elsewhere are told of, with the datum that would fit."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis.crs import from_wgs84
from gis.plausibility import check_place, check_shapes

pytestmark = pytest.mark.django_db
CITY = shapely.from_wkt("POLYGON((121.0 30.9, 121.9 30.9, 121.9 31.6, 121.4 31.7, 121.0 31.5, 121.0 30.9))")


@pytest.fixture
def points():
    rng = np.random.default_rng(3)
    return rng.uniform(121.05, 121.85, 400), rng.uniform(30.95, 31.45, 400)


def test_right_coordinates_pass_and_what_cannot_be_told_apart_is_said(points):
    verdict = check_place(*points, "wgs84", CITY, "上海市")
    assert not verdict.suspicious and verdict.inside == verdict.looked_at == 400 and not len(verdict.outside)
    assert "全部落在上海市范围内" in verdict.text and "gcj02" in verdict.text and not verdict.better


@pytest.mark.parametrize(
    ("datum", "expected"),
    [
        ("cgcs2000-gk3-40", "cgcs2000-gk3-40"),
        ("cgcs2000-gk3-cm120", "cgcs2000-gk3-cm120"),
        ("cgcs2000-gk6-21", "cgcs2000-gk6-21"),
        ("bd09mc", "bd09mc"),
        ("epsg:3857", "epsg:3857"),
    ],
)
def test_the_datum_that_fits_is_named(points, datum, expected):
    x, y = from_wgs84(*points, datum)
    verdict = check_place(x, y, "wgs84", CITY, "上海市")
    assert verdict.suspicious and verdict.inside == 0 and len(verdict.outside) == 400
    assert expected in [trial.datum for trial in verdict.better] and expected in verdict.text
    assert all(trial.inside == 400 for trial in verdict.better)


def test_swapped_axes_are_named(points):
    lon, lat = points
    verdict = check_place(lat, lon, "wgs84", CITY, "上海市")
    assert verdict.inside == 0
    assert ("wgs84", True) in [(trial.datum, trial.swapped) for trial in verdict.trials]
    assert any(trial.swapped for trial in verdict.better) and "两轴交换" in verdict.text
    # Surveyors' order: northing first.
    x, y = from_wgs84(lon, lat, "cgcs2000-gk3-40")
    assert check_place(y, x, "cgcs2000-gk3-40", CITY, "上海市").better[0].swapped


def test_a_web_maps_shift_shows_at_the_edge():
    """Districts' outlines in GCJ-02 stick out by half a kilometre; read as GCJ-02 they do not."""
    edge = shapely.get_coordinates(shapely.segmentize(CITY.buffer(-0.0005), 0.01))
    x, y = from_wgs84(*edge.T, "gcj02")
    verdict = check_place(x, y, "wgs84", CITY, "上海市")
    assert 0 < verdict.inside < verdict.looked_at
    assert verdict.better and verdict.better[0].datum == "gcj02" and verdict.better[0].inside == verdict.looked_at


def test_a_city_grid_is_tried_and_nonsense_fits_nothing(points, settings):
    settings.SANDTABLE_CITY_GRIDS = {
        "city-trial": "+proj=tmerc +lat_0=31.2 +lon_0=121.46 +k=1 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"
    }
    x, y = from_wgs84(*points, "city-trial")
    assert "city-trial" in [trial.datum for trial in check_place(x, y, "cgcs2000-gk3-40", CITY, "上海市").better]
    verdict = check_place(np.full(3, 1e12), np.full(3, np.nan), "wgs84", CITY, "上海市")
    assert verdict.inside == 0 and not verdict.better and "坐标标定" in verdict.text
    assert "没有可以核对" in check_place(np.empty(0), np.empty(0), "wgs84", CITY, "上海市").text


def test_shapes_are_looked_at_by_their_middle_and_many_by_a_sample():
    boxes = shapely.box(*np.meshgrid(np.linspace(121.1, 121.8, 100), np.linspace(31.0, 31.3, 100)), 121.8, 31.4).ravel()
    verdict = check_shapes(boxes, "wgs84", CITY, "上海市")
    assert verdict.looked_at == 5_000 and not verdict.suspicious
