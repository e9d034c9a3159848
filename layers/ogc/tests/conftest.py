"""Two districts with a drone, a fence and an alert each, and clients of several people."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from django.core.cache import caches
from django.test import Client

from access.models import User
from command.models import Alert
from layers.tests.conftest import kites as kites
from layers.tests.conftest import town as town
from twin.models import State

PASSWORD = "calm-Harbour-42"
TIMES = {"west": datetime(2026, 5, 1, 8, tzinfo=UTC), "east": datetime(2026, 5, 2, 8, tzinfo=UTC)}


class Door:
    """A client that reads JSON."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def answer(self, path="", accept="application/json", **query):
        query = {name.replace("_", "-"): value for name, value in query.items()}
        return self.client.get(f"/ogc{path}", query, headers={"accept": accept})

    def json(self, path="", **query):
        found = self.answer(path, **query)
        assert found.status_code == 200, found.content.decode()[:500]
        return found.json()

    def names(self, collection, **query):
        """Names of the features that match."""
        found = self.json(f"/collections/{collection}/items", **query)
        return {each["properties"].get("name") or each["properties"].get("subject") for each in found["features"]}

    def refused(self, path, code=400, **query):
        """What is said of a request that must not be served."""
        found = self.answer(path, **query)
        assert found.status_code == code, (query, found.content.decode()[:300])
        assert found["Content-Type"] == "application/problem+json"
        body = found.json()
        assert body["status"] == code and body["title"]
        return body.get("detail", "")


@pytest.fixture
def place(town, kites):
    for name in ("west", "east"):
        State.objects.filter(asset=town.drones[name]).update(ts=TIMES[name])
        Alert.objects.create(
            rule="twin.silent", rule_version=1, parameters={}, grade=2, cause=name, subject=name, evidence={},
            owner=town.firms[name], region=town.regions[name], lon=121.25 if name == "west" else 121.75, lat=31.2,
            raised_at=TIMES[name], group_by="", group_key="",
        )  # fmt: skip
    for cache in caches.all():
        cache.clear()
    return town


@pytest.fixture
def door(place):
    return Door(place.client("city"))


@pytest.fixture
def west(place):
    return Door(place.client("district", region=place.regions["west"]))


@pytest.fixture
def person(place):
    user = User.objects.create_user("gis", password=PASSWORD)
    user.grants.create(role="district", region=place.regions["west"])
    return user


def basic(name, password):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}
