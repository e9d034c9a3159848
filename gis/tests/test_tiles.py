"""Vector tiles from a real PostGIS, taken apart again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.gis.geos import MultiPolygon, Point
from django.core.cache import cache
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gis import checks, tiles, views
from gis.exceptions import RegistrationError, TileOutOfRangeError, TileTimeoutError
from gis.maplayers import REGIONS
from gis.models import BaseFeature, Region
from gis.regions import load_city
from gis.rendering import render_tile
from gis.tile_grid import tile_bounds
from gis.tile_sql import tile_sql
from gis.tiles import TileRegistry

pytestmark = pytest.mark.slow
ALL = ("TRUE", [])
SCOPED = replace(REGIONS, name="scoped", open_to_all=False, scope_regions=("r.path",))
SHANGHAI_Z8 = (8, 214, 104)


def varints(data: bytes) -> list[int]:
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    return numbers


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and raw values of a protocol-buffers message."""
    at = 0

    def number() -> int:
        nonlocal at
        start = at
        while data[at] & 128:
            at += 1
        at += 1
        return varints(data[start:at])[0]

    while at < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or number()
            yield key >> 3, data[at : at + size]
            at += size


def decode(tile: bytes) -> dict[str, list[dict[str, Any]]]:
    """Features by layer: properties, ``id`` and the count of ``points`` (Mapbox Vector Tile Specification 2.1)."""
    layers = {}
    for _number, layer in fields(tile):
        parts = list(fields(layer))
        name = next(value for number, value in parts if number == 1).decode()
        keys = [value.decode() for number, value in parts if number == 3]
        # The first kind of value is text; numbers with a point stay as they are.
        values = [
            found.decode() if kind == 1 else found for kind, found in (next(fields(v)) for n, v in parts if n == 4)
        ]
        features = []
        for message in (value for number, value in parts if number == 2):
            feature = dict(fields(message))
            tags = varints(feature.get(2, b""))
            texts = {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)}
            features.append({**texts, "id": feature.get(1), "points": len(varints(feature[4])) // 2})
        layers[name] = features
    return layers


class FakeScope:
    """Scope of one path, standing in for the floor above."""

    def __init__(self, path: str) -> None:
        self.key = path

    def sql(self, organization=None, regions=()):
        return "(" + " OR ".join(f"{column} LIKE %s" for column in regions) + ")", [self.key + "%"] * len(regions)


@pytest.fixture
def shanghai(db):
    load_city("310000")


@pytest.fixture
def served(monkeypatch, shanghai, client):
    """The tile view with its own layers, a resolver that reads a header, and a signed-in client."""
    cache.clear()
    registry = TileRegistry()
    for layer in (REGIONS, SCOPED, replace(SCOPED, name="slow", where="pg_sleep(3) IS NOT NULL", timeout_ms=50)):
        registry.register(layer)
    monkeypatch.setattr(views, "registry", registry)
    monkeypatch.setattr(tiles, "_resolvers", [lambda request: FakeScope(request.headers["X-Path"])])
    client.force_login(get_user_model().objects.create_user(username="officer", password="a-long-password-1"))
    return client


def test_a_tile_holds_the_districts_and_their_properties(shanghai):
    features = decode(render_tile(REGIONS, *SHANGHAI_Z8, ALL))["regions"]
    pudong = next(feature for feature in features if feature["code"] == "310115")
    assert (pudong["name"], pudong["name_en"], pudong["level"]) == ("浦东新区", "Pudong New Area", "district")
    assert pudong["id"] == Region.objects.get(code="310115").pk
    assert len(features) > 10


def test_far_zooms_are_generalised_and_tiny_things_left_out(shanghai):
    far, near = (
        {feature["code"] for feature in decode(render_tile(REGIONS, *tile, ALL))["regions"]}
        for tile in ((3, 6, 3), (14, 13720, 6695))
    )
    # Huangpu is 0.06 degrees wide, a pixel at zoom 3 has 0.09.
    assert "310101" in near and "310101" not in far and "310000" in far
    circle = Point(121.5, 31.2).buffer(0.1, quadsegs=2500)
    Region.objects.create(code="round", name="圆", level="park", boundary=MultiPolygon(circle, srid=4326))
    layer = replace(REGIONS, where="r.code = 'round'")
    rough, fine = (
        decode(render_tile(each, *SHANGHAI_Z8, ALL))["regions"][0]["points"]
        for each in (layer, replace(layer, max_zoom=SHANGHAI_Z8[0]))
    )
    assert 20 < rough < fine / 4


def test_a_tile_elsewhere_is_empty(shanghai):
    assert render_tile(REGIONS, 8, 0, 0, ALL) == b""


def test_the_scope_decides_which_features_there_are(shanghai):
    clause = SCOPED.scope_clause(FakeScope("/310000/310115/"))
    codes = {feature["code"] for feature in decode(render_tile(SCOPED, *SHANGHAI_Z8, clause))["scoped"]}
    assert codes == {"310115"}
    assert render_tile(SCOPED, *SHANGHAI_Z8, SCOPED.scope_clause(None)) == b""
    assert render_tile(SCOPED, *SHANGHAI_Z8, SCOPED.scope_clause(FakeScope("/x' OR TRUE --/"))) == b""


def test_percent_signs_in_a_declaration_mean_themselves(shanghai):
    layer = replace(REGIONS, where="r.name LIKE '%新区'", properties=(("text", "'100%'"),))
    features = decode(render_tile(layer, *SHANGHAI_Z8, ALL))["regions"]
    assert [feature["text"] for feature in features] == ["100%"]


def test_the_spatial_index_is_used(shanghai):
    sql, values = tile_sql(REGIONS, 12, 3430, 1673, ALL)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql, values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "geo_region_boundary" in plan, plan


def test_bounds_of_a_tile_agree_with_postgis(db):
    with connection.cursor() as cursor:
        for z, x, y in ((0, 0, 0), SHANGHAI_Z8, (14, 13720, 6695)):
            cursor.execute(
                "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)"
                " FROM (SELECT ST_Transform(ST_TileEnvelope(%s, %s, %s), 4326) AS e) AS t",
                [z, x, y],
            )
            assert tile_bounds(z, x, y) == pytest.approx(cursor.fetchone(), abs=1e-9)
    wide = tile_bounds(0, 0, 0, 0.5)
    assert wide == pytest.approx((-180, -85.0511287798, 180, 85.0511287798))


@pytest.mark.parametrize(
    "tile", [(15, 0, 0), (-1, 0, 0), (8, 256, 0), (8, 0, 256), (8, -1, 0), (10**9, 0, 0), (0, 10**30, 0)]
)
def test_tiles_that_cannot_exist_are_refused(tile):
    with pytest.raises(TileOutOfRangeError):
        tile_sql(REGIONS, *tile, ALL)


def test_a_slow_tile_is_given_up_and_the_connection_lives(shanghai):
    with pytest.raises(TileTimeoutError, match="50"):
        render_tile(replace(REGIONS, where="pg_sleep(3) IS NOT NULL", timeout_ms=50), *SHANGHAI_Z8, ALL)
    assert render_tile(REGIONS, *SHANGHAI_Z8, ALL)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Regions"},
        {"name": "x'; DROP TABLE geo_region; --"},
        {"properties": (("a b", "1"),)},
        {"properties": (("a", "1"), ("a", "2"))},
        {"properties": (("geometry", "1"),)},
        {"topics": ()},
        {"min_zoom": 5, "max_zoom": 4},
        {"max_zoom": 40},
        {"timeout_ms": 0},
        {"drop_below_px": -1},
        {"open_to_all": False},
        {"scope_regions": ("r.path",)},
    ],
)
def test_a_declaration_that_cannot_work_is_refused(change):
    with pytest.raises(RegistrationError, match="tile layer"):
        replace(REGIONS, **change)


