"""``bench gb28181``: so many video devices signed in and kept alive by one process, and all back after a power cut.

Devices are the simulator's, in a process of their own; CPU and memory are those of the platform's process. In an
installation of its own; ``--here``: in the present one, whose devices of the demonstration get new passwords.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench._report import machine, progress, report
from bench._throwaway import ROOT, run_loading
from bench._usage import cpu_s, memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "gb28181"
PATIENCE_S = 300.0


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench gb28181", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    parser.add_argument("--devices", type=int, default=1000, help="设备数（默认 1000）")
    parser.add_argument("--channels", type=int, default=4, help="每台通道数（默认 4）")
    parser.add_argument("--seconds", type=float, default=180.0, help="保持多少秒（默认 180）")
    parser.add_argument("--keepalive", type=float, default=60.0, help="心跳间隔（默认 60 秒）")
    parser.add_argument("--expires", type=int, default=3600, help="注册有效期（默认 3600 秒，设备过半后续期）")
    return run_loading("gb28181", parser, arguments, _measure)


def _measure(options: argparse.Namespace) -> int:
    from django.conf import settings

    from media.demo import register_demo, write_credentials

    path = Path(settings.VAR_DIR) / "demo" / "bench-cameras.json"
    progress(f"registering {options.devices} devices")
    write_credentials(path, register_demo(options.devices, ("127.0.0.1", settings.GB28181_PORT)))
    time.sleep(5)  # the process hears of its register's change
    with _cameras(path, options) as cameras:
        first_s = cameras.until_all_in()
        progress(f"all in after {first_s:.1f} s; waiting for their catalogues")
        channels = _channels(options.devices * options.channels)
        time.sleep(10)  # what follows the catalogues: positions, notices
        progress(f"{channels} channels; measuring for {options.seconds:g} s")
        before, cpu_before, began = cameras.tally(), cpu_s()[LINE], time.monotonic()
        time.sleep(options.seconds)
        after, cpu_after, took = cameras.tally(), cpu_s()[LINE], time.monotonic() - began
        memory = memory_mb()[LINE]
        online = _online()
    progress("a power cut")
    with _cameras(path, options) as cameras:
        again_s = cameras.until_all_in()
    figures = {
        "devices": options.devices,
        "channels": channels,
        "seconds": round(took, 1),
        "dropped": options.devices - min(online, after["registered"]) + after["unanswered"] - before["unanswered"],
        "cpu_core_percent": round(100 * (cpu_after - cpu_before) / took, 2),
        "reregister_s": round(again_s, 1),
        "memory_mb": memory,
        "online": online,
        "unanswered": after["unanswered"] - before["unanswered"],
        "keepalives_per_s": round((after["keepalives"] - before["keepalives"]) / took, 1),
        "first_register_s": round(first_s, 1),
        "machine": machine(),
    }
    report(figures, options.json)
    return 0


class _Cameras:
    """The simulator's process; what it counts comes as a line a second."""

    def __init__(self, process: subprocess.Popen[str], log: Path, devices: int) -> None:
        self._process, self._log, self._devices = process, log, devices

    def tally(self) -> dict[str, int]:
        """The last line.

        Raises
        ------
        RuntimeError
            It has ended.
        """
        if self._process.poll() is not None:
            raise RuntimeError(f"the simulator ended with {self._process.returncode}")
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return json.loads(lines[-1]) if lines else {"registered": 0}

    def until_all_in(self) -> float:
        """Seconds until every device is signed in, from the first one's attempt on.

        Raises
        ------
        TimeoutError
            They never were.
        """
        while not self._log.stat().st_size:
            self.tally()
            time.sleep(0.05)
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            if self.tally()["registered"] == self._devices:
                return time.monotonic() - began
            time.sleep(0.1)
        raise TimeoutError(f"{self.tally()['registered']} of {self._devices} devices signed in")


@contextmanager
def _cameras(path: Path, options: argparse.Namespace) -> Iterator[_Cameras]:
    log = path.with_suffix(".log")
    command = [
        sys.executable, "-m", "media.simulator", "--credentials", str(path), "--devices", str(options.devices),
        "--channels", str(options.channels), "--keepalive", str(options.keepalive),
        "--expires", str(options.expires), "--drawn", "--json",
    ]  # fmt: skip
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, text=True)
    try:
        yield _Cameras(process, log, options.devices)
    finally:
        process.terminate()
        process.wait(30)


def _channels(expected: int) -> int:
    """Channels that are stored and can be reached, once all are, or none has come for half a minute."""
    from media.models import Channel

    found, since = -1, time.monotonic()
    while found < expected and time.monotonic() - since < 30:
        now = Channel.objects.filter(online=True, listed=True).count()
        if now != found:
            found, since = now, time.monotonic()
        time.sleep(1)
    return found


def _online() -> int:
    from media.models import Registration

    return Registration.objects.filter(online=True).count()
