"""The sides of the command screen: filters, districts, numbers that show where, cards, trails, languages."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest

from gis.crs import from_wgs84
from tests.acceptance.conftest import wait_for
from tests.acceptance.screens import (
    PUDONG,
    click,
    drive_in,
    number,
    register,
    tells_of_a_thing,
    total,
)
from tests.acceptance.test_spine import connected, position, publish

CHINESE = re.compile("[\u4e00-\u9fff]")
WORKING = """
import json
from datetime import timedelta
from django.utils import timezone
from twin.kinds import MACHINE
from twin.models import State
heard = timezone.now() - timedelta(seconds=MACHINE.silent_after_s)
rows = State.objects.filter(asset__kind="machine", status=1, ts__gte=heard)  # others are silent
print(json.dumps(list(rows.values_list("pk", flat=True))))
"""
MACHINES = """
import json
from twin.models import State
print(json.dumps(list(State.objects.filter(asset__kind="machine").values_list("pk", flat=True))))
"""
DISTRICTS_OF = """
import json
from twin.models import State
rows = State.objects.filter(asset__active=True, asset__kind__in=["machine", "person"], region__isnull=False)
print(json.dumps(list(rows.values_list("pk", "region__code"))))
"""
PERSON = """
import json
from devices.keys import issue_key
from devices.models import Device
from twin.models import Asset
asset, _ = Asset.objects.update_or_create(kind="person", code="SIDE-P", defaults=dict(name="验收持卡人"))
device, _ = Device.objects.update_or_create(
    identifier="SIDE-P", defaults=dict(kind="person", asset=asset, datum="gcj02")
)
print(json.dumps({"asset": asset.pk, "user": device.username, "key": issue_key(device)}))
"""
ONLINE_PEOPLE = """
import json
from datetime import timedelta
from django.utils import timezone
from twin.models import State
since = timezone.now() - timedelta(seconds=20)
rows = State.objects.filter(asset__kind="person", asset__active=True, ts__gte=since)
print(json.dumps(list(rows.values_list("pk", flat=True))))
"""
# What the screen itself says; names of firms, people, things and areas stay as they were registered.
OWN_WORDS = """() => {
  const data = '.alert-who, .alert-place, .card-title, .account .user, .languages, .light, .watch, .bottom-fold,'
    + ' .maplibregl-ctrl-attrib, canvas, .director-badge, .wall-code, [hidden]';
  const walker = document.createTreeWalker(document.querySelector('#app'), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { parentElement, data: text } = walker.currentNode;
    if (text.trim() && !parentElement.closest(data)) found.push(text.trim());
  }
  return found;
}"""


def switch(screen, layer):
    click(screen.page.locator(f"[data-layer='{layer}'] label input").first)


def choice(screen, layer, value):
    return screen.page.locator(f"[data-layer='{layer}'] .layer-filters [data-value='{value}']")


def rests_alone(stack, screen):
    """Whether what stands out, when the number is clicked, are machines and none that works all the while."""
    figure = screen.page.locator("[data-layer='hotwork.machines'] .layer-line .total")
    before = set(stack.python(WORKING))
    time.sleep(3)  # the screen is told of what begins to work
    click(figure)
    shown = set(wait_for(lambda: screen.ask("sandtable.standingOut()")))
    after = set(stack.python(WORKING))
    assert shown <= set(stack.python(MACHINES))
    alone = not shown & before & after
    if not alone:
        click(figure)  # lets go of them again
        wait_for(lambda: not screen.ask("sandtable.standingOut()"))
    return alone


def remember_what_is_gone(screen):
    """Leave in the browser's memory, beside the rest, what a later version of the screen may not know any more."""
    user = json.loads(screen.page.locator("#boot").text_content())["user"]["id"]
    key = f"sandtable.screen/{user}"
    memory = json.loads(screen.page.evaluate("(key) => localStorage.getItem(key)", key))
    memory["layers"]["gone.layer"] = False
    memory["filters"] |= {"gone.layer": {"x": [1]}, "chempark.people": {"status": [99]}}
    screen.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, json.dumps(memory)])


