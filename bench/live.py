"""``bench live``: positions from devices to the history and to a browser's socket, with the time each takes.

Up to some hundreds of devices have connections of their own; more speak through one gateway. By default in an
installation of its own; ``--here`` loads the present one.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from bench._report import machine, percentiles, progress, report
from bench._socket import BLOCK, WHOLE_CITY, live_socket
from bench._throwaway import loading_parser, run_loading
from bench._usage import cpu_s, memory_mb

if TYPE_CHECKING:
    from bench._load import Registered

DRAIN_S = 120.0
MOST_CONNECTIONS = 1000


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where something was lost, doubled or could not be measured."""
    parser = loading_parser("live", __doc__, rate=2000, devices=400)
    parser.add_argument("--areas", type=int, default=1000, help="电子围栏数（默认 1000）")
    parser.add_argument("--seconds", type=float, default=60, help="持续秒数（默认 60）")
    parser.add_argument("--batch", type=int, default=1, help="每条消息的位置数（默认 1）")
    parser.add_argument(
        "--storm", type=float, default=0, help="断网一小时后恢复：另以每秒这么多条补传离线位置（默认 0）"
    )
    parser.add_argument("--ingest", type=int, default=1, help="接入进程数（默认 1）")
    return run_loading("live", parser, arguments, _here, lambda options: ["--processes", f"ingest={options.ingest}"])


def _here(options: argparse.Namespace) -> int:
    from bench._load import bytes_per_row, draw_areas, register, remove, stored_and_distinct

    gateway = options.devices > MOST_CONNECTIONS or options.batch > 1 or options.storm > 0
    progress(f"registering {options.devices} devices and {options.areas} areas")
    devices = register(options.devices, with_keys=not gateway)
    draw_areas(options.areas)
    source: Source = _Gateway(devices, options) if gateway else _Each(devices, options)
    try:
        screen, usage, memory, drained, seconds = asyncio.run(_run(source, options.seconds, gateway))
        stored, distinct = stored_and_distinct(devices)
        row_bytes = bytes_per_row()
    finally:
        if not options.keep:
            remove()
    load = source.load
    figures = {
        "offered": int((options.rate + options.storm) * options.seconds),
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
        "memory_mb": memory,
        "seconds": round(seconds, 1),
        "bytes_per_row": row_bytes,
        "devices": options.devices,
        "areas": options.areas,
        "batch": options.batch,
        "kept_a_device": getattr(load, "kept", 0),
        "resent": getattr(load, "resent", 0),
        "cpu_us_a_position": {name: round(1e6 * s / max(load.sent, 1), 2) for name, s in usage.items()},
        "machine": machine(),
    }
    report(figures, options.json)
    return int(bool(figures["lost"] or figures["duplicated"] or not drained or not screen))


class Source(Protocol):
    """Where positions come from."""

    load: Any

    async def connect(self) -> None:
        """Be ready to send."""

    async def send(self, seconds: float) -> None:
        """Report for so long."""

    async def drained(self) -> bool:
        """Wait until everything sent is settled; False where it takes too long."""

    async def close(self) -> None:
        """Hang up."""


class _Each:
    """Every device with a connection of its own."""

    def __init__(self, devices: list[Registered], options: argparse.Namespace) -> None:
        from bench._load import Load

        self.load = Load(devices, options.rate)

    async def connect(self) -> None:
        await self.load.connect()

    async def send(self, seconds: float) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(self.load.run(stop))
        await asyncio.sleep(seconds)
        stop.set()
        await running

    async def drained(self) -> bool:
        return await self.load.drained(DRAIN_S)

    async def close(self) -> None:
        await self.load.close()


class _Gateway:
    """All devices through one connection."""

    def __init__(self, devices: list[Registered], options: argparse.Namespace) -> None:
        from bench._fleet import Fleet

        # An hour of each device, spread over the whole run.
        kept = int(options.storm * options.seconds / options.devices)
        self.load = Fleet(devices, options.rate, options.batch, kept, options.storm)

    async def connect(self) -> None:
        await asyncio.to_thread(self.load.start)

    async def send(self, seconds: float) -> None:
        self.load.begin()
        await asyncio.sleep(seconds)
        self.load.stop_reporting()

    async def drained(self) -> bool:
        deadline = time.monotonic() + DRAIN_S
        while self.load.open and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        return not self.load.open

    async def close(self) -> None:
        await asyncio.to_thread(self.load.close)


async def _run(
    source: Source, seconds: float, gateway: bool
) -> tuple[list[float], dict[str, float], dict[str, list[int]], bool, float]:
    await source.connect()
    progress("the ingest knows the devices")
    screen: list[float] = []
    ready = asyncio.Event()
    watching = asyncio.create_task(_watch(screen, ready, BLOCK if gateway else WHOLE_CITY))
    await asyncio.wait_for(ready.wait(), 60)
    before, memory, spent = cpu_s(), memory_mb(), -time.process_time()
    began = time.monotonic()
    await source.send(seconds)
    lasted = time.monotonic() - began
    after, memory_after = cpu_s(), memory_mb()
    spent += time.process_time()
    progress(f"{source.load.sent} sent; waiting for the rest to be settled")
    drained = await source.drained()
    progress(f"all settled after {time.monotonic() - began - lasted:.1f} s" if drained else "not all is settled")
    await asyncio.sleep(2)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await source.close()
    usage = {name: round(after[name] - before[name], 2) for name in after if name in before}
    usage["bench"] = round(spent, 2)
    grown = {name: [memory[name], memory_after[name]] for name in memory_after if name in memory}
    return screen, usage, grown, drained, lasted


async def _watch(ages_ms: list[float], ready: asyncio.Event, bbox: tuple[float, float, float, float]) -> None:
    """A browser's socket: notes the age of every state when it arrives, from device time."""
    async with live_socket(bbox) as socket:
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
