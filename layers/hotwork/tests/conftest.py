"""A city of two districts, with a builder and its machine in each, and a key area."""

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
from layers.hotwork.models import HotworkFirm, Machine
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
    builders: dict[str, Organization] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    key_area: Area | None = None

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
