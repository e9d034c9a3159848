"""Keeping one process alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.exceptions import LaunchError
from launcher.logs import RotatingLog
from launcher.processes import start_ticks

if TYPE_CHECKING:
    from launcher.programs import Program

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
# A process that ran this long did not fail at its start: the next pause is short again.
GOOD_RUN_S = 20.0
# A process without a readiness question counts as up after this long: Django's import errors show before.
ALIVE_S = 3.0
POLL_S = 0.1
# One talkative process must not keep the others waiting.
READS_A_TURN = 16


class Keeper:
    """Starts a program, starts it again when it ends, and never gives up.

    Parameters
    ----------
    program : Program
        What to run.
    log : Path
        Where what it prints goes.
    say : callable
        Takes a line for the supervisor's log.
    changed : callable
        Called whenever the state changed.
    """

    def __init__(self, program: Program, log: Path, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.program = program
        self.log = RotatingLog(log)
        self.say = say
        self.changed = changed
        self.name_of_state = "starting"
        self.pid: int | None = None
        self.ticks: int | None = None
        self.started_at: float | None = None
        self.restarts = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def state(self) -> dict[str, object]:
        """The process as ``status`` shows it; times in seconds since 1970."""
        return {
            "name": self.program.name,
            "state": self.name_of_state,
            "pid": self.pid,
            "start_ticks": self.ticks,
            "started_at": self.started_at,
            "restarts": self.restarts,
        }

    def start(self) -> None:
        """Begin to keep it."""
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to end, wait, kill it in the end."""
        self._stopping.set()
        if self._task:
            await self._task
        self.log.close()

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await asyncio.to_thread(self.program.before)
                code = await self._run_once()
                reason = f"ended with code {code}"
            except (OSError, LaunchError) as error:
                reason = f"could not start: {error}"
            if self._stopping.is_set():
                break
            failures = 1 if time.monotonic() - began > GOOD_RUN_S else failures + 1
            pause = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
            self.restarts += 1
            self._set("down")
            self.say(f"{self.program.name} {reason}; again in {pause} s (restart {self.restarts})")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
        self._set("stopped")

    async def _run_once(self) -> int:
        read_end, write_end = os.pipe()
        try:
            # Our own pipe: asyncio's would make "it ended" wait for grandchildren that keep it open.
            process = await asyncio.create_subprocess_exec(
                *self.program.argv,
                env=self.program.env,
                cwd=self.program.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self.pid, self.ticks, self.started_at = process.pid, start_ticks(process.pid), time.time()
        self._set("starting")
        os.set_blocking(read_end, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(read_end, self._copy, read_end)
        watch = asyncio.create_task(self._watch())
        ended = asyncio.create_task(process.wait())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, stop), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                watch.cancel()
                self._set("stopping")
                await self._end(process, ended)
            return await ended
        finally:
            stop.cancel()
            watch.cancel()
            _signal_group(process.pid, signal.SIGKILL)
            self._copy(read_end)
            loop.remove_reader(read_end)
            os.close(read_end)
            self.pid = self.ticks = self.started_at = None

    async def _end(self, process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        await asyncio.wait((ended,), timeout=self.program.patience_s)
        if not ended.done():
            self.say(f"{self.program.name} does not stop; killing it")
            _signal_group(process.pid, signal.SIGKILL)

    async def _watch(self) -> None:
        began = time.monotonic()
        ready = self.program.ready
        while not (await ready() if ready else time.monotonic() - began > ALIVE_S):
            await asyncio.sleep(POLL_S)
        self._set("up")
        self.say(f"{self.program.name} up after {time.monotonic() - began:.1f} s, pid {self.pid}")

    def _copy(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(READS_A_TURN):
                data = os.read(descriptor, 65536)
                if not data:  # nobody can write to it any more
                    asyncio.get_running_loop().remove_reader(descriptor)
                    return
                self.log.write(data)

    def _set(self, state: str) -> None:
        self.name_of_state = state
        self.changed()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
