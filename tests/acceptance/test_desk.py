"""The desk in a real browser: read without strain, an area drawn, a command answered, and all of it in the ledger."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import wait_for

LEAST_CONTRAST = 4.5
FAINT_TEXT = """() => {
  const parse = (text) => {
    const n = text.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
    return text.startsWith("color(") ? [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1] : [n[0], n[1], n[2], n[3] ?? 1];
  };
  const light = (c) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] > 0.99) return c;
    }
    return [255, 255, 255, 1];
  };
  const found = { looked: 0, faint: [] };
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.tagName === "OPTION") continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    found.looked += 1;
    const ratio = (a + 0.05) / (b + 0.05);
    const words = element.textContent.trim().slice(0, 30);
    if (ratio < LEAST) found.faint.push(`${element.tagName} ${words}: ${ratio.toFixed(2)}`);
  }
  return found;
}""".replace("LEAST", str(LEAST_CONTRAST))
BOW = [[121.40, 31.20], [121.41, 31.21], [121.41, 31.20], [121.40, 31.21], [121.40, 31.20]]
BOX = [BOW[0], BOW[2], BOW[1], BOW[3], BOW[0]]


@pytest.fixture
def desk(stack, open_screen):
    screen = open_screen("desk")
    screen.enter("admin", "/admin/")
    yield screen
    assert not screen.faults, screen.faults


def opened(screen, stack, address):
    screen.page.goto(f"{stack.url}/admin/{address}")
    found = screen.ask(FAINT_TEXT)
    assert found["looked"] > 10
    assert found["faint"] == []
    return screen.page


def test_the_desk_leads_everywhere_and_back_to_the_map(stack, desk):
    page = opened(desk, stack, "")
    assert page.title() == "概览 · 沙盘 · 管理台"
    for name in ("单位", "用户", "审计记录", "对象", "区域", "终端", "终端指令", "拒收记录"):
        assert page.locator("#content").get_by_role("link", name=name, exact=True).count() == 1
    desk.picture("desk")
    page.locator("#user-tools").get_by_role("link", name="地图", exact=True).click(no_wait_after=True)
    # The page that tests of the map open; it need not be drawn for this one.
    page.wait_for_url(f"{stack.url}/", wait_until="commit")


def test_a_command_from_the_desk_is_obeyed_by_a_device(stack, desk):
    device = stack.python(
        "import json; from devices.models import Device; d = Device.objects.filter(kind='vehicle').first();"
        "print(json.dumps([d.pk, d.identifier]))"
    )
    page = opened(desk, stack, "devices/device/")
    assert page.locator("#result_list tbody tr").count() > 50
    desk.picture("desk-devices")
    page = opened(desk, stack, f"devices/device/?q={device[1]}")
    page.check(f"input[name=_selected_action][value='{device[0]}']")
    page.select_option("select[name=action]", label="下发指令")
    page.get_by_role("button", name="执行").click()
    page.fill("input[name=name]", "interval")
    page.fill("textarea[name=args]", "{seconds: 2}")
    page.get_by_role("button", name="下发").click()
    assert "第 1 行第 2 个字符处有误" in page.inner_text("#content")
    desk.picture("desk-command")
    page.fill("textarea[name=args]", '{"seconds": 2}')
    page.get_by_role("button", name="下发").click()
    assert "已下发到 1 台终端" in page.inner_text(".messagelist")

    def answered():
        row = opened(desk, stack, f"devices/devicecommand/?q={device[1]}").inner_text("#result_list tbody tr")
        return "已执行" in row

    wait_for(answered, 20, every_s=0.5)


def test_an_area_is_drawn_as_text_and_the_ledger_knows(stack, desk):
    page = opened(desk, stack, "twin/area/add/")
    page.fill("input[name=name]", "验收围栏")
    page.select_option("select[name=kind]", "fence")
    page.fill("textarea[name=boundary]", json.dumps({"type": "Polygon", "coordinates": [BOW]}))
    page.locator("input[name=_save]").click()
    assert "边界自相交（经度 121.405，纬度 31.205 附近）" in page.inner_text(".errorlist")
    assert desk.ask(FAINT_TEXT)["faint"] == []
    desk.picture("desk-area")
    page.fill("textarea[name=boundary]", json.dumps({"type": "Polygon", "coordinates": [BOX]}))
    page.locator("input[name=_save]").click()
    assert "验收围栏" in page.inner_text(".messagelist .success")
    page = opened(desk, stack, "access/auditrecord/?q=验收围栏")
    row = page.inner_text("#result_list tbody tr")
    assert "admin" in row
    assert "新增" in row
    assert "区域" in row
    opened(desk, stack, "access/auditrecord/")
    desk.picture("desk-audit")


COLUMNS = "单位名称,统一社会信用代码,单位类型,所在行政区"


def test_a_file_is_tried_corrected_and_imported(stack, desk, tmp_path):
    code = stack.python(
        "import json; from random import Random; from access.identifiers import make_uscc;"
        "print(json.dumps([make_uscc(Random(77)), make_uscc(Random(78))]))"
    )
    page = opened(desk, stack, "access/organization/")
    page.get_by_role("link", name="导入").click()
    file = tmp_path / "单位.csv"
    rows = [COLUMNS, f"验收甲厂,{code[0]},企业,310115", "验收乙厂,91310000,企业,310115"]
    file.write_bytes("\n".join(rows).encode("gb18030"))
    page.set_input_files("input[name=file]", file)
    page.get_by_role("button", name="试运行").click()
    page.wait_for_url("**/import/*-*/")
    assert "尚未写入" in page.inner_text("#content")
    refused = page.inner_text("#refused")
    assert "统一社会信用代码" in refused
    assert "验收乙厂" in refused
    assert desk.ask(FAINT_TEXT)["faint"] == []
    desk.picture("desk-import")
    page.get_by_role("button", name="确认导入").click()
    assert "有 1 行有错，全部未导入" in page.inner_text(".messagelist")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].endswith("错误原因")
    file.write_text("\n".join([lines[0], f"验收乙厂,{code[1]},企业,310115,", f"验收甲厂,{code[0]},企业,310115,"]))
    page.get_by_role("link", name="换一个文件").click()
    page.set_input_files("input[name=file]", file)
    page.get_by_role("button", name="试运行").click()
    page.get_by_role("button", name="确认导入").click()
    assert "已导入：新增 2 行" in page.inner_text(".messagelist")
    page = opened(desk, stack, "access/organization/?q=验收甲厂")
    page.locator("#result_list tbody th a").click()
    page.fill("input[name=name]", "验收甲厂（改名）")
    page.locator("input[name=_continue]").click()
    page.get_by_role("link", name="变更历史").click()
    shown = page.inner_text(".desk-history")
    assert "验收甲厂（改名）" in shown
    assert "admin" in shown
    assert desk.ask(FAINT_TEXT)["faint"] == []
    desk.picture("desk-history")
    page.set_viewport_size({"width": 390, "height": 844})
    assert desk.ask("document.documentElement.scrollWidth") <= 390
