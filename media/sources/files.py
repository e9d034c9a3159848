"""Video files that play round and round: demuxed on a thread, never decoded, sent at their own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, TypeVar

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream

from media.exceptions import NotOfferedError
from media.rtp.frames import Frame, is_key
from media.rtp.receiving import Sink
from media.sources.adts import adts_header
from media.sources.faults import BAD_FILE, NO_FILE
from media.sources.gate import Gate

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts", ".mts": "mpegts"}
"""The demuxer goes by the ending: what looks like a playlist in a file is not followed anywhere."""
CODECS = {"h264": "h264", "hevc": "h265", "aac": "aac", "pcm_alaw": "g711a", "pcm_mulaw": "g711u"}
FILTERS = {"h264": "h264_mp4toannexb", "h265": "hevc_mp4toannexb"}
BATCH_TICKS = 45_000
MOST_BATCH = 400
LEAST_TURN = 3600
"""A file is at least so long, in ticks of 90 kHz: one picture alone does not make a loop without rest."""
TICK = Fraction(1, 90_000)

T = TypeVar("T")
_threads = ThreadPoolExecutor(2, "video-files")


class Unit(NamedTuple):
    """A frame, and when it is due: decoding order, in ticks of 90 kHz since the first."""

    due: int
    frame: Frame


def find_file(folder: Path, name: str) -> Path:
    """Where a file is.

    Raises
    ------
    NotOfferedError
        It is not in the folder, or of no kind we read.
    """
    try:
        root = folder.resolve()
        path = (root / name).resolve()
        there = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise NotOfferedError(NO_FILE)
    if path.suffix.lower() not in FORMATS:
        raise NotOfferedError(BAD_FILE)
    return path


class Reel:
    """A file that is read round and round; every call blocks, and belongs on a thread.

    Raises
    ------
    NotOfferedError
        There is no picture in it that we know.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: InputContainer | None = None
        self._shift = 0
        self._ends = 0
        self._read = 0
        self._open()

    def _open(self) -> None:
        try:
            # Only this file, whatever it refers to.
            self._container = av.open(
                str(self._path), format=FORMATS[self._path.suffix.lower()], options={"protocol_whitelist": "file"}
            )
            chosen = {}
            for stream in self._container.streams:
                codec = CODECS.get(stream.codec_context.name, "") if stream.codec_context is not None else ""
                if codec and stream.type not in chosen:
                    chosen[stream.type] = (stream, codec)
            if "video" not in chosen:
                raise NotOfferedError(BAD_FILE)
            self._codecs = {stream.index: codec for stream, codec in chosen.values()}
            self._filters = {
                stream.index: BitStreamFilterContext(FILTERS[codec], stream)
                for stream, codec in chosen.values()
                if codec in FILTERS
            }
            self._packets = self._container.demux([stream for stream, _codec in chosen.values()])
        except (FFmpegError, OSError, ValueError) as error:
            self.close()
            if isinstance(error, NotOfferedError):
                raise
            raise NotOfferedError(f"{BAD_FILE}: {type(error).__name__}") from None
        self._first: int | None = None
        self._due: dict[int, int] = {}
        self._read = 0

    def more(self) -> list[Unit]:
        """The next half second or so; at the end of the file it begins again, with times that go on.

        Raises
        ------
        NotOfferedError
            It cannot be read any further, or there is nothing in it.
        """
        units: list[Unit] = []
        while len(units) < MOST_BATCH and (not units or units[-1].due - units[0].due < BATCH_TICKS):
            try:
                packet = next(self._packets, None)
                found = [] if packet is None else self._units(packet)
            except (FFmpegError, ValueError) as error:
                raise NotOfferedError(f"{BAD_FILE}: {type(error).__name__}") from None
            self._read += len(found)
            units += found
            if packet is None:
                if not self._read:
                    raise NotOfferedError(BAD_FILE)
                self._shift = max(self._ends, self._shift + LEAST_TURN)
                self.close()
                self._open()
        return units

    def _units(self, packet: av.Packet) -> list[Unit]:
        stream = packet.stream
        filter_ = self._filters.get(stream.index)
        if packet.pts is None and packet.dts is None:  # demux() ends with empty packets, one a stream
            return []
        return [unit for each in (filter_.filter(packet) if filter_ else [packet]) for unit in self._unit(each, stream)]

    def _unit(self, packet: av.Packet, stream: Stream) -> list[Unit]:
        pts = packet.pts if packet.pts is not None else packet.dts
        base = packet.time_base or stream.time_base
        if pts is None or base is None:
            return []
        dts = packet.dts if packet.dts is not None else pts
        scale = Fraction(base) / TICK
        if self._first is None:
            self._first = int(dts * scale)
        at, due = (int(time * scale) - self._first + self._shift for time in (pts, dts))
        step = due - self._due.get(stream.index, due)
        self._due[stream.index] = due
        # Matroska may leave durations out; the last picture then lasts as long as the one before it.
        self._ends = max(self._ends, at + (int((packet.duration or 0) * scale) or max(1, step)))
        codec, data = self._codecs[stream.index], bytes(packet)
        video = codec in FILTERS
        if codec == "aac" and data[:1] != b"\xff":
            data = adts_header(stream.codec_context.extradata or b"", len(data)) + data
        return [Unit(due, Frame(codec, data, at, is_key(data, codec) if video else True, packet.is_corrupt))]

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
            self._container = None


class FileSource:
    """A file as a channel's pictures.

    Parameters
    ----------
    folder : Path
        Files are below it, and nothing else is opened.
    name : str
        Of the file, relative to the folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    async def open(self, sink: Sink) -> Playing:
        """Begin; frames follow at the file's own pace.

        Raises
        ------
        NotOfferedError
            There is no such file, or nothing in it that we know.
        """
        reel = await _do(lambda: Reel(find_file(self._folder, self._name)))
        return Playing(reel, Gate(sink))

    async def answers(self) -> None:
        """See whether it is there.

        Raises
        ------
        NotOfferedError
            It is not.
        """
        await _do(lambda: find_file(self._folder, self._name))


class Playing:
    """A file that plays."""

    def __init__(self, reel: Reel, gate: Gate) -> None:
        self._reel, self._gate = reel, gate
        self._job: asyncio.Task[None] | None = asyncio.create_task(self._play())

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        begun: float | None = None
        try:
            while self._gate.open:
                for unit in await _do(self._reel.more):
                    if begun is None:
                        begun = loop.time() - unit.due / 90_000
                    wait = begun + unit.due / 90_000 - loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    self._gate.frame(unit.frame)
        except NotOfferedError as error:
            self._gate.ended(str(error))
        finally:
            await asyncio.shield(_do(self._reel.close))

    async def stop(self) -> None:
        """Let go of it; the sink hears nothing afterwards. Twice does no harm."""
        self._gate.shut()
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)


async def _do(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)
