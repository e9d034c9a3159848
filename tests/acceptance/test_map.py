"""The map under a person's hands: things are opened, hidden, left and found again; what ends is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.conftest import Screen, Stack, wait_for
from tests.acceptance.test_spine import connected, position, publish, register

# In the mouth of the Yangtze: nothing of the demo city is near.
LON, LAT = 121.95, 31.33
ELSEWHERE = (121.10, 30.95)
NAME = "验收地图焊机"
POINTS = 6

MAKE = """
import json
from devices.keys import issue_key
from devices.models import Device
from twin.models import Asset
asset, _ = Asset.objects.update_or_create(kind="machine", code="MAP-1", defaults=dict(name="{name}"))
device, _ = Device.objects.update_or_create(identifier="MAP-1", defaults=dict(kind="machine", asset=asset))
print(json.dumps({{"asset": asset.pk, "user": device.username, "key": issue_key(device)}}))
"""
MAKE_SHORT_LIVED = """
import json
from django.utils import timezone
from twin.models import Asset, State
asset, _ = Asset.objects.update_or_create(kind="person", code="MAP-2", defaults=dict(name="验收过客"))
State.objects.update_or_create(
    asset=asset, defaults=dict(ts=timezone.now(), received_at=timezone.now(), lon={lon}, lat={lat}, status=0)
)
asset.save()
print(json.dumps(asset.pk))
"""


@pytest.fixture(scope="module")
def thing(stack: Stack) -> int:
    """A welding machine that reported six positions on its way here, over the last half hour."""
    device = stack.python(MAKE.format(name=NAME))
    port = json.loads((stack.var / "installation.json").read_text())["ports"]["broker"]
    now_ms = int(time.time() * 1000)
    rows = [
        {
            "seq": n,
            "time": now_ms - (POINTS - n) * 150_000,
            "lon": LON - (POINTS - n) * 0.001,
            "lat": LAT,
            "working": True,
            "attrs": {"current_a": 158.3, "helmet": "on"},
        }
        for n in range(1, POINTS + 1)
    ]
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-V", "5", "-q", "1", "-u", device["user"]]
    command += ["-P", device["key"], "-t", f"st/v1/{device['user']}/batch", "-m", json.dumps({"rows": rows})]
    # The device's key reaches the broker through the warden within a moment.
    wait_for(lambda: subprocess.run(command, capture_output=True).returncode == 0)
    return device["asset"]


@pytest.fixture(scope="module")
def desk(open_for_file: Callable[..., Screen], thing: int) -> Screen:
    """One page for the tests that leave it as they found it."""
    screen = open_for_file()
    screen.enter("admin")
    screen.see_things()
    return screen


@pytest.fixture
def here(desk: Screen, thing: int) -> Iterator[Screen]:
    """The page with the machine in the middle of its map, and afterwards nothing that a good page does not do."""
    look(desk, LON, LAT)
    desk.wait(f"!!sandtable.positionOf({thing})")
    yield desk
    assert not desk.faults, desk.faults


def look(screen: Screen, lon: float, lat: float, zoom: float = 16) -> None:
    """Go to a place as a link does, and wait until it is drawn: what is clicked before stands elsewhere."""
    screen.page.evaluate("hash => { window.location.hash = hash }", f"view={zoom}/{lat}/{lon}")
    screen.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    screen.wait("sandtable.settled()")


def click_middle(screen: Screen) -> None:
    size = screen.page.viewport_size
    screen.page.mouse.click(size["width"] / 2, size["height"] / 2)


def card_is_open(screen: Screen) -> bool:
    return screen.page.locator(".card.open").count() == 1


def open_by_click(screen: Screen) -> None:
    """Click until the card opens: a tile or a glyph may not be drawn yet.

    Never again before the last click had its effect: a click beside the thing, which may have moved under the card,
    closes it.
    """
    for _attempt in range(6):
        click_middle(screen)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if card_is_open(screen):
                return
            time.sleep(0.1)
    raise AssertionError("no card opened")


def test_a_click_opens_the_card_with_the_last_hours_track_and_escape_closes_it(here: Screen) -> None:
    open_by_click(here)
    card = here.page.locator(".card")
    wait_for(lambda: NAME in card.inner_text() and f"{POINTS} 个位置" in card.inner_text())
    text = card.inner_text()
    # Five steps of a thousandth of a degree of longitude at 31.33° north.
    assert "475 米" in text
    assert "158.3 安" in text and "电流" in text
    assert "helmet" in text
    here.picture("card")
    here.page.keyboard.press("Escape")
    assert not card_is_open(here)


def test_a_kind_is_hidden_and_shown_by_keyboard(here: Screen) -> None:
    box = here.page.get_by_role("checkbox", name="设备")
    box.focus()
    here.page.keyboard.press("Space")
    time.sleep(1)
    click_middle(here)
    time.sleep(1)
    assert not card_is_open(here)
    box.focus()
    here.page.keyboard.press("Space")
    time.sleep(1)
    open_by_click(here)
    here.page.keyboard.press("Escape")


def test_the_panel_folds_and_the_map_zooms_by_keyboard(here: Screen) -> None:
    fold = here.page.get_by_role("button", name="图上对象")
    fold.focus()
    here.page.keyboard.press("Enter")
    assert fold.get_attribute("aria-expanded") == "false"
    assert not here.page.get_by_role("checkbox", name="设备").is_visible()
    here.page.keyboard.press("Enter")
    assert here.page.get_by_role("checkbox", name="设备").is_visible()
    here.page.keyboard.press("+")
    here.wait("window.location.hash.startsWith('#view=17/')")
    here.page.keyboard.press("-")
    here.wait("window.location.hash.startsWith('#view=16/')")


def test_things_leave_with_the_map_and_come_back_with_it(here: Screen, thing: int) -> None:
    look(here, *ELSEWHERE)
    here.wait(f"!sandtable.positionOf({thing})")
    look(here, LON, LAT)
    shown = here.wait(f"sandtable.positionOf({thing})")
    assert shown == pytest.approx([LON, LAT], abs=1e-6)


def test_nothing_is_asked_from_outside_and_no_script_but_our_own_may_run(here: Screen, stack: Stack) -> None:
    policy = here.page.request.get(f"{stack.url}/").headers["content-security-policy"]
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}
    for name in ("default-src", "script-src", "style-src", "connect-src", "font-src"):
        assert directives[name] == ["'self'"], policy
    assert directives["object-src"] == directives["frame-ancestors"] == ["'none'"]
    # And the browser holds it to that.
    intrude = "const s = document.createElement('script'); s.textContent = 'window.intruder = 1';"
    here.page.evaluate(f"() => {{ {intrude} document.body.append(s) }}")
    assert here.page.evaluate("() => window.intruder") is None
    (refusal,) = (fault for fault in here.faults if "Content Security Policy" in fault)
    here.faults.remove(refusal)


def test_a_card_closes_with_a_word_when_its_thing_is_gone(here: Screen, stack: Stack, thing: int) -> None:
    gone = stack.python(MAKE_SHORT_LIVED.format(lon=LON, lat=LAT))
    here.wait(f"!!sandtable.positionOf({gone})")
    here.ask(f"sandtable.select({gone})")
    wait_for(lambda: "验收过客" in here.page.locator(".card").inner_text())
    stack.python(f"from twin.models import Asset; Asset.objects.filter(pk={gone}).update(active=False); print(1)")
    wait_for(lambda: not card_is_open(here))
    assert "验收过客 已不在可见范围内" in here.page.locator(".note").inner_text()
    # The machine beside it is untouched.
    assert here.ask(f"!!sandtable.positionOf({thing})")
    # Its card may have been read anew when it was gone already.
    here.faults = [fault for fault in here.faults if f"/assets/{gone}" not in fault and "404 (Not Found)" not in fault]


def test_a_position_reaches_the_page_the_history_and_its_device(stack: Stack, mqtt_port: int, desk: Screen) -> None:
    device = register(stack, "ACC-1")
    look(desk, 121.4737, 31.2304)
    connected(mqtt_port, device)
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(mqtt_port), "-u", device["user"], "-P", device["key"]]
    command += ["-t", f"st/v1/{device['user']}/acked", "-C", "1", "-W", "20"]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    publish(mqtt_port, device, position(seq=1))
    shown = desk.wait(f"sandtable.positionOf({device['asset']})")
    assert shown[:2] == pytest.approx([121.4737, 31.2304], abs=1e-5)
    assert json.loads(listener.communicate(timeout=20)[0])["acked"] == 1
    points = desk.page.request.get(f"{stack.url}/api/v1/assets/{device['asset']}/track").json()["points"]
    assert [point[:2] for point in points] == [[121.4737, 31.2304]]


def test_the_connection_light_tells_the_truth(stack: Stack, desk: Screen) -> None:
    workers = stack.pids("ingest")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        desk.wait("sandtable.connection() !== 'live'")
        desk.picture("ingest-silent")
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    desk.wait("sandtable.connection() === 'live'")
    for pid in stack.pids("web"):
        os.kill(pid, signal.SIGKILL)
    desk.wait("sandtable.connection() !== 'live'")
    desk.picture("connection-lost")
    desk.wait("sandtable.connection() === 'live'", 60)
    desk.see_things()


@pytest.fixture(scope="module")
def signed_out(stack: Stack, desk: Screen) -> Screen:
    """The page whose session was ended elsewhere; it is told so within a quarter of a minute."""
    key = next(c["value"] for c in desk.context.cookies() if c["name"] == "sessionid")
    ended = stack.python(
        f"from django.contrib.sessions.models import Session; print(Session.objects.filter(pk='{key}').delete()[0])"
    )
    assert ended == 1
    return desk


@pytest.mark.usefixtures("signed_out")  # is told meanwhile
def test_a_phone_is_sent_here_shows_card_panel_and_map_at_once_and_is_worked_by_thumb(
    stack: Stack, open_screen: Callable[..., Screen], thing: int
) -> None:
    screen = open_screen("phone")
    screen.enter("admin", "/screen/")
    screen.page.wait_for_url(lambda address: "/screen/" not in address)
    screen.see_things()
    look(screen, LON, LAT)
    screen.wait(f"!!sandtable.positionOf({thing})")
    page = screen.page
    targets = page.locator(".fold, .account-toggle, .maplibregl-ctrl-group button:visible").all()
    screen.ask(f"sandtable.select({thing})")
    page.locator(".fold").click()
    wait_for(lambda: f"{POINTS} 个位置" in page.locator(".card").inner_text())
    time.sleep(0.5)  # the card slides in
    screen.picture("card")
    panel, card = page.locator(".kinds-panel").bounding_box(), page.locator(".card").bounding_box()
    assert panel["y"] + panel["height"] < card["y"]
    assert card["y"] + card["height"] <= page.viewport_size["height"] + 1
    assert all(canvas.is_visible() for canvas in page.locator(".ground .maplibregl-map canvas").all())
    page.keyboard.press("Escape")
    for target in [*targets, *page.locator(".kind label").all()]:
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44, target
    page.locator(".account-toggle").click()
    page.locator(".account summary").click()
    for target in page.locator(".account :is(a, button, summary)").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44, target
    assert not screen.faults, screen.faults


def test_an_ended_session_leads_to_the_sign_in_page(signed_out: Screen) -> None:
    signed_out.page.wait_for_selector("input[name=username]", timeout=60_000)
