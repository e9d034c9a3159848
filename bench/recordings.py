"""``bench recordings``: channels recorded by one process: what a stream costs, and how much of it in the loop.

Pictures are made once and given as fast as the disk takes them; nothing is stored in a database and nothing need run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench._report import machine, progress, report

GOES = 3
MOST_WAITING = 64 << 20
STEP, FPS = 3600, 25


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench recordings", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--streams", type=int, default=8, help="路数（默认 8）")
    parser.add_argument("--seconds", type=int, default=60, help="每路录多少秒（默认 60）")
    parser.add_argument("--size", default="1920x1080", help="画面大小（默认 1920x1080）")
    parser.add_argument("--kilobits", type=int, default=4000, help="码率 kbit/s（默认 4000）")
    options = parser.parse_args(arguments)
    if options.streams < 1 or options.seconds < 2:
        parser.error("--streams 至少 1，--seconds 至少 2")
    import django

    django.setup()
    report(_measure(options) | {"machine": machine()}, options.json)
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    from media.simulator.clip import encoded

    clip = encoded(options.size, options.kilobits)
    goes = []
    for go in range(GOES):
        progress(f"{options.streams} streams of {options.seconds} s, {go + 1} of {GOES}")
        with tempfile.TemporaryDirectory(prefix="sandtable-bench-") as folder:
            goes.append(_record(clip, options, Path(folder)))
    return {
        "streams": options.streams,
        "seconds": options.seconds,
        "megabits_per_stream": round(sum(len(p.data) for p in clip) * 8 * FPS / len(clip) / 1e6, 2),
        **{name: round(statistics.median(go[name] for go in goes), 3) for name in goes[0]},
    }


def _record(clip: Any, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    from media.recordings.recorder import Recorder
    from media.recordings.wanting import Want
    from media.recordings.writer import Writer, dropped_total
    from media.rtp.frames import Frame

    writer, want = Writer(), Want({"continuous"}, days=30)
    recorders = [Recorder(channel, folder, writer) for channel in range(options.streams)]
    dropped = dropped_total._value.get()
    began, cpu, loop_s = time.perf_counter(), time.process_time(), 0.0
    for i in range(options.seconds * FPS):
        picture = clip[i % len(clip)]
        frame = Frame("h264", picture.data, i * STEP, picture.key)
        before = time.thread_time()
        for recorder in recorders:
            recorder.take(frame, i * 1_000_000 // FPS, want)
        loop_s += time.thread_time() - before
        while writer.waiting > MOST_WAITING:
            time.sleep(0.01)
    for recorder in recorders:
        recorder.stop()
    writer.stop()
    recorded_s = options.streams * options.seconds
    size = sum(path.stat().st_size for path in folder.rglob("*.mp4"))
    return {
        "cpu_percent_per_stream": 100 * (time.process_time() - cpu) / recorded_s,
        "loop_percent_per_stream": 100 * loop_s / recorded_s,
        "megabytes_s": size / 1e6 / (time.perf_counter() - began),
        "dropped_frames": dropped_total._value.get() - dropped,
    }
