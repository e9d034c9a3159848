"""The desk pages keep to the scope."""

from __future__ import annotations

import pytest

from layers.chempark.models import TagHolder, Zone
from layers.tests.little_city import EAST, WEST


@pytest.mark.parametrize("page", ["plant", "zone", "tagholder"])
def test_every_list_and_form_opens_and_keeps_to_the_scope(city, page):
    rows = {"plant": city.plants, "zone": city.zones, "tagholder": city.holders}[page]
    everything = city.client("administrator")
    assert everything.get(f"/admin/chempark/{page}/").status_code == 200
    assert everything.get(f"/admin/chempark/{page}/add/").status_code == 200
    assert everything.get(f"/admin/chempark/{page}/{rows[EAST].pk}/change/").status_code == 200
    client = city.client("district", region=city.districts[WEST])
    text = client.get(f"/admin/chempark/{page}/").content.decode()
    assert WEST in text
    assert EAST not in text
    assert client.get(f"/admin/chempark/{page}/{rows[EAST].pk}/change/").status_code == 302


def test_a_plant_registers_its_own_people_only(city):
    client = city.client("enterprise", organization=city.plants[EAST].organization)
    text = client.get("/admin/chempark/tagholder/add/").content.decode()
    assert f"P-{EAST}" in text
    assert WEST not in text
    assert client.get("/admin/chempark/zone/add/").status_code == 403


def test_limits_are_set_and_nonsense_refused_in_words(city):
    client = city.client("district", region=city.districts[WEST])
    zone = city.zones[WEST]
    page = f"/admin/chempark/zone/{zone.pk}/change/"
    sent = {"plant": zone.plant_id, "most_people": 3, "least_people": 4, "post": ""}
    assert "人数下限不能大于上限" in client.post(page, sent).content.decode()
    assert client.post(page, sent | {"least_people": 1}).status_code == 302
    zone.refresh_from_db()
    assert (zone.most_people, zone.least_people) == (3, 1)
    assert Zone.objects.count() == 2


def test_own_zones_are_chosen_among_those_in_scope(city):
    client = city.client("administrator")
    holder = city.holders[WEST]
    sent = {"name": "王丽", "plant": holder.plant_id, "zones": [city.zones[WEST].pk], "post": "中控"}
    assert client.post(f"/admin/chempark/tagholder/{holder.pk}/change/", sent).status_code == 302
    assert list(TagHolder.objects.get(name="王丽").zones.all()) == [city.zones[WEST]]
