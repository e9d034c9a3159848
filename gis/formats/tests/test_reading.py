"""Files as people have them, through the process that reads them: what comes out, and what is said about it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.formats import FormatError, inspect_upload, read_features, write_features

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no shared data beside the checkout")
SQUARE = shapely.box(121.4, 31.2, 121.5, 31.3)


def saved(tmp_path: Path, written) -> Path:
    path = tmp_path / written.name
    path.write_bytes(written.content)
    return path


def geojson(tmp_path: Path, *geometries, **more) -> Path:
    features = [{"type": "Feature", "properties": {"名称": f"{i}"}, "geometry": g} for i, g in enumerate(geometries)]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def test_a_gbk_shapefile_in_gcj02_lands_right(tmp_path):
    made = write_features([SQUARE], {"名称": ["外高桥保税区"]}, "shp", datum="gcj02", encoding="gbk", name="围栏")
    path = saved(tmp_path, made)
    with zipfile.ZipFile(path) as archive:
        assert not any(name.endswith(".prj") for name in archive.namelist())
    found = inspect_upload(path, path.name)
    (layer,) = found.layers
    assert found.format == "shp" and layer.count == 1 and layer.geometry_types == {"Polygon": 1}
    assert layer.encoding == "gb18030" and layer.columns[0].samples == ("外高桥保税区",)
    assert layer.crs is None and {note.key for note in layer.notes} == {"no_crs"}
    # No .prj: asked for, never assumed.
    with pytest.raises(FormatError, match="没有注明坐标系"):
        read_features(path, path.name)
    reading = read_features(path, path.name, datum_or_crs="gcj02")
    assert shapely.equals_exact(reading.geometry[0].normalize(), SQUARE.normalize(), tolerance=1e-9)
    assert not shapely.equals_exact(reading.original[0].normalize(), SQUARE.normalize(), tolerance=1e-3)
    assert reading.attributes(0) == {"名称": "外高桥保税区"} and reading.datum == "gcj02"


@pytest.mark.parametrize("kind", ["geojson", "gpkg", "kml", "csv", "xlsx", "dxf"])
def test_every_format_comes_back(tmp_path, kind):
    datum = "wgs84" if kind == "kml" else "cgcs2000-gk3-40"
    shapes = [SQUARE, shapely.box(121.1, 31.0, 121.2, 31.1)]
    fields = {"名称": ["重点区域甲", "=1+1"], "数量": [1, None], "layer": ["红线", "蓝线"]}
    path = saved(tmp_path, write_features(shapes, fields, kind, datum=datum, name="区域"))
    layer = "红线" if kind == "dxf" else None
    reading = read_features(path, path.name, layer=layer, datum_or_crs=datum, types={"Polygon", "MultiPolygon"})
    assert shapely.equals_exact(reading.geometry[0].normalize(), SQUARE.normalize(), tolerance=1e-9)
    if kind != "dxf":
        assert reading.fields["名称"].tolist() == ["重点区域甲", "=1+1"] and not reading.refusals
        assert [str(v) if v is not None else None for v in reading.fields["数量"]] == ["1", None]
    else:
        assert [refusal.reason for refusal in reading.refusals] == ["wrong_type"]  # the name, drawn as a text


def test_a_shifted_geojson_of_ours_says_so_and_one_of_others_is_doubted(tmp_path):
    path = saved(tmp_path, write_features([SQUARE], {}, "geojson", datum="bd09"))
    layer = inspect_upload(path, path.name).layers[0]
    assert layer.crs is not None and layer.crs.datum == "bd09" and not layer.crs.by_standard
    plain = inspect_upload(geojson(tmp_path, shapely.geometry.mapping(SQUARE)), "b.geojson").layers[0]
    assert plain.crs is not None and plain.crs.datum == "wgs84" and plain.crs.by_standard
    assert "GCJ-02" in next(note.text for note in plain.notes if note.key == "standard_datum")


def test_rows_are_refused_one_by_one_and_repairs_are_only_offered(tmp_path):
    bow = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]
    path = geojson(
        tmp_path,
        shapely.geometry.mapping(SQUARE),
        {"type": "Polygon", "coordinates": [bow]},
        {"type": "Polygon", "coordinates": [[[121.4, 31.2], [121.5, 31.2], [121.5, 31.3]]]},
        {"type": "Polygon", "coordinates": [[[31.2, 121.4], [31.2, 121.5], [31.3, 121.5], [31.2, 121.4]]]},
        None,
        {"type": "Polygon", "coordinates": []},
        {"type": "Point", "coordinates": [float("nan"), 31.2]},
        {"type": "Point", "coordinates": ["121.4", 31.2]},
        {"type": "Point", "coordinates": [521.4, 31.2]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [121, 31]}]},
        {"type": "LineString", "coordinates": [[121.4, 31.2, 5.0], [121.5, 31.3, 7.0]]},
    )
    reading = read_features(path, path.name)
    assert reading.rows.tolist() == [1, 11]
    assert {refusal.row: refusal.reason for refusal in reading.refusals} == {
        2: "self_crossing",
        3: "unclosed_ring",
        4: "axes_swapped",
        5: "no_geometry",
        6: "empty_geometry",
        7: "not_finite",
        8: "coordinates_unreadable",
        9: "out_of_range",
        10: "collection",
    }
    texts = {refusal.row: refusal.text for refusal in reading.refusals}
    assert "(121.45, 31.25)" in texts[2] and "交换两轴" in texts[4] and "闭合" in texts[3]
    # Heights are told of, kept in the original, and not in what the map uses.
    assert "5.0 至 7.0" in next(note.text for note in reading.notes if note.key == "heights")
    assert reading.original[1].has_z and not reading.geometry[1].has_z
    assert {offer.row: offer.fixes for offer in reading.offers} == {2: ("make_valid",), 3: ("close_ring",)}
    assert reading.offers[0].before is not None and reading.offers[0].after.geom_type == "MultiPolygon"
    taken = read_features(path, path.name, repair={"make_valid", "close_ring"}, repair_rows={2})
    assert taken.rows.tolist() == [1, 2, 11] and taken.repaired == {2: ("make_valid",)}
    assert shapely.is_valid(taken.geometry).all()
    swapped = read_features(path, path.name, swap_axes=True)
    assert swapped.rows.tolist() == [4]


def test_surveyors_tables_degrees_and_wkt(tmp_path):
    path = tmp_path / "控制点.csv"
    path.write_bytes("点名,X,Y\nA1,3453993.14,40633432.30\nA2,,40633432.30\nA3,北,40633432\n".encode("gbk"))
    found = inspect_upload(path, path.name)
    assert found.layers[0].geometry_columns == {"x": "Y", "y": "X"} and found.layers[0].encoding == "gb18030"
    assert "测量习惯" in " ".join(note.text for note in found.layers[0].notes)
    reading = read_features(path, path.name, datum_or_crs="cgcs2000-gk3-40")
    assert reading.rows.tolist() == [2] and (reading.geometry[0].x, reading.geometry[0].y) == pytest.approx(
        (121.4, 31.2), abs=1e-6
    )
    assert {r.row: r.reason for r in reading.refusals} == {3: "coordinate_missing", 4: "coordinate_no_number"}
    path.write_text("名称;经度;纬度\n甲;121°28′25.2″;31°13.8′\n")
    reading = read_features(path, path.name, datum_or_crs="wgs84", columns={"x": "经度", "y": "纬度"})
    assert shapely.get_coordinates(reading.geometry)[0] == pytest.approx((121 + 28 / 60 + 25.2 / 3600, 31.23))
    with pytest.raises(FormatError, match="没有字段“经”"):
        read_features(path, path.name, datum_or_crs="wgs84", columns={"x": "经", "y": "纬度"})
    path.write_text("id,geom\n1,SRID=4490;POINT(121.4 31.2)\n2,POLYGON((1 1\n3,hello\n")
    reading = read_features(path, path.name)
    assert reading.datum == "cgcs2000" and reading.rows.tolist() == [2]
    assert [refusal.reason for refusal in reading.refusals] == ["broken_wkt", "broken_wkt"]


def test_old_chinese_systems_need_a_calibration(tmp_path):
    path = geojson(
        tmp_path, shapely.geometry.mapping(SQUARE), crs={"type": "name", "properties": {"name": "EPSG:2437"}}
    )
    layer = inspect_upload(path, path.name).layers[0]
    assert layer.crs is not None and layer.crs.datum is None and "Beijing 1954" in layer.crs.name
    with pytest.raises(FormatError, match="坐标标定"):
        read_features(path, path.name)


@needs_data
def test_shapefiles_of_two_cities(tmp_path):
    """One set declares UTF-8, the other GBK; one layer has no declaration at all."""
    for folder, layer, column, value in (
        ("basemap-osm/cityscope-shanghai-siping", "amenities", "name", "新华"),
        ("trajectories/xian-map-matching", "modifiedConn_link", "road_name", "神舟大道"),
    ):
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for part in (DATA / folder).glob(f"{layer}.*"):
                archive.write(part, part.name)
        reading = read_features(path, path.name, layer=layer)
        assert value in reading.fields[column].tolist() and not reading.refusals
        assert np.isfinite(shapely.bounds(reading.geometry)).all()


@needs_data
def test_amaps_districts_say_that_they_may_be_shifted():
    path = DATA / "boundaries" / "shanghai_districts_amap_GCJ02_cnmaps.geojson"
    as_said, as_is = read_features(path, path.name), read_features(path, path.name, datum_or_crs="gcj02")
    assert "standard_datum" in {note.key for note in as_said.notes} and len(as_is) == 16
    moved = shapely.distance(shapely.centroid(as_said.geometry), shapely.centroid(as_is.geometry))
    assert (moved > 0.003).all()
