"""Areas and assets from files: shapes in the datum that the file declares, periods as lines, codes within a kind."""

from __future__ import annotations

import csv
import io
import json
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from gis.crs import from_wgs84
from gis.models import Region
from twin.models import Area, Asset

pytestmark = pytest.mark.slow
AREAS, ASSETS = "/admin/twin/area/", "/admin/twin/asset/"
RING = [(121.4, 31.2), (121.5, 31.2), (121.5, 31.3), (121.4, 31.3), (121.4, 31.2)]


def box(*bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


@pytest.fixture
def districts(db):
    return [
        Region.objects.create(code=code, name=code, level="district", boundary=box(west, 31, west + 1, 32))
        for code, west in (("310101", 121), ("310104", 122))
    ]


@pytest.fixture
def firms(districts):
    return [
        Organization.objects.create(name=f"{r.code}厂", uscc=make_uscc(Random(n)), kind="enterprise", region=r)
        for n, r in enumerate(districts)
    ]


def client_of(role, **place):
    user = User.objects.create_user(f"u-{role}-{User.objects.count()}")
    Grant.objects.create(user=user, role=role, **place)
    client = Client()
    client.force_login(user)
    return client


def text_of(*rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def tried(client, where, content, **fields):
    file = SimpleUploadedFile("f.csv", content)
    answer = client.post(f"{where}import/", {"file": file, "datum": "wgs84", **fields})
    assert answer.status_code == 302, answer.context["form"].errors
    page = client.get(answer["Location"])
    return answer["Location"], page.context["report"]


def shifted(datum):
    return [tuple(from_wgs84(lon, lat, datum)) for lon, lat in RING]


def wkt(ring):
    return f"POLYGON(({', '.join(f'{x:.9f} {y:.9f}' for x, y in ring)}))"


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "cgcs2000-gk3-cm120"])
@pytest.mark.parametrize("by_column", [True, False])
def test_a_boundary_comes_in_its_declared_datum(districts, datum, by_column):
    client = client_of("administrator")
    geojson = json.dumps({"type": "Polygon", "coordinates": [[list(point) for point in shifted(datum)]]})
    for n, shape in enumerate((wkt(shifted(datum)), geojson)):
        head, row = ["名称", "类别", "范围", "所在区域", "时段"], [f"围栏{n}", "电子围栏", shape, "310101", ""]
        if by_column:
            head, row = [*head, "坐标系"], [*row, datum]
        where, report = tried(client, AREAS, text_of(head, row), datum="wgs84" if by_column else datum)
        assert report.rows[0].fate == "new", report.rows[0].errors
        client.post(where)
        extent = Area.objects.get(name=f"围栏{n}").boundary.extent
        assert extent == pytest.approx((121.4, 31.2, 121.5, 31.3), abs=2e-6)


def test_shapes_that_cannot_be_are_refused_in_words(districts):
    client = client_of("administrator")
    head = ["名称", "类别", "范围", "坐标系"]
    bow = [RING[0], RING[2], RING[1], RING[3], RING[0]]
    rows = [["蝶", "fence", wkt(bow), "gcj02"], ["字", "fence", "工地东侧", "gcj02"], ["点", "fence", "POINT(1 2)", ""]]
    _where, report = tried(client, AREAS, text_of(head, *rows))
    said = [dict(row.errors)["范围"] for row in report.rows]
    assert "边界自相交" in said[0]
    assert "无法识别图形" in said[1]
    assert "现在是点" in said[2]
    answer = client.post(f"{AREAS}import/", {"file": SimpleUploadedFile("f.csv", text_of(head, [*rows[0][:3], "gcj2"])),
                                             "datum": "wgs84"})  # fmt: skip
    assert "未知的坐标系" in str(answer.context["form"].errors)


def test_an_exported_area_is_unchanged_and_a_changed_one_has_a_new_version(districts, firms):
    area = Area.objects.create(
        name="油库", kind="key_area", boundary=box(121.1, 31.1, 121.2, 31.2), region=districts[0], owner=firms[0]
    )
    client = client_of("city")
    out = client.post(f"{AREAS}export/", {"kind": "csv"}).content
    rows = list(csv.reader(io.StringIO(out.decode("utf-8-sig"))))
    assert rows[0][-1] == "坐标系"
    assert rows[1][-1] == "wgs84"
    _where, report = tried(client, AREAS, out)
    assert [row.fate for row in report.rows] == ["same"]
    rows[1][rows[0].index("范围")] = wkt(RING)
    rows[1][rows[0].index("时段")] = "每天 08:00-18:00"
    where, report = tried(client, AREAS, text_of(*rows))
    assert [row.fate for row in report.rows] == ["changed"], report.rows[0].errors
    change = {title: (before, after) for title, before, after in report.rows[0].changes}
    assert "平方米" in change["范围"][0]
    client.post(where)
    area.refresh_from_db()
    assert (area.version, len(area.periods)) == (2, 1)
    page = client.get(f"{AREAS}{area.pk}/history/").content.decode()
    assert "形状已变，面积差 -" in page  # as many degrees, farther north
    assert "08:00" in page


def test_a_planner_of_one_district_neither_enters_nor_takes_areas_of_another(districts, firms):
    foreign = Area.objects.create(
        name="邻区", kind="fence", boundary=box(122.1, 31.1, 122.2, 31.2), region=districts[1]
    )
    client = client_of("city", region=districts[0])
    head = ["名称", "类别", "范围", "所在区域"]
    rows = [
        ["邻区", "fence", wkt(RING), "310104"],
        ["无主", "fence", wkt(RING), ""],
        ["本区", "fence", wkt(RING), "310101"],
    ]
    where, report = tried(client, AREAS, text_of(head, *rows))
    assert [row.fate for row in report.rows] == ["refused", "refused", "new"]
    client.post(where, {"bad": "skip"})
    assert {area.name for area in Area.objects.all()} == {"邻区", "本区"}
    foreign.refresh_from_db()
    assert foreign.version == 1
    out = client.post(f"{AREAS}export/", {"kind": "csv"}).content.decode()
    assert "本区" in out
    assert "邻区" not in out
    assert client.get(f"{AREAS}{foreign.pk}/history/").status_code == 302
    assert AuditRecord.objects.get(action="import").detail["refused"] == 2


def test_assets_are_found_by_kind_and_code(districts, firms):
    asset = Asset.objects.create(kind="machine", code="W-1", name="旧名", owner=firms[0])
    Asset.objects.create(kind="vehicle", code="W-1", name="车", owner=firms[0])
    client = client_of("enterprise", organization=firms[0])
    head = ["类别", "编号", "名称", "所属单位", "在用"]
    rows = [["设备", "W-1", "新名", firms[0].uscc, "是"], ["人员", "W-1", "人", firms[0].uscc, "否"],
            ["设备", "W-2", "别家", firms[1].uscc, "是"], ["设备", "W-3", "本家", firms[0].uscc, "也许"]]  # fmt: skip
    where, report = tried(client, ASSETS, text_of(head, *rows))
    assert [row.fate for row in report.rows] == ["changed", "new", "refused", "refused"]
    assert "请填“是”或“否”" in dict(report.rows[3].errors)["在用"]
    client.post(where, {"bad": "skip"})
    asset.refresh_from_db()
    assert asset.name == "新名"
    assert Asset.objects.get(kind="person").active is False
    assert Asset.objects.get(kind="vehicle").name == "车"
