"""Requirements seen to work: from tags' messages over MQTT to what people read over HTTP."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from command.runner import RulesRunner
from devices.tests.broker import wait_for
from devices.tests.road import Road, Station
from layers.chempark.models import TagHolder, Zone
from layers.tests.little_city import WEST
from twin.models import Asset

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
IN_ZONE = (121.302, 31.202)
ON_SITE = (121.308, 31.208)
OFF_SITE = (121.35, 31.25)
NORTH_50_M = 0.00045


@pytest.fixture
def road(tmp_path, transactional_db, city, settings):
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def tag(road, city):
    """Give somebody of the western plant a tag."""
    made = []

    def give(name: str, post: str = "") -> Station:
        plant = city.plants[WEST]
        asset = Asset.objects.create(kind="person", code=name, name=name, owner=plant.organization)
        holder = TagHolder.objects.create(asset=asset, name=name, plant=plant, post=post)
        holder.zones.add(city.zones[WEST])
        station = Station(road, f"P-{len(made)}", asset=asset)
        station.seq = 0
        made.append(station)
        return station

    yield give
    for station in made:
        station.close()


@pytest.fixture
def regulator(city):
    return city.client("district", region=city.districts[WEST])


def report(station, place, seconds_ago=0.0, north=0.0):
    station.seq += 1
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    station.send(seq=station.seq, at=at, working=True, lon=place[0], lat=place[1] + north)
    wait_for(lambda: station.answers and station.answers[-1]["acked"] >= station.seq)


def alerts(client):
    """What holds now, by rule: name of the person or the zone."""
    told = client.get("/api/v1/alerts", {"state": "all", "limit": 500}).json()["alerts"]
    return Counter(
        (alert["rule"].removeprefix("chempark."), (alert["asset"] or alert["area"])["name"])
        for alert in told
        if alert["cause_ended_at"] is None
    )


@pytest.mark.function("CP-031")
def test_five_alarms_of_persons_and_none_of_normal_movement(road, tag, regulator, city):
    Zone.objects.filter(pk=city.zones[WEST].pk).update(stay_limit_min=3, still_limit_s=30)
    names = ("求助", "越界", "滞留", "静止", "离场", "正常")
    people = {name: tag(name) for name in names}
    road.ingest()
    road.start(RulesRunner())
    time.sleep(0.5)
    report(people["正常"], IN_ZONE, 20)
    report(people["正常"], IN_ZONE, 10, NORTH_50_M)
    report(people["正常"], IN_ZONE, 0, 2 * NORTH_50_M)
    report(people["求助"], IN_ZONE)
    report(people["越界"], IN_ZONE, 5)
    report(people["滞留"], IN_ZONE, 240)
    report(people["滞留"], IN_ZONE, 5, NORTH_50_M)
    report(people["静止"], IN_ZONE, 25)
    report(people["离场"], IN_ZONE, 5)
    time.sleep(6)  # longer than the rhythm of the rules
    assert alerts(regulator) == {("overstay", "滞留"): 1}
    people["求助"].send("event", code="sos", text="按下求助键")
    report(people["越界"], ON_SITE)
    report(people["静止"], IN_ZONE, -10)
    report(people["离场"], OFF_SITE)
    wanted = {
        ("sos", "求助"): 1,
        ("out_of_zone", "越界"): 1,
        ("overstay", "滞留"): 1,
        ("motionless", "静止"): 1,
        ("left_site", "离场"): 1,
    }
    wait_for(lambda: alerts(regulator) == wanted)
    time.sleep(6)
    assert alerts(regulator) == wanted


@pytest.mark.function("CP-032")
def test_four_alarms_of_a_zone_and_each_clears(road, tag, regulator, city):
    Zone.objects.filter(pk=city.zones[WEST].pk).update(
        most_people=2, least_people=1, gathering_people=3, post="值守", post_people=1
    )
    keeper, second, third = tag("值守员", "值守"), tag("甲"), tag("乙")
    road.ingest()
    time.sleep(0.5)
    zone = f"{WEST}罐区"
    for station in (keeper, second, third):
        report(station, IN_ZONE, 100)
    report(second, ON_SITE, 90)
    report(third, ON_SITE, 90)
    report(keeper, IN_ZONE)
    road.start(RulesRunner())
    time.sleep(6)

    def of_zone():
        return {rule for rule, name in alerts(regulator) if name == zone}

    assert of_zone() == set()
    for station in (second, third):
        report(station, IN_ZONE, 80)
        report(station, IN_ZONE)
    wait_for(lambda: of_zone() == {"over_limit", "gathering"}, 15)
    report(third, ON_SITE)
    wait_for(lambda: of_zone() == set(), 15)
    report(keeper, ON_SITE)
    wait_for(lambda: of_zone() == {"post_vacant"}, 15)
    report(second, ON_SITE)
    wait_for(lambda: of_zone() == {"post_vacant", "under_limit"}, 15)
    report(keeper, IN_ZONE)
    wait_for(lambda: of_zone() == set(), 15)
