"""What can be asked about sources (:mod:`media.asking`): their channels, their heads, a look, who is out there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from media.asking import Handler
from media.exceptions import NotOfferedError
from media.gb28181.answers import MOST_LOOK_S, Seen
from media.gb28181.control import Move, PresetCommand
from media.models import Channel, VideoDevice
from media.sources.attendance import Attendance
from media.sources.faults import NO_PTZ
from media.sources.making import make_source, onvif_device, publishers
from media.sources.onvif.device import OnvifDevice, as_answer, numbered
from media.sources.onvif.discovery import discover
from twin.database import DatabaseThread

CONTROLS = {"move": Move, "preset": PresetCommand}


class SourceAnswers:
    """Answers questions about sources' devices and channels, and passes on those about others.

    Parameters
    ----------
    others : mapping
        Who answers for devices that register by GB/T 28181; both kinds are named by their codes.
    """

    def __init__(self, database: DatabaseThread, attendance: Attendance, others: Mapping[str, Handler]) -> None:
        self._database, self._attendance, self._others = database, attendance, others

    @property
    def handlers(self) -> dict[str, Handler]:
        """By name."""
        shared = {"catalogue": self._catalogue, "control": self.control, "presets": self._presets, "look": self._look}
        return {
            **{name: self._ours_or(name, handler) for name, handler in shared.items()},
            "onvif_discover": self._discover,
            "whip_publish": self._publish,
            "whip_end": self._end,
        }

    def _ours_or(self, name: str, ours: Handler) -> Handler:
        async def answer(args: dict[str, Any]) -> Any:
            protocol = await self._database.do(_protocol, args["device"])
            return await (self._others[name] if protocol in ("", VideoDevice.Protocol.GB28181) else ours)(args)

        return answer

    async def _channel(self, args: dict[str, Any]) -> Channel:
        channel = await self._database.do(_load_channel, args["device"], args["channel"])
        if channel is None:
            raise NotOfferedError("no such channel")
        return channel

    async def _catalogue(self, args: dict[str, Any]) -> None:
        device = await self._database.do(_load_device, args["device"])
        if device.protocol == VideoDevice.Protocol.ONVIF:
            await self._attendance.meet(device)

    async def control(self, args: dict[str, Any]) -> None:
        """Move a camera: ``device``, ``channel``, ``name`` (one of :data:`CONTROLS`) and ``args``.

        Raises
        ------
        MediaError
            It does not.
        """
        camera, profile = await self._head(args)
        if args["name"] not in CONTROLS:
            raise NotOfferedError(f"no command {args['name']!r} for this camera")
        try:
            wanted = msgspec.convert(args.get("args", {}), CONTROLS[args["name"]])
        except msgspec.ValidationError as error:
            raise NotOfferedError(str(error)) from None
        if isinstance(wanted, Move):
            await camera.move(profile, wanted.pan, wanted.tilt, wanted.zoom)
        else:
            await camera.preset(profile, wanted.action, wanted.number)

    async def _presets(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        camera, profile = await self._head(args)
        return as_answer(numbered(await camera.presets(profile)))

    async def _head(self, args: dict[str, Any]) -> tuple[OnvifDevice, str]:
        channel = await self._channel(args)
        if channel.device.protocol != VideoDevice.Protocol.ONVIF or not channel.profile:
            raise NotOfferedError(NO_PTZ)
        return await self._database.do(onvif_device, channel.device), channel.profile

    async def _look(self, args: dict[str, Any]) -> dict[str, Any]:
        """Open a source for a few seconds and say what came."""
        source = await self._database.do(make_source, await self._channel(args))
        seconds = min(MOST_LOOK_S, max(1.0, float(args.get("seconds", 5))))
        seen = Seen()
        running = await source.open(seen)
        try:
            async with asyncio.timeout(seconds):
                await seen.over.wait()
        except TimeoutError:
            pass
        await running.stop()
        return seen.told(seconds)

    async def _discover(self, _args: dict[str, Any]) -> list[dict[str, str]]:
        return [asdict(found) for found in await discover()]

    async def _publish(self, args: dict[str, Any]) -> list[str]:
        return list(await publishers.publish(int(args["channel"]), str(args["offer"])))

    async def _end(self, args: dict[str, Any]) -> bool:
        return await publishers.end(int(args["channel"]), str(args["number"]))


def _protocol(code: str) -> str:
    return VideoDevice.objects.filter(code=code).values_list("protocol", flat=True).first() or ""


def _load_device(code: str) -> VideoDevice:
    device = VideoDevice.objects.filter(code=code).first()
    if device is None:
        raise NotOfferedError("no such device")
    return device


def _load_channel(device: str, channel: str) -> Channel | None:
    rows = Channel.objects.select_related("device").filter(device__active=True)
    return rows.filter(device__code=device, code=channel).first()
