"""The demo fills the registers once."""

from __future__ import annotations

from random import Random

import pytest
import shapely

from devices.demo.plan import make_plan
from devices.demo.store import districts_of
from devices.simulator.behaviours import make_mover
from layers.chempark.demo import fill
from layers.chempark.models import Plant, TagHolder, Zone
from layers.tests import demo_city
from twin.models import Area, Asset

pytestmark = pytest.mark.slow

MODELS = (Plant, Zone, TagHolder, TagHolder.zones.through)


@pytest.fixture
def loaded(empty_city, monkeypatch, settings, tmp_path):
    demo_city.load(monkeypatch, settings, tmp_path)
    return empty_city


def snapshot() -> list:
    return [list(model.objects.order_by("pk").values_list()) for model in MODELS]


def test_plants_zones_and_people_are_registered_and_people_keep_to_their_zones(loaded):
    fill(loaded.whole, demo_city.SEED)
    assert Plant.objects.count() == 8
    assert Zone.objects.count() == Area.objects.filter(kind="zone").count() == 8 + 8
    assert TagHolder.objects.count() == Asset.objects.filter(kind="person").count() == 60
    for row in [*Plant.objects.all(), *Zone.objects.all(), *TagHolder.objects.all()]:
        row.full_clean()
    troubled = Zone.objects.get(post="罐区值守")
    whole = Zone.objects.filter(plant=troubled.plant).order_by("pk").first()
    assert whole.most_people < TagHolder.objects.filter(zones__plant=troubled.plant).count()
    assert not TagHolder.objects.filter(post="罐区值守").exists()
    # Where the simulator has them is where they belong.
    plan = make_plan(loaded.whole.name, districts_of(loaded.whole), demo_city.SEED)
    things = {thing.code: thing for thing in plan.things if thing.kind == "person"}
    for holder in TagHolder.objects.select_related("asset"):
        mover = make_mover(things[holder.asset.code].profile, Random(1))
        own = shapely.from_wkb(bytes(holder.zones.get().area.boundary.wkb))
        assert own.buffer(1e-6).contains(shapely.Point(mover.place)), holder.asset.code


def test_a_second_time_changes_nothing_and_what_people_registered_stays(loaded):
    fill(loaded.whole, demo_city.SEED)
    before = snapshot()
    fill(loaded.whole, demo_city.SEED)
    assert snapshot() == before
    holder = TagHolder.objects.get(asset__code="P-0001")
    holder.zones.clear()
    Zone.objects.update(most_people=7)
    fill(loaded.whole, demo_city.SEED)
    assert not holder.zones.exists()
    assert set(Zone.objects.values_list("most_people", flat=True)) == {7}


def test_with_another_seed_everybody_keeps_to_a_zone_of_their_plant(loaded):
    fill(loaded.whole, "another")
    for holder in TagHolder.objects.all():
        assert holder.zones.get().plant_id == holder.plant_id


def test_a_city_without_the_demo_stays_empty(empty_city):
    fill(empty_city.whole, demo_city.SEED)
    assert not any(snapshot())
