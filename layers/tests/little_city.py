"""A city of two districts for the tests of modules, each of which puts its own things there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Self

from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client

from access.models import Grant, User
from gis.models import Region

_numbers = count(1)
WEST, EAST = "990101", "990102"
BOXES = {WEST: (121.3, 31.2, 121.4, 31.3), EAST: (121.5, 31.2, 121.6, 31.3)}


def box(west: float, south: float, east: float, north: float) -> MultiPolygon:
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


@dataclass
class LittleCity:
    whole: Region
    districts: dict[str, Region]

    @classmethod
    def build(cls) -> Self:
        whole = Region.objects.create(code="990000", name="示例市", level="city", boundary=box(121, 31, 122, 32))
        districts = {
            code: Region.objects.create(code=code, name=code, level="district", parent=whole, boundary=box(*bounds))
            for code, bounds in BOXES.items()
        }
        return cls(whole, districts)

    def client(self, role: str, **place: object) -> Client:
        """Signed in with one grant."""
        user = User.objects.create_user(f"user{next(_numbers)}")
        Grant.objects.create(user=user, role=role, **place)
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client