def test_a_filter_changes_map_tree_and_counters_alike_and_is_remembered(stack, city):
    screen = city
    wait_for(lambda: (total(screen, "hotwork.machines") or 0) > 10)
    everything = total(screen, "hotwork.machines")
    click(screen.page.locator("[data-layer='hotwork.machines'] .filter-fold"))
    parts = {value: choice(screen, "hotwork.machines", value) for value in (0, 1, 2, 3, "silent")}
    wait_for(
        lambda: sum(number(part.locator(".total")) for part in parts.values()) == total(screen, "hotwork.machines")
    )
    click(parts[1].locator("input"))
    wait_for(lambda: total(screen, "hotwork.machines") < everything)
    wait_for(lambda: number(screen.page.locator(".tile.working .figure")) <= number(
        screen.page.locator("[data-layer='chempark.people'] .layer-line .total")))  # fmt: skip
    # The map has the same things as the number: all of them, and none that works.
    wait_for(lambda: rests_alone(stack, screen))
    screen.picture("screen-filter")
    # Choices by a property of what stands on the ground.
    plants = total(screen, "chempark.plants")
    drawn = wait_for(lambda: screen.ask("sandtable.drawn('chempark.plants')"))
    click(screen.page.locator("[data-layer='chempark.plants'] .filter-fold"))
    counts = {value: number(choice(screen, "chempark.plants", value).locator(".total")) for value in "1234"}
    hazard, count = next((value, count) for value, count in counts.items() if count)
    click(choice(screen, "chempark.plants", hazard).locator("input"))
    wait_for(lambda: total(screen, "chempark.plants") == plants - count)
    wait_for(lambda: screen.ask("sandtable.drawn('chempark.plants')") < drawn)
    switch(screen, "hotwork.firms")
    trails = screen.page.locator(".tool", has_text="轨迹")
    click(trails)
    wait_for(lambda: trails.get_attribute("aria-pressed") == "true")
    remember_what_is_gone(screen)
    screen.page.reload()
    screen.see_things()
    wait_for(lambda: total(screen, "chempark.plants") == plants - count)
    wait_for(lambda: total(screen, "hotwork.machines") < everything)
    assert not screen.page.locator("[data-layer='hotwork.firms'] input").first.is_checked()
    assert trails.get_attribute("aria-pressed") == "true"
    click(trails)
    assert trails.get_attribute("aria-pressed") == "false"
    click(screen.page.locator(".defaults"))
    wait_for(lambda: (total(screen, "hotwork.machines"), total(screen, "chempark.plants")) == (everything, plants))
    assert screen.page.locator("[data-layer='hotwork.firms'] input").first.is_checked()


def test_a_district_hides_what_moves_elsewhere_and_all_numbers_agree(stack, city):
    screen = city
    wait_for(lambda: (total(screen, "hotwork.machines") or 0) > 10)
    wait_for(lambda: screen.ask("sandtable.mode()") == "assets")
    things = stack.python(DISTRICTS_OF)
    inside = {key for key, code in things if code == "310115"}
    outside = {key for key, code in things if code != "310115"}
    assert inside and outside
    click(screen.page.locator(".district-row[data-code='310115']"))
    shown = "(ids) => ids.filter((id) => sandtable.positionOf(id) !== null)"
    wait_for(lambda: not screen.page.evaluate(shown, sorted(outside)))
    wait_for(lambda: set(screen.page.evaluate(shown, sorted(inside))) == inside)
    click(screen.page.locator(".tile.total"))
    agreed = lambda: {  # noqa: E731
        number(screen.page.locator(".tile.total .figure")),
        total(screen, "hotwork.machines") + total(screen, "chempark.people"),
        len(screen.ask("sandtable.standingOut()")),
    }
    wait_for(lambda: len(agreed()) == 1)
    assert agreed() == {len(inside)}
    screen.picture("screen-drilled")
    screen.page.keyboard.press("Escape")  # first what stands out,
    screen.page.keyboard.press("Escape")  # then the district
    wait_for(lambda: set(screen.page.evaluate(shown, sorted(outside))) == outside)


