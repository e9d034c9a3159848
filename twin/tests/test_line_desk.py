"""Cordon lines on the desk and from files, by people of the district and of another."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.models import Grant, User
from gis.crs import from_wgs84
from gis.models import Region
from twin.models import Area

PAGE = "/admin/twin/area/"
LINE = [[121.4, 31.2], [121.41, 31.21]]
GEOJSON = json.dumps({"type": "LineString", "coordinates": LINE})

pytestmark = pytest.mark.django_db


@pytest.fixture
def districts():
    return [
        Region.objects.create(
            code=code,
            name=code,
            level="district",
            boundary=MultiPolygon(Polygon.from_bbox((west, 31, west + 1, 32)), srid=4326),
        )
        for code, west in (("310101", 121), ("310104", 122))
    ]


def officer_of(region):
    user = User.objects.create_user(f"officer-{region.code}")
    Grant.objects.create(user=user, role="city", region=region)
    client = Client()
    client.force_login(user)
    return client


def form(region, **fields):
    plain = {"name": "北门", "kind": "line", "boundary": "", "line": GEOJSON, "periods": "", "region": region.pk}
    return {**plain, "active": "on", **fields}


def faults(answer):
    return {name: str(errors) for name, errors in answer.context["adminform"].form.errors.items()}


def test_an_officer_draws_turns_and_shows_a_line(districts):
    client = officer_of(districts[0])
    assert client.post(f"{PAGE}add/", form(districts[0], periods="每天 08:00-18:00")).status_code == 302
    area = Area.objects.get()
    assert area.line.coords == (tuple(map(tuple, LINE)),)
    assert (area.kind, area.version, len(area.periods)) == ("line", 1, 1)
    page = client.get(f"{PAGE}{area.pk}/change/")
    shown = page.context["adminform"].form["line"].value()
    assert "MultiLineString" in page.content.decode()
    turned = json.dumps({"type": "LineString", "coordinates": LINE[::-1]})
    # What the page shows of the boundary is sent along, and is not taken for a boundary of the line's own.
    boundary = page.context["adminform"].form["boundary"].value()
    strip = area.boundary.wkt
    client.post(f"{PAGE}{area.pk}/change/", form(districts[0], line=shown, periods="每天 08:00-18:00"))
    assert Area.objects.get().version == 1
    client.post(f"{PAGE}{area.pk}/change/", form(districts[0], line=turned, boundary=str(boundary)))
    area.refresh_from_db()
    assert area.version == 2
    assert area.boundary.wkt != strip
    assert Area.objects.get().periods == []


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"line": ""}, "line", "至少两个不同的点"),
        ({"line": "POINT(121 31)"}, "line", "必须是线"),
        ({"line": "LINESTRING(121 31,121 31)"}, "line", "至少两个不同的点"),
        ({"line": "LINESTRING(500000 31,500001 31)"}, "line", "不是经纬度"),
        ({"line": "北门"}, "line", "无法识别"),
        ({"kind": "fence"}, "line", "只有警戒线才有线"),
        ({"kind": "fence", "line": ""}, "boundary", "请粘贴范围"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(districts, fields, field, said):
    answer = officer_of(districts[0]).post(f"{PAGE}add/", form(districts[0], **fields))
    errors = faults(answer)
    assert set(errors) == {field}
    assert said in errors[field]


def test_nobody_draws_or_sees_a_line_of_another_district(districts):
    officer_of(districts[0]).post(f"{PAGE}add/", form(districts[0]))
    line = Area.objects.get()
    other = officer_of(districts[1])
    assert "北门" not in other.get(PAGE).content.decode()
    assert other.get(f"{PAGE}{line.pk}/change/").status_code == 302
    assert other.post(f"{PAGE}add/", form(districts[0], name="越权")).status_code != 302
    for answer in (Client().get(PAGE), Client().post(f"{PAGE}add/", form(districts[0], name="无名"))):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")
    assert list(Area.objects.values_list("name", flat=True)) == ["北门"]


def test_lines_come_from_files_in_their_datum_and_go_back_unchanged(districts):
    client = officer_of(districts[0])
    there = [list(from_wgs84(lon, lat, "gcj02")) for lon, lat in LINE]
    out = io.StringIO()
    csv.writer(out).writerows(
        [
            ["名称", "类别", "警戒线", "所在区域", "坐标系"],
            ["北门", "警戒线", json.dumps({"type": "LineString", "coordinates": there}), "310101", "gcj02"],
        ]
    )
    file = SimpleUploadedFile("f.csv", out.getvalue().encode("utf-8-sig"))
    where = client.post(f"{PAGE}import/", {"file": file, "datum": "wgs84"})["Location"]
    (row,) = client.get(where).context["report"].rows
    assert row.fate == "new", row.errors
    client.post(where)
    area = Area.objects.get()
    assert area.line.coords[0][1] == pytest.approx(LINE[1], abs=2e-6)
    back = SimpleUploadedFile("f.csv", client.post(f"{PAGE}export/", {"kind": "csv"}).content)
    where = client.post(f"{PAGE}import/", {"file": back, "datum": "wgs84"})["Location"]
    assert [row.fate for row in client.get(where).context["report"].rows] == ["same"]
