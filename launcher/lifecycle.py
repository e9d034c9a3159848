"""Starting and stopping the detached supervisor, and waiting for what it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.files import is_locked, private_folder, tail, write_atomically
from launcher.supervisor import ALL, SERVICES, end_left_over, lock_file, read_state, stage_file

# The data folder itself may have to be passed through by the database's account.
PRIVATE_FOLDERS = ("run", "log", "files", "demo")
STOP_S = 120.0
LOG_LINES = 15
# Supervisors this very process started: as their parent it has to take note of their end.
_started: dict[int, subprocess.Popen[bytes]] = {}
LOGS_ADVICE = "查看 ./sandtable logs {name}，排除后重试 (see that log, then run this again)."


def is_running(installation: Installation) -> bool:
    """Whether the installation's supervisor is alive."""
    return is_locked(lock_file(installation.var))


def start_services(installation: Installation) -> None:
    """Start the supervisor with the private servers only.

    Raises
    ------
    LaunchError
        It ended at once.
    """
    for name in PRIVATE_FOLDERS:
        private_folder(installation.var / name)
    write_atomically(stage_file(installation.var), SERVICES + "\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    output = installation.logs / "supervisor.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "launcher.supervisor", str(installation.var)],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _started[process.pid] = process
    deadline = time.monotonic() + 15
    while read_state(installation.var).get("pid") != process.pid:
        if process.poll() is not None or time.monotonic() > deadline:
            raise LaunchError("守护进程未能启动 (the supervisor did not start)", "", tail(output, LOG_LINES))
        time.sleep(0.05)


def start_platform(installation: Installation) -> None:
    """Let the running supervisor start the Procfile's processes too."""
    write_atomically(stage_file(installation.var), ALL + "\n")
    os.kill(read_state(installation.var)["pid"], signal.SIGHUP)


def stop(installation: Installation) -> bool:
    """Stop the supervisor and all it runs, or what a killed one left; False when nothing was running.

    Raises
    ------
    LaunchError
        It does not stop in time.
    """
    if not is_running(installation):
        return bool(end_left_over(installation.var))
    pid = read_state(installation.var)["pid"]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while is_running(installation):
        if time.monotonic() > deadline:
            raise LaunchError("守护进程没有停止 (the supervisor does not stop)", LOGS_ADVICE.format(name="supervisor"))
        time.sleep(0.05)
    if child := _started.pop(pid, None):
        child.wait(timeout=STOP_S)
    return True


def wait_until_up(installation: Installation, name: str, patience_s: float) -> None:
    """Wait until the supervisor calls a process up.

    Raises
    ------
    LaunchError
        It is not in time.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        rows = {row["name"]: row for row in read_state(installation.var).get("processes", [])}
        if rows.get(name, {}).get("state") == "up":
            return
        if not is_running(installation):
            break
        time.sleep(0.05)
    raise not_up(installation, name)


def not_up(installation: Installation, name: str) -> LaunchError:
    """The error for a process that does not come up, with the end of its log."""
    log = installation.broker_folder / "mosquitto.log" if name == "broker" else installation.logs / f"{name}.log"
    return LaunchError(f"进程 {name} 未能启动 (did not come up)", LOGS_ADVICE.format(name=name), tail(log, LOG_LINES))


def is_ready(installation: Installation) -> bool:
    """Whether our web process says it and all it needs are ready."""
    status, text = readiness_answer(installation)
    return status == 200 and installation.name in text


def readiness_answer(installation: Installation, timeout_s: float = 3.0) -> tuple[int, str]:
    """Status and text of ``/readyz``; status 0 and the reason when there is no answer."""
    request = urllib.request.Request(installation.url + "/readyz")  # noqa: S310  (always http to ourselves)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def wait_until_ready(installation: Installation, patience_s: float) -> None:
    """Wait until every process is up and ``/readyz`` answers 200.

    Raises
    ------
    LaunchError
        They are not in time; names the first process that is not.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and is_running(installation):
        if not down_processes(installation) and is_ready(installation):
            return
        time.sleep(0.1)
    if down := down_processes(installation):
        raise not_up(installation, down[0])
    status, text = readiness_answer(installation)
    raise LaunchError(f"网页未就绪 (not ready): {status} {text[:300]}", LOGS_ADVICE.format(name="web"))


def down_processes(installation: Installation) -> list[str]:
    """Names of the processes that are not up; ``web`` when none is known yet."""
    rows = read_state(installation.var).get("processes", [])
    down = [row["name"] for row in rows if row["state"] != "up"]
    return down if any(row["name"] == "web" for row in rows) else [*down, "web"]
