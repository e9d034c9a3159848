"""The command screen in the hands of tests: opened for somebody, brought back to rest, and what stands on it."""

from __future__ import annotations

from tests.acceptance.conftest import SIZES, wait_for
from tests.acceptance.test_spine import ACCOUNT, PASSWORD, connected, position, publish

BARE_MACHINE = """
import json
from devices.keys import issue_key
from devices.models import Device
from twin.models import Asset
asset, _ = Asset.objects.update_or_create(kind="machine", code="{code}", defaults=dict(name="{name}"))
device, _ = Device.objects.update_or_create(identifier="{code}", defaults=dict(kind="machine", asset=asset))
print(json.dumps({{"asset": asset.pk, "user": device.username, "key": issue_key(device)}}))
"""
MACHINE = """
import json
from django.contrib.gis.geos import MultiPolygon, Polygon
from devices.keys import issue_key
from devices.models import Device
from twin.models import Area, Asset
asset, _ = Asset.objects.update_or_create(kind="machine", code="{code}", defaults=dict(name="{name}"))
device, _ = Device.objects.update_or_create(identifier="{code}", defaults=dict(kind="machine", asset=asset))
box = Polygon.from_bbox(({lon} - 0.002, {lat} - 0.002, {lon} + 0.002, {lat} + 0.002))
Area.objects.get_or_create(
    name="{name}的重点区域", kind="key_area", defaults=dict(boundary=MultiPolygon(box, srid=4326))
)
print(json.dumps({{"asset": asset.pk, "user": device.username, "key": issue_key(device)}}))
"""
# Far from each other, and from every demo site: 浦东新区 and 青浦区.
PUDONG, QINGPU = (121.8051, 31.1013), (120.9551, 31.1013)


def command_screen(stack, screen, name, role="city", region=""):
    """Open the command screen on a page for somebody who has this one role."""
    stack.python(ACCOUNT.format(name=name, password=PASSWORD, role=role, region=region))
    screen.enter(name, "/screen/")
    screen.see_things()
    return screen


def at_rest(screen):
    """Bring the screen back to how it opens: the whole city, flat, every layer at its default, nothing over the map."""
    page = screen.page
    screen.ask("document.activeElement.blur()")
    over = page.locator(".card.open, .focus, .past-flag").locator("visible=true")
    for _ in range(8):
        page.keyboard.press("Escape")
        if not over.count():
            break
    else:
        raise AssertionError(f"still over the map: {over.first.inner_text()}")
    for button in ("二维", "恢复默认"):
        if (found := page.get_by_role("button", name=button, exact=True)).is_visible():
            click(found)
    click(page.get_by_role("button", name="全域", exact=True))


def register(stack, code, name, place):
    lon, lat = place
    return stack.python(MACHINE.format(code=code, name=name, lon=lon, lat=lat))


def drive_in(mqtt_port, device, place):
    """From outside into the area, working."""
    lon, lat = place
    publish(mqtt_port, device, position(seq=1, lon=lon + 0.01, lat=lat, working=True))
    publish(mqtt_port, device, position(seq=2, lon=lon, lat=lat, working=True))


def row(screen, name):
    """The line of the alert about work in a key area."""
    return screen.page.locator(".alert-row", has_text=name).filter(has_text="重点区域内作业")


def number(locator):
    """What a number on the screen says; None while it does not say one."""
    text = locator.inner_text().replace(",", "").split()
    return int(text[0]) if text and text[0].isdigit() else None


def total(screen, layer):
    return number(screen.page.locator(f"[data-layer='{layer}'] .layer-line .total"))


def click(locator):
    """A click that does not wait for the software that draws the map."""
    locator.dispatch_event("click")


def tells_of_a_thing(stack, mqtt_port, screen, place):
    """Select a machine that was caught in a key area: its card tells of it, of its alerts and of its day."""
    name = f"验收侧屏焊机 {screen.size}"
    machine = register(stack, f"SIDE-2-{screen.size}", name, place)
    connected(mqtt_port, machine)
    drive_in(mqtt_port, machine, place)
    page = screen.page
    wait_for(lambda: screen.ask(f"sandtable.positionOf({machine['asset']})"))
    screen.ask(f"sandtable.select({machine['asset']})")
    card = page.locator(".card.open:not(.alert-card)")
    alerts = card.locator(".alert-row", has_text="重点区域内作业")
    alerts.first.wait_for(timeout=60_000)
    text = wait_for(lambda: (text := card.inner_text()) and "2 个位置" in text and text)
    assert "今日轨迹" in text
    assert "未办结" in text
    box = card.bounding_box()
    assert box["x"] >= SIZES[screen.size][0] * 2 / 3, "the map's middle third stays free"
    screen.picture("screen-card")
    # One more on the wall is on the card at once.
    before = card.locator(".alert-row").count()
    publish(mqtt_port, machine, position(seq=3, lon=place[0] + 0.01, lat=place[1], working=True))
    publish(mqtt_port, machine, position(seq=4, lon=place[0], lat=place[1], working=True))
    wait_for(lambda: card.locator(".alert-row").count() > before)
    click(alerts.first)
    page.locator(".alert-card.open").get_by_role("button", name="确认", exact=True).wait_for()
