"""A city of two districts, with a builder and its machine in each, and a key area."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from access.identifiers import make_uscc
from access.models import Organization
from layers.hotwork.models import HotworkFirm, Machine
from layers.tests.little_city import WEST, LittleCity, box
from twin.models import Area, Asset


@dataclass
class City(LittleCity):
    builders: dict[str, Organization] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    key_area: Area | None = None


@pytest.fixture
def empty_city(db) -> City:
    return City.build()


@pytest.fixture
def city(empty_city: City) -> City:
    rng = Random(3)
    for code, region in empty_city.districts.items():
        builder = Organization.objects.create(
            name=f"{code}建设", uscc=make_uscc(rng), kind=Organization.Kind.ENTERPRISE, region=region
        )
        asset = Asset.objects.create(kind="machine", code=f"W-{code}", name=f"{code}焊机", owner=builder)
        firm = HotworkFirm.objects.create(organization=builder, trade="钢结构")
        empty_city.builders[code] = builder
        empty_city.machines[code] = Machine.objects.create(asset=asset, serial=code, model="NBC-350", firm=firm)
    empty_city.key_area = Area.objects.create(
        name="油库", kind="key_area", boundary=box(121.31, 31.21, 121.32, 31.22), region=empty_city.districts[WEST]
    )
    return empty_city
