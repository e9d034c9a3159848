"""Real boundaries, loaded into a real PostGIS."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command

from gis import boundary_data
from gis.crs import geometry_to_wgs84
from gis.exceptions import BoundaryDataError, UnknownRegionError
from gis.geodesy import area_m2
from gis.models import Region
from gis.notices import stamp_of
from gis.regions import city_region, district_index, load_city, region_path, usable_boundary

pytestmark = pytest.mark.slow
OTHERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "boundaries"
needs_others = pytest.mark.skipif(not OTHERS.is_dir(), reason="no shared data beside the checkout")

# Land areas in km² as the city's statistics give them, rounded; the outlines take in some water (Chongming, Pudong).
SHANGHAI_KM2 = {
    "310101": 20, "310104": 55, "310105": 38, "310106": 37, "310107": 55, "310109": 23, "310110": 61, "310112": 372,
    "310113": 301, "310114": 464, "310115": 1210, "310116": 611, "310117": 605, "310118": 670, "310120": 687,
    "310151": 1185,
}  # fmt: skip


def shape(region: Region) -> shapely.MultiPolygon:
    return shapely.from_wkb(bytes(region.boundary.wkb))


@pytest.fixture
def shanghai(db) -> dict[str, Region]:
    load_city("310000")
    return {region.code: region for region in Region.objects.all()}


def test_shanghai_has_its_sixteen_districts(shanghai):
    city = shanghai.pop("310000")
    assert (city.name, city.name_en, city.level, city.path, city.parent) == (
        "上海市", "Shanghai", "city", "/310000/", None,
    )  # fmt: skip
    assert set(shanghai) == set(SHANGHAI_KM2)
    for code, region in shanghai.items():
        assert region.level == "district" and region.parent == city
        assert region.path == region_path(code) == f"/310000/{code}/"
        assert region.name_en and region.datum == "cgcs2000" and "天地图" in region.source
        assert region.boundary.valid and region.boundary.srid == 4326
        assert region.boundary_source.num_coords > 10
        assert 0.7 < area_m2(shape(region)) / 1e6 / SHANGHAI_KM2[code] < 1.6, code


def test_districts_tile_the_city(shanghai):
    city = shape(shanghai.pop("310000"))
    districts = [shape(region) for region in shanghai.values()]
    together = shapely.union_all(districts)
    assert together.symmetric_difference(city).area < 0.01 * city.area
    assert sum(district.area for district in districts) < 1.001 * together.area


@needs_others
def test_agreement_with_the_same_districts_from_two_sources(shanghai):
    """One file is the same survey; the other is a map service's, in GCJ-02, with another idea of the shore."""
    for name, datum, least in (
        ("shanghai_districts_tianditu.geojson", "cgcs2000", 0.99),
        ("shanghai_districts_amap_GCJ02_cnmaps.geojson", "gcj02", 0.75),
    ):
        features = json.loads((OTHERS / name).read_text())["features"]
        assert len(features) == 16
        for feature in features:
            code = str(feature["properties"].get("district_adcode") or feature["properties"]["adcode"])
            ours = shape(shanghai[code])
            other = usable_boundary(shapely.from_geojson(json.dumps(feature["geometry"])))
            theirs = geometry_to_wgs84(other, datum)
            assert overlap(ours, theirs) > least, (name, code)
            if datum == "gcj02":
                assert overlap(ours, theirs) > overlap(ours, other), code


def overlap(a: shapely.Geometry, b: shapely.Geometry) -> float:
    return a.intersection(b).area / a.union(b).area


def test_loading_again_writes_nothing_and_keeps_corrected_names(shanghai):
    Region.objects.filter(code="310115").update(name_en="Pudong")
    before = stamp_of(["regions"])
    report = load_city("310000")
    assert (report.created, report.updated, report.unchanged) == (0, 0, 17)
    assert stamp_of(["regions"]) == before
    Region.objects.filter(code="310115").update(datum="", source="")
    report = load_city("310000")
    assert (report.created, report.updated, report.unchanged) == (0, 1, 16)
    pudong = Region.objects.get(code="310115")
    assert (pudong.name_en, pudong.datum) == ("Pudong", "cgcs2000")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "name", "level", "districts", "one"),
    [
        ("110000", "北京市", "city", 16, "110105"),
        ("330100", "杭州市", "city", 13, "330106"),
        ("440300", "深圳市", "city", 9, "440305"),
        ("500000", "重庆市", "city", 38, "500103"),
        ("441900", "东莞市", "city", 0, None),
        ("429004", "仙桃市", "city", 0, None),
        ("320583", "昆山市", "district", 0, None),
        ("810000", "香港特别行政区", "city", 18, None),
        ("820000", "澳门特别行政区", "city", 0, None),
    ],
)
def test_other_cities(code, name, level, districts, one):
    report = load_city(code)
    assert (report.region.name, report.region.level, report.region.path) == (name, level, f"/{code}/")
    # The reserve and special zones that a city counts as districts come and go with the package's year.
    assert abs(report.region.children.count() - districts) <= 1
    if one:
        assert Region.objects.under(f"/{code}/").get(code=one).level == "district"
    for region in Region.objects.all():
        assert shapely.is_valid(shape(region))


