"""``bench rehearsal``: an area that is not there yet on recorded history (预演), over one day and over more.

Through the planner's own door inside the process: a district, and a circle of 500 m, by the rules that are switched
on, over a history of ``--things`` machines that never stand still, with a row every ``--every`` seconds on ``--days``
days; from the database, and then from the archive. For each: milliseconds, rows looked at, and seconds of processor
(this process and its PostgreSQL backend), which do not depend on who else uses the machine. ``thirty_days_s`` is
computed: what a further day of so many things takes, for thirty days of 10,000; ``thirty_days_cpu_s`` the same of the
processor.

In an installation of its own; ``--here``: in the present one, which is left without its archived days.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench._report import machine, progress, report
from bench._throwaway import run_loading

GOES = 3
DISTRICT = "310104"
CITY_THINGS, CITY_DAYS = 10_000, 30
LIMIT_MS = 2_000


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where an answer was refused, or a day of a district took over two seconds."""
    parser = argparse.ArgumentParser(prog="sandtable bench rehearsal", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    parser.add_argument("--things", type=int, default=10_000, help="对象数（默认 10000）")
    parser.add_argument("--days", type=int, default=2, help="天数（默认 2）")
    parser.add_argument("--every", type=int, default=60, help="每个对象每多少秒一行，能整除 1200（默认 60）")
    return run_loading("rehearsal", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from bench._past_fill import clear, fill_days
    from gis.regions import load_city
    from twin.archive.keeping import archive_day
    from twin.archive.stores import archive_store
    from twin.kinds import MACHINE

    load_city("310000")
    rows = options.things * options.days * (86_400 // options.every)
    figures: dict[str, Any] = {"things": options.things, "days": options.days, "rows": rows}
    refused = 0
    try:
        progress(f"writing {rows} rows")
        began = time.monotonic()
        days = fill_days(MACHINE, "PAPER-", options.things, options.every, options.days)
        figures["fill_s"] = round(time.monotonic() - began, 1)
        client, shapes = _planner(), _shapes()
        until = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), UTC)
        for where in ("hot", "archived"):
            if where == "archived":
                progress("archiving")
                began = time.monotonic()
                for day in days:
                    archive_day(archive_store(), MACHINE, day)
                figures["archive_s"] = round(time.monotonic() - began, 1)
            for name, shape in shapes.items():
                progress(f"rehearsing a {name}, {where}")
                found, failed = _measured(client, shape, until, options)
                refused += failed
                figures |= {f"{where}_{name}_{what}": value for what, value in found.items()}
    finally:
        if not options.keep:
            clear()
    report({**figures, "refused": refused, "machine": machine()}, options.json)
    return int(refused > 0 or figures["hot_district_day_ms"] > LIMIT_MS)


def _measured(
    client: Any, shape: dict[str, Any], until: datetime, options: argparse.Namespace
) -> tuple[dict[str, Any], int]:
    """Figures of one day, of all of them, and what thirty days of a city would take by these; how many were refused."""
    lengths = sorted({1, options.days})
    ms: dict[int, float] = {}
    cpu: dict[int, float] = {}
    figures: dict[str, Any] = {}
    refused = 0
    for length in lengths:
        asked = {"kind": "key_area", "shape": shape, "days": length, "until": until.isoformat()}
        # The first go plans and warms.
        goes = [_asked(client, asked) for _go in range(GOES + 1)][1:]
        refused += sum(told is None for _ms, _cpu, told in goes)
        ms[length] = statistics.median(took_ms for took_ms, _cpu, _told in goes)
        cpu[length] = statistics.median(cpu_s for _ms, cpu_s, _told in goes)
        told = goes[-1][2] or {}
        prefix = "day" if length == 1 else "all"
        figures |= {f"{prefix}_ms": round(ms[length]), f"{prefix}_cpu_s": round(cpu[length], 2)}
        figures |= {f"{prefix}_{what}": told.get(what) for what in ("rows", "alerts", "thinned")}
    if options.days > 1:
        further_s = (ms[options.days] - ms[1]) / 1000 / (options.days - 1)
        figures["further_day_s"] = round(further_s, 3)
        further_cpu_s = (cpu[options.days] - cpu[1]) / (options.days - 1)
        share = CITY_DAYS * CITY_THINGS / options.things
        figures |= {"thirty_days_s": round(further_s * share, 1), "thirty_days_cpu_s": round(further_cpu_s * share, 1)}
    return figures, refused


def _asked(client: Any, asked: dict[str, Any]) -> tuple[float, float, dict[str, Any] | None]:
    """Milliseconds, seconds of processor, and the answer; None where it was refused."""
    cpu, began = _cpu_s(), time.perf_counter()
    answer = client.post("/api/v1/plan/rehearse", json.dumps(asked), "application/json")
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        progress(f"{answer.status_code}: {answer.content[:300]!r}")
    return took_ms, _cpu_s() - cpu, answer.json() if answer.status_code == 200 else None


def _cpu_s() -> float:
    """Seconds of processor of this process, and of its PostgreSQL backend where that runs on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        clock = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    backend_s = int(clock.read_text().split()[0]) / 1e9 if clock.exists() else 0.0
    return time.process_time() + backend_s


def _planner() -> Any:
    from django.test import Client

    from access.models import Grant, User

    user, _made = User.objects.get_or_create(username="bench-planner")
    Grant.objects.get_or_create(user=user, role="planner")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    return client


def _shapes() -> dict[str, dict[str, Any]]:
    from gis.models import Region

    turn = np.linspace(0, 2 * np.pi, 33)
    ring = np.stack([121.5 + 0.0052 * np.cos(turn), 31.2 + 0.0045 * np.sin(turn)], 1).round(6).tolist()
    ring[-1] = ring[0]
    return {
        "district": json.loads(Region.objects.get(code=DISTRICT).boundary.geojson),
        "circle": {"type": "Polygon", "coordinates": [ring]},
    }
