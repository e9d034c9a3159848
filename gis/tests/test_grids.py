"""Cells, spreading, refilling, grades, rasters, pictures and files of risk grids."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from pyproj import Geod
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from gis.crs import from_wgs84, to_wgs84
from gis.exceptions import GridError
from gis.grids.field import fill, refill
from gis.grids.files import geoparquet, geotiff
from gis.grids.grading import Grade, Thresholds, summarize
from gis.grids.lattice import H3Grid, SquareGrid, plane_of
from gis.grids.paint import picture, tile_cells
from gis.grids.rasters import Raster, onto
from gis.grids.spread import Combine, Decay, Sources, Spread, spread

REGION = shapely.Polygon([(121.40, 31.20), (121.46, 31.20), (121.46, 31.26), (121.43, 31.27), (121.40, 31.26)])
GRIDS = [SquareGrid(500), SquareGrid(100), H3Grid(9)]
every_grid = pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.key)


def some_points(n, seed=1):
    rng = np.random.default_rng(seed)
    return Sources.points(
        rng.permutation(n), rng.uniform(121.39, 121.47, n), rng.uniform(31.19, 31.28, n), rng.uniform(0.1, 2, n)
    )


def some_shapes(n, seed=2):
    rng = np.random.default_rng(seed)
    at = shapely.points(rng.uniform(121.40, 121.46, n), rng.uniform(31.20, 31.26, n))
    shapes = shapely.buffer(at, 0.002)
    shapes[::2] = shapely.boundary(shapes[::2])
    return Sources.shapes(np.arange(n), shapes, rng.uniform(0.1, 2, n))


def test_squares_are_aligned_to_the_plane():
    cells = SquareGrid(500).cells(REGION)
    assert cells.epsg == 4549
    assert not ((cells.x - 250) % 500).any() and not ((cells.y - 250) % 500).any()
    assert (np.diff(cells.id) > 0).all()
    neighbour = SquareGrid(500).cells(shapely.transform(REGION, lambda p: p + np.array([0.03, 0])))
    both = np.intersect1d(cells.id, neighbour.id)
    assert len(both)
    for mine, theirs in zip(cells.degrees, neighbour.degrees, strict=True):
        assert np.array_equal(mine[np.isin(cells.id, both)], theirs[np.isin(neighbour.id, both)])


@every_grid
def test_cells_cover_the_region(grid):
    cells = grid.cells(REGION)
    outlines = cells.outlines(np.arange(len(cells)))
    assert shapely.union_all(outlines).buffer(1e-9).covers(REGION)
    assert shapely.intersects(outlines, REGION.buffer(1e-6)).all()
    assert np.array_equal(cells.locate(*cells.degrees), np.arange(len(cells)))
    assert cells.locate(np.array([100.0, np.nan]), np.array([31.0, 31.0])).tolist() == [-1, -1]


@every_grid
def test_a_cell_belongs_to_the_shape_with_its_centre_or_else_to_the_nearest(grid):
    cells = grid.cells(REGION)
    halves = [shapely.intersection(REGION, shapely.box(121, 31, 121.43, 32)),
              shapely.intersection(REGION, shapely.box(121.43, 31, 122, 32))]  # fmt: skip
    at = cells.regions(halves)
    lon, lat = cells.degrees
    assert set(at.tolist()) == {0, 1}
    sure = [shapely.contains_xy(half, lon, lat) for half in halves]
    assert (at[sure[0]] == 0).mean() > 0.99 and (at[sure[1]] == 1).mean() > 0.99
    assert (cells.regions([]) == -1).all()


@every_grid
def test_near_finds_the_centres_in_boxes(grid):
    cells = grid.cells(REGION)
    rng = np.random.default_rng(3)
    corner = np.stack([rng.uniform(cells.x.min() - 900, cells.x.max() + 900, 60),
                       rng.uniform(cells.y.min() - 900, cells.y.max() + 900, 60)], 1)  # fmt: skip
    boxes = np.hstack([corner, corner + rng.uniform(0, 1500, (60, 2))])
    boxes[0] = [0, 0, -1, -1]
    box, cell = cells.near(boxes)
    assert (np.diff(box) >= 0).all()
    for number, (west, south, east, north) in enumerate(boxes):
        inside = (cells.x >= west) & (cells.x <= east) & (cells.y >= south) & (cells.y <= north)
        assert sorted(cell[box == number].tolist()) == np.flatnonzero(inside).tolist()


@every_grid
@pytest.mark.parametrize("decay", Decay)
@pytest.mark.parametrize("sources", [some_points(40), some_shapes(20)], ids=["points", "shapes"])
def test_spreading_is_what_its_definition_says(grid, decay, sources):
    cells = grid.cells(REGION)
    how = Spread(800, decay)
    kernel = {"constant": lambda t: 1, "linear": lambda t: 1 - t, "quartic": lambda t: (1 - t**2) ** 2}[decay]
    x, y = from_wgs84(sources.lon, sources.lat, "epsg:4549", strict=False)
    expected = np.zeros(len(cells))
    weights = np.zeros(len(cells))
    for k, weight in enumerate(sources.weight.tolist()):
        if sources.shape is None:
            away = np.hypot(cells.x - x[k], cells.y - y[k])
        else:
            flat = shapely.transform(
                sources.shape[k], lambda p: np.column_stack(from_wgs84(p[:, 0], p[:, 1], "epsg:4549"))
            )
            away = shapely.distance(flat, shapely.points(cells.x, cells.y))
        t = np.maximum(away - cells.inner_m, 0) / 800
        part = np.where(t < 1, kernel(np.minimum(t, 1)), 0.0)
        expected += part * weight
        weights += part
    assert np.allclose(spread(cells, sources, how), expected, atol=1e-9)
    mean = spread(cells, sources, Spread(800, decay, Combine.MEAN))
    assert np.array_equal(np.isnan(mean), weights == 0)
    assert np.allclose(mean[weights > 0], (expected / np.where(weights, weights, 1))[weights > 0])


def test_the_plane_is_true_to_scale():
    """A kilometre on the ellipsoid is a kilometre between cells, to some parts in ten thousand."""
    cells = SquareGrid(100).cells(REGION)
    lon, lat = cells.degrees
    at = np.array([0, len(cells) - 1])
    true_m = Geod(ellps="GRS80").inv(lon[at[0]], lat[at[0]], lon[at[1]], lat[at[1]])[2]
    assert np.hypot(*(np.diff(each[at])[0] for each in (cells.x, cells.y))) == pytest.approx(true_m, rel=5e-4)


@every_grid
def test_refilling_gives_what_filling_would_and_touches_little(grid):
    cells = grid.cells(REGION)
    spreads = {"points": Spread(300), "shapes": Spread(300, Decay.LINEAR), "mean": Spread(500, combine=Combine.MEAN)}
    before = {"points": some_points(300), "shapes": some_shapes(30), "mean": some_points(50, 9)}
    field = fill(cells, spreads, before)
    points, shapes = before["points"], before["shapes"]
    moved, weight = points.lon.copy(), points.weight.copy()
    moved[5] += 0.004
    weight[9] *= 3
    points = Sources(points.key, moved, points.lat, weight).take(points.key != 17)
    added = Sources.points([*points.key, 5000], [*points.lon, 121.43], [*points.lat, 31.23], [*points.weight, 1.0])
    bent = shapes.shape.copy()
    bent[3] = shapely.transform(bent[3], lambda p: p + 0.001)
    after = {"points": added, "shapes": Sources(shapes.key, shapes.lon, shapes.lat, shapes.weight, bent),
             "mean": before["mean"]}  # fmt: skip
    found, changed, count = refill(field, after)
    whole = fill(cells, spreads, after)
    assert count == 5
    for name in spreads:
        assert np.allclose(found.values[name], whole.values[name], atol=1e-12, equal_nan=True), name
        differs = ~np.isclose(field.values[name], whole.values[name], atol=1e-12, equal_nan=True)
        assert not (differs & ~changed).any()
    assert 0 < changed.mean() < 0.6
    same, none, nothing = refill(found, after)
    assert (nothing, int(none.sum())) == (0, 0)
    assert same.values["points"] is found.values["points"]


def test_refilling_takes_sources_that_come_and_go_altogether():
    cells = SquareGrid(500).cells(REGION)
    none, some = Sources.points([], [], [], []), some_points(10)
    spreads = {"a": Spread(600)}
    empty = fill(cells, spreads, {"a": none})
    full, _changed, count = refill(empty, {"a": some})
    assert count == 10 and np.allclose(full.values["a"], spread(cells, some, spreads["a"]))
    again, _changed, count = refill(full, {"a": none})
    assert count == 10 and not again.values["a"].any()


def test_sources_that_are_nowhere_mean_nothing():
    cells = SquareGrid(500).cells(REGION)
    assert len(Sources.points([1, 2], [np.nan, 121.43], [31.2, 31.2], [1, np.inf])) == 0
    assert len(Sources.shapes([1, 2], [shapely.Point(), None], [1, 1])) == 0
    far = Sources.points([1], [-70.0], [-30.0], [1.0])
    assert not spread(cells, far, Spread(500)).any()
    beyond = Sources.shapes(
        [1, 2], [shapely.box(-70, -30, -69, -29), shapely.box(121.43, 31.23, 121.44, 31.24)], [5, 1]
    )
    assert spread(cells, beyond, Spread(500)).max() == 1


@pytest.mark.parametrize("make", [
    lambda: SquareGrid(333), lambda: H3Grid(14), lambda: Spread(0), lambda: Spread(np.nan),
    lambda: Thresholds(1, 3, 2), lambda: Thresholds(1, 1, 2), lambda: Thresholds(np.nan, 1, 2),
    lambda: SquareGrid(500).cells(shapely.Polygon()), lambda: SquareGrid(500).cells(shapely.Point(121, 31)),
    lambda: SquareGrid(100).cells(shapely.box(110, 20, 130, 40)), lambda: plane_of(shapely.box(-10, 0, -5, 5)),
])  # fmt: skip
def test_what_cannot_be_is_refused(make):
    with pytest.raises(GridError):
        make()


def test_grades_of_a_risk_rise_and_those_of_a_control_fall():
    values = np.array([np.nan, 0, 19.9, 20, 39, 40, 60, 100])
    assert Thresholds(20, 40, 60).grade(values).tolist() == [0, 1, 1, 2, 2, 3, 4, 4]
    assert Thresholds(80, 60, 40).grade(np.array([np.nan, 100, 80, 61, 60, 41, 40, 0])).tolist() == [
        0, 1, 2, 2, 3, 3, 4, 4,
    ]  # fmt: skip


def test_a_region_is_as_bad_as_its_worst_tenth():
    values = np.append(np.arange(1.0, 101.0), np.nan)
    risk = summarize(values, Thresholds(20, 40, 60))
    assert (risk.value, risk.mean, risk.worst) == (95.5, 50.5, 100)
    assert (risk.grade, risk.cells) == (Grade.RED, (1, 19, 20, 20, 41))
    control = summarize(values, Thresholds(80, 60, 40))
    assert (control.value, control.worst, control.grade) == (5.5, 1, Grade.RED)
    assert summarize(np.array([np.nan]), Thresholds(20, 40, 60)).grade is Grade.NONE


@every_grid
def test_a_raster_falls_onto_the_cells(grid):
    cells = grid.cells(REGION)
    step = 0.0005
    lon = np.arange(121.38, 121.48, step) + step / 2
    lat = np.arange(31.29, 31.18, -step) - step / 2
    values = np.add.outer(lat * 100, lon * 10)
    values[:, lon < 121.40] = np.nan
    raster = Raster(values, Affine(step, 0, 121.38, 0, -step, 31.29), "EPSG:4326")
    found = onto(cells, raster)
    at_lon, at_lat = cells.degrees
    sure = (at_lon > 121.407) & (at_lat > 31.19)
    assert np.allclose(found[sure], (at_lat * 100 + at_lon * 10)[sure], atol=0.06)
    nowhere = Raster(np.ones((2, 2)), Affine(1, 0, 10, 0, -1, 10), "EPSG:4326")
    assert np.isnan(onto(cells, nowhere)).all()


def test_a_tile_shows_each_cell_where_it_is():
    cells = SquareGrid(500).cells(REGION)
    z, x, y = 14, 13718, 6694
    at = tile_cells(cells, z, x, y)
    assert at.shape == (256, 256)
    n = 256 << z
    row, column = np.nonzero(at >= 0)
    assert len(row)
    lon = (x * 256 + column + 0.5) / n * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y * 256 + row + 0.5) / n))))
    east, north = from_wgs84(lon, lat, "epsg:4549")
    shown = at[row, column]
    assert (np.abs(cells.x[shown] - east) <= 250).all() and (np.abs(cells.y[shown] - north) <= 250).all()


def test_a_picture_is_a_png_with_its_palette():
    colours = (np.arange(12) % 3).astype(np.uint8).reshape(3, 4)
    png = picture(colours, [(0, 0, 0, 0), (255, 0, 0, 128), (1, 2, 3, 255)])
    with MemoryFile(png) as memory, pytest.warns(NotGeoreferencedWarning), memory.open() as file:
        assert (file.driver, file.width, file.height) == ("PNG", 4, 3)
        assert np.array_equal(file.read(1), colours)
        assert file.colormap(1)[1] == (255, 0, 0, 128)
    assert struct.unpack(">I", png[-4:])[0] == zlib.crc32(b"IEND")


def test_the_geotiff_is_cloud_optimised_and_the_right_way_up(tmp_path):
    cells = SquareGrid(500).cells(REGION)
    data = geotiff(cells, {"a": cells.y, "b": cells.x}, {"sandtable_grid": "x.y"})
    with MemoryFile(data) as memory, memory.open() as file:
        assert (file.crs.to_epsg(), file.dtypes[0], file.count) == (4549, "float32", 2)
        assert file.descriptions == ("a", "b")
        assert file.tags()["sandtable_grid"] == "x.y"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        for x, y, (a, b) in zip(cells.x, cells.y, file.sample(zip(cells.x, cells.y, strict=True)), strict=True):
            assert (a, b) == (np.float32(y), np.float32(x))
        assert np.isnan(file.read(1)).sum() == file.width * file.height - len(cells)
    with pytest.raises(GridError):
        geotiff(H3Grid(8).cells(REGION), {"a": np.zeros(1)}, {})


@every_grid
def test_the_geoparquet_is_read_by_others(grid):
    cells = grid.cells(REGION)
    at = np.arange(0, len(cells), 7)
    data = geoparquet(cells, at, {"value": cells.x[at]}, {"sandtable_grid": "x.y"})
    frame = geopandas.read_parquet(io.BytesIO(data))
    assert frame.crs.to_string() == "OGC:CRS84"
    assert frame["cell"].tolist() == cells.id[at].tolist()
    lon, lat = (each[at] for each in cells.degrees)
    assert shapely.contains_xy(frame.geometry.to_numpy(), lon, lat).all()
    assert json.loads(pq.read_metadata(io.BytesIO(data)).metadata[b"geo"])["version"] == "1.1.0"
    assert len(geopandas.read_parquet(io.BytesIO(geoparquet(cells, at[:0], {"value": cells.x[:0]}, {})))) == 0


def test_rasterio_and_geodjango_use_their_own_libraries_side_by_side():
    """Both lose their way where one sets the other's folders."""
    from django.contrib.gis.geos import Point

    assert not {"PROJ_LIB", "PROJ_DATA", "GDAL_DATA"} & set(os.environ)
    point = Point(121.43, 31.23, srid=4326)
    point.transform(4549)
    assert (point.x, point.y) == pytest.approx(from_wgs84(121.43, 31.23, "epsg:4549"), abs=1e-3)
    assert rasterio.crs.CRS.from_epsg(4549).is_projected
    assert to_wgs84(point.x, point.y, "epsg:4549") == pytest.approx((121.43, 31.23), abs=1e-9)
