"""The demo fills the registers once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from layers.hotwork.demo import fill
from layers.hotwork.models import HotworkFirm, ImportantPeriod, KeyArea, Machine, Welder
from layers.tests import demo_city
from twin.models import Area, Asset

pytestmark = pytest.mark.slow

MODELS = (HotworkFirm, Machine, Welder, KeyArea, ImportantPeriod)


@pytest.fixture
def loaded(empty_city, monkeypatch, settings, tmp_path):
    demo_city.load(monkeypatch, settings, tmp_path, people=8)
    return empty_city


def snapshot() -> list:
    return [list(model.objects.order_by("pk").values_list()) for model in MODELS]


def test_every_demo_machine_is_registered_with_firm_site_and_welder(loaded):
    fill(loaded.whole, demo_city.SEED)
    assert Machine.objects.count() == Asset.objects.filter(kind="machine").count() == 20
    for machine in Machine.objects.select_related("asset", "site", "welder"):
        machine.full_clean()
        assert machine.firm_id == machine.asset.owner_id
        assert machine.site.owner_id == machine.asset.owner_id
        assert machine.welder.firm_id == machine.firm_id
    for row in [*HotworkFirm.objects.all(), *Welder.objects.all(), *KeyArea.objects.all()]:
        row.full_clean()
    assert KeyArea.objects.count() == Area.objects.filter(kind="key_area").count() == 2
    today = timezone.localdate()
    assert all(w.valid_from < today < w.valid_to + timedelta(days=1) for w in Welder.objects.all())
    period = ImportantPeriod.objects.get()
    assert period.area == Area.objects.filter(kind="key_area").order_by("pk").first()
    assert period.starts_at < timezone.now() < period.ends_at


def test_a_second_time_changes_nothing(loaded):
    fill(loaded.whole, demo_city.SEED)
    before = snapshot()
    fill(loaded.whole, demo_city.SEED)
    assert snapshot() == before


def test_what_people_registered_stays_and_real_machines_are_nobody_s_demo(loaded, city):
    fill(loaded.whole, demo_city.SEED)
    assert Machine.objects.filter(serial__in=city.machines).count() == 2
    Machine.objects.filter(asset__code="W-0001").update(model="改名")
    fill(loaded.whole, demo_city.SEED)
    assert Machine.objects.get(asset__code="W-0001").model == "改名"


def test_a_city_without_the_demo_stays_empty(empty_city):
    fill(empty_city.whole, demo_city.SEED)
    assert not any(snapshot())
