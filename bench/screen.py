"""``bench screen``: what the command screen costs the browser while 20,000 things move.

Real Chromium on ``/screen/`` of a real installation. Positions are published on the broker as an ingest worker does
(``bench/_crowd.py``); the web process, its live socket and the page are the real ones. Scripting is the page's main
thread as Chromium itself counts it (``Performance.getMetrics``), apart from painting, which without a graphics card
is done by the processor and says nothing about a wall. Exit code 1 where scripting takes ``--limit`` of a core or
more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from typing import Any

from django.conf import settings

from bench._report import machine, progress, report
from bench._throwaway import loading_parser, run_loading, sandtable

CENTRE = (121.47, 31.23)
HALF = (0.017, 0.0085)
"""Everything is in view at the nearest zoom below, between the panels."""
VIEWS = {"counted in discs": 12.5, "each drawn": 14.4, "named, most outside": 16.0}
"""What is looked at, and the map's zoom; below 14 the page counts what lies on one another."""
SETTLE_S = 8.0
PATIENCE_S = 90.0
SIZE = {"width": 1920, "height": 1080}
ARGUMENTS = [
    *("--headless=new", "--no-sandbox", "--use-gl=angle", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--enable-precise-memory-info"),
]
WATCH = """() => {
  window.benchFrames = [];
  window.benchLong = [];
  const beat = (at) => { window.benchFrames.push(at); requestAnimationFrame(beat); };
  requestAnimationFrame(beat);
  new PerformanceObserver((list) => window.benchLong.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: 'longtask' });
}"""
LOOK = """() => {
  const frames = window.benchFrames.splice(0), long = window.benchLong.splice(0);
  const waits = frames.slice(1).map((at, i) => at - frames[i]);
  return { beats: waits.length, late: waits.filter((wait) => wait > 34).length, longest: Math.max(0, ...long) };
}"""


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = loading_parser("screen", __doc__, rate=5000, devices=20_000)
    parser.add_argument("--seconds", type=float, default=20, help="每种视图的秒数（默认 20）")
    parser.add_argument("--limit", type=float, default=0.30, help="脚本占一个核的上限（默认 0.30）")
    parser.add_argument(
        "--paint", choices=("swiftshader", "null"), default="swiftshader",
        help="swiftshader：由处理器绘制（默认）；null：命令照发而不绘制，脚本跑得更密",
    )  # fmt: skip
    return run_loading("screen", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from bench._crowd import Crowd, around, fill, remove
    from bench._socket import session_of_the_bench

    url = json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True).stdout)["url"]
    progress(f"registering {options.devices} machines")
    places = around(options.devices, CENTRE, HALF)
    crowd = Crowd(fill(places), places, options.rate)
    session = session_of_the_bench()
    try:
        views = _measure(url, session, crowd, options)
    finally:
        crowd.stop()
        remove()
    worst = max(view["script_share"] for view in views.values())
    figures = {
        "devices": options.devices,
        "rate": options.rate,
        "paint": options.paint,
        "views": views,
        "worst_script_share": worst,
        "limit": options.limit,
        "machine": machine(),
    }
    report(figures, options.json)
    return int(worst >= options.limit)


def _measure(url: str, session: str, crowd: Any, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("no Chromium: ./sandtable test installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, f"--use-angle={options.paint}"])
        context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        page = context.new_page()
        heard = _Heard(page)
        found: dict[str, dict[str, Any]] = {}
        crowd.start()
        for name, zoom in VIEWS.items():
            # Another page first: a change of the fragment alone would not open the screen anew.
            page.goto("about:blank")
            page.goto(f"{url}/screen/#view={zoom}/{CENTRE[1]}/{CENTRE[0]}", wait_until="commit")
            _wait(page, options.devices if zoom < 16 else 100)
            page.evaluate(WATCH)
            time.sleep(SETTLE_S)
            progress(f"measuring: {name}")
            found[name] = _view(page, context.new_cdp_session(page), heard, options.seconds)
        browser.close()
    return found


class _Heard:
    """Counts the binary messages of the page's socket."""

    def __init__(self, page: Any) -> None:
        self.frames = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: str | bytes) -> None:
        self.frames += isinstance(payload, bytes)


def _wait(page: Any, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if page.evaluate("() => window.sandtable?.mapReady() ? sandtable.count() : 0") >= count:
            return
        time.sleep(0.5)
    raise SystemExit(f"the screen did not show {count} things within {PATIENCE_S:.0f} s")


def _view(page: Any, devtools: Any, heard: _Heard, seconds: float) -> dict[str, Any]:
    devtools.send("Performance.enable", {"timeDomain": "timeTicks"})
    before = _metrics(devtools)
    frames, began = heard.frames, time.monotonic()
    page.evaluate(LOOK)
    # Playwright's own loop runs, so that messages are counted.
    page.wait_for_timeout(seconds * 1000)
    lasted = time.monotonic() - began
    beats = page.evaluate(LOOK)
    after = _metrics(devtools)
    frames = heard.frames - frames
    spent = {name: after[name] - before[name] for name in before}
    return {
        "things": page.evaluate("() => sandtable.count()"),
        "mode": page.evaluate("() => sandtable.mode()"),
        "live_frames_per_s": round(frames / lasted, 1),
        "script_share": round(spent["ScriptDuration"] / lasted, 3),
        "script_ms_per_live_frame": round(spent["ScriptDuration"] * 1000 / max(1, frames), 1),
        "layout_and_style_share": round((spent["LayoutDuration"] + spent["RecalcStyleDuration"]) / lasted, 3),
        "main_thread_share": round(spent["TaskDuration"] / lasted, 3),
        "animation_frames_per_s": round(beats["beats"] / lasted, 1),
        "late_animation_frames": beats["late"],
        "longest_task_ms": round(beats["longest"]),
        "heap_growth_mib": round(spent["JSHeapUsedSize"] / 2**20, 1),
    }


def _metrics(devtools: Any) -> dict[str, float]:
    devtools.send("HeapProfiler.collectGarbage")
    told = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    names = ("ScriptDuration", "TaskDuration", "LayoutDuration", "RecalcStyleDuration", "JSHeapUsedSize")
    return {name: told[name] for name in names}
