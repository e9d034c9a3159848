"""Every process of an installation runs as it should, and any of them may be killed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.acceptance.conftest import wait_for


def test_status_tells_every_process_up_and_positions_flowing(stack):
    status = wait_for(lambda: (s := stack.status())["positions"]["stored_per_s"] > 0 and s)
    assert {p["name"] for p in status["processes"]} == {
        "postgres", "broker", "web", "web.2", "ingest", "ingest.2", "rules", "warden", "jt808", "gb28181", "jobs",
        "simulator",
    }  # fmt: skip
    for process in status["processes"]:
        assert set(process) == {"name", "state", "pid", "uptime_s", "restarts"}
        assert process["state"] == "up"
    assert set(status["positions"]) == {"in_per_s", "stored_per_s", "refused_per_s", "out_per_s"}
    assert status["url"] == stack.url


def test_postgres_runs_as_nobody_important_and_only_on_loopback(stack):
    for process in stack.status()["processes"]:
        folder = Path("/proc", str(process["pid"]))
        status = (folder / "status").read_text().splitlines()
        uid = next(line.split()[1] for line in status if line.startswith("Uid:"))
        inside, outside, _ = (folder / "uid_map").read_text().split()[:3]
        if process["name"] == "postgres":
            # Root outside may stand for an unprivileged account inside a user namespace of its own.
            assert uid != "0" or inside != outside
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    ports = json.loads((stack.var / "installation.json").read_text())["ports"].values()
    for line in listening.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if int(port) in ports:
            assert address in ("127.0.0.1", "[::1]"), line


def test_killing_each_process_loses_and_doubles_nothing(stack):
    done = stack.sandtable(
        "bench", "chaos", "--here", "--json", "--rate", "200", "--devices", "40", "--pause", "0.1", timeout=400
    )
    figures = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (figures["lost"], figures["duplicated"]) == (0, 0)
    assert figures["stored"] == figures["acked"] == figures["sent"] > 0
    assert {kill["process"] for kill in figures["kills"]} >= {
        "postgres", "broker", "web", "web.2", "ingest", "ingest.2", "rules", "warden", "jobs",
    }  # fmt: skip
