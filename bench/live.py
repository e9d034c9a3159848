"""``bench live``: positions from devices to the history and to a browser's socket, with the time each takes.

By default in an installation of its own; ``--here`` loads the present one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings

from bench._report import machine, percentiles, progress, report
from bench._socket import live_socket
from bench._throwaway import loading_parser, run_loading

DRAIN_S = 60.0


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where something was lost, doubled or could not be measured."""
    parser = loading_parser("live", __doc__, rate=2000, devices=400)
    parser.add_argument("--areas", type=int, default=1000, help="电子围栏数（默认 1000）")
    parser.add_argument("--seconds", type=float, default=60, help="持续秒数（默认 60）")
    return run_loading("live", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from bench._load import Load, bytes_per_row, draw_areas, register, remove, stored_numbers

    devices = register(options.devices)
    draw_areas(options.areas)
    load = Load(devices, options.rate)
    try:
        screen, usage, drained, seconds = asyncio.run(_run(load, options.seconds))
        numbers = stored_numbers(devices)
        row_bytes = bytes_per_row()
    finally:
        remove()
    stored = sum(map(len, numbers.values()))
    distinct = sum(len(set(found)) for found in numbers.values())
    figures = {
        "offered": int(options.rate * options.seconds),
        "received": load.sent,
        "refused": load.refused,
        "stored": stored,
        "acked": load.settled,
        "lost": load.settled - load.refused - distinct,
        "duplicated": stored - distinct,
        "rate_achieved": round(load.sent / seconds, 1),
        **percentiles("stored", np.array(load.settled_ms)),
        **percentiles("screen", np.array(screen)),
        "cpu_s": usage,
        "seconds": round(seconds, 1),
        "bytes_per_row": row_bytes,
        "devices": options.devices,
        "areas": options.areas,
        "machine": machine(),
    }
    report(figures, options.json)
    return int(bool(figures["lost"] or figures["duplicated"] or not drained or not screen))


async def _run(load: Any, seconds: float) -> tuple[list[float], dict[str, float], bool, float]:
    await load.connect()
    screen: list[float] = []
    ready = asyncio.Event()
    watching = asyncio.create_task(_watch(screen, ready))
    await asyncio.wait_for(ready.wait(), 20)
    stop = asyncio.Event()
    before = _cpu()
    began = time.monotonic()
    running = asyncio.create_task(load.run(stop))
    await asyncio.sleep(seconds)
    stop.set()
    await running
    lasted = time.monotonic() - began
    after = _cpu()
    progress(f"{load.sent} sent; waiting for the rest to be settled")
    drained = await load.drained(DRAIN_S)
    await asyncio.sleep(2)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await load.close()
    usage = {name: round(after[name] - before[name], 2) for name in after if name in before}
    return screen, usage, drained, lasted


async def _watch(ages_ms: list[float], ready: asyncio.Event) -> None:
    """A browser's socket: notes the age of every state when it arrives, from device time."""
    async with live_socket() as socket:
        schema = None
        async for message in socket:
            now_ms = time.time() * 1000
            if isinstance(message, str):
                ready.set()
            elif message[0] == 1:
                schema = pa.ipc.read_schema(pa.py_buffer(message[1:]))
            elif message[0] == 2:
                batch = pa.ipc.read_record_batch(message[1:], schema)
                times = batch.column("time_ms").to_numpy()[~batch.column("left").to_numpy(zero_copy_only=False)]
                ages_ms += (now_ms - times).tolist()


def _cpu() -> dict[str, float]:
    """CPU seconds so far by process, children included where they are (PostgreSQL's backends)."""
    state = json.loads((Path(settings.VAR_DIR) / "run" / "supervisor.json").read_text())
    names = {process["pid"]: process["name"] for process in state["processes"]}
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)], spent[int(entry.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / 100
    usage = dict.fromkeys(names.values(), 0.0)
    for pid, seconds in spent.items():
        owner = pid
        while owner not in names and owner in parents:
            owner = parents[owner]
        if owner in names:
            usage[names[owner]] += seconds
    return usage
