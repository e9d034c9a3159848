"""``bench curve``: what a position costs as devices, or areas, grow in number.

One throwaway installation a size, each measured by ``bench live``; CPU time, which hardly depends on who else uses the
machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from typing import Any

from bench._report import machine, progress, report
from bench._throwaway import ROOT

SIZES = {"devices": (10_000, 100_000, 200_000, 1_000_000), "areas": (1_000, 10_000, 100_000)}
OTHERS = {"devices": ["--areas", "10000"], "areas": ["--devices", "20000"]}


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where a size lost or doubled something, or could not be measured."""
    parser = argparse.ArgumentParser(prog="sandtable bench curve", description=__doc__)
    parser.add_argument("of", choices=sorted(SIZES), help="随什么增长：devices 终端数，areas 区域数")
    parser.add_argument("--sizes", type=int, nargs="+", help="规模（默认见源码）")
    parser.add_argument("--rate", type=float, default=5000, help="每秒位置数（默认 5000）")
    parser.add_argument("--seconds", type=float, default=30, help="每个规模的秒数（默认 30）")
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    options = parser.parse_args(arguments)
    points: list[dict[str, Any]] = []
    failed = 0
    for size in options.sizes or SIZES[options.of]:
        progress(f"{size} {options.of}")
        command = [str(ROOT / "sandtable"), "bench", "live", "--json", f"--{options.of}", str(size)]
        command += [*OTHERS[options.of], "--rate", str(options.rate), "--seconds", str(options.seconds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        failed |= done.returncode
        if lines := done.stdout.splitlines():
            figures = json.loads(lines[-1])
            kept = ("cpu_us_a_position", "memory_mb", "stored", "lost", "duplicated", "resent", "bytes_per_row")
            points.append({options.of: size} | {name: figures[name] for name in kept})
    report({"rate": options.rate, "points": points, "machine": machine()}, options.json)
    return int(bool(failed))