@pytest.mark.function("HW-012")
def test_five_layers_numbers_that_show_where_records_and_two_pictures_of_one_count(stack, mqtt_port, city):
    place = (PUDONG[0] + 0.03, PUDONG[1])
    machine = register(stack, "SIDE-1", "验收侧屏一号焊机", place)
    connected(mqtt_port, machine)
    screen = city
    drive_in(mqtt_port, machine, place)
    page = screen.page
    wait_for(lambda: (total(screen, "hotwork.machines") or 0) > 10)
    page.keyboard.press("+")  # areas are drawn from nearer than the whole city
    # Five layers, each switched by itself: off the map, and on it again.
    for layer in ("hotwork.firms", "hotwork.work_areas", "hotwork.fences"):
        wait_for(lambda layer=layer: screen.ask(f"sandtable.drawn('{layer}')") > 0)
        switch(screen, layer)
        wait_for(lambda layer=layer: screen.ask(f"sandtable.drawn('{layer}')") == 0)
        switch(screen, layer)
        wait_for(lambda layer=layer: screen.ask(f"sandtable.drawn('{layer}')") > 0)
    marks = page.locator(".mark")
    wait_for(lambda: marks.count() > 0)
    switch(screen, "alerts")
    wait_for(lambda: marks.count() == 0)
    switch(screen, "alerts")
    wait_for(lambda: marks.count() > 0)
    click(page.locator("[data-layer='hotwork.machines'] .layer-line .total"))
    wait_for(lambda: len(screen.ask("sandtable.standingOut()")) > 10)
    switch(screen, "hotwork.machines")
    wait_for(lambda: not screen.ask("sandtable.standingOut()"))
    switch(screen, "hotwork.machines")
    # A chosen number lights up what it counts, and nothing else.
    wait_for(lambda: 10 < len(screen.ask("sandtable.standingOut()")) <= total(screen, "hotwork.machines"))
    click(page.locator("[data-layer='hotwork.firms'] .layer-line .total"))
    wait_for(lambda: screen.ask("sandtable.drawn('spot/hotwork.firms')") > 0)
    assert screen.ask("sandtable.standingOut()") == []
    click(page.locator(".tile.alert"))
    wait_for(lambda: machine["asset"] in screen.ask("sandtable.standingOut()"))
    assert number(page.locator(".tile.alert .figure")) < 60
    assert screen.ask("sandtable.drawn('spot/hotwork.firms')") == 0
    screen.picture("screen-spot")
    page.keyboard.press("Escape")
    assert not page.locator(".spot").is_visible()
    # A chosen thing shows its record.
    known = stack.python(
        "import json; from layers.hotwork.models import Machine;"
        "m = Machine.objects.select_related('asset', 'welder', 'firm__organization').filter(welder__isnull=False,"
        " asset__state__isnull=False).first();"
        "print(json.dumps([m.pk, m.asset.name, m.welder.name, m.firm.organization.name, m.serial]))"
    )
    screen.ask(f"sandtable.select({known[0]})")
    wait_for(lambda: all(text in page.locator(".card.open").inner_text() for text in known[1:]))
    page.keyboard.press("Escape")
    # The same machines as colours of districts and as a heat map.
    for layer, name in (("hotwork.districts", "screen-colours"), ("hotwork.heat", "screen-heat")):
        assert screen.ask(f"sandtable.drawn('{layer}')") == 0
        switch(screen, layer)
        wait_for(lambda layer=layer: screen.ask(f"sandtable.drawn('{layer}')") > 0)
        screen.picture(name)
        switch(screen, layer)


def test_the_card_tells_of_a_thing_its_alerts_and_its_day(stack, mqtt_port, city):
    tells_of_a_thing(stack, mqtt_port, city, (PUDONG[0] + 0.03, PUDONG[1] - 0.02))


