"""A small city: one city, two districts, four organizations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from access.roles import Role
from gis.models import Region

_numbers = count(1)


@dataclass
class City:
    """Rows of the small city by short name."""

    regions: dict[str, Region]
    organizations: dict[str, Organization]

    def place(self, where: str | None) -> dict[str, object]:
        """Keyword arguments of a grant: a region, an organization, or neither."""
        if where is None:
            return {}
        if where in self.regions:
            return {"region": self.regions[where]}
        return {"organization": self.organizations[where]}

    def user(self, role: Role | str | None = None, where: str | None = None, **fields: object) -> User:
        """Make an account, with one grant if a role is named."""
        user = User.objects.create_user(f"user{next(_numbers)}", **fields)
        if role is not None:
            Grant.objects.create(user=user, role=role, **self.place(where))
        return user


@pytest.fixture
def city(db: None) -> City:
    regions: dict[str, Region] = {}
    for code, level, parent in (
        ("310000", "city", None),
        ("310115", "district", "310000"),
        ("310104", "district", "310000"),
        ("310115001", "subdistrict", "310115"),
    ):
        boundary = MultiPolygon(Polygon.from_bbox((121.0, 31.0, 121.5, 31.5)), srid=4326)
        regions[code] = Region.objects.create(
            code=code, name=code, level=level, parent=regions.get(parent or ""), boundary=boundary
        )
    random = Random(7)
    organizations: dict[str, Organization] = {}
    for name, parent, region in (
        ("group", None, "310104"),
        ("plant", "group", "310115"),
        ("shop", None, "310115001"),
        ("bureau", None, "310000"),
    ):
        organizations[name] = Organization.objects.create(
            name=name,
            uscc=make_uscc(random),
            kind=Organization.Kind.ENTERPRISE,
            parent=organizations.get(parent or ""),
            region=regions[region],
        )
    return City(regions, organizations)


@pytest.fixture
def signed_in():
    """Make a client that is signed in as a user."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in
