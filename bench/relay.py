"""``bench relay``: cameras' program streams in, WebRTC out, one viewer each: what is lost and what it costs.

Cameras are the simulator's, in processes of their own, and let their packets out at 100 Mbit/s each; viewers are lean
ones in this process. CPU is that of the platform's process alone. A further camera shows a clock that Chromium reads
off its screen: glass to glass. In an installation of its own; ``--here``: in the present one, whose devices of the
demonstration get new passwords.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench._glass import glass_to_glass
from bench._report import machine, progress, report
from bench._throwaway import ROOT, run_loading
from bench._usage import cpu_s, memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "gb28181"
CHANNELS = 4
PATIENCE_S = 120.0
FIRST_S, TRIES = 20.0, 4
OPENING = 4
USERS = 4
TRANSPORTS = ("udp", "tcp_passive", "tcp_active")


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench relay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    parser.add_argument("--p1080", type=int, default=32, help="1080P 4 Mbit/s 的路数（默认 32）")
    parser.add_argument("--p720", type=int, default=64, help="720P 2 Mbit/s 的路数（默认 64）")
    parser.add_argument("--seconds", type=float, default=30.0, help="测多少秒（默认 30）")
    parser.add_argument("--transport", choices=TRANSPORTS, default="udp", help="画面传输方式（默认 udp）")
    parser.add_argument("--no-glass", action="store_true", help="不用浏览器测端到端延迟")
    return run_loading("relay", parser, arguments, _measure)


def _measure(options: argparse.Namespace) -> int:
    from django.conf import settings

    from media.demo import register_demo
    from media.models import VideoDevice

    groups = [("1920x1080", 4000, options.p1080), ("1280x720", 2000, options.p720)]
    needed = [-(-count // CHANNELS) for _size, _kilobits, count in groups]
    listed: dict[str, Any] = register_demo(sum(needed) + 1, ("127.0.0.1", settings.GB28181_PORT))
    VideoDevice.objects.filter(code__in=[one["code"] for one in listed["devices"]]).update(media=options.transport)
    time.sleep(5)  # the process hears of its register's change
    folder = Path(settings.VAR_DIR) / "demo"
    devices = list(listed["devices"])
    with _simulator(folder, listed, devices[:1], ["--clock", "--channels", "1"]):
        glass_ms = None if options.no_glass else glass_to_glass(_channels(devices[:1], 1)[0], _user("bench-glass"))
    progress(f"glass to glass: {glass_ms} ms")
    first, second = devices[1 : 1 + needed[0]], devices[1 + needed[0] :]
    with (
        _simulator(folder, listed, first, ["--size", groups[0][0], "--kilobits", str(groups[0][1])]),
        _simulator(folder, listed, second, ["--size", groups[1][0], "--kilobits", str(groups[1][1])]),
    ):
        channels = _channels(first, groups[0][2]) + _channels(second, groups[1][2])
        users = [_user(f"bench-relay-{number}") for number in range(USERS)]
        figures = asyncio.run(_watch(channels, users, options.seconds))
    figures = {
        "streams_1080p": options.p1080,
        "streams_720p": options.p720,
        "transport": options.transport,
        **figures,
        "glass_to_glass_p50_ms": glass_ms,
        "engine": "aiortc (DTLS, SRTP), own ICE-lite and RTP",
        "load": round(os.getloadavg()[0], 1),
        "machine": machine(),
    }
    report(figures, options.json)
    return 0


async def _watch(channels: list[int], users: list[int], seconds: float) -> dict[str, Any]:
    from aiortc import RTCCertificate

    from bench._viewer import Viewer
    from media.asking import ask

    certificate = RTCCertificate.generateCertificate()
    limit = asyncio.Semaphore(OPENING)
    first_ms: list[float] = []
    given_up: list[int] = []

    async def open_(number: int, channel: int) -> Viewer:
        for _try in range(TRIES):
            if (viewer := await try_(users[number % len(users)], channel)) is not None:
                return viewer
        raise RuntimeError(f"channel {channel} shows nothing")

    async def try_(user: int, channel: int) -> Viewer | None:
        """A viewing; none where the process gave it up before it began, as it may on a machine that is full."""
        viewer = Viewer(certificate)
        async with limit:
            began = asyncio.get_running_loop().time()
            told = await asyncio.to_thread(ask, "whep_open", 30.0, channel=channel, user=user, offer=viewer.offer)
            await viewer.connect(told["answer"])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_S):
                    while not viewer.first_frame_s:
                        await asyncio.sleep(0.002)
        if not viewer.first_frame_s:
            given_up.append(channel)
            await viewer.close()
            return None
        first_ms.append((viewer.first_frame_s - began) * 1000)
        return viewer

    viewers = await asyncio.gather(*(open_(number, channel) for number, channel in enumerate(channels)))
    progress(f"{len(viewers)} watch; measuring for {seconds:g} s")
    await asyncio.sleep(5)
    came = await asyncio.to_thread(_came, channels)
    before = [(v.packets, v.lost, v.frames, v.bytes, v.full) for v in viewers]
    cpu_before, began = cpu_s()[LINE], time.monotonic()
    await asyncio.sleep(seconds)
    took, cpu = time.monotonic() - began, cpu_s()[LINE] - cpu_before
    after = [(v.packets, v.lost, v.frames, v.bytes, v.full) for v in viewers]
    came = {name: value - came[name] for name, value in (await asyncio.to_thread(_came, channels)).items()}
    packets, lost, _frames, octets, full = (
        sum(b[i] - a[i] for a, b in zip(before, after, strict=True)) for i in range(5)
    )  # fmt: skip
    rates = [(b[2] - a[2]) / took for a, b in zip(before, after, strict=True)]
    memory = memory_mb()[LINE]
    for viewer in viewers:
        await viewer.close()
    return {
        "seconds": round(took, 1),
        "loss": lost + came["lost"],
        "lost_to_viewers": lost,
        "not_taken_by_viewers": full,
        "lost_from_cameras": came["lost"],
        "thrown_away_by_kernel": came["full"],
        "packets": packets,
        "pictures": came["frames"],
        "damaged_pictures": came["damaged"],
        "undecryptable": sum(viewer.bad for viewer in viewers),
        "mbit_per_s": round(octets * 8 / 1e6 / took, 1),
        "fps_min": round(min(rates), 1),
        "fps_p50": round(statistics.median(rates), 1),
        "cpu_core_percent": round(100 * cpu / took, 1),
        "cpu_percent_per_stream": round(100 * cpu / took / len(viewers), 2),
        "first_frame_ms": round(statistics.median(first_ms)),
        "not_begun": len(given_up),
        "first_frame_max_ms": round(max(first_ms)),
        "memory_mb": memory,
    }


def _came(channels: list[int]) -> dict[str, int]:
    """What all streams have had so far: pictures, those not whole, packets lost, and thrown away by the kernel."""
    from media.asking import ask

    states = ask("stream_state", 30.0, channels=channels)
    return {name: sum(state.get(name, 0) for state in states) for name in ("frames", "damaged", "lost", "full")}


def _user(name: str) -> int:
    """Somebody who may watch everything, and cannot sign in."""
    from access.models import Grant, User

    user, made = User.objects.get_or_create(username=name)
    if made:
        user.set_unusable_password()
        user.save()
    Grant.objects.get_or_create(user=user, role="city")
    return user.pk


def _channels(devices: list[dict[str, str]], count: int) -> list[int]:
    """Channels of these devices that are online, once there are so many."""
    from media.models import Channel

    until = time.monotonic() + PATIENCE_S
    codes = [device["code"] for device in devices]
    while time.monotonic() < until:
        found = list(
            Channel.objects.filter(device__code__in=codes, online=True, listed=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        if len(found) >= count:
            return found[:count]
        time.sleep(0.5)
    raise TimeoutError(f"{len(found)} of {count} channels came")


@contextmanager
def _simulator(folder: Path, listed: dict[str, Any], devices: list[Any], more: list[str]) -> Iterator[None]:
    if not devices:
        yield
        return
    path = folder / f"bench-relay-{devices[0]['code']}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(listed | {"devices": devices}), encoding="utf-8")
    command = [sys.executable, "-m", "media.simulator", "--credentials", str(path), "--devices", str(len(devices))]
    process = subprocess.Popen([*command, "--channels", str(CHANNELS), "--spread", "1", *more], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        path.unlink()
