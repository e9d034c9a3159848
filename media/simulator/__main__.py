"""``./sandtable simulate cameras``: devices of GB/T 28181 with their channels, each on a port of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from media.simulator.clip import Pictures, clip, drawn
from media.simulator.clock import ClockPictures
from media.simulator.connecting import connected
from media.simulator.plan import Plan, Tally
from media.simulator.replies import ChannelPlan

LON, LAT, SPREAD_DEG = 121.47, 31.23, 0.12


def main(arguments: list[str]) -> int:
    """Run until told to end."""
    parser = argparse.ArgumentParser(prog="sandtable simulate cameras", description=__doc__)
    parser.add_argument("--credentials", type=Path, default=Path("var/demo/cameras.json"), help="设备编码与密码")
    parser.add_argument("--devices", type=int, default=4, help="设备数（默认 4）")
    parser.add_argument("--channels", type=int, default=4, help="每台设备的通道数（默认 4）")
    parser.add_argument("--streams", type=int, default=1000, help="最多同时送出的码流数")
    parser.add_argument("--transport", choices=["udp", "tcp"], default="udp", help="信令走 UDP 或 TCP")
    parser.add_argument("--keepalive", type=float, default=60.0, help="心跳间隔（秒）")
    parser.add_argument("--expires", type=int, default=3600, help="注册有效期（秒），过半后续期")
    parser.add_argument("--spread", type=float, default=5.0, help="在几秒内陆续上线")
    parser.add_argument("--size", default="1280x720", help="画面大小")
    parser.add_argument("--kilobits", type=int, default=2000, help="码率（kbit/s）")
    parser.add_argument("--codec", choices=["h264", "h265"], default="h264")
    parser.add_argument("--drawn", action="store_true", help="不用 ffmpeg，送极小的自绘画面")
    parser.add_argument("--clock", action="store_true", help="画面是机器可读的时钟（测延迟用）")
    parser.add_argument("--moving", action="store_true", help="上报移动位置（设备须已订阅）")
    parser.add_argument("--alarm-every", type=float, default=0.0, help="每几秒报警一次（设备须已订阅报警）")
    parser.add_argument("--json", action="store_true", help="每秒一行 JSON")
    return asyncio.run(_run(parser.parse_args(arguments)))


async def _run(options: argparse.Namespace) -> int:
    if not options.credentials.exists():
        print(f"没有 {options.credentials}：先运行 ./sandtable manage democameras", file=sys.stderr)
        return 1
    listed = json.loads(options.credentials.read_text(encoding="utf-8"))
    if options.devices > len(listed["devices"]):
        print(f"只登记了 {len(listed['devices'])} 台：./sandtable manage democameras --devices N", file=sys.stderr)
        return 1
    pictures: Pictures
    if options.clock:
        pictures = ClockPictures()
    else:
        pictures = tuple(drawn()) if options.drawn else clip(options.size, options.kilobits, options.codec)
    tally, stop = Tally(), asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    server = (listed["host"], listed["port"])
    lives = []
    for number, one in enumerate(listed["devices"][: options.devices]):
        plan = Plan(
            one["code"],
            one["password"],
            _channels(one["code"], options.channels, number),
            server,
            listed["platform"],
            listed["domain"],
            expires_s=options.expires,
            keepalive_s=options.keepalive,
            codec=options.codec,
            moves=options.moving,
            alarm_every_s=options.alarm_every,
        )
        device, _transport = await connected(plan, tally, pictures, options.streams, options.transport.upper())
        lives.append(asyncio.create_task(device.live(random.uniform(0, options.spread))))  # noqa: S311
    while not stop.is_set():
        if options.json:
            print(json.dumps(asdict(tally)), flush=True)
        for life in lives:
            if life.done():
                life.result()
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue
    mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in mine:
        task.cancel()
    await asyncio.gather(*mine, return_exceptions=True)
    return 0


def _channels(code: str, count: int, number: int) -> list[ChannelPlan]:
    place = random.Random(code)  # noqa: S311
    lon = LON + place.uniform(-SPREAD_DEG, SPREAD_DEG)
    lat = LAT + place.uniform(-SPREAD_DEG, SPREAD_DEG)
    return [
        ChannelPlan(
            f"{code[:10]}131{code[13]}{(number * 100 + i) % 1_000_000:06d}",
            f"模拟摄像机 {number + 1}-{i + 1}",
            lon + i * 0.0005,
            lat,
        )
        for i in range(count)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