@pytest.mark.function("CP-027", path_only="倾斜摄影模型")
def test_everybody_on_a_tag_is_on_the_standing_map_where_they_were_last(stack, mqtt_port, city):
    person = stack.python(PERSON)
    connected(mqtt_port, person)
    screen = city
    screen.page.get_by_role("button", name="三维").click()
    drawn = "(ids) => ids.every((id) => sandtable.positionOf(id) !== null)"

    def everybody():
        people = stack.python(ONLINE_PEOPLE)
        return len(people) > 20 and screen.page.evaluate(drawn, people)

    wait_for(everybody)
    here = f"sandtable.positionOf({person['asset']})"
    for step in range(3):
        lon, lat = PUDONG[0] + step / 1000, PUDONG[1]
        # The tag's maker reports shifted degrees; the map shows where the person is.
        x, y = from_wgs84(lon, lat, "gcj02")
        assert abs(x - lon) > 0.002
        publish(mqtt_port, person, position(seq=step + 1, lon=round(x, 7), lat=round(y, 7)))
        wait_for(lambda at=(lon, lat): (p := screen.ask(here)) and max(abs(p[0] - at[0]), abs(p[1] - at[1])) < 1e-6)
    screen.ask(f"sandtable.select({person['asset']})")
    wait_for(lambda: "验收持卡人" in screen.page.locator(".card.open").inner_text())
    screen.picture("screen-people")


def test_a_lost_connection_is_said_and_made_up_for(stack, mqtt_port, city):
    machine = register(stack, "SIDE-4", "验收侧屏四号焊机", (PUDONG[0] + 0.06, PUDONG[1] + 0.02))
    connected(mqtt_port, machine)
    screen = city
    wait_for(lambda: screen.ask("sandtable.connection()") == "live")
    for pid in stack.pids("web"):
        os.kill(pid, signal.SIGKILL)
    band = screen.page.get_by_text("连接已断开：图上停在")
    band.wait_for(timeout=60_000)
    screen.picture("screen-cut")
    publish(mqtt_port, machine, position(seq=1, lon=121.9, lat=31.05))
    wait_for(lambda: screen.ask("sandtable.connection()") == "live", 60)
    wait_for(lambda: not band.is_visible())
    wait_for(lambda: screen.ask(f"sandtable.positionOf({machine['asset']})"))
    screen.faults = [fault for fault in screen.faults if "ERR_CONNECTION" not in fault and "WebSocket" not in fault]


def test_the_screen_speaks_english_too(stack, mqtt_port, city):
    machine = register(stack, "SIDE-3", "验收侧屏三号焊机", (PUDONG[0] + 0.06, PUDONG[1]))
    connected(mqtt_port, machine)
    screen = city
    drive_in(mqtt_port, machine, (PUDONG[0] + 0.06, PUDONG[1]))
    screen.speak("English", "en")
    screen.see_things()
    wait_for(lambda: (total(screen, "hotwork.machines") or 0) > 10)
    row = screen.page.locator(".alert-row", has_text="验收侧屏三号焊机").filter(has_text="Work inside a key area").first
    row.wait_for(timeout=60_000)
    own = wait_for(lambda: (words := screen.page.evaluate(OWN_WORDS)) and "Reading…" not in words and words)
    assert [text for text in own if CHINESE.search(text)] == []
    assert {"Alerts", "Live", "Pudong New Area"} <= {*own, screen.page.locator(".light .word").inner_text()}
    # Titles and districts of alerts come in the reader's language, though they were raised in nobody's.
    assert "Work inside a key area" in row.inner_text()
    assert "Pudong" in row.locator(".alert-place").inner_text()
    click(row)
    screen.page.locator(".alert-card.open [data-action]").first.wait_for()
    screen.picture("screen-english")
    screen.speak("中文", "zh-hans")
    screen.see_things()
    assert "预警" in screen.page.inner_text("body")