def test_the_registry_refuses_duplicates_and_late_comers():
    registry = TileRegistry()
    registry.register(REGIONS)
    with pytest.raises(RegistrationError, match="twice"):
        registry.register(REGIONS)
    assert registry.all() == [REGIONS]
    with pytest.raises(RegistrationError, match="too late"):
        registry.register(SCOPED)


def test_a_second_resolver_is_refused(monkeypatch):
    monkeypatch.setattr(tiles, "_resolvers", [])
    assert not tiles.has_scope_resolver()
    tiles.set_scope_resolver(len)
    tiles.set_scope_resolver(len)
    with pytest.raises(RegistrationError):
        tiles.set_scope_resolver(repr)


def test_a_scoped_layer_without_a_resolver_stops_the_start(monkeypatch):
    registry = TileRegistry()
    registry.register(SCOPED)
    monkeypatch.setattr(checks, "registry", registry)
    monkeypatch.setattr(tiles, "_resolvers", [])
    assert "geo.E003" in {message.id for message in run_checks()}
    monkeypatch.setattr(tiles, "_resolvers", [FakeScope])
    assert "geo.E003" not in {message.id for message in run_checks()}


def address(layer: str = "regions", tile: tuple[int, int, int] = SHANGHAI_Z8) -> str:
    return f"/tiles/{layer}/{'/'.join(map(str, tile))}.mvt"


