"""What can be asked of the GB/T 28181 process (:mod:`media.asking`): queries, controls, a look at a stream."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Any

from media.asking import Handler
from media.exceptions import NotOfferedError, RefusedByDeviceError
from media.faults import BAD_TIMES
from media.gb28181.calls import Calls
from media.gb28181.control import control_fields
from media.gb28181.items import moment, read_preset, read_recording, said, write_moment
from media.gb28181.newcomers import Newcomers
from media.gb28181.talk import Talker, query
from media.rtp.frames import Frame

MOST_LOOK_S = 20.0


class Answers:
    """Answers questions about devices and channels; both are named by their codes."""

    def __init__(self, talker: Talker, newcomers: Newcomers, calls: Calls) -> None:
        self._talker, self._newcomers, self._calls = talker, newcomers, calls

    @property
    def handlers(self) -> dict[str, Handler]:
        """By name."""
        return {
            "catalogue": self._catalogue,
            "status": self._status,
            "control": self._control,
            "presets": self._presets,
            "recordings": self._recordings,
            "look": self._look,
        }

    async def _catalogue(self, args: dict[str, Any]) -> None:
        await self._newcomers.ask_about(args["device"])
        await self._newcomers.ask_catalogue(args["device"])

    async def _status(self, args: dict[str, Any]) -> dict[str, str]:
        code = args["device"]
        body = (await self._talker.ask(code, "Query", "DeviceStatus", query("DeviceStatus", code))).body
        names = ("Online", "Status", "Reason", "Encode", "Record", "DeviceTime")
        return {name: said(body, name, 64) for name in names}

    async def _control(self, args: dict[str, Any]) -> None:
        device = args["device"]
        fields, word = control_fields(args["name"], args.get("args", {}))
        channel = device if word.whole else args["channel"]

        def body(number: str) -> Any:
            return (("CmdType", "DeviceControl"), ("SN", number), ("DeviceID", channel), *fields)

        if not word.answered:
            await self._talker.tell(device, "Control", body(self._talker.next_number()), channel)
            return
        answer = await self._talker.ask(device, "Control", "DeviceControl", body, channel)
        if said(answer.body, "Result").upper() not in ("", "OK"):
            raise RefusedByDeviceError(said(answer.body, "Result"))

    async def _presets(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        channel = args["channel"]
        answer = await self._talker.ask(args["device"], "Query", "PresetQuery", query("PresetQuery", channel), channel)
        return [preset._asdict() for preset in map(read_preset, answer.items)]

    async def _recordings(self, args: dict[str, Any]) -> dict[str, Any]:
        """What a device has recorded between two times; ``whole`` false where it stopped telling half way."""
        channel = args["channel"]
        begins, ends = moment(args["begins"]), moment(args["ends"])
        if begins is None or ends is None or ends <= begins:
            raise NotOfferedError(BAD_TIMES)
        more = (
            ("StartTime", write_moment(begins)),
            ("EndTime", write_moment(ends)),
            ("Secrecy", "0"),
            ("Type", "all"),
        )
        answer = await self._talker.ask(
            args["device"], "Query", "RecordInfo", query("RecordInfo", channel, *more), channel
        )
        found = [recording for recording in map(read_recording, answer.items) if recording is not None]
        items = [
            asdict(one) | {"begins": one.begins.isoformat(), "ends": one.ends.isoformat()}
            for one in sorted(found, key=lambda recording: recording.begins)
        ]
        return {"recordings": items, "whole": answer.whole}

    async def _look(self, args: dict[str, Any]) -> dict[str, Any]:
        """Open a stream for a few seconds and say what came."""
        seconds = min(MOST_LOOK_S, max(1.0, float(args.get("seconds", 5))))
        seen = Seen()
        call = await self._calls.begin(args["device"], args["channel"], seen)
        try:
            async with asyncio.timeout(seconds):
                await seen.over.wait()
        except TimeoutError:
            pass
        receiving = call.receiving
        await call.stop()
        counts = asdict(receiving.counts) if receiving is not None else {}
        return seen.told(seconds) | counts


class Seen:
    """Counts what comes."""

    def __init__(self) -> None:
        self.codecs: Counter[str] = Counter()
        self.over = asyncio.Event()
        self.why = ""
        self.first_ms: int | None = None
        self._begun = asyncio.get_running_loop().time()
        self._first_pts: int | None = None
        self._last_pts = 0
        self._pictures = self._bytes = self._damaged = 0

    @property
    def rate(self) -> float:
        """Pictures a second, by their own times."""
        span = self._last_pts - (self._first_pts or 0)
        return (self._pictures - 1) * 90_000 / span if self._pictures > 1 and span > 0 else 0.0

    def frame(self, frame: Frame) -> None:
        self.codecs[frame.codec] += 1
        self._bytes += len(frame.data)
        self._damaged += frame.damaged
        if not frame.video:
            return
        if self._first_pts is None:
            self._first_pts = frame.pts
            self.first_ms = round((asyncio.get_running_loop().time() - self._begun) * 1000)
        self._last_pts = frame.pts
        self._pictures += 1

    def ended(self, why: str) -> None:
        self.why = why
        self.over.set()

    def told(self, seconds: float) -> dict[str, Any]:
        """What is answered after so many seconds."""
        return {
            "codecs": sorted(self.codecs),
            "frames": self._pictures,
            "first_frame_ms": self.first_ms,
            "frames_a_second": round(self.rate, 1),
            "kilobits": round(self._bytes * 8 / 1000 / seconds),
            "lost": 0,
            "damaged": self._damaged,
            "ended": self.why,
        }
