"""Abstract tests of OGC API Features Part 2 (18-058r1)."""

from __future__ import annotations

from functools import cache

import pytest
from pyproj import Transformer

from gis.crs import from_wgs84

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
ITEMS = "/collections/kites.drones/items"


@cache
def authority(code):
    """PROJ's own way to a system: from longitude and latitude."""
    return Transformer.from_crs("OGC:CRS84", f"EPSG:{code}").transform


def positions(door, **query):
    found = door.json(ITEMS, **query)
    return {each["properties"]["name"]: each["geometry"]["coordinates"] for each in found["features"]}


def test_crs_md_lists(door):
    listed = door.json("/collections")
    single = door.json("/collections/areas")
    assert single["crs"][0] == CRS84 and single["storageCrs"] in single["crs"]
    assert listed["crs"] == single["crs"]
    assert all(each["crs"] == ["#/crs"] for each in listed["collections"])
    assert "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs" in door.json("/conformance")["conformsTo"]


def test_crs_parameter_and_axes_of_the_authority(door):
    for code in (4326, 3857, 4490, 4549, 4528):
        found = door.answer(ITEMS, crs=f"{EPSG}{code}")
        assert found["Content-Crs"] == f"<{EPSG}{code}>"
        expected = authority(code)(121.25, 31.2)
        assert positions(door, crs=f"{EPSG}{code}")["巡检无人机"] == pytest.approx(expected, rel=1e-9)
        if code in (4326, 4490):
            assert positions(door, crs=f"{EPSG}{code}")["巡检无人机"] == pytest.approx([31.2, 121.25], abs=1e-8)


def test_crs_of_one_feature(door, place):
    path = f"{ITEMS}/{place.drones['west'].pk}"
    found = door.answer(path, crs=f"{EPSG}4326")
    assert found["Content-Crs"] == f"<{EPSG}4326>"
    assert found.json()["geometry"]["coordinates"] == [31.2, 121.25]
    assert door.answer(path)["Content-Crs"] == f"<{CRS84}>"


def test_systems_that_only_we_know(door, settings):
    settings.SANDTABLE_CITY_GRIDS = {"towngrid": "+proj=tmerc +lat_0=31.2 +lon_0=121.5 +x_0=0 +y_0=0 +ellps=GRS80"}
    offered = door.json("/collections/areas")["crs"]
    assert {"http://testserver/ogc/crs/gcj02", "http://testserver/ogc/crs/towngrid"} <= set(offered)
    shifted = positions(door, crs="http://testserver/ogc/crs/gcj02")["巡检无人机"]
    assert shifted == pytest.approx(from_wgs84(121.25, 31.2, "gcj02"), abs=1e-8)
    x, y = positions(door, crs="http://testserver/ogc/crs/towngrid")["测绘无人机"]
    assert x == pytest.approx(23_830, abs=30) and abs(y) < 60
    assert door.json("/crs/towngrid")["proj"].startswith("+proj=tmerc")
    assert door.refused("/crs/nothing", 404)


def test_crs_invalid(door, place):
    for wrong in ("EPSG:9999", f"{EPSG}32650", "http://evil.example/crs", "'; DROP TABLE x", ""):
        for name in ("crs", "bbox-crs", "filter-crs"):
            assert name in door.refused(ITEMS, bbox="1,2,3,4", **{name: wrong})
    assert door.refused(f"{ITEMS}/{place.drones['west'].pk}", crs="EPSG:1")
    assert door.refused(ITEMS, bbox="9,1,2,2", bbox_crs="EPSG:3857")
    assert door.refused(ITEMS, bbox="1e30,1e30,2e30,2e30", bbox_crs="EPSG:3857")


def test_bbox_crs(door):
    assert door.names("kites.drones", bbox="31.1,121.2,31.3,121.3", bbox_crs=f"{EPSG}4326") == {"巡检无人机"}
    to = authority(4549)
    (n1, e1), (n2, e2) = to(121.2, 31.1), to(121.3, 31.3)
    assert door.names("kites.drones", bbox=f"{n1},{e1},{n2},{e2}", bbox_crs="EPSG:4549") == {"巡检无人机"}
    assert door.names("kites.drones", bbox="121.2,31.1,121.3,31.3", bbox_crs=CRS84) == {"巡检无人机"}
    assert door.names("kites.rows", bbox="13496000,3650000,13497500,3660000", bbox_crs="EPSG:3857") == {"西侧围栏"}


def test_filter_crs(door):
    condition = "S_INTERSECTS(geometry, BBOX(31.1,121.2,31.3,121.3))"
    assert door.names("kites.drones", filter=condition, filter_crs=f"{EPSG}4326") == {"巡检无人机"}
    polygon = "S_INTERSECTS(geometry, POLYGON((31.1 121.2,31.3 121.2,31.3 121.3,31.1 121.3,31.1 121.2)))"
    assert door.names("kites.drones", filter=polygon, filter_crs=f"{EPSG}4326") == {"巡检无人机"}
