"""What the processes of an installation use, the children of each counted with it (PostgreSQL's backends)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from django.conf import settings


def cpu_s() -> dict[str, float]:
    """CPU seconds so far, by the process's name, with what children took that have ended since.

    A backend of PostgreSQL ends with its connection: without that, what it took would be missed, and more.
    """
    return _by_process(lambda _entry, fields: sum(map(int, fields[11:15])) / 100)


def memory_mb() -> dict[str, int]:
    """Memory in MB, by the process's name; what several share is divided among them."""
    return {name: round(kilobytes / 1024) for name, kilobytes in _by_process(_kilobytes).items()}


def _kilobytes(entry: Path, _fields: list[str]) -> float:
    lines = (entry / "smaps_rollup").read_text().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def _by_process(measure: Callable[[Path, list[str]], float]) -> dict[str, float]:
    state = json.loads((Path(settings.VAR_DIR) / "run" / "supervisor.json").read_text())
    names = {process["pid"]: process["name"] for process in state["processes"]}
    parents: dict[int, int] = {}
    found: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                found[int(entry.name)] = measure(entry, fields)
            except OSError:  # it ended meanwhile
                continue
    usage = dict.fromkeys(names.values(), 0.0)
    for pid, value in found.items():
        owner = pid
        while owner not in names and owner in parents:
            owner = parents[owner]
        if owner in names:
            usage[names[owner]] += value
    return usage
