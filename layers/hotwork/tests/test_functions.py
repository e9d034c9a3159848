"""Requirements seen to work: from a machine's message over MQTT to what people read over HTTP."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import formats, timezone

from command.runner import RulesRunner
from devices.tests.broker import wait_for
from devices.tests.road import Road, Station
from layers.hotwork.models import ControlRecord, ImportantPeriod, Welder
from layers.tests.little_city import EAST, WEST

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
INSIDE = {"lon": 121.315, "lat": 31.215}
# The key area ends at 121.31: one metre outside it.
JUST_OUTSIDE = {"lon": 121.31 - 1.05e-5, "lat": 31.215}
FAR = {"lon": 121.35, "lat": 31.25}


@pytest.fixture
def road(tmp_path, transactional_db, city, settings):
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    road.ingest()
    yield road
    road.stop()


@pytest.fixture
def machine(road, city):
    row = city.machines[WEST]
    row.welder = Welder.objects.create(
        name="王伟", region=city.districts[WEST], valid_from=date(2024, 1, 1), valid_to=date(2030, 1, 1)
    )
    row.save()
    station = Station(road, "W-0001", asset=row.asset)
    station.seq = 0
    yield station
    station.close()


@pytest.fixture
def regulator(city):
    return city.client("district", region=city.districts[WEST])


def report(station, place, working=True, at=None):
    """Send a position and wait until it is stored."""
    station.seq += 1
    station.send(seq=station.seq, at=at, working=working, **place)
    wait_for(lambda: station.answers and station.answers[-1]["acked"] >= station.seq)


def alerts(client, rule, state="all"):
    return client.get("/api/v1/alerts", {"rule": rule, "state": state}).json()["alerts"]


def listed(client, page):
    """Text of the rows of a list on the desk."""
    return "".join(re.findall(r"<tbody.*?</tbody>", client.get(page).content.decode(), re.S))


@pytest.mark.function("HW-026")
def test_a_machine_that_enters_a_key_area_raises_a_reminder(machine, regulator, city):
    report(machine, FAR, working=False)
    report(machine, JUST_OUTSIDE, working=False)
    report(machine, JUST_OUTSIDE)
    assert alerts(regulator, "hotwork.key_area_entry") == []
    at = datetime.now(UTC)
    report(machine, INSIDE, working=False, at=at)
    (reminder,) = alerts(regulator, "hotwork.key_area_entry")
    assert reminder["title"] == "焊机进入重点区域"
    assert (reminder["asset"]["name"], reminder["area"]["name"]) == (f"{WEST}焊机", "油库")
    assert abs(datetime.fromisoformat(reminder["raised_at"]) - at) < timedelta(seconds=0.002)
    report(machine, INSIDE)
    assert len(alerts(regulator, "hotwork.key_area_entry")) == 1
    (working,) = alerts(regulator, "hotwork.key_area")
    assert working["evidence"] == [{"key": "welder", "title": "焊工", "value": "王伟", "unit": ""}]
    report(machine, JUST_OUTSIDE)  # a metre: the positioning's error
    assert alerts(regulator, "hotwork.key_area_entry")[0]["cause_ended_at"] is None
    report(machine, FAR)
    assert alerts(regulator, "hotwork.key_area_entry")[0]["cause_ended_at"]
    assert alerts(city.client("district", region=city.districts[EAST]), "hotwork.key_area_entry") == []


@pytest.mark.function("HW-034")
def test_important_periods_are_kept_and_drive_the_alerts(machine, regulator, city):
    now = timezone.localtime()
    page = "/admin/hotwork/importantperiod/"

    def sent(start, end, name="重大活动保障"):
        return {
            "name": name,
            "starts_at_0": f"{start:%Y-%m-%d}",
            "starts_at_1": f"{start:%H:%M:%S}",
            "ends_at_0": f"{end:%Y-%m-%d}",
            "ends_at_1": f"{end:%H:%M:%S}",
            "region": city.districts[WEST].pk,
        }

    hour = timedelta(hours=1)
    refused = regulator.post(page + "add/", sent(now, now - hour))
    assert "结束时间须晚于开始时间" in refused.content.decode()
    assert not ImportantPeriod.objects.exists()
    assert regulator.post(page + "add/", sent(now + hour, now + 2 * hour)).status_code == 302
    text = regulator.get(page).content.decode()
    assert "重大活动保障" in text
    assert WEST in text
    report(machine, FAR)
    assert alerts(regulator, "hotwork.forbidden_period") == []

    period = ImportantPeriod.objects.get()
    assert regulator.post(f"{page}{period.pk}/change/", sent(now - hour, now + hour, "改期保障")).status_code == 302
    time.sleep(0.5)  # the engine hears of it by a notice
    report(machine, FAR)
    (alert,) = alerts(regulator, "hotwork.forbidden_period")
    assert alert["evidence"][0]["value"] == "改期保障"
    assert alert["cause_ended_at"] is None

    assert regulator.post(f"{page}{period.pk}/delete/", {"post": "yes"}).status_code == 302
    time.sleep(0.5)
    report(machine, FAR)
    (alert,) = alerts(regulator, "hotwork.forbidden_period")
    assert alert["cause_ended_at"] is not None
    assert "改期保障" not in listed(regulator, page)


@pytest.mark.function("HW-035")
def test_work_in_key_areas_and_important_periods_is_on_record_while_it_goes_on(machine, regulator, city):
    page = "/admin/hotwork/controlrecord/"
    report(machine, FAR)
    assert listed(regulator, page) == ""
    at = timezone.localtime()
    report(machine, INSIDE, at=at)
    for shown in ("油库", "王伟", f"{WEST}焊机", formats.date_format(at, "DATETIME_FORMAT")):
        assert shown in listed(regulator, page + "?ongoing=1")
    ImportantPeriod.objects.create(
        name="保障", starts_at=at - timedelta(hours=1), ends_at=at + timedelta(hours=1), region=city.districts[WEST]
    )
    time.sleep(0.5)
    at = timezone.localtime()
    report(machine, FAR, at=at)
    ongoing = listed(regulator, page + "?ongoing=1")
    assert "油库" not in ongoing
    for shown in (f">{WEST}<", "王伟", f"{WEST}焊机", formats.date_format(at, "DATETIME_FORMAT")):
        assert shown in ongoing
    assert "油库" in listed(regulator, page + "?ongoing=0")


@pytest.mark.function("HW-036")
def test_confirmed_work_is_reminded_of_on_that_day_only(machine, regulator, road, monkeypatch):
    road.start(RulesRunner())
    report(machine, INSIDE)
    time.sleep(6)  # longer than the rule's rhythm
    assert alerts(regulator, "hotwork.confirmed_work") == []
    page = "/admin/hotwork/controlrecord/"
    record = ControlRecord.objects.get(asset=machine.asset)
    answer = regulator.post(page, {"action": "confirm", "_selected_action": [record.pk]}, follow=True)
    assert "已核实 1 项作业" in answer.content.decode()
    wait_for(lambda: alerts(regulator, "hotwork.confirmed_work"), 15)
    (reminder,) = alerts(regulator, "hotwork.confirmed_work")
    assert (reminder["area"]["name"], reminder["asset"]["name"]) == ("油库", f"{WEST}焊机")

    day_ns = 24 * 3600 * 10**9
    tomorrow = SimpleNamespace(time_ns=lambda: time.time_ns() + day_ns, monotonic=time.monotonic)
    monkeypatch.setattr("command.present.time", tomorrow)
    wait_for(lambda: alerts(regulator, "hotwork.confirmed_work")[0]["cause_ended_at"], 15)
    time.sleep(6)
    assert len(alerts(regulator, "hotwork.confirmed_work")) == 1
