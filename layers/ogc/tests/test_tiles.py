"""Abstract tests of OGC API Tiles Part 1 (20-057) and of the scheme and tileset metadata (17-083r4)."""

from __future__ import annotations

import math

import pytest

from gis.tests.test_tiles import decode
from layers.ogc.collections import collections

pytestmark = pytest.mark.django_db
REL = "http://www.opengis.net/def/rel/ogc/1.0"
QUAD = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
SET = "/collections/kites.drones/tiles/WebMercatorQuad"


def by_rel(document):
    return {each["rel"]: each for each in document["links"]}


def test_tilesets_list(door):
    vector = by_rel(door.json("/collections/kites.drones"))[f"{REL}/tilesets-vector"]
    found = door.client.get(vector["href"], headers={"accept": "application/json"}).json()
    (each,) = found["tilesets"]
    assert (each["dataType"], each["tileMatrixSetURI"]) == ("vector", QUAD)
    assert each["crs"] == "http://www.opengis.net/def/crs/EPSG/0/3857"
    links = by_rel(each)
    assert door.client.get(links["self"]["href"]).status_code == 200
    assert door.client.get(links[f"{REL}/tiling-scheme"]["href"]).json()["id"] == "WebMercatorQuad"
    assert links["self"]["href"].partition("?")[0].endswith("/collections/kites.drones/tiles/WebMercatorQuad")


def test_tileset_description(door):
    found = door.json(SET)
    assert found["tileMatrixSetURI"] == QUAD
    template = by_rel(found)["item"]
    assert template["templated"] is True and template["type"] == "application/vnd.mapbox-vector-tile"
    for part in ("{tileMatrix}", "{tileRow}", "{tileCol}"):
        assert part in template["href"]
    assert [each["tileMatrix"] for each in found["tileMatrixSetLimits"]] == [str(z) for z in range(17)]
    (layer,) = found["layers"]
    assert (layer["geometryDimension"], layer["maxTileMatrix"]) == (0, "16")
    assert layer["propertiesSchema"]["properties"]["speed_m_s"]["type"] == "number"
    assert found["boundingBox"]["lowerLeft"] == [121.25, 31.2]
    assert "point_count" in found["description"]
    assert door.refused("/collections/kites.drones/tiles/WorldCRS84Quad", 404)


def test_tilejson(door):
    found = door.json(SET, f="tilejson")
    assert (found["tilejson"], found["scheme"], found["minzoom"], found["maxzoom"]) == ("3.0.0", "xyz", 0, 16)
    address = found["tiles"][0].replace("{z}", "9").replace("{x}", "428").replace("{y}", "209")
    assert door.client.get(address).status_code == 200


def test_scheme(door):
    (listed,) = door.json("/tileMatrixSets")["tileMatrixSets"]
    assert listed["uri"] == QUAD
    found = door.json("/tileMatrixSets/WebMercatorQuad")
    top = found["tileMatrices"][0]
    assert top["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-9)
    assert top["cellSize"] == pytest.approx(156543.033928, rel=1e-9)
    assert top["pointOfOrigin"] == pytest.approx([-20037508.342789, 20037508.342789])
    for zoom, each in enumerate(found["tileMatrices"]):
        assert (each["id"], each["matrixWidth"], each["matrixHeight"]) == (str(zoom), 1 << zoom, 1 << zoom)
    assert door.refused("/tileMatrixSets/other", 404)


def test_tile_of_moving_things(door, west):
    def names(who, path=f"{SET}/8/104/214"):
        found = who.answer(path, "application/vnd.mapbox-vector-tile")
        assert found.status_code == 200 and found["Content-Type"] == "application/vnd.mapbox-vector-tile"
        layers = decode(found.content)
        return {each["name"] for each in layers.get("kites.drones", [])}

    assert names(door) == {"巡检无人机", "测绘无人机"}
    assert names(west) == {"巡检无人机"}, "tiles of one scope are not another's"
    assert names(door) == {"巡检无人机", "测绘无人机"}
    assert names(door, f"{SET}/16/26795/54839") == set()


def test_moving_things_are_found_by_their_cell(door):
    north = math.asinh(math.tan(math.radians(31.2)))
    for zoom in (10, 12, 14, 16):
        column, row = int((121.25 + 180) / 360 * (1 << zoom)), int((1 - north / math.pi) / 2 * (1 << zoom))
        found = door.answer(f"{SET}/{zoom}/{row}/{column}", "*/*")
        assert [each["name"] for each in decode(found.content)["kites.drones"]] == ["巡检无人机"]


def test_every_collection_has_tiles(door):
    for name, collection in collections().items():
        zoom = collection.layer.min_zoom
        assert door.answer(f"/collections/{name}/tiles/WebMercatorQuad/{zoom}/0/0", "*/*").status_code == 200


def test_tiles_out_of_range(door):
    for tail in (
        "17/0/0",
        "-1/0/0",
        "9/512/0",
        "9/0/512",
        "9/-1/0",
        "x/0/0",
        "9/1.5/0",
        "99999999999999/0/0",
        "1/1/9999999999999999",
    ):
        found = door.answer(f"{SET}/{tail}", "*/*")
        assert found.status_code in (400, 404), tail
        assert found["Content-Type"] == "application/problem+json"
    assert door.answer("/collections/areas/tiles/WebMercatorQuad/8/0/0", "*/*").status_code == 404, "from zoom 9 on"
    assert door.refused(f"{SET}/9/209/428", 406, accept="image/png")
