"""Tiles of crowded places: nothing is lost without being counted, from near and from far."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection

from gis import pyramid, rendering, tile_sql
from gis.maplayers import REGIONS
from gis.models import Pyramid, PyramidCell, Region
from gis.pyramid import bring_up_to_date, refresh
from gis.rendering import render_tile
from gis.tests.test_tiles import FakeScope, decode

pytestmark = pytest.mark.django_db
ALL = ("TRUE", [])
PARKS = replace(
    REGIONS, name="parks", where="r.level = 'park'", open_to_all=False, scope_regions=("r.path",), drop_below_px=0
)
NEAR = (12, 3431, 1673)
FAR = (9, 428, 209)


def square(lon, lat, size):
    return MultiPolygon(Polygon.from_bbox((lon, lat, lon + size, lat + size)), srid=4326)


@pytest.fixture
def parks(db):
    """A city of 100 small parks, 60 of them in its east, and a large one."""
    city = Region.objects.create(code="1", name="c", level="city", boundary=square(121, 31, 1))
    halves = [
        Region.objects.create(code=name, name=name, level="district", parent=city, boundary=square(121, 31, 0.5))
        for name in ("w", "e")
    ]
    rows = [
        Region(
            code=f"p{i}", name=f"园{i}", level="park", parent=halves[i >= 40], path=f"/1/{'we'[i >= 40]}/p{i}/",
            boundary=square(121.57 + i % 10 * 0.004, 31.21 + i // 10 * 0.004, 0.0005),
        )
        for i in range(100)
    ]  # fmt: skip
    rows.append(Region(code="big", name="大", level="park", path="/1/e/big/", boundary=square(121.575, 31.212, 0.03)))
    Region.objects.bulk_create(rows)
    return city


def counted(tile):
    """How many features a tile tells of, and how many of them one by one."""
    features = decode(tile)["parks"]
    return sum(each.get("point_count", 1) for each in features), sum("code" in each for each in features)


def test_a_tile_with_too_much_counts_what_it_does_not_draw(parks, monkeypatch):
    assert counted(render_tile(PARKS, *NEAR, ALL)) == (101, 101)
    monkeypatch.setattr(tile_sql, "MOST_FEATURES", 50)
    total, drawn = counted(render_tile(PARKS, *NEAR, ALL))
    assert (total, drawn) == (101, 1), "the large one is drawn, the others are counted"
    summed = [each for each in decode(render_tile(PARKS, *NEAR, ALL))["parks"] if "code" not in each]
    assert all(each["generalised"] and each["id"] is None for each in summed)
    assert counted(render_tile(PARKS, *NEAR, PARKS.scope_clause(FakeScope("/1/e/"))))[0] == 61


def test_a_tile_with_too_many_bytes_is_generalised_until_it_fits(parks, monkeypatch):
    whole = render_tile(PARKS, *NEAR, ALL)
    monkeypatch.setattr(rendering, "MOST_BYTES", len(whole) - 1)
    rough = render_tile(PARKS, *NEAR, ALL)
    assert len(rough) < len(whole) and counted(rough)[0] == 101
    monkeypatch.setattr(rendering, "MOST_BYTES", 10)
    assert counted(render_tile(PARKS, *NEAR, ALL)) == (101, 0), "even the large one is a point in the end"


def test_far_tiles_of_a_dense_layer_come_from_sums(parks, monkeypatch):
    monkeypatch.setattr(pyramid, "DENSE", 50)
    direct = counted(render_tile(PARKS, *FAR, ALL, FakeScope("/1/")))
    assert direct == (101, 101)
    assert bring_up_to_date([PARKS]) == ["parks"]
    assert bring_up_to_date([PARKS]) == [], "nothing changed"
    total, drawn = counted(render_tile(PARKS, *FAR, ALL))
    assert total == 101 and drawn < 2
    for zoom in range(12):
        x, y = 3431 >> 12 - zoom, 1673 >> 12 - zoom
        assert counted(render_tile(PARKS, zoom, x, y, ALL))[0] == 101, zoom
    assert counted(render_tile(PARKS, *NEAR, ALL)) == (101, 101), "near ones show each"
    large = [each for each in decode(render_tile(PARKS, 11, 1715, 836, ALL))["parks"] if "code" in each]
    assert [each["code"] for each in large] == ["big"], "what is large is drawn there, too"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, values = pyramid.pyramid_sql(cursor, PARKS, *FAR, ALL, None)
        cursor.execute("EXPLAIN " + sql, values)
        assert "geo_pyramid_place" in str(cursor.fetchall())


def test_sums_keep_to_the_scope(parks, monkeypatch):
    monkeypatch.setattr(pyramid, "DENSE", 50)
    assert refresh(PARKS)
    for path, number in (("/1/e/", 61), ("/1/w/", 40), ("/1/", 101), ("/2/", 0)):
        scope = FakeScope(path)
        scope.sql = lambda organization=None, regions=(), path=path: (
            ("FALSE", []) if organization else (f"({' OR '.join(f'{c} LIKE %s' for c in regions)})", [path + "%"])
        )
        tile = render_tile(PARKS, *FAR, PARKS.scope_clause(scope), scope)
        assert (counted(tile)[0] if tile else 0) == number
    assert render_tile(PARKS, *FAR, PARKS.scope_clause(None)) == b""


def test_sums_follow_changes_and_go_with_the_crowd(parks, monkeypatch):
    monkeypatch.setattr(pyramid, "DENSE", 50)
    refresh(PARKS)
    Region.objects.filter(code__startswith="p1").delete()
    assert refresh(PARKS)
    assert counted(render_tile(PARKS, *FAR, ALL))[0] == 90
    again = replace(PARKS, name="same")
    assert Pyramid.objects.get().features == 90
    assert not refresh(again), "another name for the same things"
    monkeypatch.setattr(pyramid, "DENSE", 1000)
    Region.objects.filter(code="p20").delete()
    assert refresh(PARKS)
    assert PyramidCell.objects.count() == 0
    assert counted(render_tile(PARKS, *FAR, ALL)) == (89, 89)
