"""How a benchmark says what it measured."""

from __future__ import annotations

import json
import platform
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def machine() -> str:
    """The machine in one line."""
    with open("/proc/cpuinfo") as info:  # noqa: PTH123 (a pseudo file)
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    with open("/proc/meminfo") as info:  # noqa: PTH123
        kilobytes = int(info.readline().split()[1])
    return f"{len(models)} x {models[0] if models else '?'}, {kilobytes // 2**20} GiB, {platform.platform()}"


def report(figures: dict[str, Any], as_json: bool) -> None:
    """Print figures: one JSON object, or a line each."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    for name, value in figures.items():
        print(f"{name}: {value}")


def percentiles(name: str, values: ArrayLike) -> dict[str, float | None]:
    """Median, 95th and 99th of times in milliseconds, each under its name; None where there are none."""
    times = np.asarray(values, dtype=float)
    return {f"{name}_p{q}_ms": round(float(np.percentile(times, q)), 1) if len(times) else None for q in (50, 95, 99)}


def progress(text: str) -> None:
    """Tell a person what is going on, away from the figures."""
    print(text, file=sys.stderr, flush=True)
