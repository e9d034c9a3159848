"""Styles: deck.gl's names are deck.gl's, and colours are the design system's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from layers.colours import BY_STATUS, WALL, Token
from layers.contract import Areas, IconStyle, LiveAssets, MapLayer, VolumeStyle
from layers.deckgl import COMMON, DECK_GL_VERSION, OWN, properties_of
from layers.specs import deck_spec, describe, portable_style, pydeck_layer
from layers.styles import STYLES, PointStyle

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "web" / "node_modules" / "@deck.gl"
ASK_NODE = """
const found = {};
for (const name of ["core", "layers", "aggregation-layers", "geo-layers"]) {
  let module;
  try { module = await import(`@deck.gl/${name}`); } catch { continue; }
  for (const [key, layer] of Object.entries(module)) {
    if (!layer?.layerName) continue;
    const names = new Set();
    for (let c = layer; c?.prototype; c = Object.getPrototypeOf(c))
      if (Object.hasOwn(c, "defaultProps")) for (const n of Object.keys(c.defaultProps)) names.add(n);
    found[key] = [...names];
  }
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def installed():
    """Property names of the layers that are installed for the screen."""
    if not PACKAGES.exists() or not shutil.which("node"):
        pytest.skip("deck.gl's packages are not installed here")
    command = ["node", "--input-type=module", "--eval", ASK_NODE]
    run = subprocess.run(command, cwd=ROOT / "web", capture_output=True, text=True, check=True)
    return {name: set(properties) for name, properties in json.loads(run.stdout).items()}


def test_the_table_is_what_deck_gl_has(installed):
    version = json.loads((PACKAGES / "core" / "package.json").read_text())["version"]
    assert version == DECK_GL_VERSION
    assert installed["Layer"] == COMMON
    # Drawn with smooth edges since 9.4; the bundle that exported views run on does not know it yet.
    assert {name: installed[name] - properties_of(name) for name in OWN if name in installed} == {
        "GeoJsonLayer": {"lineAntialiasing"}, "IconLayer": set(), "ScatterplotLayer": set(),
    } | ({"HeatmapLayer": set()} if "HeatmapLayer" in installed else {})  # fmt: skip
    for name in OWN.keys() & installed.keys():
        assert properties_of(name) <= installed[name], name


def test_tokens_are_those_of_the_wall():
    text = (ROOT / "access/static/access/tokens.css").read_text()
    dark = text[text.index(":root {") : text.index("}", text.index(":root {"))]
    there = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    assert {token: "#{:02x}{:02x}{:02x}".format(*WALL[token]) for token in Token} == {t: there[t] for t in Token}


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.key)
def test_every_style_speaks_deck_gl(style):
    assert set(style().properties()) <= properties_of(style.deck_layer)


def kites(**fields):
    plain = {"id": "kites.all", "title": "风筝", "group": "飞行", "source": LiveAssets("drone"), "style": IconStyle()}
    return MapLayer(**{**plain, **fields})


def test_a_spec_is_what_deck_gl_reads():
    spec = deck_spec(kites(style=IconStyle(size_px=30, deck={"sizeMaxPixels": 40, "getSize": 32})))
    assert (spec["@@type"], spec["id"], spec["sizeUnits"], spec["sizeMaxPixels"]) == (
        "IconLayer", "kites.all", "pixels", 40,
    )  # fmt: skip
    assert spec["getSize"] == 32, "what is under deck wins"
    assert spec["getPosition"] == "@@=position"
    assert spec["getColor"].startswith("@@=status == 0 ? [91, 157, 255, 255] : status == 1 ? ")
    assert "data" not in spec


def test_a_portable_layer_needs_nothing_but_its_data():
    layer = kites()
    portable = portable_style(layer)
    assert isinstance(portable, PointStyle)
    assert portable.colour is BY_STATUS
    spec = json.loads(pydeck_layer(layer, [{"position": [121, 31]}], portable).to_json())
    assert (spec["@@type"], spec["data"]) == ("ScatterplotLayer", [{"position": [121, 31]}])
    volume = kites(source=Areas(("fence",)), style=VolumeStyle())
    assert portable_style(volume) is volume.style


def test_what_the_screen_is_told():
    told = describe(kites())
    assert told["source"] == {"type": "live", "shape": "point", "kind": "drone", "code": 4, "silent_after_s": 20}
    assert (told["module"], told["style"]["type"], told["style"]["glyph"]) == ("kites", "icon", "drone")
    assert told["style"]["colour"]["by"] == "status"
    assert told["style"]["colour"]["colours"][1] == {"value": 1, "colour": "working"}
    assert [entry["colour"] for entry in told["legend"]] == ["idle", "working", "grade-red", "quiet", "silent"]
    told = describe(kites(source=Areas(("fence",)), style=VolumeStyle()))
    assert told["source"] == {
        "type": "areas", "shape": "polygon", "tiles": "kites.all", "min_zoom": 9, "max_zoom": 15, "kinds": ["fence"],
    }  # fmt: skip
    json.dumps(told)
