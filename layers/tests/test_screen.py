"""The command screen's shell, and counts in one district."""

from __future__ import annotations

import json

import pytest

from layers import screen
from twin.bundle import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bundle(monkeypatch):
    """No browser looks at it: the bundle need not be built."""
    monkeypatch.setattr(screen, "entry", lambda source: Entry(f"web/{source}.js", ("web/first.css", "web/second.css")))


def boot_of(client):
    page = client.get("/screen/").content.decode()
    return page, json.loads(page.split('id="boot" type="application/json">')[1].split("</script>")[0])


def test_whoever_sees_the_city_gets_all_districts(town):
    page, boot = boot_of(town.client("city"))
    assert [(each["code"], each["name"]) for each in boot["districts"]] == [("310100", "西区"), ("310101", "东区")]
    assert boot["districts"][0]["bounds"] == [121.0, 31.0, 121.5, 31.5]
    assert boot["bounds"] == [121.0, 31.0, 122.0, 31.5]
    assert boot["urls"]["alerts"] == "/api/v1/alerts"
    assert page.index("first.css") < page.index("second.css") < page.index("src/screen/main.ts.js")


def test_a_district_officer_starts_in_the_own_district(town):
    _page, boot = boot_of(town.client("district", region=town.regions["east"]))
    assert [each["name"] for each in boot["districts"]] == ["东区"]
    assert boot["bounds"] == [121.5, 31.0, 122.0, 31.5]


def test_an_enterprise_has_no_district_to_look_into(town):
    _page, boot = boot_of(town.client("enterprise", organization=town.firms["west"]))
    assert boot["districts"] == []
    assert boot["bounds"] == [121.0, 31.0, 122.0, 31.5]


def test_districts_speak_english_too(town, client):
    browser = town.client("city")
    browser.cookies["django_language"] = "en"
    _page, boot = boot_of(browser)
    assert [each["name"] for each in boot["districts"]] == ["West", "East"]


def test_nobody_else_gets_in(client):
    assert client.get("/screen/").status_code == 302


@pytest.mark.parametrize("layer", ["drones", "rows"])
def test_counts_in_one_district(town, kites, layer):
    client = town.client("city")
    address = f"/api/v1/layers/kites.{layer}/statistics"
    assert client.get(address).json()["total"] == 2
    told = client.get(f"{address}?district=310101").json()
    assert told["total"] == 1
    assert [each["value"] for each in told["district"]] == ["310101"]
    assert sum(each["count"] for each in told["state"]) == 1
    assert client.get(f"{address}?district=310199").json()["total"] == 0