@pytest.mark.django_db
def test_a_province_takes_in_a_city_that_was_loaded_before():
    load_city("440300")
    assert region_path("440305") == "/440300/440305/"
    report = load_city("440000")
    assert report.region.level == "province"
    assert region_path("440305") == "/440000/440300/440305/"
    assert report.region.children.count() == 21
    load_city("440300")
    assert region_path("440305") == "/440000/440300/440305/"


@pytest.mark.django_db
def test_every_district_of_the_package_can_be_used():
    for table in ("province", "city", "district"):
        for row in boundary_data.rows(table):
            made = usable_boundary(geometry_to_wgs84(boundary_data.boundary(row), boundary_data.DATUM))
            assert made.is_valid and made.area > 0, row
            west, south, east, north = made.bounds
            assert 73 < west < east < 136 and 3 < south < north < 54, row


def test_places_are_found_in_their_districts(shanghai):
    index = district_index()
    assert len(index) == 16
    codes = {region.pk: code for code, region in shanghai.items()} | {-1: None}
    # People's Square, Lujiazui, Hongqiao's terminal 2, Chongming's county town; outside: Yangshan, Suzhou.
    lon = np.array([121.4737, 121.5017, 121.3230, 121.3970, 122.0600, 120.5853])
    lat = np.array([31.2304, 31.2397, 31.1944, 31.6270, 30.6200, 31.2989])
    found = [codes[pk] for pk in index.locate_one(lon, lat).tolist()]
    assert found == ["310101", "310115", "310112", "310151", None, None]


@pytest.mark.django_db
def test_a_city_without_districts_is_its_own_district_and_parks_do_not_count():
    city = load_city("441900").region
    Region.objects.create(code="441900-SSL", name="松山湖", level="park", parent=city, boundary=city.boundary)
    assert district_index().ids.tolist() == [city.pk]


def test_the_city_of_the_settings(shanghai, settings):
    assert city_region().code == "310000"
    settings.CITY_CODE = "440300"
    with pytest.raises(UnknownRegionError, match="loadcity"):
        city_region()
    with pytest.raises(UnknownRegionError, match="440300"):
        region_path("440300")


@pytest.mark.django_db
def test_the_command_reports_and_names_near_codes():
    out = StringIO()
    call_command("loadcity", city="440300", stdout=out)
    assert out.getvalue().startswith("深圳市 440300：新增 1")
    with pytest.raises(CommandError, match=r"没有代码为“440390”的行政区.*4403\d\d \w+区"):
        call_command("loadcity", city="440390")
    for nonsense in ("", "上海", "31", "3100000", "①"):
        with pytest.raises(CommandError, match="相近的有"):
            call_command("loadcity", city=nonsense)


def ring(flag: int, *numbers: int, steps: tuple[int, ...] = ()) -> bytes:
    return (
        flag.to_bytes(4, "little") + np.array(numbers, dtype="<u4").tobytes() + np.array(steps, dtype="<i2").tobytes()
    )


def bundle(*parts: bytes) -> bytes:
    sizes = np.array([len(parts), *map(len, parts)], dtype="<u4")
    return sizes.tobytes() + b"".join(parts)


def test_both_forms_of_a_ring_decode_alike():
    plain = ring(0, 90_000_000, 45_000_000, 90_000_005, 45_000_000, 90_000_005, 45_000_003, 90_000_000, 45_000_000)
    steps = ring(1, 90_000_000, 45_000_000, steps=(5, 0, 0, 3, -5, -3))
    points = boundary_data.decode_ring(memoryview(plain))
    assert points[:2].tolist() == [[0.0, 0.0], [0.00001, 0.0]]
    assert np.array_equal(points, boundary_data.decode_ring(memoryview(steps)))
    polygon = bundle(plain, steps)
    one = boundary_data.decode_geometry(memoryview((5).to_bytes(4, "little") + polygon))
    two = boundary_data.decode_geometry(memoryview((6).to_bytes(4, "little") + bundle(polygon, polygon)))
    assert [len(g.geoms) for g in (one, two)] == [1, 2]
    assert len(one.geoms[0].interiors) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x05\x00",
        (1).to_bytes(4, "little") + b"point",
        (5).to_bytes(4, "little") + bundle(),
        (5).to_bytes(4, "little") + bundle(ring(0, 1, 2)),
        (5).to_bytes(4, "little") + bundle(ring(2, 1, 2)),
        (5).to_bytes(4, "little") + bundle(ring(0, 1, 2, 3)),
        (5).to_bytes(4, "little") + bundle(ring(1, 1, 2, steps=(1,))),
        (5).to_bytes(4, "little") + bundle(ring(0, *range(8)))[:-1],
        (5).to_bytes(4, "little") + b"\xff\xff\xff\xff",
    ],
)
def test_broken_boundary_files_are_refused(data):
    with pytest.raises(BoundaryDataError):
        boundary_data.decode_geometry(memoryview(data))


def test_a_boundary_without_area_is_refused_and_a_crossed_one_mended():
    with pytest.raises(BoundaryDataError):
        usable_boundary(shapely.from_wkt("POLYGON ((0 0, 1 1, 0 0, 0 0))"))
    bow_tie = usable_boundary(shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"))
    assert bow_tie.is_valid and bow_tie.area == pytest.approx(2)
