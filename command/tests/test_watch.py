"""Who is on duty and what the weather is: told to whom it concerns, entered by whom it is entrusted to."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from access.models import AuditRecord, User
from command.models import DutyShift, WeatherReport

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NUMBER = "13812345678"


def shift(name, region=None, start=-1.0, end=1.0, **fields):
    now = timezone.now()
    return DutyShift.objects.create(
        name=name, region=region, starts_at=now + start * HOUR, ends_at=now + end * HOUR, **fields
    )


def report(condition="clear", region=None, age_h=0.0, **fields):
    at = timezone.now() - age_h * HOUR
    return WeatherReport.objects.create(condition=condition, region=region, observed_at=at, source="气象台", **fields)


def names(client, **query):
    return [each["name"] for each in client.get("/api/v1/duty", query).json()["shifts"]]


def sky(client, **query):
    found = client.get("/api/v1/weather", query).json()["report"]
    return found and found["condition"]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("city", ["市长", "西区长", "东区长"]),
        ("west", ["西区长"]),
        ("east", ["东区长"]),
        ("firm", []),
        ("nobody", []),
    ],
)
def test_who_is_on_duty_is_told_in_scope(town, who, seen):
    shift("西区长", town.west)
    shift("东区长", town.east, start=-0.5)
    shift("市长", start=-0.2)
    shift("下班了", start=-3, end=-0.01)
    shift("还没来", start=0.01, end=2)
    assert names(town.client(who)) == seen


def test_nobody_without_a_session_is_told_anything(town):
    for address in ("/api/v1/duty", "/api/v1/weather", "/api/v1/charts", "/api/v1/charts/things"):
        assert Client().get(address).status_code == 401
    assert Client().post("/api/v1/weather", "{}", "application/json").status_code in (401, 403)


def test_a_district_is_looked_into(town):
    shift("西区长", town.west)
    shift("市长")
    assert names(town.client("city"), district="310101") == ["西区长"]
    assert names(town.client("east"), district="310101") == []
    assert town.client("city").get("/api/v1/duty?district=9").status_code == 404


def test_a_telephone_is_masked_and_asked_for_where_it_may_be(town):
    made = shift("西区长", town.west, telephone=NUMBER, title="值班长")
    (told,) = town.client("west").get("/api/v1/duty").json()["shifts"]
    assert (told["title"], told["telephone"]) == ("值班长", "138****5678")
    assert told["reveal"].endswith(f"/command.dutyshift/{made.pk}/telephone/")
    assert NUMBER not in json.dumps(told)
    page = town.client("west").post(told["reveal"], {"reason": "联系值班"})
    assert NUMBER in page.content.decode()
    assert AuditRecord.objects.filter(action="reveal", model="command.DutyShift").count() == 1
    # Planners see names, not numbers; another district sees nothing of it.
    (told,) = town.client("planner").get("/api/v1/duty").json()["shifts"]
    assert (told["telephone"], told["reveal"]) == ("138****5678", "")
    assert town.client("east").get(f"/reveal/command.dutyshift/{made.pk}/telephone/").status_code == 404


def test_an_account_has_its_name(town):
    shift("", town.west, person=town.users["west"])
    assert names(town.client("west")) == ["west"]
    User.objects.filter(pk=town.users["west"].pk).update(display_name="王建国")
    assert names(town.client("west")) == ["王建国"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": ""}, "name"),
        ({"end": -2}, "ends_at"),
        ({"end": 24 * 8}, "ends_at"),
    ],
)
def test_a_shift_that_cannot_be_is_refused(town, fields, fault):
    now = timezone.now()
    given = {"name": "甲", "end": 1, **fields}
    made = DutyShift(name=given["name"], starts_at=now, ends_at=now + given["end"] * HOUR)
    with pytest.raises(ValidationError) as error:
        made.full_clean()
    assert fault in error.value.message_dict


def test_the_roster_is_kept_in_scope(town):
    client, region = town.client("west"), town.west.pk
    times = {"starts_at_0": "2026-11-20", "starts_at_1": "08:00", "ends_at_0": "2026-11-20", "ends_at_1": "20:00"}
    body = {"name": "李工", "title": "值班员", "telephone": NUMBER, **times}
    assert client.post("/admin/command/dutyshift/add/", {**body, "region": region}).status_code == 302
    made = DutyShift.objects.get()
    assert str(made.telephone) == "138****5678"
    record = AuditRecord.objects.get(model="command.DutyShift", action="create")
    assert NUMBER not in json.dumps(record.changes)
    for elsewhere in ("", town.east.pk):
        client.post("/admin/command/dutyshift/add/", {**body, "region": elsewhere})
    assert DutyShift.objects.count() == 1
    assert NUMBER not in client.get(f"/admin/command/dutyshift/{made.pk}/change/").content.decode()
    assert "李工" not in town.client("east").get("/admin/command/dutyshift/?when=all").content.decode()
    assert "李工" in client.get("/admin/command/dutyshift/?when=all").content.decode()
    assert town.client("firm").get("/admin/command/dutyshift/add/").status_code in (302, 403)
    # Whoever keeps the roster is shown the way to it, others are not.
    assert client.get("/api/v1/duty").json()["desk"] == "/admin/command/dutyshift/"
    assert town.client("firm").get("/api/v1/duty").json()["desk"] == ""


def test_the_roster_opens_at_today(town):
    for name, days in (("远期", 30), ("当班", 0), ("上周", -7)):
        at = timezone.now() + timedelta(days=days)
        DutyShift.objects.create(name=name, starts_at=at - HOUR, ends_at=at + HOUR)

    def listed(query):
        page = town.client("city").get(f"/admin/command/dutyshift/{query}")
        return [shift.name for shift in page.context["cl"].result_list]

    assert listed("") == ["当班", "远期"]
    assert listed("?when=past") == ["上周"]
    assert listed("?when=all") == ["远期", "当班", "上周"]


@pytest.mark.parametrize("who", ["city", "west", "firm"])
def test_the_weather_of_the_whole_is_everybodys(town, who):
    report("cloudy")
    report("clear", age_h=1)
    assert sky(town.client(who)) == "cloudy"
    assert sky(town.client("nobody")) is None


def test_the_weather_of_a_district_is_not_anothers(town):
    report("fog", town.west)
    assert [sky(town.client(who)) for who in ("city", "west", "east")] == ["fog", "fog", None]
    # A firm at home in the west stands in its weather.
    assert sky(town.client("firm")) == "fog"
    assert sky(town.client("city"), district="310102") is None
    assert sky(town.client("east"), district="310101") is None
    assert town.client("city").get("/api/v1/weather").json()["report"]["region"] == "西区"


def test_fresh_weather_of_the_whole_comes_first_and_old_steps_back(town):
    whole = report("overcast", age_h=2)
    report("fog", town.west, age_h=0.1)
    client = town.client("city")
    assert sky(client) == "overcast"
    WeatherReport.objects.filter(pk=whole.pk).update(observed_at=timezone.now() - 4 * HOUR)
    assert sky(client) == "fog"
    WeatherReport.objects.exclude(pk=whole.pk).delete()
    told = client.get("/api/v1/weather").json()
    assert (told["report"]["condition"], told["stale_after_s"]) == ("overcast", 10800)


def post(client, **changed):
    body = {"observed_at": timezone.now().isoformat(), "source": "现场值班员", "condition": "light_rain", **changed}
    return client.post("/api/v1/weather", json.dumps(body), "application/json")


def test_a_report_is_posted_by_whoever_plans_there(town):
    client = town.client("west")
    made = post(client, temperature_c=18.5, wind="se", wind_speed_m_s=3.2, region="310101")
    assert made.status_code == 201, made.content
    told = client.get("/api/v1/weather").json()["report"]
    assert (told["condition_name"], told["temperature_c"], told["wind_name"], told["wind_speed_m_s"]) == (
        "小雨", 18.5, "东南风", 3.2,
    )  # fmt: skip
    assert (told["source"], told["region"]) == ("现场值班员", "西区")
    stored = WeatherReport.objects.get()
    assert stored.entered_by == town.users["west"]
    assert AuditRecord.objects.filter(model="command.WeatherReport", action="create").count() == 1
    # Not for another district, not for the whole city, not by who only looks.
    assert post(client, region="310102").status_code == 403
    assert post(client).status_code == 403
    assert post(town.client("firm"), region="310101").status_code == 403
    assert post(client, region="9").status_code == 404
    assert WeatherReport.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": "sunny"},
        {"temperature_c": 61},
        {"temperature_c": float("nan")},
        {"temperature_c": -60.5},
        {"wind": "se", "wind_speed_m_s": -1},
        {"wind_speed_m_s": 3},
        {"source": ""},
        {"observed_at": "yesterday"},
        {"observed_at": "2999-01-01T00:00:00Z"},
    ],
)
def test_a_report_that_cannot_be_is_refused(town, wrong):
    assert post(town.client("city"), **wrong).status_code == 422
    assert not WeatherReport.objects.exists()


def test_a_foreign_page_cannot_report_for_its_visitor(town):
    client = Client(enforce_csrf_checks=True)
    client.force_login(town.users["city"])
    assert post(client).status_code == 403
    assert not WeatherReport.objects.exists()


def test_a_report_is_entered_on_the_desk_and_stays_as_it_was_said(town):
    client = town.client("west")
    now = timezone.localtime()
    body = {
        "observed_at_0": f"{now:%Y-%m-%d}", "observed_at_1": f"{now:%H:%M:%S}", "source": "西区气象站",
        "condition": "haze", "temperature_c": "21", "wind": "", "wind_speed_m_s": "", "region": town.west.pk,
    }  # fmt: skip
    assert client.post("/admin/command/weatherreport/add/", body).status_code == 302
    made = WeatherReport.objects.get()
    assert made.entered_by == town.users["west"]
    page = f"/admin/command/weatherreport/{made.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {**body, "temperature_c": "5"}).status_code == 403
    assert "西区气象站" not in town.client("east").get("/admin/command/weatherreport/").content.decode()


def test_the_demos_roster_says_that_it_is_one_and_is_loaded_once(town, capsys):
    call_command("loadduty")
    count = DutyShift.objects.count()
    call_command("loadduty")
    assert DutyShift.objects.count() == count > 100
    assert "新增 0 班" in capsys.readouterr().out
    (name,) = names(town.client("city"))
    assert "演示" in name
    assert not WeatherReport.objects.exists()
