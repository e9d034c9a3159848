"""Looking at and ending operating system processes, by what ``/proc`` says of them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")


def start_ticks(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None where there is none (or only its zombie).

    With the pid it names a process for good: a pid alone may be somebody else's tomorrow.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    values = text.rpartition(")")[2].split()
    return None if values[0] in ("Z", "X") else int(values[19])


def working_in(folder: Path) -> list[int]:
    """Processes whose working folder is ``folder``: a PostgreSQL backend's is always its data folder."""
    wanted = os.path.realpath(folder)
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == Path(wanted) and start_ticks(int(entry.name)) is not None:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def program_name(pid: int) -> str:
    """The short name of a process's program; empty where there is none."""
    try:
        return (PROC / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def end(pids: list[int], gently: signal.Signals, patience_s: float) -> None:
    """Send ``gently``, wait, then kill what is left and wait until it is gone."""
    known = {pid: start_ticks(pid) for pid in pids}
    alive = [pid for pid, ticks in known.items() if ticks is not None]
    for number, wait_s in ((gently, patience_s), (signal.SIGKILL, 5.0)):
        for pid in alive:
            _send(pid, number)
        deadline = time.monotonic() + wait_s
        while alive and time.monotonic() < deadline:
            time.sleep(0.05)
            alive = [pid for pid in alive if start_ticks(pid) == known[pid]]
        if not alive:
            return


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
