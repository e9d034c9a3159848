"""The basemap in the database, its tiles, and the city's own files in place of the drawing."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import geopandas
import pytest
import shapely
from django.contrib.auth import get_user_model
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gis.crs import geometry_from_wgs84
from gis.maplayers import BASE_LAYERS, attribution_of
from gis.models import BaseFeature, Region
from gis.notices import stamp_of
from gis.rendering import render_tile
from gis.tests.test_tiles import decode
from gis.tile_sql import tile_sql

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ALL = ("TRUE", [])
WEST, SOUTH, EAST, NORTH = 121.40, 31.15, 121.60, 31.32
LAYERS = {layer.name: layer for layer in BASE_LAYERS}


@pytest.fixture
def town(db, settings) -> Region:
    """A small city of two districts, so that drawing it takes a moment."""
    settings.CITY_CODE = "990000"
    whole = MultiPolygon(Polygon.from_bbox((WEST, SOUTH, EAST, NORTH)), srid=4326)
    city = Region.objects.create(code="990000", name="试验市", level="city", boundary=whole)
    middle = (WEST + EAST) / 2
    for i, box in enumerate(((WEST, SOUTH, middle, NORTH), (middle, SOUTH, EAST, NORTH))):
        Region.objects.create(
            code=f"99000{i + 1}", name=f"{i + 1}区", level="district", parent=city,
            boundary=MultiPolygon(Polygon.from_bbox(box), srid=4326),
        )  # fmt: skip
    return city


def run(*words: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("loadbasemap", *map(str, words), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def counts() -> dict[str, int]:
    kinds = list(BaseFeature.objects.values_list("kind", flat=True))
    return {kind: kinds.count(kind) for kind in set(kinds)}


def test_the_drawing_is_stored_once_and_says_what_it_is(town):
    run()
    first = counts()
    stamp = stamp_of(["basemap"])
    assert set(first) == set(BaseFeature.Kind.values) and stamp > 0
    out, _err = run()
    assert out.strip() == "未变" and stamp_of(["basemap"]) == stamp and counts() == first
    assert "示意" in attribution_of() and "非实测" in attribution_of("road")
    run("--redraw", "--seed", 5)
    assert counts() != first and stamp_of(["basemap"]) > stamp


def test_changed_districts_are_drawn_anew(town):
    run()
    before = counts()
    Region.objects.filter(code="990002").delete()
    run()
    assert counts()["block"] < before["block"]


def test_without_a_city_nothing_is_drawn(db, settings):
    settings.CITY_CODE = "990000"
    with pytest.raises(CommandError, match="loadcity"):
        run()


def test_tiles_show_more_the_nearer(town):
    run()
    far = decode(render_tile(LAYERS["base.roads"], 8, 214, 104, ALL))["base.roads"]
    assert {feature["class"] for feature in far} <= {"motorway", "trunk"}
    assert "base.buildings" not in decode(render_tile(LAYERS["base.buildings"], 13, 6000, 3000, ALL))
    near = decode(render_tile(LAYERS["base.roads"], 14, 13721, 6695, ALL))["base.roads"]
    assert "local" in {feature["class"] for feature in near}
    blocks = [decode(render_tile(LAYERS["base.blocks"], *tile, ALL)) for tile in ((9, 428, 209), (13, 6860, 3347))]
    kinds = [{feature["class"] for feature in tile["base.blocks"]} for tile in blocks]
    assert kinds[0] == {"urban"} and "residential" in kinds[1]
    with pytest.raises(ValueError, match="12"):
        render_tile(LAYERS["base.buildings"], 12, 3430, 1673, ALL)


def test_far_zooms_are_read_from_an_index_of_their_own(town):
    run()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for name, zoom, x, y, index in (
            ("base.blocks", 9, 428, 209, "geo_base_block_far"),
            ("base.roads", 9, 428, 209, "geo_base_road_far"),
            ("base.roads", 14, 13721, 6695, "geo_base_road "),
        ):
            cursor.execute("EXPLAIN " + tile_sql(LAYERS[name], zoom, x, y, ALL)[0], [])
            assert index in "\n".join(row[0] for row in cursor.fetchall())


def test_no_tile_of_the_city_is_heavy(town):
    run()
    for layer in BASE_LAYERS:
        for zoom, x, y in ((10, 857, 418), (12, 3430, 1673), (14, 13721, 6695)):
            if layer.min_zoom <= zoom <= layer.max_zoom:
                assert len(render_tile(layer, zoom, x, y, ALL)) < 300_000, (layer.name, zoom)


def features(path: Path, *rows: tuple[shapely.Geometry | None, dict[str, object]]) -> Path:
    listed = [
        {"type": "Feature", "properties": facts, "geometry": None if shape is None else shapely.geometry.mapping(shape)}
        for shape, facts in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": listed}, ensure_ascii=False))
    return path


def line(x: float, y: float) -> shapely.LineString:
    return shapely.LineString([(x, y), (x + 0.01, y + 0.01)])


def test_a_file_replaces_its_kind_only_and_refuses_rows_with_reasons(town, tmp_path):
    run()
    before = counts()
    file = features(
        tmp_path / "r.geojson",
        (line(121.5, 31.2), {"n": "人民路", "highway": "primary"}),
        (line(121.5, 31.25), {"n": None, "highway": "次干路"}),
        (line(121.5, 31.26), {"n": "小路", "highway": "footway"}),
        (None, {"n": "无", "highway": "primary"}),
        (line(21.5, 31.2), {"n": "远", "highway": "primary"}),
        (shapely.box(121.5, 31.2, 121.51, 31.21), {"n": "面", "highway": "primary"}),
    )
    out, err = run("--from", file, "--kind", "road", "--name-field", "n", "--class-field", "highway")
    assert "道路 3" in out and "未采用 3 行" in err
    assert all(
        word in err for word in ("第 4 行：没有图形", "第 5 行：远在城市范围之外", "第 6 行：图形类型是 Polygon")
    )
    roads = BaseFeature.objects.filter(kind="road").order_by("pk")
    found = list(roads.values_list("name", "category", "min_zoom", "generated"))
    assert found == [("人民路", "trunk", 8, False), ("", "arterial", 10, False), ("小路", "local", 13, False)]
    assert {**counts(), "road": before["road"]} == before
    assert attribution_of("road") == "r.geojson" and "示意" in attribution_of("water")
    # From now on the drawing comes back only where it is asked for.
    assert run()[0].strip() == "未变"
    run("--redraw", "--kind", "road")
    assert counts() == before
    run("--remove", "--kind", "road")
    assert "road" not in counts()


def test_a_file_of_another_datum_lands_where_it_should(town, tmp_path):
    lake = shapely.box(121.45, 31.2, 121.46, 31.21)
    frame = geopandas.GeoDataFrame({"名": ["湖"]}, geometry=[geometry_from_wgs84(lake, "gcj02")], crs=4326)
    frame.to_file(tmp_path / "w.gpkg")
    run("--from", tmp_path / "w.gpkg", "--kind", "water", "--datum", "gcj02", "--name-field", "名")
    (stored,) = BaseFeature.objects.filter(kind="water")
    assert stored.name == "湖" and stored.geometry.extent == pytest.approx(lake.bounds, abs=1e-6)


def test_a_useless_file_changes_nothing(town, tmp_path):
    run()
    before = counts()
    file = features(tmp_path / "b.geojson", (line(121.5, 31.2), {}))
    with pytest.raises(CommandError, match=r"没有可用的行.*LineString"):
        run("--from", file, "--kind", "building")
    with pytest.raises(CommandError, match="--kind"):
        run("--from", file)
    assert counts() == before


def test_buildings_become_a_tileset_that_names_its_source(town, tmp_path, settings, client):
    settings.VAR_DIR = tmp_path
    run()
    out = StringIO()
    call_command("buildings", stdout=out)
    entry = json.loads((tmp_path / "tilesets" / "buildings" / "tileset.json").read_text())
    assert entry["asset"]["extras"]["buildings"] == counts()["building"]
    assert "示意" in entry["asset"]["extras"]["attribution"]


def test_the_catalogue_says_where_the_data_come_from(town, client):
    run()
    client.force_login(get_user_model().objects.create_user(username="officer", password="a-long-password-1"))
    layers = {layer["name"]: layer for layer in client.get("/tiles/catalog.json").json()["layers"]}
    assert "示意" in layers["base.roads"]["attribution"] and layers["regions"]["attribution"] == ""
    # A real city has millions of features, and every page asks: they are not read again before they change.
    with CaptureQueriesContext(connection) as asked:
        client.get("/tiles/catalog.json")
    assert not [query for query in asked if "geo_basefeature" in query["sql"]]
    BaseFeature.objects.filter(kind="road").update(generated=False, source="测绘院")
    layers = {layer["name"]: layer for layer in client.get("/tiles/catalog.json").json()["layers"]}
    assert layers["base.roads"]["attribution"] == "测绘院"


def test_real_roads(town, tmp_path):
    file = DATA / "basemap-osm" / "shanghai_roads_osm.geojson"
    if not file.is_file():
        pytest.skip("no shared data beside the checkout")
    words = ("--name-field", "name", "--class-field", "highway", "--attribution", "© OpenStreetMap contributors")
    run("--from", file, "--kind", "road", *words)
    assert BaseFeature.objects.filter(kind="road").count() > 600
    assert {"trunk", "local"} <= set(BaseFeature.objects.filter(kind="road").values_list("category", flat=True))
    assert attribution_of("road") == "© OpenStreetMap contributors"
