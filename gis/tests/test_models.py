"""Nesting of regions."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection

from gis.models import Region

SQUARE = MultiPolygon(Polygon(((121, 31), (122, 31), (122, 32), (121, 32), (121, 31))), srid=4326)


def make(code: str, parent: Region | None = None, level: str = "district") -> Region:
    return Region.objects.create(code=code, name=code, level=level, parent=parent, boundary=SQUARE)


@pytest.fixture
def nested(db) -> dict[str, Region]:
    city = make("310000", level="city")
    district = make("310115", city)
    return {
        "city": city,
        "district": district,
        "park": make("zj_park", district, "park"),
        "twin": make("310104", city),
        "other": make("3101150", level="city"),
    }


def test_paths_nest_and_under_does_not_take_longer_codes(nested):
    assert nested["park"].path == "/310000/310115/zj_park/"
    assert {r.code for r in Region.objects.under("/310000/310115/")} == {"310115", "zj_park"}
    assert {r.code for r in Region.objects.under("/310000/310115/", "/3101150/")} == {"310115", "zj_park", "3101150"}
    assert not Region.objects.under()
    assert [r.code for r in Region.objects.above(nested["park"].path)] == ["310000", "310115", "zj_park"]


def test_moving_a_region_moves_what_is_below(nested):
    nested["district"].parent = nested["other"]
    nested["district"].save(update_fields=["parent"])
    nested["park"].refresh_from_db()
    assert nested["park"].path == "/3101150/310115/zj_park/"


def test_a_region_cannot_lie_inside_itself(nested):
    nested["city"].parent = nested["park"]
    with pytest.raises(ValueError, match="inside itself"):
        nested["city"].save()


def test_subtree_query_uses_the_path_index(nested):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "geo_region_path" in Region.objects.under("/310000/").order_by().explain()


def test_admin_shows_a_boundary_in_words_and_calls_no_outside_server(client, nested):
    admin = get_user_model().objects.create_superuser(username="root", password="a-long-password-1")
    client.force_login(admin)
    page = client.get(f"/admin/geo/region/{nested['city'].pk}/change/").content.decode()
    # On a sphere of 6371 km this square would have 10,542 km².
    assert re.search(r"1 块，5 点，105\d\d\.\d 平方公里，经度 121\.0000–122\.0000", page)
    assert "OLMap" not in page and "ol.js" not in page
    assert client.get("/admin/geo/region/").status_code == 200