def renders(queries: CaptureQueriesContext) -> int:
    return sum("ST_AsMVT(" in query["sql"] for query in queries)


def get(client, path: str, scope: str = "/310000/", **headers: str):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, headers={"X-Path": scope, **headers})
    return response, renders(queries)


def test_a_tile_is_made_once_and_then_comes_from_the_cache_or_not_at_all(served):
    first, made = get(served, address())
    assert (first.status_code, made) == (200, 1)
    assert first["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert first["Cache-Control"] == "private, no-cache" and "Cookie" in first["Vary"]
    assert "regions" in decode(first.content)
    again, made = get(served, address())
    assert (again.content, again["ETag"], made) == (first.content, first["ETag"], 0)
    cache.clear()
    for known in (first["ETag"], f'"other", W/{first["ETag"]}', "*"):
        same, made = get(served, address(), **{"If-None-Match": known})
        assert (same.status_code, same.content, same["ETag"], made) == (304, b"", first["ETag"], 0)


def test_a_change_makes_a_new_tile(served):
    first, _ = get(served, address())
    Region.objects.filter(code="310115").update(name="浦东")
    second, made = get(served, address(), **{"If-None-Match": first["ETag"]})
    assert (second.status_code, made) == (200, 1)
    assert second["ETag"] != first["ETag"]
    assert "浦东" in {feature["name"] for feature in decode(second.content)["regions"]}


def test_scopes_share_no_tile(served):
    pudong, _ = get(served, address("scoped"), "/310000/310115/")
    minhang, made = get(served, address("scoped"), "/310000/310112/", **{"If-None-Match": pudong["ETag"]})
    assert (minhang.status_code, made) == (200, 1)
    assert {feature["code"] for feature in decode(pudong.content)["scoped"]} == {"310115"}
    assert {feature["code"] for feature in decode(minhang.content)["scoped"]} == {"310112"}
    back, made = get(served, address("scoped"), "/310000/310115/")
    assert (back.content, made) == (pudong.content, 0)
    one, _ = get(served, address(), "/310000/310115/")
    other, made = get(served, address(), "/310000/310112/")
    assert (one["ETag"], made) == (other["ETag"], 0)


def test_a_slow_tile_answers_try_again_and_is_not_kept(served):
    for _ in range(2):
        response, _ = get(served, address("slow"))
        assert response.status_code == 503 and int(response["Retry-After"]) > 0
        assert "50" in response.json()["detail"] and "ETag" not in response


@pytest.mark.parametrize(
    "path",
    [
        address("nothing"),
        address(tile=(15, 0, 0)),
        address(tile=(8, 256, 0)),
        address(tile=(99999999999, 0, 0)),
        "/tiles/regions/8/-1/0.mvt",
        "/tiles/regions/8/1e3/0.mvt",
    ],
)
def test_what_does_not_exist_is_not_found(served, path):
    response, made = get(served, path)
    assert (response.status_code, made) == (404, 0)


def test_only_reading_and_only_when_signed_in(served):
    assert served.post(address(), headers={"X-Path": "/"}).status_code == 405
    served.logout()
    for names in ("regions", "regions,scoped"):
        response, made = get(served, address(names))
        assert response.status_code in (302, 401) and made == 0
    assert get(served, "/tiles/catalog.json")[0].status_code in (302, 401)


def test_several_layers_come_as_one_tile_each_in_its_own_scope(served):
    for scope, code in (("/310000/310115/", "310115"), ("/310000/310112/", "310112")):
        parts = [get(served, address(name), scope)[0] for name in ("regions", "scoped")]
        both, made = get(served, address("regions,scoped"), scope)
        assert (both.status_code, both.content, made) == (200, b"".join(part.content for part in parts), 0)
        layers = decode(both.content)
        assert {feature["code"] for feature in layers["scoped"]} == {code} and len(layers["regions"]) > 10
        assert both["Cache-Control"] == "private, no-cache" and "Cookie" in both["Vary"]
        assert both["ETag"] not in {part["ETag"] for part in parts}
        same, made = get(served, address("regions,scoped"), scope, **{"If-None-Match": both["ETag"]})
        assert (same.status_code, same.content, made) == (304, b"", 0)
    other, made = get(served, address("regions,scoped"), "/310000/310115/", **{"If-None-Match": both["ETag"]})
    assert (other.status_code, made) == (200, 0)


def test_a_change_of_either_layer_makes_a_new_tile_of_both(served, monkeypatch):
    registry = TileRegistry()
    registry.register(replace(REGIONS, name="one"))
    registry.register(replace(REGIONS, name="other", topics=("basemap",)))
    monkeypatch.setattr(views, "registry", registry)

    def change_regions():
        Region.objects.filter(code="310115").update(name="浦东")

    def change_basemap():
        shape = Point(121.5, 31.2).buffer(0.01)
        BaseFeature.objects.create(
            kind="green", category="park", min_zoom=11, generated=False, source="x", geometry=shape
        )

    last, made = get(served, address("one,other"))
    assert made == 2
    for change in (change_regions, change_basemap):
        change()
        new, made = get(served, address("one,other"), **{"If-None-Match": last["ETag"]})
        assert (new.status_code, made) == (200, 1), "only the one that changed is made anew"
        assert new["ETag"] != last["ETag"]
        last = new


def test_of_several_layers_those_without_the_zoom_are_left_out(served, monkeypatch):
    registry = TileRegistry()
    registry.register(replace(REGIONS, max_zoom=7))
    registry.register(replace(REGIONS, name="near", min_zoom=8))
    monkeypatch.setattr(views, "registry", registry)
    both = get(served, address("regions,near"))[0]
    assert list(decode(both.content)) == ["near"] and both["ETag"] == get(served, address("near"))[0]["ETag"]
    assert get(served, address("regions"))[0].status_code == 404
    assert get(served, address("regions,near", (15, 0, 0)))[0].status_code == 404


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ("regions,nothing", 404),
        ("nothing,regions", 404),
        ("regions,", 404),
        ("regions, scoped", 404),
        ("regions,regions", 400),
        (",".join(f"a{number}" for number in range(views.MOST_LAYERS + 1)), 400),
        ("regions,slow", 503),
    ],
)
def test_one_layer_that_is_refused_refuses_all(served, names, status):
    response = get(served, address(names))[0]
    assert response.status_code == status and response.json()["detail"] and "ETag" not in response


