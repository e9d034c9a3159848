"""The desk pages keep to the scope, and confirm work."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from layers.hotwork.models import ControlRecord, HotworkFirm, ImportantPeriod, KeyArea, Machine, WorkConfirmation
from layers.tests.little_city import EAST, WEST

START = datetime(2026, 10, 10, 2, tzinfo=UTC)


@pytest.fixture
def records(city):
    made = {}
    for code, machine in city.machines.items():
        made[code] = ControlRecord.objects.create(
            asset=machine.asset, place_name=f"{code}处", region=city.districts[code], started_at=START, lon=121, lat=31
        )
    return made


PAGES = ["hotworkfirm", "machine", "welder", "keyarea", "importantperiod", "controlrecord"]


@pytest.mark.parametrize("page", PAGES)
def test_every_list_and_form_opens(city, records, page):
    client = city.client("administrator")
    assert client.get(f"/admin/hotwork/{page}/").status_code == 200
    KeyArea.objects.create(area=city.key_area)
    ImportantPeriod.objects.create(name="国庆", starts_at=START, ends_at=START.replace(hour=9), region=city.whole)
    model = {m._meta.model_name: m for m in (HotworkFirm, Machine, KeyArea, ImportantPeriod, ControlRecord)}.get(page)
    if model is not None:
        assert client.get(f"/admin/hotwork/{page}/{model.objects.first().pk}/change/").status_code == 200
    if page != "controlrecord":
        assert client.get(f"/admin/hotwork/{page}/add/").status_code == 200


def test_a_district_sees_its_own(city, records):
    client = city.client("district", region=city.districts[WEST])
    for page in ("machine", "hotworkfirm", "controlrecord"):
        text = client.get(f"/admin/hotwork/{page}/").content.decode()
        assert WEST in text
        assert EAST not in text
    other = records[EAST]
    assert client.get(f"/admin/hotwork/controlrecord/{other.pk}/change/").status_code == 302


def test_a_firm_offers_only_its_own_things(city):
    client = city.client("enterprise", organization=city.builders[EAST])
    text = client.get("/admin/hotwork/machine/add/").content.decode()
    assert f"W-{EAST}" in text
    assert f"W-{WEST}" not in text
    assert client.get("/admin/hotwork/importantperiod/add/").status_code == 403


def test_what_a_row_is_about_cannot_be_exchanged(city):
    client = city.client("administrator")
    machine = city.machines[WEST]
    page = f"/admin/hotwork/machine/{machine.pk}/change/"
    sent = {"asset": city.machines[EAST].pk, "serial": "新号", "model": "ZX7", "firm": machine.firm_id}
    assert client.post(page, sent).status_code == 302
    assert Machine.objects.count() == 2
    machine.refresh_from_db()
    assert machine.serial == "新号"


def test_a_period_that_ends_before_it_starts_is_refused_in_words(city):
    client = city.client("administrator")
    sent = {
        "name": "国庆", "starts_at_0": "2026-10-02", "starts_at_1": "00:00:00",
        "ends_at_0": "2026-10-01", "ends_at_1": "00:00:00", "region": city.whole.pk,
    }  # fmt: skip
    answer = client.post("/admin/hotwork/importantperiod/add/", sent)
    assert "结束时间须晚于开始时间" in answer.content.decode()
    assert client.post("/admin/hotwork/importantperiod/add/", sent | {"ends_at_0": "2026-10-03"}).status_code == 302
    assert ImportantPeriod.objects.get().name == "国庆"


def test_forbidden_hours_are_typed_as_lines(city):
    client = city.client("administrator")
    sent = {"area": city.key_area.pk, "forbidden_periods": "夜间\n每天 12:00-13:00", "category": "油库"}
    assert client.post("/admin/hotwork/keyarea/add/", sent).status_code == 302
    assert [p["kind"] for p in KeyArea.objects.get().forbidden_periods] == ["night", "daily"]


class TestConfirming:
    def post(self, client, *records):
        sent = {"action": "confirm", "_selected_action": [r.pk for r in records]}
        return client.post("/admin/hotwork/controlrecord/", sent, follow=True)

    def test_whoever_dispatches_confirms_inside_the_scope(self, city, records):
        client = city.client("district", region=city.districts[WEST])
        answer = self.post(client, *records.values())
        assert "已核实 1 项作业" in answer.content.decode()
        confirmation = WorkConfirmation.objects.get()
        assert confirmation.record == records[WEST]
        assert "已核实 0 项作业" in self.post(client, records[WEST]).content.decode()

    def test_nobody_else_does(self, city, records):
        self.post(city.client("planner"), records[WEST])
        self.post(city.client("enterprise", organization=city.builders[WEST]), records[WEST])
        assert not WorkConfirmation.objects.exists()

    def test_records_are_neither_made_nor_changed_here(self, city, records):
        client = city.client("administrator")
        assert client.get("/admin/hotwork/controlrecord/add/").status_code == 403
        page = f"/admin/hotwork/controlrecord/{records[WEST].pk}/change/"
        assert client.post(page, {"place_name": "别处"}).status_code == 403
