"""``bench alerts``: from a report to the alert on a screen, and from drawing an area to its being in force.

Machines drive into a key area one after the other, while others report at ``--rate``; then areas are drawn around
machines at work, which report twenty times a second. Both times end at a browser's socket. In an installation of its
own; ``--here`` is for one that may be thrown away, since alerts are records and stay, and so do their machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from typing import Any

from bench._report import machine, percentiles, progress, report
from bench._socket import live_socket
from bench._throwaway import loading_parser, run_loading

RULE = "hotwork.key_area"
DRAWN = 20
PATIENCE_S = 20.0
PLACE = (121.8051, 31.1013)
"""Outside every area the load's own devices come to, degrees."""


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where an alert did not come."""
    parser = loading_parser("alerts", __doc__, rate=500, devices=100)
    parser.add_argument("--entries", type=int, default=50, help="驶入次数（默认 50）")
    return run_loading("alerts", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from bench._load import Load, register

    devices = register(options.devices + options.entries + DRAWN)
    crowd, movers = devices[: options.devices], devices[options.devices :]
    entered, drawn = asyncio.run(_run(Load(crowd, options.rate), Load(movers, 0), options.entries))
    figures = {
        "entries": options.entries,
        "alerts": len(entered),
        **percentiles("alert", entered),
        "areas_drawn": DRAWN,
        "areas_in_force": len(drawn),
        **percentiles("area_in_force", drawn),
        "rate": options.rate,
        "machine": machine(),
    }
    report(figures, options.json)
    return int(len(entered) < options.entries or len(drawn) < DRAWN)


class _Watch:
    """Hears alerts on a socket and tells when each asset's first came, by the asset's code."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.ready = asyncio.Event()

    async def run(self) -> None:
        async with live_socket() as socket:
            async for message in socket:
                if not isinstance(message, str):
                    continue
                self.ready.set()
                body = json.loads(message)
                if body["type"] == "alert" and body["alert"]["rule"] == RULE:
                    self.came.setdefault(body["alert"]["asset"]["code"], time.monotonic())

    async def of(self, code: str) -> float | None:
        """When the alert about an asset came; None where it does not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while code not in self.came:
                    await asyncio.sleep(0.005)
        return self.came.get(code)


async def _run(crowd: Any, movers: Any, entries: int) -> tuple[list[float], list[float]]:
    watch = _Watch()
    await crowd.connect()
    await movers.connect()
    stop = asyncio.Event()
    tasks = [asyncio.create_task(watch.run()), asyncio.create_task(crowd.run(stop))]
    try:
        await asyncio.wait_for(watch.ready.wait(), PATIENCE_S)
        await asyncio.to_thread(_draw, "entries", *PLACE)
        await asyncio.sleep(2)
        progress("driving in")
        entered = [await _drive_in(movers, i, watch) for i in range(entries)]
        progress("drawing areas")
        drawn = [await _draw_around(movers, entries + i, watch) for i in range(DRAWN)]
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(crowd.close(), movers.close())
    return [ms for ms in entered if ms is not None], [ms for ms in drawn if ms is not None]


def _report(load: Any, index: int, lon: float, lat: float) -> None:
    load.clients[index].position({"time": int(time.time() * 1000), "lon": lon, "lat": lat, "working": True})


async def _drive_in(load: Any, index: int, watch: _Watch) -> float | None:
    lon, lat = PLACE
    _report(load, index, lon + 0.02, lat)
    await asyncio.sleep(0.2)
    began = time.monotonic()
    _report(load, index, lon, lat)
    came = await watch.of(load.devices[index].identifier)
    return None if came is None else (came - began) * 1000


async def _draw_around(load: Any, index: int, watch: _Watch) -> float | None:
    lon, lat = PLACE[0] - 0.02 * (index % 7), PLACE[1] - 0.02 * (1 + index // 7)
    working = asyncio.create_task(_stay(load, index, lon, lat))
    try:
        await asyncio.sleep(0.5)
        drawing = asyncio.create_task(asyncio.to_thread(_draw, f"drawn-{index}", lon, lat))
        done = await drawing
        came = await watch.of(load.devices[index].identifier)
    finally:
        working.cancel()
    return None if came is None else (came - done) * 1000


async def _stay(load: Any, index: int, lon: float, lat: float) -> None:
    while True:
        _report(load, index, lon, lat)
        await asyncio.sleep(0.05)


def _draw(name: str, lon: float, lat: float) -> float:
    """Draw a key area of some 400 m; when it was stored, on the monotonic clock."""
    from django.contrib.gis.geos import MultiPolygon, Polygon

    from bench._load import PREFIX
    from twin.models import Area

    box = Polygon.from_bbox((lon - 0.002, lat - 0.002, lon + 0.002, lat + 0.002))
    Area.objects.create(name=f"{PREFIX}{name}", kind="key_area", boundary=MultiPolygon(box, srid=4326))
    return time.monotonic()
