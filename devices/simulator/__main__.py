"""``python -m devices.simulator``: play the devices of a credentials file against a real broker."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop

from devices.simulator.client import Broker
from devices.simulator.credentials import Credential, CredentialsError, read_credentials
from devices.simulator.fleet import run_fleet


def main(argv: list[str] | None = None) -> int:
    """Run until interrupted (or for ``--seconds``), then print one JSON object; 0 when every device got on."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        broker, credentials = read_credentials(args.credentials, args.mqtt)
        chosen = credentials[: args.devices]
        print(f"{len(chosen)} devices on {broker.host}:{broker.port}, seed {args.seed}", file=sys.stderr, flush=True)
        figures = uvloop.run(_run(args, broker, chosen))
    except (CredentialsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(figures, ensure_ascii=False))
    return 0 if figures["connected"] == figures["devices"] else 1


async def _run(args: argparse.Namespace, broker: Broker, credentials: list[Credential]) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await run_fleet(
        broker,
        credentials,
        seed=args.seed,
        rate_per_s=args.rate,
        seconds=args.seconds,
        state=args.state,
        stop=stop,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandtable simulate", description="终端模拟器：按凭据文件扮演终端")
    parser.add_argument("--credentials", type=Path, default=Path("var/demo/devices.json"), help="凭据文件")
    parser.add_argument("--mqtt", metavar="HOST:PORT", help="消息服务器地址；不写则用凭据文件里的")
    parser.add_argument("--seed", default="sandtable", help="随机种子；相同则行为相同")
    parser.add_argument("--devices", type=_positive_int, metavar="N", help="只扮演前 N 台")
    parser.add_argument("--rate", type=_positive, metavar="PER_S", help="全部终端合计每秒上报的位置数")
    parser.add_argument("--seconds", type=_positive, metavar="S", help="运行多少秒后停止")
    parser.add_argument("--state", type=Path, metavar="DIR", help="保存未确认位置的目录，重启后继续补发")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
