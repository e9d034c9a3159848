"""Abstract tests of OGC API Features Part 1 (17-069r4), by the names of their requirements."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.test import Client

from layers.ogc.collections import collections
from layers.registry import registry
from layers.sources import GridCells
from twin.models import Area

pytestmark = pytest.mark.django_db
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def links_of(document, rel):
    return [each for each in document["links"] if each["rel"] == rel]


def test_core_root_op_and_success(door):
    for path in ("", "/"):
        found = door.json(path)
        assert found["title"]
        rels = {each["rel"]: each for each in found["links"]}
        assert {"self", "alternate", "service-desc", "service-doc", "conformance", "data"} <= set(rels)
        assert all(each["href"].startswith("http://testserver/ogc") and each["type"] for each in found["links"])
        assert rels["service-desc"]["type"] == "application/vnd.oai.openapi+json;version=3.0"


def test_core_every_link_of_the_landing_page_answers(door):
    for each in door.json()["links"]:
        found = door.client.get(each["href"])
        assert found.status_code == 200
        assert found["Content-Type"].partition(";")[0] == each["type"].partition(";")[0]


def test_core_conformance(door):
    classes = set(door.json("/conformance")["conformsTo"])
    for name in ("core", "oas30", "html", "geojson"):
        assert f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" in classes
    assert len(classes) == len(door.json("/conformance")["conformsTo"])


def test_core_http_head_options_and_other_methods(door):
    head = door.client.head("/ogc/collections/areas/items")
    assert (head.status_code, head.content) == (200, b"")
    options = door.client.options("/ogc/collections/areas/items")
    assert (options.status_code, options["Allow"]) == (204, "GET, HEAD, OPTIONS")
    for door.client.handler.enforce_csrf_checks in (False, True):
        for method in (door.client.post, door.client.put, door.client.patch, door.client.delete):
            found = method("/ogc/collections/areas/items", headers={"accept": "application/json"})
            assert (found.status_code, found["Allow"]) == (405, "GET, HEAD, OPTIONS")
            assert found["Content-Type"] == "application/problem+json"
    assert "Access-Control-Allow-Origin" not in door.answer("/collections", "application/json")


def test_core_collections(door):
    found = door.json("/collections")
    assert links_of(found, "self") and links_of(found, "alternate")[0]["type"] == "text/html"
    ids = [each["id"] for each in found["collections"]]
    kites = {f"kites.{name}" for name in ("drones", "points", "heat", "shares", "areas", "rows", "districts")}
    assert {"regions", "areas", "alerts", "assets.machine", "assets.drone", *kites} <= set(ids)
    assert len(ids) == len(set(ids))
    for each in found["collections"]:
        single = door.json(f"/collections/{each['id']}")
        assert {name: single[name] for name in ("id", "title", "extent", "storageCrs")} == {
            name: each[name] for name in ("id", "title", "extent", "storageCrs")
        }
        assert {item["type"] for item in links_of(single, "items")} == {"application/geo+json", "text/html"}
        (box,) = single["extent"]["spatial"]["bbox"]
        assert box[0] <= box[2] and box[1] <= box[3]


def test_core_collections_of_the_modules_that_are_installed(town):
    """Also with layers that are no features: risk grids."""
    layers = {layer.id for layer in registry.map_layers() if not isinstance(layer.source, GridCells)}
    found = town.client("city").get("/ogc/collections", headers={"accept": "application/json"}).json()
    assert layers <= {each["id"] for each in found["collections"]}


def test_core_extent_is_that_of_what_one_sees(door, west):
    (box,) = door.json("/collections/kites.drones")["extent"]["spatial"]["bbox"]
    assert box == [121.25, 31.2, 121.75, 31.2]
    extent = west.json("/collections/kites.drones")["extent"]
    assert extent["spatial"]["bbox"] == [[121.25, 31.2, 121.25, 31.2]]
    assert extent["temporal"]["interval"] == [["2026-05-01T08:00:00Z"] * 2]


def test_core_fc_response(door):
    found = door.answer("/collections/kites.rows/items")
    assert found["Content-Type"] == "application/geo+json"
    assert found["Content-Crs"] == f"<{CRS84}>"
    body = found.json()
    assert body["type"] == "FeatureCollection"
    assert (body["numberMatched"], body["numberReturned"], len(body["features"])) == (2, 2, 2)
    assert abs(datetime.fromisoformat(body["timeStamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert {each["rel"] for each in body["links"]} == {"self", "alternate", "collection"}
    feature = body["features"][0]
    assert feature["type"] == "Feature" and isinstance(feature["id"], int)
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert feature["properties"]["owner__name"] in ("西郊船厂", "东海石化")
    assert feature["properties"].keys() == {"name", "kind", "z_max_m", "owner__name"}


def test_core_polygons_turn_the_way_rfc_7946_says(door):
    (ring,) = door.json("/collections/areas/items")["features"][0]["geometry"]["coordinates"][0]
    turned = sum((x2 - x1) * (y2 + y1) for (x1, y1), (x2, y2) in pairwise(ring))
    assert turned < 0


def test_core_feature(door, place):
    pk = place.fences["west"].pk
    found = door.json(f"/collections/areas/items/{pk}")
    assert (found["type"], found["id"], found["properties"]["name"]) == ("Feature", pk, "西侧围栏")
    assert {"self", "alternate", "collection"} <= {each["rel"] for each in found["links"]}
    for wrong in ("0", "x", "999999999999999999999", "-1", "1.5", "٣"):
        assert door.refused(f"/collections/areas/items/{wrong}", 404)
    assert door.refused("/collections/nothing", 404)
    assert door.refused("/collections/nothing/items", 404)
    assert door.refused("/somewhere/else", 404)


def test_core_fc_limit(door, place):
    box = place.fences["west"].boundary
    Area.objects.bulk_create(
        Area(name=f"n{i:02}", kind="fence", boundary=box, region=place.regions["west"]) for i in range(23)
    )
    assert len(door.json("/collections/areas/items")["features"]) == 10, "the default of the standard"
    assert len(door.json("/collections/areas/items", limit=3)["features"]) == 3
    assert len(door.json("/collections/areas/items", limit=1_000_000)["features"]) == 25, (
        "more than the most is the most"
    )
    for wrong in ("0", "-1", "many", "1.5", ""):
        assert "limit" in door.refused("/collections/areas/items", limit=wrong)
    seen, page = [], door.json("/collections/areas/items", limit=7)
    while True:
        assert page["numberMatched"] == 25
        seen += [each["id"] for each in page["features"]]
        following = links_of(page, "next")
        if not following:
            break
        page = door.client.get(following[0]["href"], headers={"accept": "application/json"}).json()
    assert len(seen) == len(set(seen)) == 25
    assert links_of(page, "prev")


def test_core_fc_bbox(door):
    items = "/collections/kites.rows/items"
    assert door.names("kites.rows", bbox="121.2,31,121.3,31.2") == {"西侧围栏"}
    assert door.names("kites.rows", bbox="121.2,31,0,121.3,31.2,100") == {"西侧围栏"}, "heights are passed over"
    assert door.names("kites.drones", bbox="121.7,31.1,121.8,31.3") == {"测绘无人机"}
    assert door.names("kites.drones", bbox="-180,-90,180,90") == {"巡检无人机", "测绘无人机"}
    assert door.names("kites.drones", bbox="120,31,-170,32") == {"巡检无人机", "测绘无人机"}, "across the date line"
    assert door.names("kites.drones", bbox="122,31,-170,32") == set()
    wrong = ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,1,2,3", "0,91,1,92", "121,32,122,31", "inf,0,1,1", "1,2,3,4;--")
    for text in wrong:
        assert "bbox" in door.refused(items, bbox=text)


def test_core_fc_time(door):
    def names(text):
        return door.names("kites.drones", datetime=text)

    both = {"巡检无人机", "测绘无人机"}
    assert names("2026-05-01T08:00:00Z") == {"巡检无人机"}
    assert names("2026-05-01T16:00:00+08:00") == {"巡检无人机"}
    assert names("2026-05-01") == {"巡检无人机"}
    assert names("2026-05-01T00:00:00Z/2026-05-01T23:00:00Z") == {"巡检无人机"}
    assert names("2026-05-01/2026-05-02") == both
    assert names("2026-05-02/P2D") == {"测绘无人机"}
    assert names("../2026-05-01T09:00:00Z") == names("/2026-05-01T09:00:00Z") == {"巡检无人机"}
    assert names("2026-05-01T09:00:00Z/..") == {"测绘无人机"}
    assert names("../..") == both
    assert door.names("areas", datetime="1990-01-01T00:00:00Z") == {"西侧围栏", "东侧禁飞区"}, "they have no time"
    for wrong in (
        "",
        "yesterday",
        "2026-05-01T08:00:00",
        "2026-05-02/2026-05-01",
        "1/2/3",
        "2026-13-01",
        "2026-05-01/PX",
    ):
        assert "datetime" in door.refused("/collections/kites.drones/items", datetime=wrong)


def test_core_query_params(door):
    items = "/collections/areas/items"
    assert "unknown1" in door.refused(items, unknown1="x")
    assert door.refused("/collections", limit="1")
    assert door.client.get("/ogc/collections/areas/items?limit=1&limit=2").status_code == 400
    assert door.client.get("/ogc/collections/areas/items?name=%00").status_code == 400
    assert door.refused(items, offset="-1")


def test_html_and_negotiation(door):
    pages = ["", "/conformance", "/api", "/collections", "/tileMatrixSets", "/tileMatrixSets/WebMercatorQuad"]
    pages += [f"/collections/areas{tail}" for tail in ("", "/items", "/queryables", "/tiles", "/tiles/WebMercatorQuad")]
    pages.append(f"/collections/areas/items/{Area.objects.first().pk}")
    for path in pages:
        for found in (
            door.answer(path, "text/html,application/xhtml+xml,*/*;q=0.8"),
            door.answer(path, "*/*", f="html"),
        ):
            assert found.status_code == 200
            assert found["Content-Type"].startswith("text/html")
            assert "<html" in found.content.decode() and " style=" not in found.content.decode()
            assert "Accept" in found["Vary"].split(", ")
        assert door.answer(path, "text/html", f="json")["Content-Type"].startswith("application/")
        assert door.answer(path, "*/*")["Content-Type"].startswith("application/")
        assert door.refused(path, 406, accept="image/png")
        assert door.refused(path, f="xml")
    assert "西侧围栏" in door.answer("/collections/areas/items", "text/html").content.decode()
    error = door.answer("/collections/nothing", "text/html")
    assert error.status_code == 404 and "没有名为“nothing”的数据集" in error.content.decode()


def test_geojson_is_offered_wherever_features_are(door):
    assert (
        door.answer("/collections/areas/items", "application/geo+json;q=0, application/json;q=0, */*")
        .headers["Content-Type"]
        .startswith("text/html")
    )
    for accept in ("application/geo+json", "application/json", "application/geo+json;q=0.9,text/html;q=0.1"):
        assert door.answer("/collections/areas/items", accept)["Content-Type"] == "application/geo+json"


def test_features_outside_the_scope_are_not_there(door, west, place):
    for name, key in (("kites.drones", "巡检无人机"), ("kites.rows", "西侧围栏"), ("alerts", "west")):
        assert west.names(name) == {key}
        found = west.json(f"/collections/{name}/items")
        assert found["numberMatched"] == 1
    hidden = place.fences["east"].pk
    assert door.json(f"/collections/areas/items/{hidden}")["id"] == hidden
    assert west.refused(f"/collections/areas/items/{hidden}", 404)
    assert west.names("areas", filter="name LIKE '%' OR TRUE") == {"西侧围栏"}
    nobody = type(door)(place.client(None))
    assert nobody.names("areas") == set() and nobody.names("alerts") == set()


def test_nobody_signed_in(place):
    for path in ("", "/collections", "/collections/areas/items", "/collections/areas/tiles/WebMercatorQuad/9/209/428"):
        found = Client().get(f"/ogc{path}")
        assert found.status_code == 401
        assert found["WWW-Authenticate"].startswith("Basic ")
        assert found["Content-Type"] == "application/problem+json"
    page = Client().get("/ogc/collections", headers={"accept": "text/html"})
    assert page.status_code == 302 and page["Location"].startswith("/sign-in/")


def test_every_collection_answers_and_its_links_lead_somewhere(door):
    for name in collections():
        found = door.json(f"/collections/{name}/items")
        json.dumps(found, allow_nan=False)
        for each in door.json(f"/collections/{name}")["links"]:
            assert door.client.get(each["href"]).status_code == 200, each


def test_the_number_of_queries_does_not_grow_with_what_there_is(door, django_assert_max_num_queries):
    door.json("/collections/areas/items")
    with django_assert_max_num_queries(14):
        door.json("/collections/areas/items", filter="name LIKE '%'", bbox="121,31,122,32")
