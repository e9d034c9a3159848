"""``manage.py replay FILE``: publish a recorded track file as if it were live."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from access.audit import acting
from devices.keys import issue_key, revoke_key
from devices.models import Device
from devices.replay.columns import ALT_UNITS, SPEED_UNITS
from devices.replay.play import Player, PlayError, identifier_of, limited, play, shifted, timetable
from devices.replay.read import Choices, Tracks, read_tracks
from devices.replay.times import UNITS_US
from devices.replay.words import Said, TrackFileError
from devices.simulator.client import Broker
from twin.kinds import kinds
from twin.models import Asset

MOST_DEVICES = 2000


class Command(BaseCommand):
    """Registers what is needed, publishes through the protocol like any device, and takes the devices back."""

    help = "把录制的轨迹文件当作实时数据发布（CSV、GPX、GeoJSON、JSON、GeoParquet，可 .gz）"

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("file", type=Path, help="轨迹文件")
        parser.add_argument("--kind", default="vehicle", choices=[kind.key for kind in kinds()], help="作为哪一类对象")
        parser.add_argument("--speed", type=_positive, default=1.0, metavar="N", help="快放倍数")
        for role, option in (("id", "id"), ("time", "time"), ("lon", "lon"), ("lat", "lat"), ("alt", "alt"),
                             ("speed", "speed-column"), ("heading", "heading")):  # fmt: skip
            parser.add_argument(f"--{option}", dest=f"column_{role}", metavar="COL", help=f"{role} 在哪一列")
        parser.add_argument("--time-format", metavar="FORMAT", help="时间格式，例如 %%d/%%m/%%Y %%H:%%M")
        parser.add_argument("--time-unit", choices=list(UNITS_US), help="数字时间的单位")
        parser.add_argument("--speed-unit", choices=list(SPEED_UNITS), help="速度列的单位")
        parser.add_argument("--alt-unit", choices=list(ALT_UNITS), help="高度列的单位")
        parser.add_argument("--datum", default="wgs84", choices=Device.Datum.values, help="文件的坐标系")
        parser.add_argument("--loop", action="store_true", help="放完从头再来")
        parser.add_argument("--together", action="store_true", help="每条轨迹都从现在开始，不管录制的先后")
        parser.add_argument("--longest-pause", type=_positive, metavar="S", help="没有任何位置的时段最长保留多少秒")
        parser.add_argument("--limit-devices", type=int, metavar="N", help="只放最先开始的 N 条轨迹")
        parser.add_argument("--shift-to", type=_place, metavar="LON,LAT", help="把轨迹的中心移到这里")
        parser.add_argument("--keep", action="store_true", help="放完保留终端和对象（否则吊销、停用）")
        parser.add_argument("--json", action="store_true", help="结束时只在标准输出打印一个 JSON 对象")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, register, play, report."""
        self._out = self.stderr if options["json"] else self.stdout
        try:
            tracks = read_tracks(options["file"], _choices(options))
        except TrackFileError as error:
            raise CommandError(_translated(error.said)) from error
        for said in tracks.said:
            self._out.write(_translated(said))
        self._tell_refused(tracks)
        if options["limit_devices"]:
            tracks = limited(tracks, options["limit_devices"])
        if options["shift_to"]:
            tracks = shifted(tracks, *options["shift_to"])
        tracks, due_s = timetable(tracks, options["speed"], options["together"], options["longest_pause"])
        players = self._register(tracks, options)
        self._out.write(
            _("发布 %(devices)d 条轨迹、%(rows)d 个位置，历时 %(minutes).1f 分钟，坐标系 %(datum)s")
            % {
                "devices": len(players),
                "rows": len(tracks),
                "minutes": float(due_s[-1]) / 60,
                "datum": options["datum"],
            }
        )
        try:
            figures = asyncio.run(self._play(players, tracks, due_s, options["loop"]))
        except PlayError as error:
            raise CommandError(_("终端连不上消息服务器：%s") % error) from error
        finally:
            if not options["keep"]:
                _take_back(players)
        figures |= {"devices": len(players), "rows": len(tracks), "rows_refused": dict(tracks.refused)}
        if options["json"]:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))
        else:
            self._tell(figures)
        if figures["unsettled"] or figures["dropped"]:
            raise CommandError(_("有 %d 个位置没有得到确认") % (figures["unsettled"] + figures["dropped"]))

    def _tell_refused(self, tracks: Tracks) -> None:
        words = {
            "no_time": _("没有时间"),
            "no_coordinate": _("没有坐标"),
            "out_of_range": _("坐标超出范围"),
            "repeated_time": _("同一轨迹同一时刻重复"),
            "broken_row": _("行已损坏"),
            "no_time_or_coordinate": _("要素没有时间或坐标"),
        }
        for reason, count in sorted(tracks.refused.items()):
            self._out.write(_("不发布 %(count)d 行：%(reason)s") % {"count": count, "reason": words[reason]})

    def _tell(self, figures: dict[str, Any]) -> None:
        self._out.write(
            _("已发送 %(sent)d，已确认 %(acked)d，平台拒收 %(refused)s，未确认 %(unsettled)d")
            % {**figures, "refused": figures["refused"] or 0}
        )

    def _register(self, tracks: Tracks, options: dict[str, Any]) -> list[Player]:
        kind, stem = options["kind"], options["file"].name.split(".")[0]
        names = sorted(set(map(str, np.unique(tracks.track.astype(str)))))
        if len(names) > MOST_DEVICES:
            raise CommandError(
                _("轨迹太多：%(count)d 条，最多 %(most)d；请用 --limit-devices")
                % {"count": len(names), "most": MOST_DEVICES}
            )
        players = []
        with acting("replay"), transaction.atomic():
            for name in names:
                identifier = identifier_of(kind, stem, name)
                asset, _made = Asset.objects.get_or_create(
                    kind=kind, code=identifier, defaults={"name": _("回放 %s") % name[:100]}
                )
                if not asset.active:
                    asset.active = True
                    asset.save()
                device, _made = Device.objects.get_or_create(
                    identifier=identifier, defaults={"kind": kind, "asset": asset, "datum": options["datum"]}
                )
                if device.datum != options["datum"]:
                    device.datum = options["datum"]
                    device.save()
                players.append(Player(name, kind, identifier, issue_key(device)))
        return players

    async def _play(self, players: list[Player], tracks: Tracks, due_s: Any, loop: bool) -> dict[str, Any]:
        address = urlsplit(settings.MQTT_URL)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        broker = Broker(address.hostname or "127.0.0.1", address.port or 1883)
        return await play(broker, players, tracks, due_s, loop=loop, stop=stop, tell=self._tell)


def _take_back(players: list[Player]) -> None:
    """End what the replay registered: the keys, and the assets' place on the map; their history stays."""
    with acting("replay"), transaction.atomic():
        for device in Device.objects.filter(identifier__in=[p.identifier for p in players]).select_related("asset"):
            revoke_key(device)
            if device.asset is not None:
                device.asset.active = False
                device.asset.save()


def _choices(options: dict[str, Any]) -> Choices:
    named = {role: options[f"column_{role}"] for role in ("id", "time", "lon", "lat", "alt", "speed", "heading")}
    return Choices(
        {role: column for role, column in named.items() if column},
        options["time_format"],
        options["time_unit"],
        options["speed_unit"],
        options["alt_unit"],
    )


def _translated(said: Said) -> str:
    values = {name: _translated(v) if isinstance(v, Said) else v for name, v in said.values.items()}
    return _(said.text) % values


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(_("应当大于 0"))
    return value


def _place(text: str) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(_("应当是“经度,纬度”")) from None
    if not (-180 <= lon <= 180 and -89 <= lat <= 89):
        raise argparse.ArgumentTypeError(_("经纬度超出范围"))
    return lon, lat
