"""Datum conversions against published points, other implementations and themselves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.core.checks import run_checks

from gis import crs, datums
from gis.china_datums import in_china
from gis.exceptions import GisError, OutOfRangeError, UnknownDatumError

pytestmark = pytest.mark.django_db

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "data" / "conformance" / "coordinates"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="no shared data beside the checkout")
GRID = "+proj=tmerc +lat_0=31.2 +lon_0=121.46 +k=1 +x_0=0 +y_0=0 +ellps=GRS80 +units=m +no_defs"


def sample(west=73.0, south=1.0, east=137.0, north=55.0, count=20_000):
    rng = np.random.default_rng(7)
    return rng.uniform(west, east, count), rng.uniform(south, north, count)


@needs_vectors
@pytest.mark.parametrize(("datum", "tolerance"), [("gcj02", 7e-6), ("bd09", 7e-6), ("bd09mc", 0.8)])
def test_city_points_of_the_map_services(datum, tolerance):
    """The services round to six or seven digits and differ from the formula by half a metre at most."""
    rows = json.loads((VECTORS / "gcoord_china_cities_even.json").read_text())
    wgs84 = np.array([row["coords"]["WGS84"] for row in rows])
    other = np.array([row["coords"][datum.upper()] for row in rows])
    assert len(rows) > 300
    assert np.abs(np.column_stack(crs.from_wgs84(*wgs84.T, datum)) - other).max() < tolerance
    assert np.abs(np.column_stack(crs.to_wgs84(*other.T, datum)) - wgs84).max() < 7e-6


@needs_vectors
def test_points_of_another_implementation():
    """Its BD-09 leaves a factor of 3000/180 out of the angles, hence the wide tolerance there (40 m)."""
    with (VECTORS / "eviltransform_vectors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["from"] for row in rows} == {"WGS84", "BD09"}
    for row in rows:
        given = float(row["from_lng"]), float(row["from_lat"])
        expected = float(row["to_lng"]), float(row["to_lat"])
        if row["to"] == "GCJ02":
            assert crs.from_wgs84(*given, "gcj02") == pytest.approx(expected, abs=1e-9)
            assert crs.to_wgs84(*expected, "gcj02") == pytest.approx(given, abs=1e-9)
        else:
            assert crs.to_wgs84(*given, "bd09") == pytest.approx(expected, abs=4e-4)


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "bd09mc"])
def test_shifted_datums_come_back_within_a_nanodegree(datum):
    lon, lat = sample()
    lon[:3], lat[:3] = 105.0, 35.0  # the square roots of the formula have their kink here
    back = crs.to_wgs84(*crs.from_wgs84(lon, lat, datum), datum)
    assert np.abs(np.subtract(back, (lon, lat))).max() < 1e-9


def test_gcj02_shifts_only_within_its_extent():
    lon, lat = sample(-180, -90, 180, 90)
    x, y = crs.from_wgs84(lon, lat, "gcj02")
    shifted = (x != lon) | (y != lat)
    assert np.array_equal(shifted, in_china(lon, lat))
    assert crs.to_wgs84(-0.1276, 51.5072, "gcj02") == (-0.1276, 51.5072)
    assert crs.from_wgs84(2.3522, 48.8566, "gcj02") == (2.3522, 48.8566)
    moved_m = np.hypot((x - lon) * np.cos(np.radians(lat)), y - lat)[shifted & (lat < 54) & (lon > 73)] * 111_320
    assert 50 < np.median(moved_m) < 800


def test_bd09mc_is_continuous_and_comes_back_across_its_bands():
    lat = np.array([edge + step for edge in (15, 30, 45, 60) for step in (-1e-6, 0, 1e-6)] + [0.0, -31.2, 73.9])
    lon = np.full(len(lat), -70.0)
    x, y = crs.from_wgs84(lon, lat, "bd09mc")
    assert np.abs(np.subtract(crs.to_wgs84(x, y, "bd09mc"), (lon, lat))).max() < 1e-6


def meridian_arc_m(lat_deg: float) -> float:
    """Length of the meridian from the equator, by integrating its radius of curvature on the CGCS2000 ellipsoid."""
    a, f = 6378137.0, 1 / 298.257222101
    e2 = f * (2 - f)
    node, weight = np.polynomial.legendre.leggauss(40)
    half = np.radians(lat_deg) / 2
    return float(half * (weight * a * (1 - e2) / (1 - e2 * np.sin(half * (node + 1)) ** 2) ** 1.5).sum())


@pytest.mark.parametrize(
    ("name", "epsg", "meridian", "easting"),
    [
        ("cgcs2000-gk3-40", 4528, 120, 40_500_000),
        ("cgcs2000-gk3-cm120", 4549, 120, 500_000),
        ("cgcs2000-gk3-25", 4513, 75, 25_500_000),
        ("cgcs2000-gk3-cm135", 4554, 135, 500_000),
        ("cgcs2000-gk6-21", 4499, 123, 21_500_000),
        ("cgcs2000-gk6-cm123", 4510, 123, 500_000),
        ("cgcs2000-gk6-13", 4491, 75, 13_500_000),
        ("cgcs2000-gk6-cm135", 4512, 135, 500_000),
    ],
)
def test_gauss_krueger_zones(name, epsg, meridian, easting):
    # On its central meridian a zone's scale is 1: the northing is the arc itself.
    northing = meridian_arc_m(31)
    assert crs.from_wgs84(meridian, 31, name) == pytest.approx((easting, northing), abs=1e-6)
    assert crs.to_wgs84(easting, northing, f"EPSG:{epsg}") == pytest.approx((meridian, 31), abs=1e-11)
    lon, lat = sample(meridian - 3, 3, meridian + 3, 54, 2000)
    x, y = crs.from_wgs84(lon, lat, name)
    back = crs.to_wgs84(x, y, name)
    assert np.abs(np.subtract(back, (lon, lat))).max() < 1e-11
    assert np.array_equal(crs.find_datum(f"epsg:{epsg}").forward(lon, lat), (x, y))


def test_every_gauss_krueger_name_is_what_epsg_says():
    from pyproj import CRS

    names = [name for name in crs.datum_names() if "-gk" in name]
    assert len(names) == 64
    for name in names:
        code, false_easting_m = datums._GAUSS_KRUEGER[name]
        described = CRS.from_epsg(code)
        parameters = {p.name: p.value for p in described.coordinate_operation.params}
        last = name.rsplit("-", 1)[1]
        assert parameters["False easting"] == false_easting_m
        assert described.name.endswith(f"CM {last[2:]}E" if last.startswith("cm") else f"zone {last}")
        assert ("3-degree" in described.name) == ("gk3" in name)


def test_geographic_cgcs2000_is_wgs84_as_proj_says():
    from pyproj import Transformer

    assert crs.to_wgs84(121.4737, 31.2304, "CGCS2000") == (121.4737, 31.2304)
    assert Transformer.from_crs(4490, 4326, always_xy=True).transform(121.4737, 31.2304) == (121.4737, 31.2304)


def test_a_city_grid_by_name_and_by_definition(settings):
    settings.SANDTABLE_CITY_GRIDS = {"Shanghai-Trial": GRID}
    assert "shanghai-trial" in crs.datum_names()
    assert crs.from_wgs84(121.46, 31.2, "shanghai-trial") == pytest.approx((0, 0), abs=1e-6)
    lon, lat = sample(120.8, 30.6, 122.2, 31.9)
    x, y = crs.from_wgs84(lon, lat, "proj:" + GRID)
    assert np.array_equal(crs.from_wgs84(lon, lat, "shanghai-trial"), (x, y))
    assert np.abs(np.subtract(crs.to_wgs84(x, y, "shanghai-trial"), (lon, lat))).max() < 1e-11


def test_wrong_city_grids_stop_the_start(settings):
    settings.SANDTABLE_CITY_GRIDS = {"wgs84": GRID, "broken": "+proj=nonsense", "fine": GRID}
    assert sorted(message.id for message in run_checks() if message.id.startswith("geo.")) == ["geo.E001", "geo.E002"]


@pytest.mark.parametrize(
    "definition",
    [
        "+proj=tmerc +nadgrids=/etc/passwd",
        "+proj=longlat +nadgrids=@null",
        "+init=epsg:4549",
        "+proj=pipeline +step +proj=merc",
        "+proj=geocent +datum=WGS84",
        "+proj=tmerc +lon_0=hello +lat_0=400",
        "",
        "EPSG:4549",
    ],
)
def test_unusable_proj_definitions_are_refused(definition):
    with pytest.raises(UnknownDatumError):
        crs.find_datum("proj:" + definition)


@pytest.mark.parametrize("name", ["", "wgs-84", "cgcs2000-gk3-24", "cgcs2000-gk6-cm120", "epsg:2437", "gcj-02"])
def test_unknown_names_are_refused_and_near_ones_proposed(name):
    with pytest.raises(UnknownDatumError, match="未知的坐标系") as caught:
        crs.to_wgs84(1, 2, name)
    assert isinstance(caught.value, GisError) and isinstance(caught.value, ValueError)
    if name.startswith(("wgs", "gcj", "cgcs")):
        assert "是否指" in str(caught.value)


@pytest.mark.parametrize(
    ("x", "y", "datum"),
    [
        (181, 0, "wgs84"),
        (0, 90.1, "gcj02"),
        (float("nan"), 0, "bd09"),
        (float("inf"), 0, "proj:" + GRID),
        (500_000, 3_450_000, "cgcs2000-gk3-40"),
        (40_500_000, 3_450_000, "cgcs2000-gk3-cm120"),
        (121.5, 31.2, "cgcs2000-gk3-40"),
        (0, 13e6, "bd09mc"),
    ],
)
def test_what_a_datum_cannot_contain_is_refused(x, y, datum):
    with pytest.raises(OutOfRangeError, match="超出坐标系"):
        crs.to_wgs84(x, y, datum)
    lon, lat = crs.to_wgs84([x, x], [y, y], datum, strict=False)
    assert np.isnan(lon).all() and np.isnan(lat).all()


def test_swapped_axes_are_named():
    with pytest.raises(OutOfRangeError, match="两轴是否颠倒"):
        crs.to_wgs84(31.2, 121.5, "wgs84")
    with pytest.raises(OutOfRangeError, match="两轴是否颠倒"):
        crs.to_wgs84(3_450_000, 40_500_000, "cgcs2000-gk3-40")


def test_a_point_far_from_its_zone_is_refused():
    with pytest.raises(OutOfRangeError):
        crs.from_wgs84(100, 30, "cgcs2000-gk3-40")
    with pytest.raises(OutOfRangeError):
        crs.from_wgs84(121, 80, "bd09mc")


def test_one_bad_row_spoils_no_other_when_not_strict():
    lon, lat = crs.to_wgs84([121.5, 999, 121.6], [31.2, 31.2, 31.3], "gcj02", strict=False)
    assert np.isnan(lon).tolist() == [False, True, False]
    assert (lon[0], lat[0]) == crs.to_wgs84(121.5, 31.2, "gcj02")
    with pytest.raises(OutOfRangeError, match="第 2 个，共 1 个"):
        crs.to_wgs84([121.5, 999, 121.6], [31.2, 31.2, 31.3], "gcj02")


def test_shapes_of_arrays_are_kept():
    lon, lat = crs.to_wgs84(np.full((2, 3), 121.5), 31.2, "gcj02")
    assert lon.shape == lat.shape == (2, 3)
    assert [part.shape for part in crs.to_wgs84([], [], "bd09")] == [(0,), (0,)]
    x, y = crs.to_wgs84(121.5, 31.2, "bd09")
    assert isinstance(x, float) and isinstance(y, float)


def test_inputs_are_never_changed_or_returned():
    lon, lat = np.array([121.5]), np.array([31.2])
    out_lon, _ = crs.to_wgs84(lon, lat, "wgs84")
    out_lon[0] = 0
    assert lon[0] == 121.5


def test_geometries_keep_their_form_and_heights():
    polygon = shapely.from_wkt("POLYGON Z ((121 31 5, 122 31 6, 122 32 7, 121 31 5))")
    shifted = crs.geometry_from_wgs84(polygon, "gcj02")
    assert shapely.get_coordinates(shifted, include_z=True)[:, 2].tolist() == [5, 6, 7, 5]
    back = crs.geometry_to_wgs84(shifted, "gcj02")
    assert shapely.equals_exact(back, polygon, tolerance=1e-9)
    assert not shapely.equals_exact(shifted, polygon, tolerance=1e-3)
    flat = crs.geometry_to_wgs84(shapely.MultiPoint([(121, 31), (122, 32)]), "gcj02")
    assert not flat.has_z and len(flat.geoms) == 2
