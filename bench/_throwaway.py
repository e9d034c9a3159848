"""An installation of its own for benchmarks that break things or fill the disk."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._report import progress

OWN_VARIABLES = ("SANDTABLE_", "DATABASE_URL", "MQTT_URL", "WEB_", "DJANGO_")
ROOT = Path(__file__).resolve().parent.parent


def sandtable(var: Path, *words: str, **options: object) -> subprocess.CompletedProcess:
    """Run the launcher on the installation in ``var``, untouched by the one whose environment this process has."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    command = [str(ROOT / "sandtable"), "--var", str(var), *words]
    return subprocess.run(command, env=env, **options)  # type: ignore[call-overload]


@contextmanager
def throwaway(*options: str) -> Iterator[Path]:
    """A running installation without the demo, gone afterwards; ``options``: further ones of ``up``.

    Raises
    ------
    RuntimeError
        It could not be started; what it said stands on standard error.
    """
    var = Path(tempfile.mkdtemp(prefix="sandtable-bench-"))
    try:
        progress(f"starting an installation in {var}")
        words = ("up", "--no-demo", "--lives-with", str(os.getpid()), *options)
        if sandtable(var, *words, stdout=subprocess.DEVNULL).returncode:
            raise RuntimeError("the installation for the benchmark did not start")
        yield var
    finally:
        sandtable(var, "reset", "--yes", stdout=subprocess.DEVNULL)
        shutil.rmtree(var, ignore_errors=True)


def loading_parser(name: str, description: str | None, rate: float, devices: int) -> argparse.ArgumentParser:
    """Options that every benchmark with devices of its own has."""
    parser = argparse.ArgumentParser(prog=f"sandtable bench {name}", description=description)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--rate", type=float, default=rate, help=f"每秒位置数（默认 {rate:g}）")
    parser.add_argument("--devices", type=int, default=devices, help=f"终端数（默认 {devices}）")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行（会加载或中断服务）")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    return parser


def run_loading(
    name: str,
    parser: argparse.ArgumentParser,
    arguments: list[str],
    measure: Callable[[argparse.Namespace], int],
    up: Callable[[argparse.Namespace], list[str]] = lambda options: [],
) -> int:
    """Measure here if told so, else in a throwaway installation, by calling the same benchmark there.

    ``up`` gives further options for starting it.
    """
    options = parser.parse_args(arguments)
    if options.here:
        import django

        django.setup()
        return measure(options)
    with throwaway(*up(options)) as var:
        # Its rows go with the whole installation: nobody need clear them away first.
        here = ["--here", *(["--keep"] if hasattr(options, "keep") else [])]
        return sandtable(var, "bench", name, *here, *arguments).returncode
