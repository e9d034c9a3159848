"""The park's registers from files: plants, zones with posts, people on tags with their zones."""

from __future__ import annotations

import csv
import io

from django.core.files.uploadedfile import SimpleUploadedFile

from layers.chempark.models import TagHolder, Zone
from layers.tests.little_city import EAST, WEST

DESK = "/admin/chempark/"


def tried(client, register, *rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    answer = client.post(f"{DESK}{register}/import/", {"file": SimpleUploadedFile("f.csv", out.getvalue().encode())})
    assert answer.status_code == 302, answer.context["form"].errors
    return answer["Location"], client.get(answer["Location"]).context["report"]


def test_limits_posts_and_peoples_zones_come_from_a_file(city):
    client = city.client("administrator")
    head = ["区域", "化工企业", "人数上限", "岗位", "在岗人数"]
    uscc = city.plants[WEST].organization.uscc
    rows = [
        [f"{WEST}罐区", uscc, "12", "中控", "2"],
        [f"{EAST}罐区", city.plants[EAST].organization.uscc, "5", "中控", ""],
    ]
    where, report = tried(client, "zone", head, *rows)
    assert [row.fate for row in report.rows] == ["changed", "refused"]
    assert "岗位与在岗人数须同时填写" in str(report.rows[1].errors)
    client.post(where, {"bad": "skip"})
    zone = city.zones[WEST]
    zone.refresh_from_db()
    assert (zone.most_people, zone.post, zone.post_people) == (12, "中控", 2)
    assert Zone.objects.get(pk=city.zones[EAST].pk).most_people is None
    head, row = (
        ["对象", "姓名", "作业企业", "手机号码", "本人区域"],
        [f"P-{WEST}", "王丽", uscc, "13812341234", f"{WEST}罐区"],
    )
    where, report = tried(client, "tagholder", head, row)
    assert report.rows[0].fate == "changed", report.rows[0].errors
    told = {title: after for title, _before, after in report.rows[0].changes}
    assert told["手机号码"] == "138****1234"
    assert told["本人区域"] == f"{WEST}罐区"
    assert not TagHolder.objects.filter(name="王丽").exists()
    client.post(where)
    holder = TagHolder.objects.get(name="王丽")
    assert [z.pk for z in holder.zones.all()] == [zone.pk]
    _where, report = tried(client, "tagholder", head, row)
    assert [r.fate for r in report.rows] == ["same"]


def test_a_plant_takes_in_its_own_people_only(city):
    client = city.client("enterprise", organization=city.plants[EAST].organization)
    rows = [[f"P-{code}", "改名"] for code in (WEST, EAST)]
    _where, report = tried(client, "tagholder", ["对象", "姓名"], *rows)
    assert [row.fate for row in report.rows] == ["refused", "changed"]
