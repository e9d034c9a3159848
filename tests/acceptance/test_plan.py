"""The planners' desk as planners meet it: draw, rehearse, submit; somebody else approves; the next machine alarms."""

from __future__ import annotations

import pytest
import shapely

from gis.formats import write_features
from tests.acceptance.conftest import wait_for
from tests.acceptance.screens import BARE_MACHINE
from tests.acceptance.test_spine import ACCOUNT, PASSWORD, connected, position, publish

LON, LAT = 121.8351, 31.1513
ALERTS = """
import json
from command.models import Alert
print(json.dumps(list(Alert.objects.filter(area__name="{area}").values_list("asset__code", flat=True))))
"""
DRAFTS = """
import json
from command.plan.models import AreaDraft
found = AreaDraft.objects.filter(source__contains="{file}").order_by("pk")
print(json.dumps([[draft.name, draft.z_max_m, draft.shape.extent] for draft in found]))
"""


def opened(stack, screen, name):
    """The planners' page for somebody."""
    if name != "admin":
        stack.python(ACCOUNT.format(name=name, password=PASSWORD, role="planner", region=""))
    screen.enter(name, f"/plan/#view=16/{LAT}/{LON}")
    screen.page.locator("#app[data-ready=yes]").wait_for(timeout=90_000)
    return screen


@pytest.fixture(scope="module")
def planner(stack, open_for_file):
    return opened(stack, open_for_file(), "plan-drawer")


def test_drawn_rehearsed_submitted_approved_and_in_force(stack, mqtt_port, planner, open_screen):
    machine = stack.python(BARE_MACHINE.format(code="PLAN-1", name="规划一号焊机"))
    connected(mqtt_port, machine)
    # What is recorded: it was where the area will be, and left.
    for seq, (east, working) in enumerate(((0.01, True), (0, True), (0.01, True)), 1):
        publish(mqtt_port, machine, position(seq=seq, lon=LON + east, lat=LAT, working=working))
    page = planner.page
    page.click(".new")
    page.click("[data-tool=rectangle]")
    box = page.locator(".ground canvas.maplibregl-canvas").bounding_box()
    for part in (0.4, 0.6):
        x, y = box["x"] + box["width"] * part, box["y"] + box["height"] * part
        page.mouse.move(x, y, steps=3)
        page.mouse.click(x, y)
        page.wait_for_timeout(300)  # the drawing library tells two clicks from a double one by time
    page.locator(".figure input[name=width_m]").wait_for(timeout=60_000)
    page.fill("input[name=name]", "规划验收区")
    page.select_option("select[name=kind]", "key_area")
    page.fill("input[name=z_max_m]", "80")
    page.click("[data-tab=rehearsal]")
    page.click("[data-action=rehearse]")
    figures = page.locator(".figures[data-alerts]")
    figures.wait_for(timeout=60_000)
    before = int(figures.get_attribute("data-alerts"))
    assert before >= 1
    assert "规划一号焊机" in page.locator(".rehearsed").inner_text()
    planner.picture("plan-rehearsed")
    # A smaller one somewhere else: the numbers follow.
    page.click("[data-tab=form]")
    page.fill(".figure input[name=lat]", str(LAT + 0.02))
    page.press(".figure input[name=lat]", "Tab")
    wait_for(lambda: figures.count() == 1 and int(figures.get_attribute("data-alerts")) < before)
    page.keyboard.press("Escape")
    page.locator("[data-tool=undo]").click()
    page.click("[data-action=save]")
    page.locator(".plan-row[data-key^=draft]", has_text="规划验收区").wait_for(timeout=60_000)
    page.click("[data-action=submit]")
    page.locator(".state[data-state=submitted]").first.wait_for(timeout=60_000)
    assert page.locator("[data-action=approve]").count() == 0

    approver = opened(stack, open_screen(), "admin")
    page = approver.page
    page.locator(".plan-row", has_text="规划验收区").click()
    page.click("[data-action=approve]")
    page.click("dialog[open] button.strong")
    said = page.locator(".band.said")
    wait_for(lambda: "已在实时流上生效" in said.inner_text())
    approver.picture("plan-in-force")
    for seq, east in ((4, 0.01), (5, 0)):
        publish(mqtt_port, machine, position(seq=seq, lon=LON + east, lat=LAT, working=True))
    wait_for(lambda: set(stack.python(ALERTS.format(area="规划验收区"))) == {"PLAN-1"})
    page.click("[data-tab=versions]")
    page.locator(".version[data-version='1']").click()
    page.locator(".difference").get_by_text("取回这一版").wait_for(timeout=60_000)
    assert not planner.faults + approver.faults, planner.faults + approver.faults


