"""Charts that modules declare: told of, counted from the census, within the scope."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from layers.contract import Chart, LayerModule, Status
from layers.registry import ModuleRegistry, registry
from layers.tests.conftest import LAYERS
from twin.census import take_census
from twin.models import Asset

pytestmark = pytest.mark.django_db

CHARTS = (
    Chart("kites.flying", "飞行架数 24 小时", "kites.drones", (Status.WORKING,), "架"),
    Chart("kites.off", "关机架数 24 小时", "kites.drones", (Status.OFF,), "架"),
)


@pytest.fixture(autouse=True)
def _charted(monkeypatch):
    cache.clear()
    only = ModuleRegistry()
    only.register("kites", LayerModule(key="kites", title="风筝", map_layers=LAYERS, charts=CHARTS))
    only.freeze()
    for name, value in vars(only).items():
        monkeypatch.setattr(registry, name, value)


def read(client, name, **query):
    answer = client.get(f"/api/v1/charts/modules/{name}", query)
    return answer.status_code, answer.json()


def test_every_chart_that_is_told_of_can_be_read(town):
    client = town.client("city")
    urls = [chart["url"] for chart in client.get("/api/v1/charts").json()]
    titles = [client.get(url).json()["title"] for url in urls]
    assert titles == ["对象状态 24 小时", "每小时预警", "未关闭预警", "飞行架数 24 小时", "关机架数 24 小时"]
    assert town.client(None).get("/api/v1/charts").json() == []


@pytest.mark.parametrize(("who", "flying"), [("city", 1), ("west", 1), ("east", 0), ("firm", 1), (None, None)])
def test_a_modules_chart_counts_its_layer_in_scope(town, who, flying):
    # The drone of the west works; the east's has been silent for an hour, whatever it said last.
    Asset.objects.create(kind="machine", code="M-1", name="焊机", owner=town.firms["east"])
    take_census(timezone.now())
    roles = {
        "city": ("city", {}),
        "west": ("district", {"region": town.regions["west"]}),
        "east": ("district", {"region": town.regions["east"]}),
        "firm": ("enterprise", {"organization": town.firms["west"]}),
        None: (None, {}),
    }
    role, place = roles[who]
    status, told = read(town.client(role, **place), "kites.flying")
    assert (status, told["title"], told["unit"]) == (200, "飞行架数 24 小时", "架")
    if flying is None:
        assert told["moments"] == []
        return
    assert [series["values"] for series in told["series"]] == [[flying]]
    assert told["series"][0]["title"] == "图层drones"


def test_a_chart_of_a_district(town):
    take_census(timezone.now())
    client = town.client("city")
    assert read(client, "kites.flying", district="310100")[1]["series"][0]["values"] == [1]
    assert read(client, "kites.flying", district="310101")[1]["series"][0]["values"] == [0]
    # A line of nothing is still shown: it was counted.
    assert read(client, "kites.off")[1]["series"][0]["values"] == [0]
    assert read(client, "kites.flying", district="9")[0] == 404


def test_an_unknown_chart_is_not_found(town):
    assert read(town.client("city"), "kites.none") == (404, {"detail": "没有这张图表"})
