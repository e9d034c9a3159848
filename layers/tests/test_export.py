"""The exported view: one file that draws itself in a browser without network."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from layers import export
from layers.deckgl import OWN, properties_of
from layers.shades import shares_of
from layers.tests.conftest import LAYERS
from tests.acceptance.page import wait_for
from tests.chromium import SLOW_FRAMES, chromium
from twin.models import Asset, State

BOX = "bbox=121,31,122,31.5"


@pytest.fixture
def page_of(town, kites):
    def export_as(client, query=BOX):
        answer = client.get(f"/layers/export?{query}")
        assert answer.status_code == 200, answer.content
        return answer

    return export_as


def spec_in(answer):
    text = answer.content.decode()
    return json.loads(re.search(r'<script id="deck" type="application/json">(.*?)</script>', text, re.S)[1])


def test_the_file_is_to_be_kept(town, page_of):
    answer = page_of(town.client("city"))
    assert re.fullmatch(r'attachment; filename="sandtable-\d{8}-\d{6}\.html"', answer["Content-Disposition"])
    assert "no-store" in answer["Cache-Control"]
    page = answer.content.decode()
    assert "王工" in page
    shown = [layer["id"] for layer in spec_in(answer)["layers"]]
    assert shown == [
        "districts", "kites.rows", "kites.districts", "kites.areas", "kites.points", "kites.drones",
    ]  # fmt: skip


def test_the_file_names_no_address_outside_itself(town, page_of):
    page = page_of(town.client("city")).content.decode()
    bundle = export._bundle()
    own = page.replace(bundle, "")
    assert len(own) < 100_000
    assert not re.search(r"https?://|\bsrc=|<link|@import|url\(", own)
    assert "sourceMappingURL" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', own)[1]
    assert "default-src 'none'" in policy
    assert "connect-src data: blob:" in policy


def labels(answer):
    found = {}
    for layer in spec_in(answer)["layers"]:
        found[layer["id"]] = {row.get("label") or row["properties"]["label"] for row in layer["data"]}
    return found


@pytest.mark.parametrize(
    ("where", "drone", "fence"),
    [("west", "巡检无人机 UAV-000", "西侧围栏"), ("east", "测绘无人机 UAV-001", "东侧禁飞区")],
)
def test_the_file_holds_what_its_maker_may_see(town, page_of, where, drone, fence):
    answer = page_of(town.client("enterprise", organization=town.firms[where]))
    assert labels(answer)["kites.drones"] == {drone}
    assert labels(answer)["kites.rows"] == {fence}
    other = {"west": "UAV-001", "east": "UAV-000"}[where]
    assert other not in answer.content.decode()


def test_the_file_holds_what_is_in_view(town, page_of):
    client = town.client("city")
    assert labels(page_of(client, "bbox=121,31,121.4,31.5"))["kites.drones"] == {"巡检无人机 UAV-000"}
    only = spec_in(page_of(client, f"{BOX}&layers=kites.shares&zoom=9&pitch=40&bearing=-20"))
    assert [layer["id"] for layer in only["layers"]] == ["districts", "kites.shares"]
    assert {row["properties"]["share"] for row in only["layers"][1]["data"]} == {1.0}
    assert only["initialViewState"] == {
        "longitude": 121.5, "latitude": 31.25, "zoom": 9, "pitch": 40, "bearing": -20,
    }  # fmt: skip


def test_districts_are_told_apart_as_the_screen_does():
    # The screen's own test has the same numbers.
    shares = shares_of([6, 7, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 12, 12, 40, 0])
    assert [shares.get(count, 0) for count in (0, 7, 11, 40)] == [0, 0.15, 0.575, 1]
    assert shares_of([8, 9, 12, 12, 12, 10, 12]) == {8: 0.15, 9: 0.4333, 10: 0.7167, 12: 1}
    assert (shares_of([3, 3]), shares_of([0])) == ({3: 1}, {})


def test_names_cannot_break_out_of_the_data(town, page_of):
    Asset.objects.filter(pk=town.drones["west"].pk).update(name="</script><script>alert(1)</script>")
    page = page_of(town.client("city")).content.decode()
    assert "<script>alert(1)" not in page
    assert page.count("</script>") == 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("bbox=1,2,3", 400),
        ("bbox=a,b,c,d", 400),
        ("bbox=122,31,121,32", 400),
        ("bbox=nan,31,122,32", 400),
        (f"{BOX}&zoom=99", 400),
        (f"{BOX}&pitch=x", 400),
        (f"{BOX}&layers=kites.nothing", 404),
    ],
)
def test_what_makes_no_sense_is_refused(town, kites, query, status):
    answer = town.client("city").get(f"/layers/export?{query}")
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_too_much_for_one_file_is_refused(town, kites, monkeypatch):
    monkeypatch.setattr(export, "MOST_FEATURES", 1)
    answer = town.client("city").get(f"/layers/export?{BOX}&layers=kites.drones")
    assert answer.status_code == 413
    assert "超过 1 个对象" in answer.json()["detail"]


READY = """
window.view && view.isInitialized && view.props.layers.length
  && view.layerManager.getLayers().length >= view.props.layers.length
  && view.layerManager.getLayers().every((layer) => layer.isLoaded)
"""


@pytest.mark.slow
@pytest.mark.browser
def test_the_file_draws_itself_without_network(town, page_of, tmp_path):
    for i in range(40):
        asset = Asset.objects.create(kind="drone", code=f"N-{i}", name="编队", owner=town.firms["west"])
        State.objects.create(
            asset=asset, ts=timezone.now(), received_at=timezone.now(), lon=121.05 + i * 0.02, lat=31.4, status=i % 4
        )
    ids = ",".join(layer.id for layer in LAYERS)
    answer = page_of(town.client("city"), f"{BOX}&zoom=9.5&pitch=30&layers={ids}")
    file = tmp_path / "view.html"
    file.write_bytes(answer.content)
    asked, errors = [], []
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 900, "height": 600}, device_scale_factor=0.5, offline=True)
        context.add_init_script(SLOW_FRAMES)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(file.as_uri())
        wait_for(lambda: page.evaluate(READY))
        drawn = page.evaluate(
            "view.layerManager.getLayers().filter((l) => !l.isComposite).map((l) => [l.id, l.getNumInstances()])"
        )
        known = page.evaluate(
            """(names) => Object.fromEntries(names.map((name) => {
                const found = new Set();
                for (let c = deck[name]; c?.prototype; c = Object.getPrototypeOf(c))
                  if (Object.hasOwn(c, "defaultProps")) for (const n of Object.keys(c.defaultProps)) found.add(n);
                return [name, [...found]];
            }))""",
            list(OWN),
        )
        page.wait_for_timeout(500)
        page.mouse.move(450, 300)
        shot = page.screenshot(path=tmp_path / "view.png")
        everywhere = "{x: 0, y: 0, width: 900, height: 600, layerIds: ['kites.points']}"
        picked = page.evaluate(f"view.pickObjects({everywhere}).length")
    assert errors == []
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data", "blob"}
    assert [url for url in asked if url.startswith("file:")] == [file.as_uri()]
    counts = dict(drawn)
    assert counts["kites.drones"] == counts["kites.points"] == 42
    for layer in LAYERS:
        assert any(name.startswith(layer.id) and n > 0 for name, n in drawn), layer.id
    assert picked > 20, "points are on the canvas, not only in memory"
    assert len(shot) > 10_000
    for name in OWN:
        assert properties_of(name) <= set(known[name]), name
