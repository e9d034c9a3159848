"""Files of areas: from a GCJ-02 Shapefile with GBK names to drafts that lie right, and out again."""

from __future__ import annotations

import json

import pytest
import shapely
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.models import AuditRecord, Grant, User
from command.plan.models import AreaDraft
from gis.formats import write_features
from twin.models import Area

pytestmark = pytest.mark.slow
WEST = shapely.box(121.19, 31.19, 121.21, 31.21)
EAST = shapely.box(121.89, 31.19, 121.91, 31.21)


@pytest.fixture
def desk(town):
    town.users["planner_west"] = User.objects.create_user("planner_west")
    Grant.objects.create(user=town.users["planner_west"], role="planner", region=town.west)
    return {name: town.client(name) for name in town.users}


def upload(client, step, content, /, file="区域.zip", **choice):
    body = {"file": SimpleUploadedFile(file, content), "choice": json.dumps(choice)}
    answer = client.post(f"/api/v1/plan/import/{step}", body)
    return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def shapefile():
    """Two areas, one in each district, in web-map coordinates with Chinese names, as a bureau sends them."""
    fields = {"名称": ["滨江一号围栏", "东边围栏"], "顶高": [60.0, None]}
    return write_features([WEST, EAST], fields, "shp", datum="gcj02", encoding="gbk", name="围栏").content


def test_a_gcj02_shapefile_with_gbk_names_lands_right(desk, shapefile):
    client = desk["planner_west"]
    status, found = upload(client, "inspect", shapefile)
    (layer,) = found["layers"]
    assert (status, found["format"], layer["count"]) == (200, "shp", 2)
    assert [column["name"] for column in layer["columns"]] == ["名称", "顶高"]
    assert "滨江一号围栏" in layer["columns"][0]["samples"]
    choice = {"datum": "gcj02", "kind": "fence", "name": "名称", "z_max": "顶高"}
    _, seen = upload(client, "preview", shapefile, **choice)
    assert (seen["count"], seen["refused"]) == (2, [])
    assert shapely.from_geojson(json.dumps(seen["shapes"][0])).hausdorff_distance(WEST) < 1e-7
    assert not AreaDraft.objects.exists()
    status, taken = upload(client, "take", shapefile, **choice)
    assert status == 200
    # The other district's is refused, by its row, and why.
    assert [(one["row"], one["text"]) for one in taken["refused"]] == [(2, "该区域不全在您的规划范围内。")]
    draft = AreaDraft.objects.get(pk=taken["drafts"][0])
    assert (draft.name, draft.kind, draft.z_max_m, draft.state) == ("滨江一号围栏", "fence", 60, "draft")
    assert draft.source == "导入 区域.zip 第 1 行，gcj02"
    assert AuditRecord.objects.filter(action="import", actor__username="planner_west").exists()


def test_what_lands_outside_says_which_datum_would_fit(desk, shapefile):
    _, seen = upload(desk["planner_west"], "preview", shapefile, datum="cgcs2000-gk3-40")
    assert seen["verdict"] is None or seen["verdict"]["suspicious"]
    text = b"x,y,name\n31.2,121.2,a\n"
    _, seen = upload(desk["planner_west"], "preview", text, file="点.csv", datum="wgs84", columns={"x": "x", "y": "y"})
    assert seen["count"] == 0 or seen["verdict"]["suspicious"]


def test_rows_that_cannot_be_areas_are_told_one_by_one(desk):
    ring = "121.19 31.19, 121.21 31.19, 121.21 31.21, 121.19 31.19"
    table = f'name,wkt\n好的,"POLYGON(({ring}))"\n点,POINT(121.2 31.2)\n空,\n'
    choice = {"datum": "wgs84", "name": "name", "columns": {"wkt": "wkt"}}
    status, taken = upload(desk["planner"], "take", table.encode(), file="表.csv", **choice)
    assert (status, len(taken["drafts"])) == (200, 1)
    assert [one["row"] for one in taken["refused"]] == [3, 4]
    assert "点还不是区域" in taken["refused"][0]["text"]


def test_broken_files_change_nothing(desk):
    for content, name in ((b"no zip", "a.zip"), (b"", "a.geojson"), (b"hello", "a.exe")):
        status, said = upload(desk["planner"], "take", content, file=name)
        assert (status, bool(said["detail"])) == (400, True), name
    assert upload(desk["planner"], "take", b"{}", file="a.geojson", repair="x")[0] == 400
    assert not AreaDraft.objects.exists()


def test_only_planners_bring_files_and_take_them_away(desk, shapefile):
    for who, expected in (("firm", 403), ("nobody", 403)):
        assert upload(desk[who], "inspect", shapefile)[0] == expected
        assert desk[who].get("/api/v1/plan/export").status_code == expected
    assert Client().get("/api/v1/plan/export").status_code == 401
    assert Client().post("/api/v1/plan/import/take").status_code == 401


def test_export_is_what_one_sees(desk, town):
    from command.plan.shapes import as_boundary

    Area.objects.create(name="西区围栏", kind="fence", boundary=as_boundary(WEST), region=town.west, source="手工绘制")
    Area.objects.create(name="东区围栏", kind="fence", boundary=as_boundary(EAST), region=town.east)
    answer = desk["planner_west"].get("/api/v1/plan/export?format=geojson")
    (feature,) = json.loads(answer.content)["features"]
    assert (feature["properties"]["name"], feature["properties"]["source"]) == ("西区围栏", "手工绘制")
    assert desk["city"].get("/api/v1/plan/export?format=shp&datum=gcj02&encoding=gbk").content[:2] == b"PK"
    assert desk["city"].get("/api/v1/plan/export?q=没有").status_code == 404
    assert desk["city"].get("/api/v1/plan/export?format=exe").status_code == 400
    assert AuditRecord.objects.filter(action="export", detail__format="shp").exists()
