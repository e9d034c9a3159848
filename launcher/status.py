"""What runs, and how many positions a second go through it."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.lifecycle import is_running
from launcher.procfile import line_of
from launcher.supervisor import left_over, read_state

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)(?:\s+\d+)?$")
BETWEEN_S = 1.0
# Figure: processes whose counters make it up, and the counter. The warden counts what the private broker refused.
RATES = {
    "in_per_s": (("ingest",), "sandtable_positions_received_total"),
    "stored_per_s": (("ingest",), "sandtable_positions_stored_total"),
    "refused_per_s": (("ingest", "warden"), "sandtable_positions_refused_total"),
    "out_per_s": (("web",), "sandtable_positions_sent_total"),
}


@dataclass(frozen=True)
class Reading:
    """Counters of one process at one moment; ``at`` in seconds of the monotonic clock."""

    at: float
    counters: Mapping[str, float]


def parse_counters(text: str) -> dict[str, float]:
    """Sum each metric of a Prometheus text over its labels."""
    sums: dict[str, float] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else SAMPLE.match(line)
        if match:
            try:
                sums[match.group(1)] = sums.get(match.group(1), 0.0) + float(match.group(2))
            except ValueError:
                continue
    return sums


def rate(first: Reading, second: Reading, counter: str) -> float:
    """Growth of a counter per second; a counter that fell was started anew and counts from zero."""
    before, after = first.counters.get(counter, 0.0), second.counters.get(counter, 0.0)
    return round((after - before if after >= before else after) / max(second.at - first.at, 1e-6), 1)


def read_metrics(port: int, timeout_s: float = 5.0) -> Reading:
    """Ask a process for its counters.

    Raises
    ------
    OSError
        It does not answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=timeout_s) as answer:
        return Reading(time.monotonic(), parse_counters(answer.read().decode(errors="replace")))


def measure(installation: Installation) -> dict[str, float]:
    """Positions per second in, stored, refused and out, over about a second.

    Raises
    ------
    LaunchError
        A process does not show its counters.
    """
    running = {row["name"] for row in read_state(installation.var).get("processes", [])}
    # Without a private broker there is no warden.
    counted = {line for lines, _counter in RATES.values() for line in lines}
    names = [name for name in running if line_of(name) in counted]
    names += [line for line in ("ingest", "web") if line not in running]

    def read(name: str) -> Reading:
        try:
            return read_metrics(installation.metrics_port(name))
        except OSError as error:
            raise LaunchError(
                f"进程 {name} 没有应答，读不到计数 (it does not answer, its counters cannot be read): {error}",
                f"稍后重试，或查看 ./sandtable logs {name} (try again soon, or see its log).",
            ) from error

    first = {name: read(name) for name in names}
    time.sleep(BETWEEN_S)
    second = {name: read(name) for name in names}
    return {
        figure: round(sum(rate(first[name], second[name], counter) for name in names if line_of(name) in sources), 1)
        for figure, (sources, counter) in RATES.items()
    }


def processes(installation: Installation) -> list[dict[str, object]]:
    """State of every process.

    Raises
    ------
    LaunchError
        The supervisor does not run.
    """
    if not is_running(installation):
        if left := left_over(installation.var):
            raise LaunchError(
                f"守护进程已被终止，无人看管的进程 (the supervisor was killed; nobody looks after): {', '.join(left)}",
                "重新启动：./sandtable up；停止：./sandtable down (both end them first).",
            )
        raise LaunchError("沙盘未运行 (Sandtable is not running)", "启动：./sandtable up (start it).")
    now = time.time()
    return [
        {
            "name": row["name"],
            "state": row["state"],
            "pid": row["pid"],
            "uptime_s": round(now - row["started_at"], 1) if row["started_at"] else 0.0,
            "restarts": row["restarts"],
        }
        for row in read_state(installation.var).get("processes", [])
    ]


def show_status(installation: Installation, as_json: bool) -> int:
    """Print the status; returns the exit code, 1 when something could not be measured."""
    rows = processes(installation)
    problem = None
    positions = None
    try:
        positions = measure(installation)
    except LaunchError as error:
        problem = error
    if as_json:
        print(json.dumps({"processes": rows, "url": installation.url, "positions": positions}, ensure_ascii=False))
    else:
        _print_table(rows, installation.url, positions)
    if problem:
        print(f"{problem}\n{problem.advice}", file=sys.stderr)
        return 1
    return 0


def _print_table(rows: list[dict[str, object]], url: str, positions: dict[str, float] | None) -> None:
    words = {"up": "运行", "starting": "启动中", "down": "已退出", "stopping": "停止中", "stopped": "已停止"}
    print(f"地址 (address): {url}")
    print("状态 (state)        进程 (process)    pid      运行时间 (uptime)  重启 (restarts)")
    for row in rows:
        word = words.get(str(row["state"]), "")
        state = f"{word} {row['state']}"
        padding = " " * max(0, 20 - len(state) - len(word))  # a Chinese character is two columns wide
        print(f"{state}{padding}{row['name']:<18}{row['pid'] or '-':<9}{row['uptime_s']:>12} s  {row['restarts']:>10}")
    if positions:
        print(
            "位置/秒 (positions/s): "
            f"接收 in {positions['in_per_s']}，入库 stored {positions['stored_per_s']}，"
            f"拒收 refused {positions['refused_per_s']}，推送 out {positions['out_per_s']}"
        )
