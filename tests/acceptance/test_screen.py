"""The command screen as a duty officer meets it: what there is, what is wrong, and what is done about it."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import wait_for
from tests.acceptance.screens import (
    BARE_MACHINE,
    PUDONG,
    QINGPU,
    click,
    command_screen,
    drive_in,
    register,
    row,
)
from tests.acceptance.test_spine import connected, position, publish

ALERTS_OF = """
import json
from command.models import Alert
found = Alert.objects.filter(asset={asset}, rule="hotwork.key_area")
print(json.dumps(list(found.values("state", "feedback", "verified_by__username"))))
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


@pytest.fixture(scope="module")
def officer(stack, open_for_file):
    """The screen of 青浦区 while somebody is on duty there, which three tests look at."""
    stack.python(WATCH)
    yield command_screen(stack, open_for_file(), "screen-qingpu", "district", "310118")
    stack.python(CLEAR)


def test_the_screen_shows_what_there_is(stack, city):
    city.page.emulate_media(reduced_motion="no-preference")  # what moves glides
    shows_what_there_is(stack, city)


def shows_what_there_is(stack, screen):
    wait_for(lambda: screen.ask("sandtable.connection()") == "live")
    listed = {layer["id"] for layer in screen.page.request.get(f"{stack.url}/api/v1/layers").json()} | {"alerts"}
    shown = "[...document.querySelectorAll('.layer[data-layer]')].map((row) => row.dataset.layer)"
    wait_for(lambda: set(screen.ask(shown)) == listed)
    machines = screen.page.locator("[data-spot='hotwork.machines//']")
    wait_for(lambda: machines.inner_text().isdigit() and int(machines.inner_text()) > 0)
    ids = stack.python(
        "import json; from twin.models import State;"
        "print(json.dumps(list(State.objects.filter(speed_m_s__gt=1).values_list('pk', flat=True)[:40])))"
    )
    before = {i: screen.ask(f"sandtable.positionOf({i})") for i in ids}
    wait_for(lambda: [i for i in ids if before[i] and screen.ask(f"sandtable.positionOf({i})") != before[i]])
    screen.page.emulate_media(reduced_motion="reduce")  # what glides is drawn all the time
    screen.picture("screen")
    screen.page.locator(".district-row[data-code='310115']").dispatch_event("click")
    wait_for(lambda: "浦东新区" in screen.page.locator(".focus:not(.spot)").inner_text())
    wait_for(lambda: int(machines.inner_text()) < 100)
    screen.page.get_by_role("button", name="三维").click()
    screen.picture("screen-district")
    screen.page.keyboard.press("Escape")
    wait_for(lambda: not screen.page.locator(".focus:not(.spot)").is_visible())
    assert not screen.faults, screen.faults


def test_an_alert_is_on_the_wall_at_once_and_dealt_with_by_buttons(stack, mqtt_port, city, officer):
    screen, place = city, (QINGPU[0] + 0.03, QINGPU[1])
    machine = register(stack, "SCR-1", "验收一号焊机", place)
    connected(mqtt_port, machine)
    drive_in(mqtt_port, machine, place)
    row(screen, "验收一号焊机").wait_for(timeout=60_000)
    assert "待确认" in row(screen, "验收一号焊机").inner_text()
    row(screen, "验收一号焊机").click()
    card = screen.page.locator(".alert-card.open")
    card.get_by_role("button", name="确认", exact=True).wait_for()
    assert "验收一号焊机的重点区域" in card.inner_text()
    screen.picture("screen-alert")
    card.locator("[data-action=acknowledge]").click()
    card.locator("[data-action=dispose]").wait_for()
    # Without words it is refused, and the card says so.
    refused = f"{stack.url}/api/v1/alerts"
    card.locator("[data-action=dispose]").click()
    card.locator(".problem:not([hidden])").wait_for()
    assert [fault for fault in screen.faults if not fault.startswith((f"409 {refused}", "console: Failed"))] == []
    screen.faults.clear()
    card.locator("textarea").fill("已到场核实，焊工持证，审批齐全")
    card.locator("[data-action=dispose]").click()
    wait_for(lambda: "待核验" in card.inner_text())
    # Somebody else has to look whether it is true.
    second = officer
    row(second, "验收一号焊机").click()
    other = second.page.locator(".alert-card.open")
    assert "已到场核实" in wait_for(lambda: (text := other.inner_text()) and "处置反馈" in text and text)
    other.locator("[data-action=verify]").click()
    other.locator("[data-action=close]").click()
    wait_for(lambda: row(second, "验收一号焊机").count() == 0)
    wait_for(lambda: row(screen, "验收一号焊机").count() == 0)
    (alert,) = stack.python(ALERTS_OF.format(asset=machine["asset"]))
    assert alert == {
        "state": "closed",
        "feedback": "已到场核实，焊工持证，审批齐全",
        "verified_by__username": "screen-qingpu",
    }
    assert not second.faults, second.faults


