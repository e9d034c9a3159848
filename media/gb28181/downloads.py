"""Pieces of what devices have recorded, loaded down into files for whoever asked: faster than they were recorded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from media.asking import Handler
from media.exceptions import MediaError, NotOfferedError
from media.faults import BAD_TIMES, DISK_FULL, GIVEN_UP, NOT_WRITTEN, TOO_MANY_DOWNLOADS
from media.gb28181.call import Call, Recorded
from media.gb28181.calls import Calls
from media.gb28181.ends import RECORDING_ENDED
from media.gb28181.items import moment
from media.recordings.segment import SegmentFile
from media.recordings.tracks import VIDEO_TICKS, sets_of
from media.rtp.frames import Frame

logger = logging.getLogger(__name__)

SPEED = 4
MOST, MOST_OF_A_USER = 8, 2
LONGEST_S = 2 * 3600.0
KEPT_S = 3600.0
"""How long a file waits to be fetched."""
FULL_SHARE = 0.95
"""Positions are written to the same disk, and recordings, which make room from 90 % on."""
LOOK_S = 60.0
KEPT_CODECS = frozenset({"h264", "h265"})
FLUSH_TICKS = 2 * VIDEO_TICKS


def folder() -> Path:
    """Where the files are; both who writes and who serves them looks here."""
    return Path(settings.VAR_DIR) / "downloads"


def is_full() -> bool:
    """Whether the disk has no room for downloads."""
    usage = shutil.disk_usage(settings.VAR_DIR)
    return usage.used > FULL_SHARE * usage.total


@dataclass
class Download:
    """One file that is being loaded; a sink of its call."""

    key: str
    user: int
    channel: int
    begins: datetime
    ends: datetime
    work: ThreadPoolExecutor
    state: str = "loading"
    """``loading``, ``done`` or ``failed``."""
    why: str = ""
    call: Call | None = None
    asked_at: float = field(default_factory=time.monotonic)
    _file: SegmentFile | None = None
    _written: tuple[float, int] = 0.0, 0
    """Seconds and bytes of the file that was closed."""
    _frames: list[Frame] = field(default_factory=list)
    _last_pts: int = 0

    @property
    def path(self) -> Path:
        """The file."""
        return folder() / f"{self.key}.mp4"

    @property
    def length_s(self) -> float:
        """What was asked for."""
        return (self.ends - self.begins).total_seconds()

    def tell(self) -> dict[str, Any]:
        """How far it is, as data."""
        file = self._file
        seconds, size = (file.seconds, file.size) if file is not None else self._written
        return {
            "state": self.state,
            "why": self.why,
            "seconds": round(seconds, 1),
            "length_s": self.length_s,
            "size": size,
            "channel": self.channel,
        }

    def frame(self, frame: Frame) -> None:
        """Take what comes; the disk is another thread's."""
        if self.state != "loading" or (frame.video and frame.codec not in KEPT_CODECS):
            return
        due = self._frames and frame.video and frame.pts - self._frames[0].pts >= FLUSH_TICKS
        if frame.video and (frame.key or due) and self._frames:
            self._hand_over(frame.pts)
        if frame.video:
            self._last_pts = frame.pts
        if frame.video or self._frames:
            self._frames.append(frame)

    def ended(self, why: str) -> None:
        """The device has sent the last of it, or no more comes."""
        if self._frames:
            self._hand_over(self._last_pts + VIDEO_TICKS // 25)
        self.work.submit(self._finish, why)

    def drop(self) -> None:
        """Nobody wants it any longer."""
        self.state = "failed"
        self.work.submit(self._remove)

    def _hand_over(self, until: int) -> None:
        frames, self._frames = self._frames, []
        self.work.submit(self._write, frames, until)

    def _write(self, frames: list[Frame], until: int) -> None:
        if self.state != "loading":
            return
        try:
            if self._file is None:
                first = next(each for each in frames if each.video)
                sets = sets_of(first.data, first.codec) if first.key else ()
                if not sets:
                    return  # nothing can be decoded before a key frame
                self._file = SegmentFile(self.path, first.codec, sets, round(self.begins.timestamp() * 1e6), frames)
            self._file.add(frames, until)
            if is_full():
                self._fail(DISK_FULL)
        except (OSError, MediaError) as error:
            self._fail(NOT_WRITTEN, error)

    def _fail(self, why: str, error: Exception | None = None) -> None:
        logger.warning("gb28181: a download ended: %s", error or why)
        self.state, self.why = "failed", why
        self._remove()

    def _remove(self) -> None:
        """Let go of the file, and of the room it takes."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
        self.path.unlink(missing_ok=True)

    def _finish(self, why: str) -> None:
        if self.state != "loading":
            return
        if self._file is None:
            self.state, self.why = "failed", why
            return
        file, self._file = self._file, None
        try:
            file.close()
        except OSError as error:
            self._fail(NOT_WRITTEN, error)
            return
        self._written = file.seconds, file.size
        self.state = "done"
        # A device that stops half way has sent something all the same; whoever fetches it is told how much.
        self.why = "" if why == RECORDING_ENDED else why


class Downloads:
    """All of them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._open: dict[str, Download] = {}
        self._work = ThreadPoolExecutor(1, "downloads")

    @property
    def handlers(self) -> dict[str, Handler]:
        """Questions, by name (:mod:`media.asking`)."""
        return {"download": self._begin, "download_state": self._state}

    async def _begin(self, args: dict[str, Any]) -> dict[str, Any]:
        begins, ends, user = moment(args["begins"]), moment(args["ends"]), int(args["user"])
        if begins is None or ends is None or not 1 <= (ends - begins).total_seconds() <= LONGEST_S:
            raise NotOfferedError(f"{BAD_TIMES}: ≤ {LONGEST_S / 3600:g} h")
        loading = [each for each in self._open.values() if each.state == "loading"]
        if len(loading) >= MOST or sum(each.user == user for each in loading) >= MOST_OF_A_USER:
            raise NotOfferedError(TOO_MANY_DOWNLOADS)
        if await asyncio.to_thread(is_full):
            raise NotOfferedError(DISK_FULL)
        key = secrets.token_urlsafe(24)
        download = Download(key, user, int(args["pk"]), begins, ends, self._work)
        self._open[key] = download  # counted from now on: the device may take its time to answer
        try:
            past = Recorded(begins, ends, SPEED)
            download.call = await self._calls.begin(args["device"], args["channel"], download, past)
        except BaseException:
            del self._open[key]
            raise
        return {"key": key} | download.tell()

    async def _state(self, args: dict[str, Any]) -> dict[str, Any]:
        download = self._open.get(str(args["key"]))
        if download is None or download.user != int(args["user"]):
            raise NotOfferedError(GIVEN_UP)
        download.asked_at = time.monotonic()
        return download.tell()

    async def run(self) -> None:
        """Give up what nobody fetches; until cancelled. What was left by a process before is gone at once."""
        await asyncio.get_running_loop().run_in_executor(self._work, _sweep)
        while True:
            await asyncio.sleep(LOOK_S)
            for key, download in list(self._open.items()):
                if time.monotonic() - download.asked_at > KEPT_S:
                    del self._open[key]
                    await self._give_up(download)
                elif download.state == "failed":
                    await self._hang_up(download)

    async def stop(self) -> None:
        """Hang up, and leave no file."""
        for download in list(self._open.values()):
            await self._give_up(download)
        self._work.shutdown()

    async def _give_up(self, download: Download) -> None:
        download.drop()
        await self._hang_up(download)

    async def _hang_up(self, download: Download) -> None:
        """Have the device send no more."""
        call, download.call = download.call, None
        if call is not None:
            await call.stop()


def _sweep() -> None:
    for path in folder().glob("*.mp4"):
        path.unlink(missing_ok=True)
