"""Footprints become tilesets that hold to the standards, building by building."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command
from pyproj import Transformer

from gis.crs import geometry_from_wgs84
from gis.exceptions import VectorFileError
from gis.geodesy import area_m2
from gis.tests.tileset_rules import RuleBrokenError, Tile, check_tileset, read_entry
from gis.tileset import Buildings, write_tileset

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LON, LAT = 121.5, 31.23
DEGREE_M = 111_195.0


def square(x_m: float, y_m: float, side_m: float = 20.0) -> shapely.Polygon:
    """A square at metres east and north of the middle."""
    k = np.cos(np.radians(LAT))
    return shapely.box(
        LON + x_m / DEGREE_M / k, LAT + y_m / DEGREE_M,
        LON + (x_m + side_m) / DEGREE_M / k, LAT + (y_m + side_m) / DEGREE_M,
    )  # fmt: skip


def town(count: int, rng: np.random.Generator) -> Buildings:
    shapes = np.array([square(x, y) for x, y in rng.uniform(-9_000, 9_000, (count, 2))], dtype=object)
    return Buildings(shapes, rng.uniform(4, 300, count), [f"B{i}" for i in range(count)], ["楼"] * count)


def one(shape: shapely.Geometry, height_m: float) -> Buildings:
    return Buildings(np.array([shape], dtype=object), np.array([height_m]), ["1"], ["塔楼"])


def areas(tile: Tile) -> tuple[float, float]:
    """Area of roofs and of walls."""
    a, b, c = (tile.local[tile.triangle[:, k]] for k in range(3))
    size = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    roof = tile.normal[tile.triangle[:, 0], 2] > 0.5
    return float(size[roof].sum()), float(size[~roof].sum())


def ground(tile: Tile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees and ellipsoidal heights of a tile's vertices, by PROJ."""
    return Transformer.from_crs(4978, 4979, always_xy=True).transform(*tile.position.T)


def test_a_courtyard_is_open_and_walled(tmp_path):
    yard = square(0, 0, 60).difference(square(15, 15, 30))
    write_tileset(tmp_path / "t", one(yard, 24.0), base_m=10.0)
    (tile,) = check_tileset(tmp_path / "t")
    roof, walls = areas(tile)
    assert roof == pytest.approx(area_m2(yard), rel=2e-3)
    assert walls == pytest.approx((4 * 60 + 4 * 30) * 24, rel=5e-3)
    # Inner walls look into the yard: no wall faces away from open ground.
    wall = np.abs(tile.normal[:, 2]) < 0.5
    middle = tile.local[wall].mean(axis=0)
    offset = tile.local[wall][:, :2] - middle[:2]
    towards = np.einsum("ij,ij->i", offset, tile.normal[wall][:, :2])
    inner = np.hypot(*offset.T) < 25
    assert (towards[inner] < 0).all() and (towards[~inner] > 0).all()


def test_vertices_are_where_the_footprint_is(tmp_path):
    write_tileset(tmp_path / "t", one(square(0, 0), 100.0), base_m=12.5)
    (tile,) = check_tileset(tmp_path / "t")
    lon, lat, height = ground(tile)
    wanted = shapely.get_coordinates(square(0, 0))
    assert set(np.round(height, 2)) == {12.5, 112.5}
    for point in wanted:
        assert np.hypot((lon - point[0]) * DEGREE_M, (lat - point[1]) * DEGREE_M).min() < 0.003


def test_a_building_of_several_parts_is_one(tmp_path):
    parts = shapely.MultiPolygon([square(0, 0), square(100, 0)])
    write_tileset(tmp_path / "t", one(parts, 30.0))
    (tile,) = check_tileset(tmp_path / "t")
    assert tile.identifiers == ["1"] and tile.names == ["塔楼"]
    assert areas(tile)[0] == pytest.approx(800, rel=5e-3)


def test_many_buildings_make_a_tree_that_has_each_once(tmp_path):
    buildings = town(6_000, np.random.default_rng(7))
    report = write_tileset(tmp_path / "t", buildings)
    tiles = check_tileset(tmp_path / "t")
    assert report.tiles == len(tiles) > 12 and max(tile.depth for tile in tiles) >= 2
    ids = [identifier for tile in tiles for identifier in tile.identifiers]
    assert sorted(ids) == sorted(buildings.identifier)
    known = dict(zip(buildings.identifier, buildings.height_m, strict=True))
    for tile in tiles:
        assert tile.heights_m == pytest.approx([known[identifier] for identifier in tile.identifiers], rel=1e-6)
        low, high = (
            np.array([f(tile.local[tile.feature == i, 2]) for i in range(len(tile.identifiers))])
            for f in (np.min, np.max)
        )
        # Ten kilometres from the middle the vertical leans by a thousandth.
        assert high - low == pytest.approx(tile.heights_m, abs=0.1)
    # From afar the highest are there, and what is missing is no larger than the root admits.
    root = set(tiles[0].identifiers)
    sizes = dict(zip(buildings.identifier, buildings.size_m(), strict=True))
    missing = max(size for identifier, size in sizes.items() if identifier not in root)
    assert min(sizes[identifier] for identifier in root) >= missing == pytest.approx(tiles[0].error_m)


