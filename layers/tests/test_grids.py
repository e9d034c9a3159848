"""Risk grids from their declaration to the doors: computed, brought up to date, kept, and shown within a scope."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import geopandas
import numpy as np
import pytest
import shapely
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from access.scope import WHOLE_CITY, Scope
from gis.grids.grading import Thresholds
from gis.grids.lattice import H3Grid, SquareGrid
from gis.grids.rasters import Raster
from gis.grids.spread import Combine, Decay, Sources, Spread
from gis.models import Region
from layers.contract import Factor, Index, LayerModule, RasterFactor, RiskGrid
from layers.exceptions import DeclarationError
from layers.grids import running
from layers.grids.ground import ground_of
from layers.registry import ModuleRegistry, registry
from layers.specs import describe
from layers.statistics import count
from twin.grids.models import GridRun, GridScore, GridThreshold
from twin.grids.store import forget, newest, read_run

pytestmark = pytest.mark.slow
RISE, FALL = Thresholds(20, 40, 60), Thresholds(80, 60, 40)
WEST_POINT, EAST_POINT = (121.25, 31.2), (121.75, 31.2)


class City:
    """What a module would read from its tables."""

    def __init__(self):
        self.rows = {1: (*WEST_POINT, 50.0), 2: (*EAST_POINT, 30.0)}
        self.scores = {1: (*WEST_POINT, 0.5)}
        self.height = None

    def sources(self, city, now):
        return self._points(self.rows)

    def shares(self, city, now):
        return self._points(self.scores)

    def raster(self, city, now):
        if self.height is None:
            return None
        return Raster(np.full((10, 10), self.height), Affine(0.1, 0, 121, 0, -0.1, 32), "EPSG:4326")

    @staticmethod
    def _points(rows):
        lon, lat, weight = np.array(list(rows.values()), float).reshape(-1, 3).T
        return Sources.points(list(rows), lon, lat, weight)


def declared(city, grid, **options):
    factors = (
        Factor("fires", "火点", Spread(3000, Decay.LINEAR), city.sources),
        Factor("kept", "看护", Spread(3000, combine=Combine.MEAN), city.shares),
        RasterFactor("height", "高程", city.raster, "m"),
    )
    indices = {
        "inherent": Index(lambda v: np.where(v["fires"] > 0, v["fires"] + np.nan_to_num(v["height"]), np.nan), RISE),
        "control": Index(lambda v: 100 * v["kept"], FALL),
        "composite": Index(lambda v: v["inherent"] * (1 - np.nan_to_num(v["control"]) / 200), RISE),
    }
    return RiskGrid(**{"id": "kites.risk", "title": "风险", "group": "飞行", "grid": grid, "factors": factors,
                       **indices, **options})  # fmt: skip


@pytest.fixture
def city():
    return City()


@pytest.fixture(params=[SquareGrid(1000), H3Grid(7)], ids=["square", "h3"])
def risk(request, city, town, monkeypatch):
    """The one risk grid there is, over the city of two districts."""
    grid = declared(city, request.param)
    only = ModuleRegistry()
    only.register("kites", LayerModule(key="kites", title="风筝", grids=(grid,)))
    only.freeze()
    for name, value in vars(only).items():
        monkeypatch.setattr(registry, name, value)
    monkeypatch.setattr(running, "_last", {})
    return grid


def value_at(run, grid, point, name="inherent"):
    ground = ground_of(grid.grid)
    at = ground.cells.locate(*(np.array([each]) for each in point))[0]
    return read_run(run.pk, ground.cells).columns[name][at]


def test_a_run_says_what_its_definition_says(risk):
    run = running.bring_up_to_date(risk, timezone.now())
    assert (run.sources, run.recomputed) == (3, run.cells)
    assert value_at(run, risk, WEST_POINT) > 45
    assert value_at(run, risk, WEST_POINT, "control") == 50
    assert value_at(run, risk, WEST_POINT, "composite") == pytest.approx(0.75 * value_at(run, risk, WEST_POINT))
    assert np.isnan(value_at(run, risk, (121.5, 31.4)))
    ground = ground_of(risk.grid)
    scores = {(row.region.code, row.index): row for row in GridScore.objects.select_related("region")}
    assert set(scores) == {(code, key) for code in ("310100", "310101") for key in risk.indices()}
    own = ground.above[scores["310100", "inherent"].region_id]
    known = np.sort(read_run(run.pk, ground.cells).columns["inherent"][own])
    known = known[~np.isnan(known)][::-1]
    assert scores["310100", "inherent"].value == pytest.approx(known[: max(1, round(len(known) / 10))].mean(), rel=1e-5)
    assert sum(scores["310100", "inherent"].cells) == len(own)
    assert scores["310101", "control"].value is None
    assert scores["310101", "control"].grade == 0


def test_what_changes_is_computed_again_and_nothing_else(risk, city):
    first = running.bring_up_to_date(risk, timezone.now())
    again = running.bring_up_to_date(risk, later := timezone.now())
    assert (again.pk, newest(risk.id).until) == (first.pk, later)
    city.rows[2] = (*EAST_POINT, 60.0)
    second = running.bring_up_to_date(risk, timezone.now())
    assert 0 < second.recomputed < first.cells / 10
    assert value_at(second, risk, EAST_POINT) == pytest.approx(2 * value_at(first, risk, EAST_POINT), rel=1e-5)
    assert value_at(second, risk, WEST_POINT) == value_at(first, risk, WEST_POINT)
    running._last.clear()
    GridRun.objects.filter(pk=second.pk).delete()
    whole = running.bring_up_to_date(risk, timezone.now())
    mine, theirs = (read_run(run.pk, ground_of(risk.grid).cells).columns for run in (whole, second))
    for name in mine:
        assert np.allclose(mine[name], theirs[name], equal_nan=True), name


def test_a_raster_that_changes_is_seen(risk, city):
    first = running.bring_up_to_date(risk, timezone.now())
    city.height = 10.0
    second = running.bring_up_to_date(risk, timezone.now())
    assert value_at(second, risk, WEST_POINT) == pytest.approx(value_at(first, risk, WEST_POINT) + 10)


def test_when_it_is_due(risk):
    now = timezone.now()
    assert running.is_due(risk, now)
    running.bring_up_to_date(risk, now)
    assert not running.is_due(risk, now + timedelta(minutes=5))
    assert running.is_due(risk, now + timedelta(minutes=10))
    row = GridThreshold.objects.get(grid=risk.id, index="inherent")
    row.red = 49
    row.save()
    assert running.is_due(risk, now)
    assert running.bring_up_to_date(risk, now + timedelta(seconds=1)).thresholds["inherent"] == [20, 40, 49]
    assert not running.is_due(risk, now + timedelta(seconds=2))


def test_thresholds_out_of_order_are_refused(risk):
    running.bring_up_to_date(risk, timezone.now())
    row = GridThreshold.objects.get(grid=risk.id, index="control")
    for change in ({"red": 70}, {"yellow": 10, "orange": 20, "red": 30}):
        for name, value in change.items():
            setattr(row, name, value)
        with pytest.raises(ValidationError):
            row.save()


def test_the_past_is_kept_thinned_and_in_the_end_forgotten(risk, city):
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    for minutes in range(0, 180, 30):
        city.rows[1] = (*WEST_POINT, 50.0 + minutes)
        running.bring_up_to_date(risk, now - timedelta(days=3) + timedelta(minutes=minutes))
    city.rows[1] = (*WEST_POINT, 1.0)
    last = running.bring_up_to_date(risk, now)
    assert GridRun.objects.count() == 4
    assert value_at(newest(risk.id, now - timedelta(days=2, hours=22, minutes=15)), risk, WEST_POINT) > 100
    assert newest(risk.id, now - timedelta(days=4)) is None
    assert forget(risk.id, now + timedelta(days=365), timedelta(days=30)) == 3
    assert newest(risk.id).pk == last.pk


def test_a_run_from_before_a_boundary_changed_is_still_read(risk, town):
    run = running.bring_up_to_date(risk, timezone.now())
    was = value_at(run, risk, WEST_POINT)
    region = Region.objects.get(code="310000")
    region.boundary = type(region.boundary)(shape := region.boundary[0].buffer(0.05), srid=shape.srid)
    region.save()
    assert len(ground_of(risk.grid).cells) > run.cells
    assert value_at(run, risk, WEST_POINT) == was
    assert running.bring_up_to_date(risk, timezone.now()).cells > run.cells


def test_layers_counts_and_the_screen(risk, town):
    layers = registry.map_layers()
    assert [layer.id for layer in layers] == [f"kites.risk_{key}" for key in risk.indices()]
    told = describe(layers[0])
    assert told["source"] == {
        "type": "grid", "shape": "cells", "grid": "kites.risk", "index": "inherent", "min_zoom": 5, "max_zoom": 16,
    }  # fmt: skip
    assert [entry["value"] for entry in told["legend"]] == [4, 3, 2, 1]
    assert count(layers[0], WHOLE_CITY).total == 0
    running.bring_up_to_date(risk, timezone.now())
    everywhere = count(layers[0], WHOLE_CITY)
    assert set(everywhere.district) == {"310100", "310101"}
    west = count(layers[0], Scope(region_paths=("/310000/310100/",)))
    assert west.district == {"310100": everywhere.district["310100"]}
    assert count(layers[0], WHOLE_CITY, "310101").total == everywhere.district["310101"]
    assert count(layers[0], Scope(organization_paths=("/1/",))).total == 0
    page = town.client("city").get("/layers/export?bbox=121,31,122,31.5&layers=kites.risk_inherent")
    assert page.status_code == 200


def addresses(grid):
    return {
        "tile": f"/api/v1/grids/{grid.id}/tiles/inherent/8/214/104.png",
        "cell": f"/api/v1/grids/{grid.id}/cell?lon={EAST_POINT[0]}&lat={EAST_POINT[1]}",
        "scores": f"/api/v1/grids/{grid.id}/scores",
        "runs": f"/api/v1/grids/{grid.id}/runs",
        "parquet": f"/api/v1/grids/{grid.id}/file.parquet",
    }


def colours(png):
    with pytest.warns(Warning), MemoryFile(png) as memory, memory.open() as file:
        return file.read(1)


def test_doors(risk, town):
    """An officer of the west sees the west; who has no region sees nothing; nobody signed in, neither."""
    running.bring_up_to_date(risk, timezone.now())
    doors = addresses(risk)
    for address in doors.values():
        assert Client().get(address).status_code == 401
        assert town.client(None).get(address).status_code == 403
        assert town.client("enterprise", organization=town.firms["west"]).get(address).status_code == 403
    assert town.client(None).get("/api/v1/grids").json() == []
    city, west = town.client("city"), town.client("district", region=town.regions["west"])
    assert [each["id"] for each in west.get("/api/v1/grids").json()] == [risk.id]
    assert west.get(doors["cell"]).status_code == 404
    cell = city.get(doors["cell"]).json()
    assert cell["region"] == "东区"
    assert [each["index"] for each in cell["indices"]] == ["inherent", "control", "composite"]
    assert (cell["indices"][0]["grade_title"], cell["indices"][1]["grade_title"]) == ("中", "无")
    assert {each["key"]: each["unit"] for each in cell["factors"]} == {"fires": "", "kept": "", "height": "m"}
    assert {row["code"] for row in west.get(doors["scores"]).json()} == {"310100"}
    assert {row["code"] for row in city.get(doors["scores"]).json()} == {"310100", "310101"}
    whole, part = (colours(who.get(doors["tile"]).content) for who in (city, west))
    assert (whole == 3).any() and set(np.unique(part)) <= set(np.unique(whole))
    assert 0 < (part > 0).sum() < (whole > 0).sum()
    assert ((part == 0) | (part == whole)).all()
    frames = [geopandas.read_parquet(io.BytesIO(who.get(doors["parquet"]).content)) for who in (city, west)]
    assert set(frames[1]["district"]) == {"310100"} and len(frames[1]) < len(frames[0])
    assert shapely.union_all(frames[1].geometry.to_numpy()).bounds[2] < 121.52


def test_the_geotiff_holds_the_scope_alone(risk, town):
    running.bring_up_to_date(risk, timezone.now())
    answers = [
        who.get(f"/api/v1/grids/{risk.id}/file.tif")
        for who in (town.client("city"), town.client("district", region=town.regions["west"]))
    ]
    if isinstance(risk.grid, H3Grid):
        assert answers[0].status_code == 400
        return
    held = []
    for answer in answers:
        with MemoryFile(answer.content) as memory, memory.open() as file:
            assert file.descriptions[:3] == ("inherent", "control", "composite")
            held.append((~np.isnan(file.read(1))).sum())
    assert 0 < held[1] < held[0]


def test_the_past_over_http(risk, city, town):
    first = running.bring_up_to_date(risk, timezone.now() - timedelta(hours=2))
    city.rows[2] = (*EAST_POINT, 90.0)
    second = running.bring_up_to_date(risk, timezone.now() - timedelta(minutes=1))
    client = town.client("city")
    ms = int((timezone.now() - timedelta(hours=1)).timestamp() * 1000)
    cell = addresses(risk)["cell"]
    then, now = client.get(f"{cell}&at={ms}").json(), client.get(cell).json()
    assert now["indices"][0]["value"] == pytest.approx(3 * then["indices"][0]["value"], rel=1e-3)
    told = client.get(addresses(risk)["runs"]).json()
    assert [run["at"] for run in told] == [round(run.at.timestamp() * 1000) for run in (second, first)]
    counts = client.get(f"/api/v1/layers/kites.risk_inherent/statistics?at={ms}").json()
    assert {each["value"] for each in counts["state"]} == {1, 2, 3}
    tile = addresses(risk)["tile"]
    answer = client.get(f"{tile}?at={ms}")
    assert client.get(f"{tile}?at={ms}", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.get(tile, headers={"If-None-Match": answer["ETag"]}).status_code == 200
    assert client.get(f"{cell}&at={ms - 7_200_000}").status_code == 404
    for wrong in ("tiles/inherent/4/13/6.png", "tiles/inherent/9/600/1.png"):
        assert client.get(f"/api/v1/grids/{risk.id}/{wrong}").status_code == 404
    assert client.get("/api/v1/grids/kites.no/scores").status_code == 404
    assert client.get(f"/api/v1/grids/{risk.id}/tiles/nothing/8/214/104.png").status_code == 422


@pytest.mark.parametrize("change", [
    {"id": "Risk"}, {"factors": ()}, {"every_min": 0}, {"control": Index(lambda v: v["fires"], RISE)},
    {"factors": (Factor("inherent", "x", Spread(3000), None),)},
    {"factors": (Factor("a", "x", Spread(400), None),)},
])  # fmt: skip
def test_a_declaration_that_cannot_work_is_refused(city, change):
    with pytest.raises(DeclarationError):
        declared(city, SquareGrid(1000), **change)


def test_an_index_that_gives_no_number_a_cell_is_named(risk):
    object.__setattr__(risk.inherent, "compute", lambda values: np.zeros(3))
    with pytest.raises(DeclarationError, match="inherent"):
        running.bring_up_to_date(risk, timezone.now())