def test_without_a_resolver_only_open_layers_answer(served, monkeypatch):
    monkeypatch.setattr(tiles, "_resolvers", [])
    assert get(served, address("scoped"))[0].status_code == 403
    assert get(served, address("regions"))[0].status_code == 200
    assert get(served, address("regions,scoped"))[0].status_code == 403


def test_the_catalogue(served):
    answer = get(served, "/tiles/catalog.json")[0].json()
    assert [layer["name"] for layer in answer["layers"]] == ["regions", "scoped", "slow"]
    assert answer["layers"][0] == {
        "name": "regions",
        "title": "行政区",
        "tiles": "/tiles/regions/{z}/{x}/{y}.mvt",
        "minzoom": 0,
        "maxzoom": 14,
        "properties": ["code", "name", "name_en", "level"],
        "drop_below_px": 1.0,
        "attribution": "",
    }
    west, south, east, north = answer["bounds"]
    assert 120.8 < west < east < 122.3 and 30.6 < south < north < 32
    Region.objects.filter(parent__isnull=False).delete()
    Region.objects.all().delete()
    assert get(served, "/tiles/catalog.json")[0].json()["bounds"] is None


def test_a_cached_tile_costs_one_query_beside_session_and_user(served):
    get(served, address())
    with CaptureQueriesContext(connection) as queries:
        served.get(address(), headers={"X-Path": "/"})
    assert len([query for query in queries if "geo_" in query["sql"]]) == 1


def test_a_new_release_does_not_reuse_an_old_ones_tiles():
    assert REGIONS.digest == replace(REGIONS, title="别的").digest
    assert REGIONS.digest != replace(REGIONS, properties=REGIONS.properties[:2]).digest
