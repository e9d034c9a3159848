"""A tileset drawn by deck.gl in a real Chromium, without network: buildings stand where and as high as they should."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from gis.tileset import Buildings, write_tileset
from tests.chromium import chromium

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LON, LAT, HIGH_M = 121.5, 31.23, 240.0
SIZE = 600
PAGE = """<!doctype html><meta charset=utf-8><body style="margin:0;background:#000"><canvas id=c></canvas>
<script src=deck.js></script><script>
window.tiles = 0; window.failed = [];
window.host = new deck.Deck({
  canvas: 'c', width: SIZE, height: SIZE, controller: false,
  views: new deck.MapView({repeat: false}),
  viewState: {longitude: LON, latitude: LAT, zoom: 15.2, pitch: 55, bearing: 20},
  deviceProps: {webgl: {preserveDrawingBuffer: true}},
  layers: [new deck.Tile3DLayer({
    id: 'town', data: '/town/tileset.json',
    onTileLoad: () => window.tiles++, onTileError: (tile, message) => window.failed.push(message),
  })],
});
// A point of the ground, or above it, in pixels from the upper left.
window.place = (lon, lat, height) => window.host.getViewports()[0].project([lon, lat, height]);
</script>"""
# Reads a screenshot back: red, green, blue of each pixel in turn.
PIXELS = """async png => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, image.width, image.height);
  let text = '';
  for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
  return btoa(text);
}"""


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_words: object) -> None:
        pass


def box(x_m: float, y_m: float, side_m: float) -> shapely.Polygon:
    k = 111_195.0 * np.cos(np.radians(LAT)), 111_195.0
    west, south = LON + x_m / k[0], LAT + y_m / k[1]
    return shapely.box(west, south, west + side_m / k[0], south + side_m / k[1])


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serves a town of a high tower in a ring of low houses, and a page that draws it."""
    rng = np.random.default_rng(3)
    spots = [(x, y) for x in range(-400, 400, 40) for y in range(-400, 400, 40) if max(abs(x), abs(y)) > 100]
    shapes = [box(-20, -20, 40), *(box(x, y, 22) for x, y in spots)]
    heights = np.concatenate([[HIGH_M], rng.uniform(6, 15, len(spots))])
    names = [str(i) for i in range(len(shapes))]
    # More than one tile holds, so that children are drawn, too.
    far = [box(x, y, 15) for x in range(-3000, 3000, 200) for y in range(600, 3000, 200)]
    footprints = np.array([*shapes, *far], dtype=object)
    heights = np.concatenate([heights, np.full(len(far), 8.0)])
    names += [f"far {i}" for i in range(len(far))]
    assert write_tileset(tmp_path / "town", Buildings(footprints, heights, names, names)).tiles > 1
    bundle = files("pydeck") / "nbextension" / "static" / "index.js"
    shutil.copyfile(str(bundle), tmp_path / "deck.js")
    page = PAGE.replace("SIZE", str(SIZE)).replace("LON", str(LON)).replace("LAT", str(LAT))
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Iterator[Any]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": SIZE, "height": SIZE})


def test_buildings_are_drawn_where_they_stand(address: str, page: Any, tmp_path: Path):
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else faults.append(r.url))
    page.goto(address)
    page.wait_for_function("window.tiles > 1", timeout=60_000)
    page.wait_for_function("window.host.props.layers[0].isLoaded", timeout=60_000)
    page.wait_for_timeout(500)
    png = page.screenshot(path=tmp_path / "town.png")
    coded = page.evaluate(PIXELS, base64.b64encode(png).decode())
    picture = np.frombuffer(base64.b64decode(coded), np.uint8).reshape(SIZE, SIZE, 3).astype(int)
    drawn = picture.sum(axis=2) > 30
    assert not faults and not page.evaluate("window.failed")

    def at(x_m: float, y_m: float, height_m: float) -> tuple[int, int]:
        k = 111_195.0 * np.cos(np.radians(LAT)), 111_195.0
        x, y = page.evaluate("p => window.place(...p)", [LON + x_m / k[0], LAT + y_m / k[1], height_m])[:2]
        return round(y), round(x)

    # The tower's roof is there, the sky above it and the square around it are empty.
    assert drawn[at(0, 0, HIGH_M)] and drawn[at(0, 0, HIGH_M / 2)]
    assert not drawn[at(0, 0, HIGH_M * 1.25)]
    assert not drawn[at(60, -60, 0)] and not drawn[at(-60, -60, 0)]
    # Roof and walls take the light differently: normals point where they should.
    shades = {tuple(colour) for colour in picture[drawn].tolist()}
    assert len(shades) >= 3
    roof, wall = picture[at(0, 0, HIGH_M)], picture[at(-5, -20, HIGH_M / 2)]
    assert np.abs(roof - wall).max() > 8
    assert 0.05 < drawn.mean() < 0.7
