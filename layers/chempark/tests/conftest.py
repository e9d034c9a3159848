"""A city of two districts, with a plant, a zone and somebody on a tag in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from access.identifiers import make_uscc
from access.models import Organization
from layers.chempark.models import Plant, TagHolder, Zone
from layers.tests.little_city import BOXES, LittleCity, box
from twin.models import Area, Asset


@dataclass
class City(LittleCity):
    plants: dict[str, Plant] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    holders: dict[str, TagHolder] = field(default_factory=dict)


@pytest.fixture
def empty_city(db) -> City:
    return City.build()


@pytest.fixture
def city(empty_city: City) -> City:
    rng = Random(3)
    for code, region in empty_city.districts.items():
        west, south, _east, _north = BOXES[code]
        organization = Organization.objects.create(
            name=f"{code}化工厂",
            uscc=make_uscc(rng),
            kind=Organization.Kind.ENTERPRISE,
            region=region,
            site=box(west, south, west + 0.01, south + 0.01),
        )
        area = Area.objects.create(
            name=f"{code}罐区", kind="zone", owner=organization, boundary=box(west, south, west + 0.005, south + 0.005)
        )
        asset = Asset.objects.create(kind="person", code=f"P-{code}", name=f"{code}标签", owner=organization)
        plant = Plant.objects.create(organization=organization)
        empty_city.plants[code] = plant
        empty_city.zones[code] = Zone.objects.create(area=area, plant=plant)
        empty_city.holders[code] = TagHolder.objects.create(asset=asset, name=f"{code}员工", plant=plant)
    return empty_city
