"""``bench push``: positions that platforms push over HTTP in batches, from the request to the row in the history.

Keep-alive connections, requests signed as ``docs/protocols/push.md`` says, devices spread over several platforms.
What a 200 says is stored is compared with the history. By default in an installation of its own with two web
processes; ``--here`` loads the present one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import numpy as np
from django.conf import settings
from django.db import connection

from bench._report import machine, percentiles, progress, report
from bench._throwaway import loading_parser, run_loading, sandtable
from bench._usage import cpu_s, memory_mb

PLATFORM = "BENCH-"
PLATFORMS = 4
KNOWN_S = 6.0
"""Until the ingest has heard of the new devices."""


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where something was lost, doubled or refused."""
    parser = loading_parser("push", __doc__, rate=60_000, devices=20_000)
    parser.add_argument("--batch", type=int, default=100, help="每批的位置数（默认 100）")
    parser.add_argument("--connections", type=int, default=600, help="连接数，每个同时一批在途（默认 600）")
    parser.add_argument("--areas", type=int, default=1000, help="电子围栏数（默认 1000）")
    parser.add_argument("--seconds", type=float, default=30, help="持续秒数（默认 30）")
    parser.add_argument("--ingest", type=int, default=1, help="接入进程数（默认 1）")
    return run_loading(
        "push", parser, arguments, _here, lambda options: ["--processes", f"web=2,ingest={options.ingest}"]
    )


def _here(options: argparse.Namespace) -> int:
    import uvloop

    from bench._load import draw_areas, register, remove
    from bench._pushers import PlatformKey, Pushers
    from devices.models import Device
    from devices.platforms import Platform
    from devices.push_keys import issue_push_key

    url = json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True).stdout)["url"]
    progress(f"registering {options.devices} devices of {PLATFORMS} platforms and {options.areas} areas")
    Platform.objects.filter(name__startswith=PLATFORM).delete()
    devices = register(options.devices, with_keys=False)
    draw_areas(options.areas)
    keys = []
    for number in range(PLATFORMS):
        platform = Platform.objects.create(name=f"{PLATFORM}{number}")
        share = devices[number::PLATFORMS]
        Device.objects.filter(pk__in=[device.id for device in share]).update(platform=platform)
        key = issue_push_key(platform)
        keys.append(PlatformKey(key.key_id, key.secret.encode(), [device.identifier for device in share]))
    pushers = Pushers(url, keys, options.rate, options.batch, options.connections)
    try:
        time.sleep(KNOWN_S)
        progress(f"pushing for {options.seconds:.0f} s")
        before, mine_before, began = cpu_s(), time.process_time(), time.monotonic()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(pushers.run(options.seconds))
        lasted, after, mine = time.monotonic() - began, cpu_s(), time.process_time() - mine_before
        stored, distinct = _stored(min(d.id for d in devices), max(d.id for d in devices))
        memory = memory_mb()
    finally:
        if not options.keep:
            remove()
            Platform.objects.filter(name__startswith=PLATFORM).delete()
    count = max(1, pushers.accepted)
    cost = {name: round((after[name] - before[name]) / count * 1e6, 1) for name in after if name in before}
    figures = {
        "offered": int(options.rate * options.seconds),
        "sent": pushers.sent,
        "accepted": pushers.accepted,
        "refused": pushers.refused,
        "stored": stored,
        "lost": pushers.accepted - distinct,
        "doubled": stored - distinct,
        "rate_achieved": round(pushers.sent / lasted, 1),
        **percentiles("answer", np.array(pushers.answer_ms)),
        "statuses": {str(status): number for status, number in sorted(pushers.statuses.items())},
        "sent_again": pushers.again,
        "cpu_us_per_position": {name: us for name, us in cost.items() if us >= 0.1},
        "cpu_us_per_position_all": round(sum(cost.values()), 1),
        "bench_us_per_position": round(mine / count * 1e6, 1),
        "memory_mb": memory,
        "seconds": round(lasted, 1),
        "devices": options.devices,
        "areas": options.areas,
        "batch": options.batch,
        "connections": options.connections,
        "machine": machine(),
    }
    report(figures, options.json)
    return int(bool(figures["lost"] or figures["doubled"] or figures["refused"] or not stored))


def _stored(first: int, last: int) -> tuple[int, int]:
    """Rows of these devices in the history, and different moments among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(rows), 0), coalesce(sum(moments), 0) FROM
               (SELECT count(*) AS rows, count(DISTINCT ts) AS moments FROM twin_track
                WHERE device_id BETWEEN %s AND %s GROUP BY device_id) AS each""",
            [first, last],
        )
        rows, moments = cursor.fetchone()
    return int(rows), int(moments)
