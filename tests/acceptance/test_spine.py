"""The spine as its users meet it: one command, one page, and a position on its way to every eye allowed to see it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from tests.acceptance.conftest import SIZES, wait_for

REGISTER = """
import json
from access.models import Organization
from devices.keys import issue_key
from devices.models import Device
from twin.models import Asset
owner = Organization.objects.get(pk={owner}) if {owner} else None
asset, _ = Asset.objects.update_or_create(kind="machine", code="{code}", defaults=dict(name="验收焊机", owner=owner))
device, _ = Device.objects.update_or_create(identifier="{code}", defaults=dict(kind="machine", asset=asset))
print(json.dumps({{"asset": asset.pk, "user": device.username, "key": issue_key(device)}}))
"""
ACCOUNT = """
import json
from access.models import Grant, Organization, User
from gis.models import Region
user, _ = User.objects.get_or_create(username="{name}")
user.set_password("{password}")
user.save()
user.grants.all().delete()
Grant.objects.create(user=user, role="{role}", region=Region.objects.filter(code="{region}").first())
print(json.dumps(user.pk))
"""
PASSWORD = "only-for-this-acceptance-test-1"


def register(stack, code, owner=0):
    return stack.python(REGISTER.format(code=code, owner=owner))


def publish(mqtt_port, device, payload, channel="pos", check=True):
    """As a maker of devices would try it."""
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mqtt_port), "-V", "5", "-q", "1"]
    command += ["-u", device["user"], "-P", device["key"], "-t", f"st/v1/{device['user']}/{channel}", "-m", payload]
    return subprocess.run(command, check=check, capture_output=True, text=True)


def connected(mqtt_port, device):
    """The device's key reaches the broker through the warden within a moment."""
    wait_for(lambda: publish(mqtt_port, device, "{}", "status", check=False).returncode == 0)


def position(**fields):
    return json.dumps({"time": int(time.time() * 1000), "lon": 121.4737, "lat": 31.2304, **fields})


MOVING = """
import json
from twin.models import State
print(json.dumps(list(State.objects.filter(speed_m_s__gt=1).values_list('pk', flat=True)[:40])))
"""


def see_a_machine_move(stack, screen):
    """Wait until one has moved on the page; returns which."""
    screen.see_things()
    assert screen.ask("sandtable.mode()") == "assets"
    wait_for(lambda: screen.ask("sandtable.connection()") == "live")
    ids = stack.python(MOVING)
    before = {i: screen.ask(f"sandtable.positionOf({i})") for i in ids}
    moved = wait_for(lambda: [i for i in ids if before[i] and screen.ask(f"sandtable.positionOf({i})") != before[i]])
    return moved[0]


def test_sign_in_and_see_a_machine_move(stack, open_screen):
    """At a desk, while things glide; on a wall and a telephone, where the same page is laid out anew."""
    screen = open_screen(glides=True)
    page = screen.page
    page.goto(f"{stack.url}/")
    desk = page.viewport_size
    for size, (width, height) in SIZES.items():
        screen.size = size
        page.set_viewport_size({"width": width, "height": height})
        screen.picture("sign-in")
    screen.size = "desk"
    page.set_viewport_size(desk)
    screen.sign_in("admin", stack.password)
    see_a_machine_move(stack, screen)
    page.emulate_media(reduced_motion="reduce")  # what glides is drawn all the time
    for size, (width, height) in SIZES.items():
        screen.size = size
        page.set_viewport_size({"width": width, "height": height})
        screen.ask(f"sandtable.select({see_a_machine_move(stack, screen)})")
        wait_for(lambda: "个位置" in page.locator(".card.open").inner_text())  # the last it reads
        screen.wait("sandtable.settled()")
        screen.picture("map")
    screen.size = "desk"
    page.set_viewport_size(desk)
    speaks_english(screen)
    assert not screen.faults, screen.faults