def test_an_area_drawn_at_the_desk_is_in_force_for_the_next_to_enter(stack, mqtt_port, city, open_screen):
    screen = city
    lon, lat = PUDONG[0], PUDONG[1] + 0.03
    machine = stack.python(BARE_MACHINE.format(code="SCR-4", name="验收四号焊机"))
    connected(mqtt_port, machine)
    publish(mqtt_port, machine, position(seq=1, lon=lon, lat=lat + 0.01, working=True))
    publish(mqtt_port, machine, position(seq=2, lon=lon, lat=lat, working=True))
    desk = open_screen("desk")
    desk.enter("admin", "/admin/twin/area/add/")
    desk.page.fill("input[name=name]", "验收四号重点区域")
    desk.page.select_option("select[name=kind]", "key_area")
    corners = [(lon + x, lat + y) for x, y in ((-0.002, -0.002), (0.002, -0.002), (0.002, 0.002), (-0.002, 0.002))]
    ring = json.dumps({"type": "Polygon", "coordinates": [[*corners, corners[0]]]})
    desk.page.fill("textarea[name=boundary]", ring)
    assert row(screen, "验收四号焊机").count() == 0
    desk.page.locator("input[name=_save]").click()
    desk.page.locator(".messagelist .success").wait_for()
    publish(mqtt_port, machine, position(seq=3, lon=lon, lat=lat + 0.01, working=True))
    publish(mqtt_port, machine, position(seq=4, lon=lon, lat=lat, working=True))
    row(screen, "验收四号焊机").wait_for(timeout=60_000)
    row(screen, "验收四号焊机").click()
    assert "验收四号重点区域" in wait_for(
        lambda: (text := screen.page.inner_text(".alert-card.open")) and "验收四号" in text and text
    )
    assert not desk.faults, desk.faults


def test_a_search_flies_to_what_it_found(stack, city):
    screen = city
    thing = stack.python(
        "import json; from twin.models import Asset;"
        "a = Asset.objects.filter(kind='machine', state__isnull=False).exclude(code__startswith='SCR').first();"
        "print(json.dumps({'code': a.code, 'name': a.name}))"
    )
    screen.page.keyboard.press("/")
    screen.page.keyboard.type(thing["code"])
    screen.page.locator(".finder-row", has_text=thing["code"]).first.wait_for()
    screen.page.keyboard.press("Enter")
    wait_for(lambda: thing["code"] in screen.page.locator(".card.open").inner_text())
    screen.page.keyboard.press("Escape")
    wait_for(lambda: screen.page.locator(".card.open").count() == 0)


def test_a_district_officer_sees_the_districts_own_alerts_only(stack, mqtt_port, officer):
    machine = register(stack, "SCR-2", "验收二号焊机", QINGPU)
    other_place = (PUDONG[0], PUDONG[1] - 0.03)
    other = register(stack, "SCR-3", "验收三号焊机", other_place)
    for device in (machine, other):
        connected(mqtt_port, device)
    here = officer
    # What it is told of later than the other district's alert shows that this one was kept from it.
    drive_in(mqtt_port, other, other_place)
    wait_for(lambda: stack.python(ALERTS_OF.format(asset=other["asset"])))
    drive_in(mqtt_port, machine, QINGPU)
    row(here, "验收二号焊机").wait_for(timeout=60_000)
    assert row(here, "验收三号焊机").count() == 0
    here.picture("screen-officer")
    assert not here.faults, here.faults


def test_the_top_line_tells_the_watch_of_ones_own(city, officer):
    here = officer
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