def test_a_tileset_is_replaced_whole_and_nothing_else_is(tmp_path):
    write_tileset(tmp_path / "t", town(900, np.random.default_rng(1)))
    write_tileset(tmp_path / "t", one(square(0, 0), 30.0))
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["r.glb", "tileset.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    other = tmp_path / "letters"
    other.mkdir()
    (other / "love.txt").write_text("…")
    with pytest.raises(VectorFileError, match="不予覆盖"):
        write_tileset(other, one(square(0, 0), 30.0))
    assert (other / "love.txt").is_file()


def feature(shape: object, **properties: object) -> dict[str, object]:
    geometry = shapely.geometry.mapping(shape) if isinstance(shape, shapely.Geometry) else shape
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def written(path: Path, features: list[dict[str, object]]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False))
    return path


def run(*words: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("buildings", *map(str, words), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_bad_rows_are_refused_one_by_one_with_reasons(tmp_path):
    bow = {"type": "Polygon", "coordinates": [[[121, 31], [121.001, 31.001], [121.001, 31], [121, 31.001], [121, 31]]]}
    file = written(
        tmp_path / "b.geojson",
        [
            feature(square(0, 0), h=20, n="一号楼"),
            feature(bow, h=20),
            feature(None, h=20),
            feature(shapely.Point(121, 31), h=20),
            feature(square(50, 0), h=-3),
            feature(square(100, 0), h=None),
            feature(square(150, 0), h=4_000),
            feature(square(200, 0, 0.2), h=10),
            feature(shapely.box(121, 31, 121.2, 31.2), h=10),
            feature(square(250, 0), h=None, levels="6层"),
            feature(square(300, 0), h=None, levels="六"),
            feature(shapely.transform(square(0, 0), lambda p: p[:, ::-1]), h=10),
        ],
    )
    out, err = run(file, "--height-field", "h", "--levels-field", "levels", "--name-field", "n", "-o", tmp_path / "t")
    (tile,) = check_tileset(tmp_path / "t")
    assert (tile.identifiers, tile.names) == (["1", "10"], ["一号楼", ""])
    assert tile.heights_m.tolist() == [20, 18]
    assert "建筑 2" in out
    reasons = dict(line.strip().removeprefix("第 ").split(" 行：") for line in err.splitlines()[1:])
    assert sorted(map(int, reasons)) == [2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
    words = {
        "2": "Self-intersection", "3": "没有图形", "4": "Point", "5": "不是正数", "6": "没有高度",
        "7": "超过 1000", "8": "不足", "9": "跨度", "11": "不是数字", "12": "超出坐标系",
    }  # fmt: skip
    assert all(word in reasons[row] for row, word in words.items())


# GeoJSON has degrees only.
@pytest.mark.parametrize(
    ("suffix", "datum"),
    [(suffix, datum) for suffix in (".geojson", ".gpkg", ".shp") for datum in ("wgs84", "gcj02")]
    + [(".gpkg", "epsg:4549"), (".shp", "epsg:4549")],
)
def test_every_format_and_datum_ends_at_the_same_place(tmp_path, suffix, datum):
    shape = geometry_from_wgs84(square(0, 0), datum)
    frame = geopandas.GeoDataFrame({"高度": [42.0]}, geometry=[shape], crs=4549 if datum == "epsg:4549" else 4326)
    file = tmp_path / f"b{suffix}"
    frame.to_file(file, encoding="utf-8")
    words = ["--datum", datum] if datum == "gcj02" else []
    run(file, "--height-field", "高度", "-o", tmp_path / "t", *words)
    (tile,) = check_tileset(tmp_path / "t")
    lon, lat, _height = ground(tile)
    west, south, east, north = square(0, 0).bounds
    assert (lon.min(), lat.min(), lon.max(), lat.max()) == pytest.approx((west, south, east, north), abs=3e-7)


@pytest.mark.django_db  # unknown datums are looked for among the calibrations
def test_a_file_that_says_too_little_is_refused_with_the_cure(tmp_path):
    file = written(tmp_path / "b.geojson", [feature(square(0, 0), height=20)])
    for words, cure in (
        ((), "--height-field"),
        (("--height-field", "heigth"), "height"),
        (("--height-field", "height", "--datum", "wgs48"), "wgs84"),
    ):
        with pytest.raises(CommandError, match=cure):
            run(file, "-o", tmp_path / "t", *words)
    geopandas.GeoDataFrame({"h": [9.0]}, geometry=[square(0, 0)], crs=4326).to_file(tmp_path / "b.shp")
    (tmp_path / "b.prj").unlink()
    with pytest.raises(CommandError, match="--datum"):
        run(tmp_path / "b.shp", "--height-field", "h", "-o", tmp_path / "t")
    (tmp_path / "b.csv").write_text("h\n1\n")
    (tmp_path / "no.gpkg").write_text("nothing")
    for name in ("b.csv", "no.gpkg", "missing.shp"):
        with pytest.raises(CommandError, match=name):
            run(tmp_path / name, "--default-height", "9", "-o", tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_real_footprints(tmp_path):
    file = DATA / "basemap-osm" / "shanghai_buildings_osm.geojson"
    if not file.is_file():
        pytest.skip("no shared data beside the checkout")
    _out, err = run(
        file, "--default-height", 12, "--name-field", "name", "--id-field", "osm_way_id", "-o", tmp_path / "t"
    )
    tiles = check_tileset(tmp_path / "t")
    frame = geopandas.read_file(file)
    good = frame.geometry[frame.geometry.is_valid]
    refused = int(err.split()[1]) if err else 0
    assert sum(len(tile.identifiers) for tile in tiles) == len(frame) - refused > 320
    roofs = sum(areas(tile)[0] for tile in tiles)
    assert roofs == pytest.approx(sum(area_m2(shape) for shape in good), rel=1e-3)
    assert "129体育馆" in {name for tile in tiles for name in tile.names}


BROKEN = [
    "assetTilesetVersionInvalidType",
    "assetVersionInvalidType",
    "assetVersionMissing",
    "assetVersionUnknown",
    "boundingVolumeBoxArrayInvalidElementType",
    "boundingVolumeBoxInvalidArrayLength",
    "boundingVolumeMissingProperty",
    "invalidJson",
    "tileGeometricErrorMissing",
    "tileGeometricErrorNegative",
    "tileGeometricErrorNotSmallerThanParentGeometricError",
    "tileInvalidType",
    "tileRefineInvalidValue",
    "tileRefineMissingInRoot",
    "tileRefineWrongType",
    "tileTransformInvalidArrayElementType",
    "tileTransformInvalidArrayLength",
    "tileTransformInvalidType",
    "tileTransformNonInvertible",
    "tileTransformNotAffine",
    "tilesetAssetMissing",
    "tilesetGeometricErrorMissing",
    "tilesetGeometricErrorNegative",
    "tilesetWithUnicodeBOM",
    "tileContentInvalidType",
    "tileChildrenEmptyArray",
]


@pytest.mark.parametrize("name", BROKEN)
def test_the_rules_catch_what_the_validator_of_the_standard_catches(name):
    file = DATA / "conformance" / "3dtiles-validator-tilesets" / f"{name}.json"
    if not file.is_file():
        pytest.skip("no shared data beside the checkout")
    with pytest.raises(RuleBrokenError):
        read_entry(file)


def test_the_rules_catch_a_spoilt_tile(tmp_path):
    write_tileset(tmp_path / "t", town(700, np.random.default_rng(2)))
    check_tileset(tmp_path / "t")
    for spoil in ("gone", "shrunk", "inside out"):
        folder = shutil.copytree(tmp_path / "t", tmp_path / spoil)
        if spoil == "gone":
            (folder / "r0.glb").unlink()
        elif spoil == "shrunk":
            entry = json.loads((folder / "tileset.json").read_text())
            entry["root"]["children"][0]["boundingVolume"]["box"][3] *= 0.5
            (folder / "tileset.json").write_text(json.dumps(entry))
        else:
            data = bytearray((folder / "r.glb").read_bytes())
            length = int.from_bytes(data[12:16], "little")
            gltf = json.loads(data[20 : 20 + length])
            accessor = gltf["accessors"][gltf["meshes"][0]["primitives"][0]["indices"]]
            at = 28 + length + gltf["bufferViews"][accessor["bufferView"]]["byteOffset"]
            data[at : at + 4] = data[at + 2 : at + 4] + data[at : at + 2]
            (folder / "r.glb").write_bytes(data)
        with pytest.raises(RuleBrokenError):
            check_tileset(folder)
