"""``bench annotations``: from one person's hand to the pages of others, and maps that hold many annotations (标绘).

``--pages`` open live sockets, spread over two web processes. One of them draws: five sketches a second (a *stroke*),
then finished annotations by HTTP (*saved*); each is timed from before it is sent until another page has it. A sketch
that a newer one overtakes is not told, which is as it should be: ``stroke_told_share`` says how many arrived. Then, of
``--annotations`` over the whole city, the part of the map that a page reads is timed: some streets, a district,
all of it (*window*). In an installation of its own; ``--here``: in the present one, from which they are removed again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import urllib.request
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from bench._report import machine, percentiles, progress, report
from bench._socket import BLOCK, WHOLE_CITY, live_socket, session_of_the_bench
from bench._throwaway import run_loading, sandtable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

EVERY_S = 0.2
SETTLE_S = 3.0
LIMIT_MS = 1_000
GOES = 20
DISTRICT = (121.40, 31.10, 121.50, 31.22)
PLACE = (121.47, 31.23)
STEP_DEG = 1e-5
TITLE = "BENCH"
TOKEN = "b" * 32


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where one of twenty takes over a second, or what was saved did not arrive."""
    parser = argparse.ArgumentParser(prog="sandtable bench annotations", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    parser.add_argument("--pages", type=int, default=20, help="打开的页面数（默认 20）")
    parser.add_argument("--strokes", type=int, default=100, help="描画次数（默认 100）")
    parser.add_argument("--saves", type=int, default=50, help="保存次数（默认 50）")
    parser.add_argument("--annotations", type=int, default=10_000, help="已有标绘数（默认 10000）")
    return run_loading("annotations", parser, arguments, _here, lambda _options: ["--processes", "web=2"])


def _here(options: argparse.Namespace) -> int:
    from twin.annotations.models import Annotation

    url = json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True).stdout)["url"]
    try:
        progress(f"putting {options.annotations} annotations on the map")
        _fill(options.annotations)
        pages = asyncio.run(_draw(options, url))
        windows = _windows(url)
    finally:
        if not options.keep:
            Annotation.objects.filter(title__startswith=TITLE).delete()
    others = max(options.pages - 1, 1)
    figures = {
        "pages": options.pages,
        "strokes": options.strokes,
        "stroke_told_share": round(len(pages.strokes_ms) / (options.strokes * others), 3),
        **percentiles("stroke", pages.strokes_ms),
        "saves": options.saves,
        "saved_told": len(pages.saves_ms),
        **percentiles("saved", pages.saves_ms),
        "annotations": options.annotations,
        **windows,
        "machine": machine(),
    }
    report(figures, options.json)
    slow = any((figures[name] or LIMIT_MS) >= LIMIT_MS for name in ("stroke_p95_ms", "saved_p95_ms"))
    return int(slow or len(pages.saves_ms) < options.saves * others)


def _fill(count: int) -> None:
    """So many, of every symbol in turn, all over the city."""
    from django.contrib.gis.geos import LineString, Point, Polygon

    from access.models import User
    from gis.models import Region
    from twin.annotations.models import Annotation
    from twin.annotations.symbols import SYMBOLS
    from twin.past import districts

    session_of_the_bench()
    author = User.objects.get(username="bench")
    random = np.random.default_rng(34)
    lon, lat = random.uniform(121.1, 121.9, count), random.uniform(30.9, 31.4, count)
    district = districts().locate_one(lon, lat)
    city = Region.objects.filter(level="city").values_list("pk", flat=True)
    rows = []
    symbols = list(SYMBOLS.values())
    for number, (x, y, region) in enumerate(zip(lon.tolist(), lat.tolist(), district.tolist(), strict=True)):
        symbol = symbols[number % len(symbols)]
        ring = [(x, y), (x + 0.004, y), (x + 0.004, y + 0.003), (x, y)]
        shape = {"point": Point(x, y), "line": LineString(ring[:3]), "polygon": Polygon(ring)}[symbol.sort]
        shape.srid = 4326
        regions = [*city, *([region] if region > 0 else [])]
        rows.append(Annotation(kind=symbol.key, title=f"{TITLE}-{number}", shape=shape, regions=regions, author=author))
    Annotation.objects.bulk_create(rows, batch_size=2_000)


