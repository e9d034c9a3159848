"""Control points become a calibration on the desk; nobody below the whole city gets there."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pyproj import Transformer

from access.models import AuditRecord
from access.roles import Role
from gis import crs
from gis.calibration import store
from gis.models import Calibration

NORTH = "+proj=tmerc +lat_0=0 +lon_0=121.5 +k=1 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"
FIELDS = {
    "kind": "metres",
    "source_order": "east",
    "ellipsoid": "",
    "projection": "",
    "target": "wgs84",
    "target_order": "east",
}


@pytest.fixture(autouse=True)
def _fresh():
    store.forget()
    yield
    store.forget()


@pytest.fixture
def lines():
    """Ten control points of a made-up grid, one of them a metre off."""
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(121.1, 121.9, 10), rng.uniform(30.9, 31.5, 10)
    step = f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step {NORTH}"
    x, y = Transformer.from_pipeline(step).transform(lon, lat)
    x, y = x + rng.normal(0, 0.01, 10) + 1000, y + rng.normal(0, 0.01, 10) - 3_400_000
    x[4] += 1.0
    return "\n".join(f"P{i}\t{x[i]}\t{y[i]}\t{lon[i]}\t{lat[i]}" for i in range(10))


@pytest.mark.parametrize("name", ["calibrations", "calibration"])
def test_only_planners_and_administrators_of_the_whole_city(city, signed_in, name):
    address = reverse(f"admin:{name}")
    assert Client().get(address).status_code == 302
    for role, where in ((Role.DISTRICT, "310115"), (Role.ENTERPRISE, "group"), (Role.DISPATCHER, None)):
        client = signed_in(city.user(role, where))
        assert client.get(address).status_code in (302, 403)
        assert client.post(address, {"name": "x", **FIELDS, "lines": "A 1 2 121 31"}).status_code in (302, 403)
    assert not Calibration.objects.exists()
    for role in (Role.PLANNER, Role.ADMINISTRATOR):
        assert signed_in(city.user(role)).get(address).status_code == 200


def test_tried_the_outlier_set_aside_saved_and_used(city, signed_in, lines):
    client = signed_in(city.user(Role.PLANNER))
    address = reverse("admin:calibration")
    page = client.post(address, {**FIELDS, "lines": lines, "do": "try"})
    text = page.content.decode()
    assert page.context["models"][0]["outliers"] == "P4" and "粗差" in text and "<svg" in text
    assert "style=" not in text.split("<svg", 1)[1].split("</svg>")[0]
    assert not Calibration.objects.exists()
    # The grid's own meridian is found and proposed, not taken.
    assert page.context["better_meridian"].startswith("121.5") and "请核对后填写" in text
    kept = {**FIELDS, "lines": lines, "unused": ["P4"], "meridian": "121.5"}
    page = client.post(address, {**kept, "do": "try"})
    assert page.context["models"][0]["outliers"] == "" and page.context["recommended"] == "similarity"
    unused = next(row for row in page.context["rows"] if row.name == "P4")
    assert not unused.used and 900 < unused.length_mm < 1100
    saving = {**kept, "do": "save", "name": "城市试验", "model": "similarity", "note": "2026 年控制测量"}
    assert client.post(address, saving).status_code == 302
    saved = Calibration.objects.get()
    assert (saved.version, saved.quality["used"]) == (1, 9) and saved.quality["rms_mm"] < 30
    entry = AuditRecord.objects.filter(action="create", model="geo.Calibration").get()
    assert entry.detail["name"] == "城市试验"
    first = lines.splitlines()[0].split("\t")
    lon, lat = crs.to_wgs84(float(first[1]), float(first[2]), "城市试验")
    assert (lon, lat) == pytest.approx((float(first[3]), float(first[4])), abs=1e-6)
    listed = client.get(reverse("admin:calibrations")).content.decode()
    assert "城市试验" in listed and "启用中" in listed
    assert lines.splitlines()[0].split("\t")[1] in client.get(f"{address}?from={saved.pk}").content.decode()
    assert client.post(address, {**saving, "name": "wgs84"}).status_code == 200
    assert client.post(address, saving).status_code == 302
    assert sorted(Calibration.objects.values_list("version", "active")) == [(1, False), (2, True)]
    client.post(reverse("admin:calibrations"), {"name": "城市试验"})
    assert not Calibration.objects.filter(active=True).exists()


def test_a_file_fills_the_field_and_what_cannot_be_read_is_said(city, signed_in, lines):
    client = signed_in(city.user(Role.ADMINISTRATOR))
    address = reverse("admin:calibration")
    heading = "点名,源东,源北,目标东,目标北\n"
    content = (heading + lines.replace("\t", ",") + "\n坏行,x,2,3,4\n").encode("gbk")
    page = client.post(address, {**FIELDS, "do": "try", "file": SimpleUploadedFile("点.csv", content)})
    assert page.context["count"] == 10 and "“x”不是数字" in page.content.decode()
    page = client.post(address, {**FIELDS, "do": "try", "file": SimpleUploadedFile("a.zip", b"PK\x03\x04rest")})
    assert "压缩包已损坏" in page.content.decode()
    for wrong, said in (
        ({"lines": ""}, "请填写控制点"),
        ({"lines": "A 1 2 121 31", "ellipsoid": "krass", "projection": "+proj=tmerc +nadgrids=x"}, "投影参数应写成"),
        ({"lines": "A 1 2 121 31"}, "还不足以说明"),
    ):
        assert said in client.post(address, {**FIELDS, **wrong, "do": "try"}).content.decode()
