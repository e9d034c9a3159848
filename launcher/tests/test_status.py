"""What the status says where it cannot say that all is well."""

import json
import socket
import subprocess
from contextlib import closing

import pytest

from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.processes import start_ticks
from launcher.status import measure, processes
from launcher.supervisor import end_left_over


def remember(installation, **pids):
    """As a supervisor that was killed since."""
    rows = [{"name": name, "pid": pid, "start_ticks": start_ticks(pid)} for name, pid in pids.items()]
    folder = installation.var / "run"
    folder.mkdir(parents=True)
    (folder / "supervisor.json").write_text(json.dumps({"processes": rows}))


def test_what_a_killed_supervisor_left_is_named_and_ended(tmp_path):
    installation = Installation(tmp_path)
    with subprocess.Popen(["sleep", "100"]) as left:
        remember(installation, ingest=left.pid)
        with pytest.raises(LaunchError, match="ingest") as said:
            processes(installation)
        assert "./sandtable down" in said.value.advice
        assert end_left_over(tmp_path) == [left.pid]
    with pytest.raises(LaunchError, match="未运行"):
        processes(installation)


def test_a_process_that_does_not_answer_is_named(tmp_path):
    installation = Installation(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        free = closed.getsockname()[1]
    installation.ports["metrics:ingest"] = free
    with pytest.raises(LaunchError, match="进程 ingest 没有应答"):
        measure(installation)
