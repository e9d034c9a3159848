"""The day's charts and the watch on the wall: what was counted is drawn, what was not is a gap, and whose it is."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import wait_for
from tests.acceptance.screens import click, command_screen

COUNT = """
import json
from datetime import timedelta
from django.utils import timezone
from twin.census import take_census
now = timezone.now()
for minutes in (200, 195, 60, 55):
    take_census(now - timedelta(minutes=minutes))
take_census(now)
print(json.dumps(None))
"""
WATCH = """
import json
from datetime import timedelta
from django.utils import timezone
from command.models import DutyShift, WeatherReport
from gis.models import Region
now, region = timezone.now(), Region.objects.get(code="310118")
DutyShift.objects.get_or_create(
    name="验收值班员", region=region, defaults=dict(starts_at=now, ends_at=now + timedelta(hours=1), title="值班长")
)
for hours, condition in ((0, "fog"), (5, "haze")):
    region = Region.objects.get(code="310118" if hours == 0 else "310116")
    WeatherReport.objects.get_or_create(
        condition=condition, region=region,
        defaults=dict(observed_at=now - timedelta(hours=hours), source="验收气象站", temperature_c=7.5),
    )
print(json.dumps(None))
"""
CLEAR = """
import json
from command.models import DutyShift, WeatherReport
DutyShift.objects.filter(name="验收值班员").delete()
WeatherReport.objects.filter(source="验收气象站").delete()
print(json.dumps(None))
"""
INK = """(() => {
  const canvas = document.querySelector(".chart[data-chart=things] .chart-canvas canvas");
  if (canvas === null) return 0;
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return data.reduce((count, value, i) => count + (i % 4 === 3 && value > 0), 0);
})()"""


@pytest.fixture
def watch(stack):
    stack.python(WATCH)
    yield
    stack.python(CLEAR)


def test_the_day_is_drawn_with_units_times_and_sources(stack, city):
    stack.python(COUNT)
    day_is_drawn(stack, city)


def day_is_drawn(stack, screen):
    """Look at the day's charts, which were counted a moment ago."""
    fold = screen.page.get_by_role("button", name="24 小时")
    # A low window keeps its map; a wall shows the day at once.
    assert fold.get_attribute("aria-expanded") == str(screen.size == "wall").lower()
    if screen.size == "desk":
        assert screen.page.locator(".chart").count() == 0
        fold.click()
    things = screen.page.locator(".chart[data-chart=things]")
    things.wait_for()
    listed = screen.page.request.get(f"{stack.url}/api/v1/charts").json()
    wait_for(lambda: screen.page.locator(".chart").count() == len(listed))
    wait_for(lambda: screen.ask(INK) > 500)
    wait_for(lambda: things.locator("[data-series=working]").count() == 1)
    text = things.inner_text()
    assert "个" in text
    assert "截至" in text
    assert "每 5 分钟" in text
    # Each module that is installed brings its own.
    for url in (chart["url"] for chart in listed if "/modules/" in chart["url"]):
        series = screen.page.locator(f".chart[data-chart='{url.rsplit('/', 1)[-1]}'] li")
        wait_for(lambda series=series: series.count() == 1)
    # Pointing tells the figures of a moment, or that there are none: the present is counted, two hours ago is not.
    canvas = things.locator(".chart-canvas")
    canvas.focus()
    screen.page.keyboard.press("ArrowRight")
    counted = things.locator(".chart-at")
    assert ":" in counted.inner_text()
    box = canvas.bounding_box()
    plot = screen.ask("document.querySelector('.chart[data-chart=things] .chart-canvas').clientWidth")
    for share in (0.92, 0.9, 0.88):
        screen.page.mouse.move(box["x"] + plot * share, box["y"] + box["height"] / 2)
        if "没有统计" in counted.inner_text():
            break
    assert "没有统计" in counted.inner_text()
    assert "—" in things.locator("[data-series=working]").inner_text()
    screen.picture("charts")
    if screen.size == "desk":
        fold.click()


def test_the_top_line_tells_the_watch_of_ones_own(stack, watch, city, open_screen):
    here = command_screen(stack, open_screen(), "charts-qingpu", "district", "310118")
    duty = here.page.locator(".watch.duty")
    wait_for(lambda: "验收值班员" in duty.inner_text())
    weather = here.page.locator(".watch.weather")
    assert "雾 7.5 ℃" in weather.inner_text()
    weather.locator("summary").click()
    assert "验收气象站" in weather.inner_text()
    here.page.keyboard.press("Escape")
    wait_for(lambda: weather.get_attribute("open") is None)
    assert not here.faults, here.faults
    # Another district has no officer on duty and says so to nobody; its weather is hours old and looks it.
    click(city.page.locator(".district-row[data-code='310116']"))
    stale = city.page.locator(".watch.weather.stale")
    wait_for(lambda: stale.count() == 1)
    assert "霾" in stale.inner_text()
    assert not city.page.locator(".watch.duty").is_visible()
    assert city.page.get_by_role("link", name="登记值班").is_visible()
    assert "验收值班员" not in city.page.inner_text("body")
