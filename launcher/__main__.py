"""The command line of ``./sandtable``."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from launcher import starting
from launcher.broker import log_file
from launcher.checks import run_checks
from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.logs import show
from launcher.python_env import python_of
from launcher.status import show_status
from launcher.tools import conda_prefix

HELP = """\
沙盘：城市指挥与数字孪生平台 (Sandtable).

  up        安装缺少的软件，启动沙盘 (install what is missing, start)
            [--city 代码] [--listen 地址] [--port N] [--no-demo|--demo]
            [--database-url 地址|private] [--mqtt-url 地址|private]
            [--processes ingest=2,web=2] [--terminals 地址（JT/T 808、GB/T 28181 监听）]
            [--lives-with 进程号]：该进程一结束就停止 (stop when that process ends)
  test      运行全部检查 (run every check)      [--fast] [pytest 参数 …]
  functions 需求登记：已证明的功能 (requirements seen to work)   [--json]
  status    进程与位置流量 (processes, flow)    [--json]
  logs      日志 (logs)                         [进程] [-f] [-n 行数]
  down      停止 (stop)
  reset     删除全部数据，备份除外 (delete all data but the backups)   --yes
  manage    Django 管理命令 (management command) …
  bench     性能测试 (benchmarks) …
  simulate  终端模拟器 (device simulator) …   摄像机：simulate cameras (cameras) …
  replay    回放轨迹文件 (replay a track file)  文件 …
  backup    备份 (back up)                      [文件]  --without-archive
  restore   恢复 (restore)                      文件

--var 目录（或环境变量 SANDTABLE_VAR）：另一套数据目录 (another data folder; default: var).
"""
PASSED_ON = {
    "manage": ["{root}/manage.py"],
    "bench": ["-m", "bench"],
    "functions": ["-m", "tests.functions"],
    "simulate": ["-m", "devices.simulator", "--credentials", "{var}/demo/devices.json"],
    "simulate cameras": ["-m", "media.simulator", "--credentials", "{var}/demo/cameras.json"],
    "replay": ["{root}/manage.py", "replay"],
}
COMMANDS = ("up", "test", "status", "logs", "down", "reset", *PASSED_ON, "backup", "restore")


def command_parser(command: str) -> argparse.ArgumentParser:
    """Parser of what stands behind a command's name."""
    parser = argparse.ArgumentParser(prog=f"sandtable {command}", allow_abbrev=False)
    parser.add_argument("--var", type=Path, default=argparse.SUPPRESS)
    if command == "up":
        parser.add_argument("--city")
        parser.add_argument("--listen")
        parser.add_argument("--terminals")
        parser.add_argument("--port", type=int)
        parser.add_argument("--demo", action=argparse.BooleanOptionalAction)
        parser.add_argument("--database-url")
        parser.add_argument("--mqtt-url")
        parser.add_argument("--processes")
        parser.add_argument("--lives-with", type=int, default=0)
    elif command == "test":
        parser.add_argument("--fast", action="store_true")
    elif command == "status":
        parser.add_argument("--json", action="store_true")
    elif command == "logs":
        parser.add_argument("process", nargs="?")
        parser.add_argument("-f", "--follow", action="store_true")
        parser.add_argument("-n", "--lines", type=int, default=100)
    elif command == "reset":
        parser.add_argument("--yes", action="store_true")
    elif command == "backup":
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--without-archive", action="store_true")
    elif command == "restore":
        parser.add_argument("file", type=Path)
    return parser


def split(arguments: list[str]) -> tuple[str, list[str], Path]:
    """Command, the words behind it, and the data folder named before it."""
    parser = argparse.ArgumentParser(prog="sandtable", add_help=False, allow_abbrev=False)
    parser.add_argument("--var", type=Path, default=Path(os.environ.get("SANDTABLE_VAR") or ROOT / "var"))
    parser.add_argument("command", choices=(*COMMANDS, "help"))
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    return options.command, options.rest, options.var


def pass_on(command: str, words: list[str], installation: Installation) -> int:
    """Become another program with the installation's environment."""
    python = python_of(ROOT, conda_prefix())
    if not python.exists():
        raise LaunchError("尚未安装 (not installed yet)", "先运行 ./sandtable up (run it first).")
    if command == "simulate" and words[:1] == ["cameras"]:
        command, words = "simulate cameras", words[1:]
    env = {**installation.environment(), "PYTHONPATH": str(ROOT)}
    argv = [str(python), *(word.format(root=ROOT, var=installation.var) for word in PASSED_ON[command]), *words]
    return subprocess.run(argv, env=env).returncode


def log_files(installation: Installation, process: str | None) -> dict[str, Path]:
    """Log files to show: one process's, or all."""
    folder = installation.logs
    files = {path.stem: path for path in sorted(folder.glob("*.log"))} if folder.exists() else {}
    if log_file(installation).exists():
        files["broker"] = log_file(installation)
    if process is None:
        return files
    if process not in files:
        known = " ".join(files) or "-"
        raise LaunchError(f"没有 {process} 的日志 (no such log)", f"可选 (there are): {known}")
    return {process: files[process]}


def run(command: str, words: list[str], var: Path) -> int:
    """Carry out one command; returns the exit code."""
    if command in PASSED_ON:
        return pass_on(command, words, Installation.load(var.resolve()))
    parser = command_parser(command)
    options, further = parser.parse_known_args(words)
    if further and command != "test":
        parser.error(f"无法识别的参数 (unknown arguments): {' '.join(further)}")
    var = getattr(options, "var", var).resolve()
    match command:
        case "up":
            return starting.up(var, options)
        case "test":
            return run_checks(var / "test", options.fast, further)
        case "status":
            return show_status(Installation.load(var), options.json)
        case "logs":
            with contextlib.suppress(KeyboardInterrupt):
                show(log_files(Installation.load(var), options.process), options.lines, options.follow)
            return 0
        case "down":
            return starting.down(var)
        case "reset":
            return starting.reset(var, options.yes)
        case "backup":
            return starting.backup(var, options.file, archive=not options.without_archive)
        case _:
            return starting.restore(var, options.file)


def main(arguments: list[str]) -> int:
    """Entry point."""
    os.environ.pop("PYTHONPATH", None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    try:
        return run(*split(arguments))
    except LaunchError as error:
        print(error, file=sys.stderr)
        if error.output:
            print(error.output, file=sys.stderr)
        if error.advice:
            print(error.advice, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n已中断 (interrupted)", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
