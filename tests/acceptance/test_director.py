"""The director: a tablet drives a wall that has no keyboard, and says no more than the wall has done."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.conftest import wait_for
from tests.acceptance.test_spine import ACCOUNT, PASSWORD

CLEAR = """
import json
from command.director.models import Scene, Tour
Tour.objects.filter(created_by__username__startswith="director-").delete()
Scene.objects.filter(created_by__username__startswith="director-").delete()
print(json.dumps(True))
"""
STANDS_STILL = """
import json
from command.director.models import Wall
print(json.dumps(Wall.objects.filter(run__paused=True).exists()))
"""


ROLES = {
    "director-pudong": ("district", "310115"),
    "director-qingpu": ("district", "310118"),
    "director-over": ("city", ""),
}


@pytest.fixture(scope="module")
def wall(stack, open_for_file):
    """The wall of 浦东新区, which two tests drive."""
    for name, (role, region) in ROLES.items():
        stack.python(ACCOUNT.format(name=name, password=PASSWORD, role=role, region=region))
    screen = open_for_file()
    screen.enter("director-pudong", "/screen/")
    screen.see_things()
    yield screen
    stack.python(CLEAR)


@pytest.fixture
def director(open_screen):
    """Opens the director's page for somebody."""

    def open_(name, size):
        screen = open_screen("desk" if size == "tablet" else size)
        if size == "tablet":
            screen.size = size
            screen.page.set_viewport_size({"width": 1024, "height": 768})
        screen.enter(name, "/director/")
        return screen

    return open_


def place(wall):
    """Zoom, latitude and longitude of the wall's map, as its address has them."""
    found = re.search(r"view=([\d.]+)/([-\d.]+)/([-\d.]+)", wall.ask("location.hash"))
    return tuple(round(float(part), 2) for part in found.groups())


def tab(tablet, name):
    tablet.page.locator(f"[data-tab={name}]").click()


def said(tablet, text):
    wait_for(lambda: text in tablet.page.locator(".said").inner_text())


def keep_picture(tablet, name):
    tab(tablet, "scenes")
    tablet.page.locator(".keep-picture").click()
    tablet.page.locator("dialog[open] input[name=answer]").fill(name)
    tablet.page.locator("dialog[open] button[type=submit]").click()
    tablet.page.locator(".tile[data-scene]", has_text=name).wait_for()


def test_orders_reach_the_wall_at_once_and_nobody_elses(stack, wall, director):
    foreign = director("director-qingpu", "phone")
    over = director("director-over", "phone")
    over.page.locator(".wall-button").click()
    over.page.locator(".wall-tile", has_text="director-pudong").and_(over.page.locator("[data-state=there]")).click(
        timeout=90_000
    )
    wait_for(lambda: "在线" in over.page.locator(".wall-button").inner_text())
    tab(over, "steering")
    over.page.get_by_role("button", name="显示编号").click()
    wait_for(lambda: wall.page.locator(".wall-code").is_visible())
    said(over, "大屏已显示")
    over.picture("director")
    foreign.page.locator(".wall-button").click()
    listed = foreign.page.locator("dialog[open]").inner_text()
    assert "选择大屏" in listed
    assert "director-pudong" not in listed
    walls = over.page.request.get(f"{stack.url}/api/v1/walls").json()["walls"]
    number = next(each["id"] for each in walls if each["user"]["name"] == "director-pudong" and each["present"])
    body = {"order": {"do": "home"}}
    token = foreign.ask("JSON.parse(document.getElementById('boot').textContent).csrf")
    answer = foreign.page.request.post(
        f"{stack.url}/api/v1/walls/{number}/orders", data=body, headers={"X-CSRFToken": token}
    )
    assert answer.status == 404
    assert not wall.faults + over.faults + foreign.faults, wall.faults + over.faults + foreign.faults


def test_a_tablet_saves_scenes_and_plays_a_tour_on_the_wall(stack, wall, director):
    tablet = director("director-pudong", "tablet")
    wait_for(lambda: "在线" in tablet.page.locator(".wall-button").inner_text(), 60)
    # Until the wall has told what it shows, there is no picture to keep.
    wait_for(lambda: "缩放" in tablet.page.inner_text("body"))
    keep_picture(tablet, "全区")
    wide = place(wall)
    tab(tablet, "steering")
    tablet.page.get_by_role("button", name="放大").click()
    said(tablet, "大屏已显示")
    tablet.page.locator("[data-panel='what-there-is']").click()
    wait_for(lambda: wall.page.locator(".what-there-is.folded").count() == 1)
    wait_for(lambda: place(wall) != wide)
    keep_picture(tablet, "近景")
    near = place(wall)
    # A tour of the two, the shortest that can be.
    tab(tablet, "tours")
    tablet.page.locator(".new-tour").click()
    sheet = tablet.page.locator(".tour-sheet[open]")
    sheet.locator("input[name=tour-name]").fill("验收路线")
    for row, name in enumerate(("全区", "近景")):
        sheet.locator("select[name=scene]").nth(row).select_option(label=name)
        sheet.locator("input[name=dwell]").nth(row).fill("4")
    sheet.locator("button[type=submit]").click()
    tablet.page.locator(".play-tour", has_text="验收路线").click()
    badge = wall.page.locator(".director-badge")
    wait_for(lambda: "验收路线 1/2" in badge.inner_text() if badge.is_visible() else False)
    wait_for(lambda: place(wall) == wide)
    tablet.picture("director")
    wait_for(lambda: "验收路线 2/2" in badge.inner_text())
    wait_for(lambda: place(wall) == near)
    wait_for(lambda: "2/2" in tablet.page.locator(".tour-now h3").inner_text())
    # The tablet sleeps: the wall goes on by itself.
    tablet.page.goto("about:blank")
    wait_for(lambda: "1/2" in badge.inner_text())
    # Somebody touches the wall: it stands still and says so, also after it was loaded anew.
    wall.page.mouse.click(683, 500)
    wait_for(lambda: "有人操作大屏，已暂停" in badge.inner_text())
    wait_for(lambda: stack.python(STANDS_STILL))  # the platform has been told, too
    wall.page.reload()
    wall.see_things()
    wait_for(lambda: badge.is_visible() and "已暂停" in badge.inner_text())
    wall.picture("director-paused")
    tablet.page.goto(f"{stack.url}/director/")
    wait_for(lambda: "有人操作大屏" in tablet.page.locator(".tour-note").inner_text())
    tablet.page.locator("[data-do=resume]").click()
    wait_for(lambda: "已暂停" not in badge.inner_text())
    tablet.page.locator("[data-do=stop]").click()
    wait_for(lambda: tablet.page.locator(".tour-now").is_hidden())
    # A wall that is gone shows as gone.
    wall.page.goto("about:blank")
    wait_for(lambda: "离线" in tablet.page.locator(".wall-button").inner_text())
    assert not wall.faults + tablet.faults, wall.faults + tablet.faults
