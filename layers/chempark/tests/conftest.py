"""A city of two districts, with a plant, a zone and somebody on a tag in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from gis.models import Region
from layers.chempark.models import Plant, TagHolder, Zone
from twin.models import Area, Asset

_numbers = count(1)
WEST, EAST = "990101", "990102"
BOXES = {WEST: (121.3, 31.2, 121.4, 31.3), EAST: (121.5, 31.2, 121.6, 31.3)}


def box(west: float, south: float, east: float, north: float) -> MultiPolygon:
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


@dataclass
class City:
    whole: Region
    districts: dict[str, Region]
    plants: dict[str, Plant] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    holders: dict[str, TagHolder] = field(default_factory=dict)

    def client(self, role: str, **place: object) -> Client:
        """Signed in with one grant."""
        user = User.objects.create_user(f"user{next(_numbers)}")
        Grant.objects.create(user=user, role=role, **place)
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client


@pytest.fixture
def empty_city(db) -> City:
    whole = Region.objects.create(code="990000", name="示例市", level="city", boundary=box(121, 31, 122, 32))
    districts = {
        code: Region.objects.create(code=code, name=code, level="district", parent=whole, boundary=box(*bounds))
        for code, bounds in BOXES.items()
    }
    return City(whole, districts)


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