def test_a_gcj02_shapefile_with_gbk_names_lands_right(stack, planner, tmp_path):
    shape = shapely.box(LON - 0.003, LAT - 0.002, LON + 0.003, LAT + 0.002)
    fields = {"名称": ["滨江临时围栏"], "顶高": [45.0]}
    made = write_features([shape], fields, "shp", datum="gcj02", encoding="gbk", name="区域")
    file = tmp_path / "滨江.zip"
    file.write_bytes(made.content)
    page = planner.page
    page.click(".import")
    page.set_input_files(".importing input[name=file]", file)
    page.locator("select[name=import-datum]").wait_for(timeout=60_000)
    page.select_option("select[name=import-datum]", "gcj02")
    page.select_option("select[name=import-z_max]", "顶高")
    page.locator("[data-action=take]").wait_for(timeout=60_000)
    assert "可导入 1 个" in page.locator(".importing .said").inner_text()
    planner.picture("plan-import")
    page.click("[data-action=take]")
    page.locator(".plan-row", has_text="滨江临时围栏").wait_for(timeout=60_000)
    ((name, top, extent),) = stack.python(DRAFTS.format(file="滨江.zip"))
    assert (name, top) == ("滨江临时围栏", 45)
    assert extent == pytest.approx(shape.bounds, abs=1e-7)
    page.locator(".plan-row", has_text="滨江临时围栏").click()
    wait_for(lambda: page.input_value("input[name=name]") == "滨江临时围栏")
    assert "gcj02" in page.input_value("input[name=source]")
    assert not planner.faults, planner.faults


ANNOTATIONS = """
import json
from twin.annotations.models import Annotation
found = Annotation.objects.filter(title="{title}")
print(json.dumps([[each.kind, each.author.username, each.version] for each in found]))
"""


def test_two_people_see_each_others_strokes(stack, open_screen):
    pages = []
    for name in ("annotator-one", "annotator-two"):
        stack.python(ACCOUNT.format(name=name, password=PASSWORD, role="dispatcher", region=""))
        screen = open_screen()
        screen.enter(name, f"/#view=15/{LAT}/{LON}")
        screen.wait("!!window.sandtable && sandtable.mapReady()")
        screen.page.click("[data-tool=annotate]")
        screen.page.locator(".symbol").first.wait_for(timeout=60_000)
        pages.append(screen)
    one, two = pages
    page = one.page
    page.click("[data-symbol=rescue_route]")
    box = page.locator(".ground canvas.maplibregl-canvas").bounding_box()
    for right, down in ((0.5, 0.3), (0.6, 0.5), (0.75, 0.4)):
        x, y = box["x"] + box["width"] * right, box["y"] + box["height"] * down
        page.mouse.move(x, y, steps=3)
        page.mouse.click(x, y)
        page.wait_for_timeout(400)  # the drawing library tells two clicks from a double one by time
    # While it is drawn, the other one sees it, and nothing is stored yet.
    two.wait("sandtable.strokes().includes('annotator-one')", 30)
    assert stack.python(ANNOTATIONS.format(title="验收路线")) == []
    page.mouse.click(x, y)
    page.fill(".annotate-form input[name=title]", "验收路线")
    one.picture("annotations")
    page.click(".annotate-form [data-action=save]")
    row = two.page.locator(".annotate-row", has_text="验收路线")
    row.wait_for(timeout=60_000)
    two.wait("sandtable.strokes().length === 0", 30)
    row.click()
    two.page.click("[data-action=edit]")
    two.page.fill(".annotate-form textarea", "东侧已封")
    two.page.click(".annotate-form [data-action=save]")
    page.locator(".annotate-card .words", has_text="东侧已封").wait_for(timeout=60_000)
    assert stack.python(ANNOTATIONS.format(title="验收路线")) == [["rescue_route", "annotator-one", 2]]
    two.picture("annotations-other")
    assert not one.faults + two.faults, one.faults + two.faults
