"""The director's page: a shell with the districts of whoever opens it, for nobody without a session."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client, override_settings

from command.tests.people import Town
from gis.models import Region
from layers import director

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(monkeypatch):
    monkeypatch.setattr(director, "entry", lambda _source: {"script": "web/director.js", "styles": []})
    town = Town()
    city = Region.objects.create(code="310000", name="市", level="city", boundary=town.west.boundary)
    for each in (town.west, town.east):
        each.parent = city
        each.save()
    return town


def boot_of(client):
    page = client.get("/director/")
    assert page.status_code == 200
    return json.loads(re.search(r'id="boot" type="application/json">(.*?)</script>', page.content.decode(), re.S)[1])


@override_settings(CITY_CODE="310000")
def test_each_gets_the_outlines_of_their_own_districts(town):
    assert {each["code"] for each in boot_of(town.client("city"))["districts"]} == {"310101", "310102"}
    boot = boot_of(town.client("west"))
    (only,) = boot["districts"]
    assert only["code"] == "310101"
    assert len(only["outline"][0]) >= 4
    assert boot["bounds"] == list(town.west.boundary.extent)
    assert {"walls", "scenes", "tours"} <= set(boot["urls"])
    assert boot_of(town.client("nobody"))["districts"] == []


def test_nobody_without_a_session(town):
    assert Client().get("/director/").status_code == 302
