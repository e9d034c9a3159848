"""The day's charts and the watch on the wall: what was counted is drawn, what was not is a gap, and whose it is."""

from __future__ import annotations

from tests.acceptance.conftest import wait_for

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
INK = """(() => {
  const canvas = document.querySelector(".chart[data-chart=things] .chart-canvas canvas");
  if (canvas === null) return 0;
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return data.reduce((count, value, i) => count + (i % 4 === 3 && value > 0), 0);
})()"""


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
