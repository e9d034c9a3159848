"""``bench chaos``: kill each process in turn under load and count what was lost or stored twice.

By default in an installation of its own; ``--here`` breaks the present one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from bench._report import machine, progress, report
from bench._throwaway import loading_parser, run_loading, sandtable

if TYPE_CHECKING:
    from bench._sources import Source

RECOVERY_S = 60.0
DRAIN_S = 180.0


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where it could not measure, or lost or doubled something."""
    parser = loading_parser("chaos", __doc__, rate=500, devices=100)
    parser.add_argument("--pause", type=float, default=3, help="两次杀进程之间的秒数（默认 3）")
    return run_loading("chaos", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from django.db import connection

    from bench._load import register, remove, stored_numbers
    from bench._sources import source_of, speaks_through_gateway

    devices = register(options.devices, with_keys=not speaks_through_gateway(options.devices))
    try:
        kills, drained, load, acked = asyncio.run(
            _storm(lambda: source_of(devices, options.rate), options.pause),
        )
        connection.close()  # the database was killed meanwhile
        stored = stored_numbers(devices)
        figures = _figures(load, acked, devices, stored, kills, drained, options)
    finally:
        connection.close()
        remove()
    report(figures, options.json)
    return int(bool(figures["lost"] or figures["duplicated"] or not drained))


def _figures(
    load: Any,
    acked: list[int],
    devices: list,
    stored: dict[int, list[int]],
    kills: list,
    drained: bool,
    options: Any,
) -> dict:
    lost, duplicated = -load.refused, 0
    for device, up_to in zip(devices, acked, strict=True):
        numbers = stored.get(device.id, [])
        lost += len(set(range(1, up_to + 1)).difference(numbers))
        duplicated += len(numbers) - len(set(numbers))
    return {
        "sent": load.sent,
        "acked": load.settled,
        "stored": sum(map(len, stored.values())),
        "lost": lost,
        "duplicated": duplicated,
        "kills": kills,
        "drained": drained,
        "refused": load.refused,
        "rate": options.rate,
        "devices": options.devices,
        "machine": machine(),
    }


async def _storm(make: Callable[[], Source], pause_s: float) -> tuple[list[dict[str, Any]], bool, Any, list[int]]:
    url = json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True, check=True).stdout)["url"]
    source = make()
    load = source.load
    await source.connect()
    source.begin()
    began = time.monotonic()
    kills = []
    for name in [process["name"] for process in _status()["processes"]]:
        await asyncio.sleep(pause_s)
        kills.append(await _kill(name, load, began, url))
        progress(f"{name}: recovered in {kills[-1]['recovered_s']} s")
    await asyncio.sleep(pause_s)
    await source.end()
    drained = await source.drained(DRAIN_S)
    acked = source.acked()
    await source.close()
    return kills, drained, load, acked


async def _kill(name: str, load: Any, began: float, url: str) -> dict[str, Any]:
    """Kill one process with SIGKILL; recovered when it is up again, the site is ready and positions are settled."""
    before = _process(await asyncio.to_thread(_status), name)
    killed_at = time.monotonic()
    os.kill(before["pid"], signal.SIGKILL)
    settled = None
    async with asyncio.timeout(RECOVERY_S):
        while True:
            await asyncio.sleep(0.1)
            status = await asyncio.to_thread(_status)
            after = _process(status, name)
            if after["state"] != "up" or after["pid"] == before["pid"] or not await asyncio.to_thread(_ready, url):
                continue
            if settled is None:
                settled = load.settled
            elif load.settled > settled:
                break
    return {
        "process": name,
        "at_s": round(killed_at - began, 1),
        "recovered_s": round(time.monotonic() - killed_at, 1),
    }


def _status() -> dict[str, Any]:
    """What the supervisor says; its own file, because ``status`` takes a second to measure rates."""
    return json.loads((Path(settings.VAR_DIR) / "run" / "supervisor.json").read_text())


def _process(status: dict[str, Any], name: str) -> dict[str, Any]:
    return next(process for process in status["processes"] if process["name"] == name)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 (our own address)
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
