"""One segment's file: frames in, fragments out; how far apart they are is learnt from their times alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import av

from media.recordings.mp4 import KeyPoint, Run, Sample, fragment, header, index
from media.recordings.tracks import (
    AAC_SAMPLES,
    VIDEO_TICKS,
    AacUnit,
    Track,
    aac_track,
    adts_units,
    sample_of,
    video_track,
)
from media.recordings.voice import CONFIG, DECODERS, Voice
from media.rtp.frames import Frame

SOUND_JUMP_S = 0.2
"""Sound whose times stray less from what they should be is one piece with what was before."""
KEPT_SOUNDS = frozenset({"aac", *DECODERS})


def sound_of(frame: Frame) -> tuple[int, int, int] | None:
    """What a decoder of its track has to know; None where this sound cannot be kept."""
    if frame.codec in DECODERS:
        return CONFIG
    unit = next(adts_units(frame.data), None) if frame.codec == "aac" else None
    return unit.config if unit is not None else None


class SegmentFile:
    """A file that is being written; belongs to one thread.

    Parameters
    ----------
    path : Path
        It must not be there yet.
    sets : tuple of bytes
        Parameter sets of the pictures.
    begins_us : int
        When the first picture came, microseconds since 1970.
    first : sequence of Frame
        What comes first: whether there is sound is seen in it, and stays so in this file.

    Raises
    ------
    MediaError, OSError
        It cannot be begun.
    """

    def __init__(self, path: Path, codec: str, sets: tuple[bytes, ...], begins_us: int, first: Sequence[Frame]) -> None:
        self.path, self.size, self.damaged = path, 0, 0
        self.video = video_track(codec, sets)
        heard = next((each for each in first if each.codec in KEPT_SOUNDS and sound_of(each) is not None), None)
        self.sound = sound_of(heard) if heard is not None else None
        self._voice = Voice(heard.codec) if heard is not None and heard.codec in DECODERS else None
        self.tracks: list[Track] = [self.video, *([aac_track(self.sound)] if self.sound is not None else [])]
        self._digest = hashlib.sha256()
        self._points: list[KeyPoint] = []
        self._number = 0
        self._origin = next(each.pts for each in first if each.video)
        self._decoded = self._heard = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        self._write([header(self.tracks, begins_us // 1_000_000)])

    @property
    def codecs(self) -> str:
        """As browsers are asked whether they can play it."""
        return ",".join(track.codecs for track in self.tracks)

    @property
    def seconds(self) -> float:
        """Of pictures that are in it."""
        return self._decoded / VIDEO_TICKS

    def add(self, frames: Sequence[Frame], until: int, *, last: bool = False) -> None:
        """Write a fragment.

        Parameters
        ----------
        frames : sequence of Frame
            Pictures and sound that came one after the other.
        until : int
            PTS of the picture that follows.
        last : bool
            There will be no other.

        Raises
        ------
        OSError
        """
        pictures = [each for each in frames if each.video]
        if not pictures:
            return
        self.damaged += sum(each.damaged for each in pictures)
        runs = [self._pictures(pictures, until)]
        if self.sound is not None and (heard := self._sounds(frames, last)) is not None:
            runs.append(heard)
        self._number += 1
        if pictures[0].key:
            self._points.append(KeyPoint(runs[0].begins, self.size))
        self._write(fragment(self._number, runs))

    def _pictures(self, pictures: Sequence[Frame], until: int) -> Run:
        """Decoding times are the times of showing in their order: what is shown later may have to be decoded first."""
        shown = [each.pts - self._origin for each in pictures]
        at, times = self._decoded, []
        for time in sorted(shown):
            at = max(at, time)
            times.append(at)
            at += 1
        ends = max(at, until - self._origin)
        samples = [
            Sample(sample_of(each.data, each.codec), after - time, when - time, each.key)
            for each, when, time, after in zip(pictures, shown, times, [*times[1:], ends], strict=True)
        ]
        self._decoded = ends
        return Run(self.video, times[0], samples)

    def _sounds(self, frames: Sequence[Frame], last: bool) -> Run | None:
        track = self.tracks[1]
        units: list[AacUnit] = []
        begins = self._heard
        for pts, found in self._heard_units(frames, last):
            time = (pts - self._origin) * track.ticks // VIDEO_TICKS
            expected = begins + len(units) * AAC_SAMPLES
            if abs(time - expected) > SOUND_JUMP_S * track.ticks:
                if time < expected or units:
                    continue  # of the time before the first picture, or after a hole: at the next fragment it is right
                begins = time
            units += found
        if not units:
            return None
        self._heard = begins + len(units) * AAC_SAMPLES
        return Run(track, begins, [Sample(unit.data, AAC_SAMPLES, 0, True) for unit in units])

    def _heard_units(self, frames: Sequence[Frame], last: bool) -> Iterator[tuple[int, list[AacUnit]]]:
        """AAC as it came, or made of G.711; each with its PTS."""
        for each in frames:
            if self._voice is not None and each.codec == self._voice.codec:
                with contextlib.suppress(av.FFmpegError):  # a piece that cannot be read is a hole
                    for pts, unit in self._voice(each):
                        yield pts, [unit]
            elif self._voice is None and each.codec == "aac":
                yield each.pts, [unit for unit in adts_units(each.data) if unit.config == self.sound]
        if last and self._voice is not None:
            for pts, unit in self._voice.rest():
                yield pts, [unit]

    def sync(self) -> None:
        """Have what is written on the disk, whatever happens to the machine."""
        os.fdatasync(self._descriptor)

    def close(self) -> str:
        """End the file; returns its SHA-256, in hexadecimal.

        Raises
        ------
        OSError
        """
        try:
            self._write([index(self._points)])
            self.sync()
        finally:
            os.close(self._descriptor)
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _write(self, pieces: Sequence[bytes]) -> None:
        data = b"".join(pieces)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._digest.update(data)
        self.size += len(data)
