"""The supervisor: starts the database, the broker and the Procfile's processes, and again whatever dies.

It runs detached, as ``python -m launcher.supervisor VAR``. In stage ``services`` only the servers run, so that the
launcher can migrate; SIGHUP makes it read the stage again. SIGTERM ends everything in reverse order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.files import locked, write_atomically
from launcher.keeper import Keeper
from launcher.logs import RotatingLog
from launcher.processes import end, start_ticks
from launcher.programs import Program, platform_programs, service_programs

SERVICES, ALL = "services", "all"
SERVER_NAMES = ("postgres", "broker")
WATCH_S = 1.0


class Supervisor:
    """Keeps one installation's processes running.

    Parameters
    ----------
    var : Path
        The installation's data folder.
    """

    def __init__(self, var: Path) -> None:
        self.var = var
        self.log = RotatingLog(var / "log" / "supervisor.log")
        self.keepers: list[Keeper] = []
        self.started_at = time.time()
        self.changed = asyncio.Event()
        self.stopping = asyncio.Event()
        self.stage_changed = asyncio.Event()
        self.prepared = ""

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.stage_changed.set)
        if left := end_left_over(self.var):
            self.say(f"ended processes of an earlier supervisor: {left}")
        writer = asyncio.create_task(self._write_state())
        self.say(f"supervisor started, pid {os.getpid()}")
        installation = Installation.load(self.var)
        watcher = asyncio.create_task(self._stop_with(installation.lives_with))
        self._keep(service_programs(installation))
        self.stage_changed.set()
        while not self.stopping.is_set():
            stop, stage = (asyncio.create_task(event.wait()) for event in (self.stopping, self.stage_changed))
            await asyncio.wait((stop, stage), return_when=asyncio.FIRST_COMPLETED)
            for task in (stop, stage):
                task.cancel()
            if self.stage_changed.is_set():
                self.stage_changed.clear()
                self._enter_stage()
        for keeper in reversed(self.keepers):
            began = time.monotonic()
            await keeper.stop()
            self.say(f"{keeper.program.name} stopped after {time.monotonic() - began:.1f} s")
        writer.cancel()
        watcher.cancel()
        (self.var / "run" / "supervisor.json").unlink(missing_ok=True)
        self.say("supervisor stopped")

    def say(self, text: str) -> None:
        """A line of the supervisor's own log."""
        self.log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n".encode())

    def _enter_stage(self) -> None:
        stage = stage_file(self.var).read_text(encoding="utf-8").strip()
        running = {keeper.program.name for keeper in self.keepers}
        if stage == ALL:
            installation = Installation.load(self.var)
            self.prepared = installation.prepared
            self._keep([program for program in platform_programs(installation) if program.name not in running])
            self.changed.set()

    def _keep(self, programs: list[Program]) -> None:
        for program in programs:
            keeper = Keeper(program, self.var / "log" / f"{program.name}.log", self.say, self.changed.set)
            self.keepers.append(keeper)
            keeper.start()

    async def _stop_with(self, pid: int) -> None:
        """Stop when that process has ended, be it killed; never for 0."""
        if not pid:
            return
        began = start_ticks(pid)
        while began is not None and start_ticks(pid) == began:
            await asyncio.sleep(WATCH_S)
        self.say(f"process {pid}, with which this installation lives, has ended")
        self.stopping.set()

    async def _write_state(self) -> None:
        while True:
            self.changed.clear()
            state = {
                "pid": os.getpid(),
                "started_at": self.started_at,
                "prepared": self.prepared,
                "processes": [keeper.state() for keeper in self.keepers],
            }
            write_atomically(self.var / "run" / "supervisor.json", json.dumps(state, indent=1) + "\n")
            await self.changed.wait()


def stage_file(var: Path) -> Path:
    """The file that tells which processes are wanted."""
    return var / "run" / "stage"


def lock_file(var: Path) -> Path:
    """The file a living supervisor holds locked."""
    return var / "run" / "supervisor.lock"


def read_state(var: Path) -> dict:
    """What the supervisor last wrote of its processes; empty where there is nothing."""
    try:
        return json.loads((var / "run" / "supervisor.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def left_over(var: Path) -> dict[str, int]:
    """Processes that a killed supervisor left running, by name."""
    return {
        row["name"]: row["pid"]
        for row in read_state(var).get("processes", [])
        if row.get("pid") and row.get("start_ticks") and start_ticks(row["pid"]) == row["start_ticks"]
    }


def end_left_over(var: Path) -> list[int]:
    """End what a killed supervisor left running, servers last; returns the pids."""
    left = left_over(var)
    servers = [pid for name, pid in left.items() if name in SERVER_NAMES]
    others = [pid for name, pid in left.items() if name not in SERVER_NAMES]
    end(others, signal.SIGTERM, 8.0)
    end(servers, signal.SIGINT, 30.0)  # to PostgreSQL: do not wait for clients to leave
    return others + servers


def raise_file_limit() -> None:
    """Every device and every page is an open file of the broker or the web process."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    """Entry point of the detached process."""
    var = Path(sys.argv[1])
    raise_file_limit()
    try:
        with locked(lock_file(var), "supervisor is running"):
            asyncio.run(Supervisor(var).run())
    except LaunchError as error:
        print(f"{error} {error.advice}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
