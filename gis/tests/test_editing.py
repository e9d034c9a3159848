"""Shapes are exact in metres, wherever in the city; what cannot be done is said in words."""

from __future__ import annotations

import pytest
import shapely
from pyproj import Geod

from gis import editing
from gis.coordinate_text import read_coordinates, write_coordinates
from gis.exceptions import EditError

GEOD = Geod(ellps="WGS84")
LON, LAT = 121.4737, 31.2304
SQUARE = editing.rectangle(LON, LAT, 1000, 600)


def test_circles_and_sectors_lie_on_the_ellipsoid():
    for shape in (editing.circle(LON, LAT, 5000), editing.sector(LON, LAT, 5000, 350, 80, 1000)):
        distance = [GEOD.inv(LON, LAT, *point)[2] for point in shape.exterior.coords]
        assert all(abs(m - 5000) < 1e-3 or abs(m - 1000) < 1e-3 for m in distance)
        assert shape.is_valid
    quarter = editing.measure(editing.sector(LON, LAT, 1000, 0, 90))["area_m2"]
    assert quarter == pytest.approx(3.14159e6 / 4, rel=3e-3)


def test_rectangles_corridors_and_buffers_are_as_wide_as_they_say():
    assert editing.measure(SQUARE)["area_m2"] == pytest.approx(600_000, rel=1e-5)
    turned = editing.rectangle(LON, LAT, 1000, 600, 30)
    assert editing.measure(turned)["length_m"] == pytest.approx(3200, rel=1e-5)
    line = shapely.LineString([(LON, LAT), (LON + 0.02, LAT)])
    length_m = editing.measure(line)["length_m"]
    assert editing.measure(editing.corridor(line, 30))["area_m2"] == pytest.approx(length_m * 30, rel=1e-4)
    grown = editing.buffer(SQUARE, 50)
    assert editing.measure(grown)["area_m2"] == pytest.approx(600_000 + 3200 * 50 + 3.1416 * 2500, rel=1e-4)
    assert editing.measure(editing.buffer(grown, -50))["area_m2"] == pytest.approx(600_000, rel=1e-4)


def test_cutting_joining_and_snapping():
    knife = shapely.LineString([(LON, LAT - 0.1), (LON, LAT + 0.1)])
    one, two = editing.split(SQUARE, knife)
    assert editing.measure(one)["area_m2"] == pytest.approx(300_000, rel=1e-3)
    assert editing.merge([one, two]).hausdorff_distance(SQUARE) < 1e-9
    assert len(editing.cut(SQUARE, editing.circle(LON, LAT, 100)).interiors) == 1
    gone, come = editing.changes(SQUARE, one)
    assert (editing.measure(gone)["area_m2"] > 0, come.is_empty) == (True, True)
    beside = editing.rectangle(LON + 0.0106, LAT, 1000, 600)
    apart_m = SQUARE.distance(beside) * 95_000
    assert 0 < apart_m < 20
    assert editing.snap(beside, [SQUARE], 20).distance(SQUARE) < 1e-12
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert editing.mend(bow).is_valid


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: editing.circle(LON, LAT, 0), "长度须在"),
        (lambda: editing.sector(LON, LAT, 100, 0, 90, 100), "内半径"),
        (lambda: editing.corridor(SQUARE, 10), "先画线"),
        (lambda: editing.buffer(SQUARE, -400), "什么也不剩"),
        (lambda: editing.merge([SQUARE, shapely.Point(0, 0)]), "面只能与面"),
        (lambda: editing.cut(SQUARE, editing.circle(LON + 1, LAT, 10)), "不在图形内"),
        (lambda: editing.split(SQUARE, shapely.LineString([(0, 0), (1, 1)])), "没有贯穿"),
        (lambda: read_coordinates("121.4\nx", "wgs84", "polygon"), "第 1 行"),
        (lambda: read_coordinates("", "wgs84", "line"), "每行一个点"),
        (lambda: read_coordinates("121 31\n121 31", "wgs84", "line"), "至少两个点"),
    ],
)
def test_what_cannot_be_done_is_said(work, said):
    with pytest.raises(EditError, match=said):
        work()


def test_coordinates_are_typed_in_any_datum_and_read_back():
    ring = "121.47, 31.23\n121.48，31.23\nJ3 121.48 31.24\n\n121.474;31.232\n121.476;31.232\n121.476;31.234"
    shape = read_coordinates(ring, "wgs84", "polygon")
    assert (shape.geom_type, len(shape.interiors)) == ("Polygon", 1)
    point = read_coordinates("31°13'49.5\"N 121°28'25.3\"E", "wgs84", "point")
    assert (point.x, point.y) == pytest.approx((121.473694, 31.230417), abs=1e-6)
    for datum in ("gcj02", "cgcs2000-gk3-cm120"):
        again = read_coordinates(write_coordinates(shape, datum), datum, "polygon")
        assert again.hausdorff_distance(shape) < 1e-7