class _Pages:
    """What other pages were told, and how long after it was sent; milliseconds."""

    def __init__(self) -> None:
        self.strokes_ms: list[float] = []
        self.saves_ms: list[float] = []
        self.sent: dict[str, float] = {}

    async def hear(self, socket: ClientConnection) -> None:
        async for message in socket:
            now = time.monotonic()
            if not isinstance(message, str):
                continue
            told = json.loads(message)
            if told["type"] == "stroke" and told["stroke"]["points"]:
                self.strokes_ms += self._since(_name(told["stroke"]["points"][-1][0]), now)
            elif told["type"] == "annotation":
                self.saves_ms += self._since(told["annotation"]["title"], now)

    def _since(self, name: str, now: float) -> list[float]:
        return [(now - self.sent[name]) * 1000] if name in self.sent else []


def _name(lon: float) -> str:
    """By its last point a sketch is known again."""
    return f"{TITLE}-STROKE-{round((lon - PLACE[0]) / STEP_DEG)}"


async def _draw(options: argparse.Namespace, url: str) -> _Pages:
    pages = _Pages()
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(live_socket(BLOCK, 15)) for _page in range(options.pages)]
        for socket in sockets:
            await socket.send('{"type": "annotations"}')
        drawer, *others = sockets
        listening = [asyncio.create_task(pages.hear(socket)) for socket in others]
        silent = asyncio.create_task(_Pages().hear(drawer))
        await asyncio.sleep(SETTLE_S)
        progress("drawing")
        for turn in range(options.strokes):
            points = [[round(PLACE[0] + step * STEP_DEG, 6), PLACE[1]] for step in range(turn % 50, turn + 1)]
            pages.sent[_name(points[-1][0])] = time.monotonic()
            await drawer.send(json.dumps({"type": "stroke", "kind": "line", "points": points}))
            await asyncio.sleep(EVERY_S)
        progress("saving")
        session = await asyncio.to_thread(session_of_the_bench)
        for turn in range(options.saves):
            title = f"{TITLE}-SAVED-{turn}"
            pages.sent[title] = time.monotonic()
            await asyncio.to_thread(_save, url, session, title)
            await asyncio.sleep(EVERY_S)
        await asyncio.sleep(SETTLE_S)
        for task in (*listening, silent):
            task.cancel()
        await asyncio.gather(*listening, silent, return_exceptions=True)
    return pages


def _save(url: str, session: str, title: str) -> None:
    shape = {"type": "Point", "coordinates": list(PLACE)}
    _http(url, session, "/api/v1/annotations", {"kind": "point", "shape": shape, "title": title})


def _windows(url: str) -> dict[str, Any]:
    """How long a page waits for what belongs on its map, and how much that is."""
    session = session_of_the_bench()
    figures: dict[str, Any] = {}
    for name, box in {"streets": BLOCK, "district": DISTRICT, "city": WHOLE_CITY}.items():
        times: list[float] = []
        found: dict[str, Any] = {"annotations": [], "count": 0}
        for _go in range(GOES):
            began = time.monotonic()
            found = _http(url, session, f"/api/v1/annotations?bbox={','.join(map(str, box))}&limit=2000")
            times.append((time.monotonic() - began) * 1000)
        figures |= percentiles(f"window_{name}", times)
        figures |= {f"window_{name}": len(found["annotations"]), f"window_{name}_of": found["count"]}
    return figures


def _http(url: str, session: str, path: str, body: dict[str, Any] | None = None) -> Any:
    cookies = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={TOKEN}"
    headers = {"Cookie": cookies, "X-CSRFToken": TOKEN, "Origin": url, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, headers)  # noqa: S310 (our own address)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)
