"""The card of a machine tells what its register knows, to whoever may see the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client

from layers.contract import CardField
from layers.exceptions import DeclarationError
from layers.hotwork.maplayers import MACHINES
from layers.hotwork.models import Welder
from layers.tests.little_city import EAST, WEST
from twin.models import Asset

pytestmark = pytest.mark.django_db


def address(asset_id: int, layer: str = MACHINES.id) -> str:
    return f"/api/v1/layers/{layer}/things/{asset_id}"


@pytest.fixture
def machine(city):
    found = city.machines[WEST]
    found.welder = Welder.objects.create(
        name="王建国", firm=found.firm, region=city.districts[WEST], valid_from="2024-01-01", valid_to="2030-01-01",
        identity_number="110101199003070214",
    )  # fmt: skip
    found.save()
    return found


def test_the_register_is_told_by_card_field(city, machine):
    told = city.client("city").get(address(machine.pk)).json()
    assert told == {
        "register.welder__name": "王建国",
        "register.firm__organization__name": f"{WEST}建设",
        "register.site__name": None,
        "register.model": machine.model,
        "register.serial": machine.serial,
    }


def test_it_ends_at_the_scope(city, machine):
    assert city.client("district", region=city.districts[WEST]).get(address(machine.pk)).status_code == 200
    for client, status in ((city.client("district", region=city.districts[EAST]), 404), (Client(), 401)):
        answer = client.get(address(machine.pk))
        assert answer.status_code == status
        assert "王建国" not in answer.content.decode()


def test_what_is_not_of_the_layer_is_not_found(city, machine):
    person = Asset.objects.create(kind="person", code="P-1", name="某人")
    client = city.client("city")
    assert client.get(address(person.pk)).status_code == 404
    assert client.get(address(machine.pk, "hotwork.firms")).status_code == 404
    assert client.get(address(machine.pk, "hotwork.none")).status_code == 404


def test_a_machine_without_a_register_row_has_nothing_to_tell(city):
    bare = Asset.objects.create(kind="machine", code="M-bare", name="未登记")
    assert city.client("city").get(address(bare.pk)).json() == {}


def test_personal_fields_are_refused_on_cards():
    with pytest.raises(DeclarationError, match="personal"):
        replace(MACHINES, card=(CardField("register.welder__identity_number", "号码"),))
