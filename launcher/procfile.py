"""Reading the ``Procfile``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from launcher.exceptions import LaunchError

# Processes of which several may run: ingest shares the shards by lease, web the port, jobs the queue; of rules one
# works and the others stand by.
MANY = ("web", "ingest", "rules", "jobs")
MOST = 16
LINE = re.compile(r"^([a-z][a-z0-9_-]*):\s*(\S.*)$")
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def parse_procfile(text: str) -> dict[str, list[str]]:
    """Command words by process name, in the order of the file, variables not yet put in.

    Raises
    ------
    LaunchError
        A line is none of ``name: command``, or a name stands twice.
    """
    processes: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = LINE.match(stripped)
        if match is None:
            raise LaunchError(f"Procfile 第 {number} 行格式错误 (malformed line): {stripped}")
        name, command = match.groups()
        if name in processes:
            raise LaunchError(f"Procfile 第 {number} 行进程名重复 (name stands twice): {name}")
        try:
            processes[name] = shlex.split(command)
        except ValueError as error:
            raise LaunchError(f"Procfile 第 {number} 行引号错误 ({error}): {stripped}") from error
    return processes


def expand(words: list[str], env: Mapping[str, str]) -> list[str]:
    """Put variables into words already split, so that a value with spaces stays one word.

    Raises
    ------
    LaunchError
        A variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name not in env:
            raise LaunchError(f"Procfile 中的变量未定义 (variable is not set): ${name}")
        return env[name]

    return [VARIABLE.sub(value, word) for word in words]


def wanted_processes(path: Path, private_broker: bool, demo: bool) -> dict[str, list[str]]:
    """Processes this installation runs: the warden keeps only our own broker, the simulator only a demo."""
    left_out = {"warden": not private_broker, "simulator": not demo}
    processes = parse_procfile(path.read_text(encoding="utf-8"))
    return {name: words for name, words in processes.items() if not left_out.get(name, False)}


def parse_counts(text: str) -> dict[str, int]:
    """How many of which process, from ``ingest=2,web=2``; empty text: one of each.

    Raises
    ------
    LaunchError
        A process is unknown or runs alone, or a number cannot be.
    """
    counts: dict[str, int] = {}
    for word in filter(None, text.replace(" ", "").split(",")):
        name, _, number = word.partition("=")
        if name not in MANY or not number.isdigit() or not 1 <= int(number) <= MOST:
            raise LaunchError(
                f"进程数无法识别 (cannot read the number of processes): {word}",
                f"写作 ingest=2,web=2；可多开的有 {' '.join(MANY)}，各 1 至 {MOST} 个 (these may be several).",
            )
        counts[name] = int(number)
    return counts


def instances(name: str, count: int) -> list[str]:
    """Names of ``count`` processes of one line: ``web``, ``web.2``, …"""
    return [name, *(f"{name}.{number}" for number in range(2, count + 1))]


def line_of(instance: str) -> str:
    """Name of the line that a process runs."""
    return instance.partition(".")[0]
