"""The time machine as a duty officer meets it: back ten minutes, play, and never mistake it for the present."""

from __future__ import annotations

import json
import time

import pytest

from tests.acceptance.conftest import wait_for
from tests.acceptance.screens import BARE_MACHINE, PUDONG, drive_in, register, row
from tests.acceptance.test_spine import connected, position, publish

LON, LAT = PUDONG[0], PUDONG[1] - 0.06
EVERY_S, STEP_DEG = 10, 0.0002
ROWS = 90
"""A quarter of an hour on the way east, a row each ten seconds."""


@pytest.fixture(scope="module")
def traveller(stack, mqtt_port):
    """A machine that has just delivered a quarter of an hour, and when that ended (seconds since 1970)."""
    machine = stack.python(BARE_MACHINE.format(code="PAST-1", name="验收回放焊机"))
    connected(mqtt_port, machine)
    now = time.time()
    rows = [
        {"seq": i + 1, "time": int((now - (ROWS - 1 - i) * EVERY_S) * 1000), "lon": LON + i * STEP_DEG, "lat": LAT}
        for i in range(ROWS)
    ]
    publish(mqtt_port, machine, json.dumps({"rows": rows}), "batch")
    return {**machine, "ended": now}


def lon_at(traveller, moment_s):
    """Where it was, by its last row at or before that moment."""
    return LON + int((moment_s - traveller["ended"]) // EVERY_S + ROWS - 1) * STEP_DEG


def shown(screen, machine):
    return screen.ask(f"sandtable.positionOf({machine['asset']})")


def past_ms(screen):
    """The moment of the map, from its slider; None while it shows the present."""
    if screen.page.locator(".past-flag").is_hidden():
        return None
    return float(screen.page.locator(".past-slider").input_value())


def stands(screen, machine):
    """The moment on the slider, once the map shows the machine where it was then."""
    moment_ms = past_ms(screen)
    if moment_ms is None or (place := shown(screen, machine)) is None:
        return None
    # The slider has whole seconds, and a row may lie between the one it shows and the moment itself.
    then = [[pytest.approx(lon_at(machine, moment_ms / 1000 + s), abs=1e-6), pytest.approx(LAT)] for s in (-1, 0, 1)]
    return moment_ms if place in then else None


def test_back_ten_minutes_and_play(stack, mqtt_port, city, traveller):
    screen = city
    wait_for(lambda: screen.ask("sandtable.connection()") == "live")
    live = wait_for(lambda: shown(screen, traveller))
    assert live[0] == pytest.approx(lon_at(traveller, traveller["ended"]), abs=1e-6)

    # By hand: the slider has the focus, ten times a minute back.
    screen.page.locator(".past-slider").focus()
    for _ in range(10):
        screen.page.keyboard.press("ArrowLeft")
    pressed = time.time()
    moment_ms = wait_for(lambda: stands(screen, traveller))
    assert pressed - moment_ms / 1000 == pytest.approx(600, abs=60)
    there = shown(screen, traveller)
    assert "回放" in screen.page.locator(".past-flag").inner_text()
    assert not screen.page.locator(".light .word").is_visible()

    # What happens now moves nothing.
    publish(mqtt_port, traveller, position(seq=ROWS + 1, lon=LON + 0.1, lat=LAT + 0.1))
    time.sleep(1.5)
    assert shown(screen, traveller) == there

    # Its card tells of then.
    screen.ask(f"sandtable.select({traveller['asset']})")
    wait_for(lambda: "验收回放焊机" in screen.page.locator(".card.open").inner_text())
    screen.page.keyboard.press("Escape")
    wait_for(lambda: screen.page.locator(".card.open").count() == 0)
    assert past_ms(screen) == moment_ms

    screen.page.get_by_role("button", name="60 倍速").click()
    screen.page.locator(".past-slider").focus()
    screen.page.keyboard.press("Space")
    wait_for(lambda: shown(screen, traveller)[0] > there[0] + 5 * STEP_DEG)
    screen.picture("past")
    screen.page.keyboard.press("Space")
    # It stands where it was at the moment on the slider, which a late key may still move.
    stood = wait_for(lambda: stands(screen, traveller))
    # A row is met up to ten seconds before the next: more than five rows on are more than fifty seconds.
    assert stood > moment_ms + 5 * EVERY_S * 1000

    screen.page.get_by_role("button", name="回到实时", exact=False).last.click()
    wait_for(lambda: past_ms(screen) is None)
    wait_for(lambda: shown(screen, traveller) == [pytest.approx(LON + 0.1), pytest.approx(LAT + 0.1)])
    assert screen.page.locator(".light .word").inner_text() == "实时"


def test_a_wall_in_the_past_does_not_hide_a_new_danger(stack, mqtt_port, city, traveller):
    place = (PUDONG[0], PUDONG[1] - 0.09)
    machine = register(stack, "PAST-2", "验收回放二号焊机", place)
    connected(mqtt_port, machine)
    screen = city
    screen.page.get_by_role("button", name="从十分钟前看起").click()
    wait_for(lambda: past_ms(screen) and shown(screen, traveller))
    drive_in(mqtt_port, machine, place)
    row(screen, "验收回放二号焊机").wait_for(timeout=60_000)
    news = screen.page.locator(".past-news")
    wait_for(news.is_visible)
    assert "有新的预警" in news.inner_text()
    # It was not there ten minutes ago: neither it nor its mark is on the map of then.
    mark = screen.page.locator(".mark[aria-label*='验收回放二号焊机']")
    assert (shown(screen, machine), mark.count()) == (None, 0)
    news.click()
    wait_for(lambda: past_ms(screen) is None)
    wait_for(lambda: shown(screen, machine) and mark.count() == 1)


def test_before_anything_was_kept_the_screen_says_so(city):
    screen = city
    before = "2026-01-01T00:00:00" if time.time() < 1.8e9 else "2027-01-01T00:00:00"
    screen.page.get_by_role("button", name="选择任意保存的时刻").click()
    screen.page.evaluate("document.querySelector('.past-picker').noValidate = true")
    screen.page.locator(".past-field").fill(before)
    screen.page.get_by_role("button", name="前往").click()
    remark = screen.page.locator(".past-remark")
    wait_for(lambda: "不再保存" in remark.inner_text() or "最早保存到" in remark.inner_text())
    assert screen.ask("sandtable.count()") == 0
    screen.page.keyboard.press("Escape")
    screen.see_things()
    screen.faults = [
        fault for fault in screen.faults if "/api/v1/past/state" not in fault and "Failed to load" not in fault
    ]
