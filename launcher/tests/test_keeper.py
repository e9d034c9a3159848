"""One process kept alive: ended, killed, not startable, talkative, unwilling to stop."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from launcher import keeper as keeper_module
from launcher.keeper import Keeper
from launcher.processes import end, start_ticks, working_in
from launcher.programs import Program


def keep(folder: Path, script: str, **more) -> tuple[Keeper, list[str]]:
    program = Program("fake", [sys.executable, "-u", "-c", script], dict(os.environ), folder, **more)
    said: list[str] = []
    return Keeper(program, folder / "fake.log", said.append, lambda: None), said


async def until(condition, patience_s=10.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def test_a_killed_process_comes_back_and_its_children_go(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper_module, "ALIVE_S", 0.1)
    script = (
        "import os, pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '100'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "time.sleep(100)\n"
    )

    async def scenario():
        keeper, _ = keep(tmp_path, script)
        keeper.start()
        await until(lambda: keeper.name_of_state == "up" and (tmp_path / "child").exists())
        first, child = keeper.pid, int((tmp_path / "child").read_text())
        os.kill(first, signal.SIGKILL)
        await until(lambda: keeper.restarts == 1 and keeper.name_of_state == "up")
        assert keeper.pid != first
        assert start_ticks(child) is None
        await keeper.stop()
        assert keeper.state()["state"] == "stopped"
        await until(lambda: working_in(tmp_path) == [])

    asyncio.run(scenario())


def test_it_never_gives_up_and_waits_five_seconds_at_most(tmp_path, monkeypatch):
    assert max(keeper_module.BACKOFF_S) == 5.0
    monkeypatch.setattr(keeper_module, "BACKOFF_S", (0.0, 0.01))

    async def scenario():
        keeper, said = keep(tmp_path, "print('no')\nraise SystemExit(3)")
        keeper.start()
        await until(lambda: keeper.restarts >= 8)
        await keeper.stop()
        assert "ended with code 3" in said[0]
        assert keeper.log.path.read_text().count("no\n") >= 8

    asyncio.run(scenario())


def test_a_missing_program_is_a_failure_like_others(tmp_path):
    async def scenario():
        program = Program("fake", ["/nowhere/at/all"], {}, tmp_path)
        said = []
        keeper = Keeper(program, tmp_path / "fake.log", said.append, lambda: None)
        keeper.start()
        await until(lambda: keeper.restarts >= 2)
        await keeper.stop()
        assert "could not start" in said[0]

    asyncio.run(scenario())


def test_readiness_decides_when_it_is_up(tmp_path):
    async def scenario():
        async def ready():
            return (tmp_path / "ready").exists()

        keeper, _ = keep(tmp_path, "import time; time.sleep(100)", ready=ready)
        keeper.start()
        await until(lambda: keeper.pid is not None)
        await asyncio.sleep(0.3)
        assert keeper.name_of_state == "starting"
        (tmp_path / "ready").touch()
        await until(lambda: keeper.name_of_state == "up")
        await keeper.stop()

    asyncio.run(scenario())


def test_a_deaf_process_is_killed_in_the_end(tmp_path, monkeypatch):
    script = (
        "import pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('deaf').touch()\ntime.sleep(100)\n"
    )

    async def scenario():
        keeper, said = keep(tmp_path, script, patience_s=0.2)
        keeper.start()
        await until((tmp_path / "deaf").exists)
        await keeper.stop()
        assert any("does not stop" in line for line in said)

    asyncio.run(scenario())


def test_what_it_prints_is_all_in_the_log(tmp_path):
    async def scenario():
        keeper, _ = keep(tmp_path, "for n in range(50000): print(n)\nimport time; time.sleep(100)")
        keeper.start()
        await until(lambda: keeper.log.path.read_text().endswith("49999\n"))
        await keeper.stop()
        assert keeper.log.path.read_text().split() == [str(n) for n in range(50000)]

    asyncio.run(scenario())


def test_end_kills_only_the_process_it_was_told(tmp_path):
    assert start_ticks(os.getpid()) is not None
    end([2**22 + 1], signal.SIGTERM, 0.1)