def speaks_english(screen):
    screen.speak("English", "en")
    screen.see_things()
    text = wait_for(lambda: (text := screen.page.inner_text("body")) and "Live" in text and text)
    screen.picture("map-english")
    assert "实时" not in text


def test_an_officer_of_one_district_sees_only_what_the_policy_allows(stack, mqtt_port, open_screen):
    """A thing without owner is shown to the district where it is now, and to the city."""
    device, here = register(stack, "ACC-2"), register(stack, "ACC-5")
    for each in (device, here):
        connected(mqtt_port, each)
    stack.python(ACCOUNT.format(name="acc-qingpu", password=PASSWORD, role="district", region="310118"))
    officer = open_screen()
    officer.enter("acc-qingpu")
    officer.see_things()
    asset = f"{stack.url}/api/v1/assets/{device['asset']}"
    shown = f"sandtable.positionOf({device['asset']})"
    # In 黄浦区, far from 青浦区; what the officer is told of later shows that this was kept back.
    publish(mqtt_port, device, position(seq=1))
    publish(mqtt_port, here, position(seq=1, lon=121.11, lat=31.15))
    officer.wait(f"sandtable.positionOf({here['asset']})")
    assert not officer.ask(shown)
    assert officer.page.request.get(asset).status == 404
    # It drives to 青浦区, and away again.
    publish(mqtt_port, device, position(seq=2, lon=121.10, lat=31.15))
    officer.wait(shown)
    assert officer.page.request.get(asset).status == 200
    publish(mqtt_port, device, position(seq=3))
    wait_for(lambda: not officer.ask(shown))
    assert officer.page.request.get(asset).status == 404


def test_bad_messages_are_refused_counted_and_seen_by_the_administrator(stack, mqtt_port, open_screen):
    device, other = register(stack, "ACC-3"), register(stack, "ACC-4")
    connected(mqtt_port, other)
    bad = {
        "not_json": "{nonsense",
        "wrong_type": position(seq=1, speed_m_s="fast"),
        "not_finite": position(seq=2)[:-1] + ', "alt_m": NaN}',
        "out_of_range_lat": position(seq=3, lat=131.0),
        "time_in_future": position(seq=4, time="2099-01-01T00:00:00Z"),
    }
    for payload in bad.values():
        publish(mqtt_port, device, payload)
    huge = stack.var / "huge.json"
    huge.write_text(position(seq=5, attrs={"x": "y" * 1_000_000}))
    command = [
        "mosquitto_pub",
        "-p",
        str(mqtt_port),
        "-u",
        device["user"],
        "-P",
        device["key"],
        "-q",
        "1",
        "-f",
        str(huge),
    ]
    subprocess.run([*command, "-t", f"st/v1/{device['user']}/pos"], check=True)
    publish(mqtt_port, {**other, "user": device["user"]}, position(seq=6), check=False)  # a wrong key
    # Another's topic, in place of the file.
    subprocess.run([*command[:-2], "-t", f"st/v1/{other['user']}/pos", "-m", "{}"], check=False)
    expected = {*bad, "payload_too_large", "not_authorised", "foreign_topic"}
    count = (
        "import json; from devices.models import RefusalCount;"
        "print(json.dumps(dict(RefusalCount.objects.values_list('reason', 'count'))))"
    )
    wait_for(lambda: expected <= set(stack.python(count)), every_s=1)
    publish(mqtt_port, device, position(seq=7))
    screen = open_screen()
    screen.enter("admin", "/admin/devices/refusal/?q=ACC-3")
    page = screen.page.content()
    assert "纬度超出范围" in page
    assert "out_of_range_lat" in page
    screen.picture("refusals")


def test_health_is_open_and_nothing_else_is(stack):
    for address in ("/healthz", "/readyz"):
        with urllib.request.urlopen(stack.url + address) as answer:
            assert json.load(answer)["status"] == "ok"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(stack.url + "/api/v1/assets/1")
    assert refused.value.code == 401
    refused.value.close()
