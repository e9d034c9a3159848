"""The hot-work registers from files, by what every register on the desk can do."""

from __future__ import annotations

import csv
import io

from django.core.files.uploadedfile import SimpleUploadedFile

from access.models import Organization
from layers.hotwork.models import HotworkFirm, KeyArea, Machine, Welder
from layers.tests.little_city import EAST, WEST
from twin.models import Asset

DESK = "/admin/hotwork/"


def tried(client, register, *rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    file = SimpleUploadedFile("f.csv", out.getvalue().encode())
    answer = client.post(f"{DESK}{register}/import/", {"file": file})
    assert answer.status_code == 302, answer.context["form"].errors
    return answer["Location"], client.get(answer["Location"]).context["report"]


def test_firms_machines_and_key_areas_come_by_codes_and_names(city):
    client = city.client("administrator")
    west = city.builders[WEST]
    where, report = tried(client, "hotworkfirm", ["单位", "行业"], [west.uscc, "船舶"], ["9" * 18, "船舶"])
    assert [row.fate for row in report.rows] == ["changed", "refused"]
    client.post(where, {"bad": "skip"})
    assert HotworkFirm.objects.get(organization=west).trade == "船舶"
    Asset.objects.create(kind="machine", code="W-9", name="新机", owner=west)
    head = ["对象", "出厂编号", "型号", "使用单位"]
    where, report = tried(client, "machine", head, ["W-9", "S9", "NBC-500", west.uscc])
    assert report.rows[0].fate == "new", report.rows[0].errors
    client.post(where)
    assert Machine.objects.get(serial="S9").asset.code == "W-9"
    where, report = tried(client, "keyarea", ["区域", "类型", "禁止动火时段"], ["油库", "油库", "每天 20:00-06:00"])
    assert report.rows[0].fate == "new", report.rows[0].errors
    client.post(where)
    assert len(KeyArea.objects.get().forbidden_periods) == 1


def test_welders_are_known_by_their_identity_number_and_leave_masked(city):
    head = ["姓名", "公民身份号码", "登记区域", "证书类别", "有效期自", "有效期至"]
    row = ["张工", "11010519491231002X", WEST, "特种作业操作证", "2025-01-01", "2028/1/1"]
    client = city.client("administrator")
    where, report = tried(client, "welder", head, row)
    assert report.rows[0].fate == "new", report.rows[0].errors
    client.post(where)
    where, report = tried(client, "welder", head, ["张师傅", *row[1:]])
    assert report.rows[0].changes == (("姓名", "张工", "张师傅"),)
    client.post(where)
    out = client.post(f"{DESK}welder/export/", {"kind": "csv"}).content.decode("utf-8-sig")
    assert "11010519491231002X" not in out
    _where, report = tried(client, "welder", *csv.reader(io.StringIO(out)))
    assert [r.fate for r in report.rows] == ["same"], report.rows[0].errors
    assert Welder.objects.get().name == "张师傅"


def test_another_district_is_left_alone(city):
    client = city.client("enterprise", organization=city.builders[WEST])
    rows = [[city.builders[code].uscc, "船舶"] for code in (WEST, EAST)]
    where, report = tried(client, "hotworkfirm", ["单位", "行业"], *rows)
    assert [row.fate for row in report.rows] == ["changed", "refused"]
    client.post(where, {"bad": "skip"})
    assert HotworkFirm.objects.get(organization=city.builders[EAST]).trade == "钢结构"
    out = client.post(f"{DESK}machine/export/", {"kind": "csv"}).content.decode()
    assert WEST in out
    assert EAST not in out
    assert Organization.objects.count() == 2
