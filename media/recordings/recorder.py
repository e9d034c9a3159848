"""One channel's recorder: frames become fragments, fragments segments of about a minute that begin with key frames."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from media.recordings.segment import KEPT_SOUNDS, sound_of
from media.recordings.tracks import VIDEO_TICKS, sets_of
from media.recordings.wanting import SECOND_US, Want
from media.recordings.writer import Segment, Writer, dropped_total
from media.rtp.frames import Frame

KEPT_CODECS = frozenset({"h264", "h265"})
SEGMENT_S = 60
LONGEST_S = 120
"""A camera that sends no key frame for so long is recorded with a gap rather than into a file without end."""
FRAGMENT_TICKS = VIDEO_TICKS
MOST_FRAGMENT_TICKS = 10 * VIDEO_TICKS
MOST_FRAGMENT_BYTES = 16 << 20
SOUND_S = 10
"""A segment is at least so long before sound that came or changed begins another."""
JUMP_S = 2.0
"""Pictures whose own time and the clock part by more are not of one piece."""
SLEW_US = 50_000
"""By so much a segment's beginning follows the clock where the camera's runs otherwise."""


class Recorder:
    """Records one channel while it is asked to.

    Parameters
    ----------
    channel : int
        Key of the channel.
    folder : Path
        Of all recordings.
    """

    def __init__(self, channel: int, folder: Path, writer: Writer) -> None:
        self._channel, self._folder, self._writer = channel, folder, writer
        self._segment: Segment | None = None
        self._frames: list[Frame] = []
        self._size = 0
        self._sets: tuple[bytes, ...] = ()
        self._anchor: tuple[int, int] | None = None
        self._last_pts = self._first_pts = 0
        self._ended_us = 0
        self._segment_pts = 0
        self._sound: tuple[str, tuple[int, int, int]] | None = None
        self._segment_sound: tuple[str, tuple[int, int, int]] | None = None
        self._left_out = ""
        self._reordered = False
        self.unsupported = ""
        """A codec that cannot be kept, where that is what comes."""

    @property
    def active(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    def take(self, frame: Frame, at_us: int, want: Want) -> None:
        """Record a frame that came at ``at_us`` (microseconds since 1970)."""
        if frame.video:
            self._picture(frame, at_us, want)
        else:
            self._heard(frame)

    def stop(self) -> None:
        """End the segment; the next picture that is recorded is a key frame."""
        self._end(self._last_pts + VIDEO_TICKS // 25)
        self._anchor = None

    def _heard(self, frame: Frame) -> None:
        sound = sound_of(frame)
        self._sound = (frame.codec, sound) if sound is not None else self._sound
        self._left_out = "" if sound is not None else frame.codec
        if self._segment is not None:
            self._keep(frame)

    def _picture(self, frame: Frame, at_us: int, want: Want) -> None:
        if frame.codec not in KEPT_CODECS:
            self.unsupported = frame.codec
            return
        self.unsupported = ""
        if self._anchor is not None and self._is_of_another_piece(frame, at_us):
            self.stop()
        if frame.key:
            sets = sets_of(frame.data, frame.codec) or self._sets
            if self._is_due(frame, sets):
                begins_us = self._beginning(frame, at_us)
                self._end(frame.pts, begins_us)
                if sets:
                    self._begin(frame, begins_us, sets)
        if self._segment is None:
            return
        self._segment.reasons |= want.reasons
        self._segment.days = max(self._segment.days, want.days)
        self._segment.early &= want.early
        self._reordered |= frame.pts < self._last_pts
        if self._frames and self._is_whole(frame):
            self._flush(frame.pts)
        if self._segment is not None:
            if not self._frames:
                self._first_pts = frame.pts
            self._last_pts = max(self._last_pts, frame.pts)
            self._keep(frame)

    def _is_of_another_piece(self, frame: Frame, at_us: int) -> bool:
        return abs(self._time_of(frame.pts) - at_us) > JUMP_S * SECOND_US or (
            self._segment is not None and frame.pts - self._segment_pts > LONGEST_S * VIDEO_TICKS
        )

    def _time_of(self, pts: int) -> int:
        assert self._anchor is not None
        return self._anchor[1] + (pts - self._anchor[0]) * SECOND_US // VIDEO_TICKS

    def _is_due(self, frame: Frame, sets: tuple[bytes, ...]) -> bool:
        """Whether this key frame begins a segment: the minute is over, or what decoders have to know is another."""
        segment = self._segment
        return (
            segment is None
            or segment.failed
            or segment.codec != frame.codec
            or sets != self._sets
            or (self._sound != self._segment_sound and frame.pts - self._segment_pts >= SOUND_S * VIDEO_TICKS)
            or frame.pts - self._segment_pts >= SEGMENT_S * VIDEO_TICKS
        )

    def _is_whole(self, frame: Frame) -> bool:
        span = frame.pts - self._first_pts
        if frame.key or span > MOST_FRAGMENT_TICKS or self._size > MOST_FRAGMENT_BYTES:
            return True
        # Where pictures come in another order than they are shown, a group of them stays together.
        return span >= FRAGMENT_TICKS and not self._reordered

    def _beginning(self, frame: Frame, at_us: int) -> int:
        """When a segment begins: where the one before ends, following the clock a little; never before that ends."""
        if self._anchor is None:
            self._anchor = frame.pts, at_us
            return max(at_us, self._ended_us)
        expected = self._time_of(frame.pts)
        begins_us = expected + max(-SLEW_US, min(SLEW_US, at_us - expected))
        self._anchor = frame.pts, begins_us
        return begins_us

    def _begin(self, frame: Frame, begins_us: int, sets: tuple[bytes, ...]) -> None:
        day = datetime.fromtimestamp(begins_us / SECOND_US, UTC).strftime("%Y%m%d")
        name = f"{self._channel}/{day}/{begins_us}.mp4"
        self._sets, self._segment_pts = sets, frame.pts
        self._reordered = False
        self._segment = Segment(self._channel, self._folder / name, name, frame.codec, sets, begins_us, self._left_out)

    def _keep(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._size += len(frame.data)

    def _flush(self, until: int, *, last: bool = False) -> None:
        segment, frames = self._segment, self._frames
        assert segment is not None
        self._frames, self._size = [], 0
        if self._segment_pts == self._first_pts:  # whether a file has sound is seen in its first fragment
            self._segment_sound = self._sound if any(frame.codec in KEPT_SOUNDS for frame in frames) else None
        if self._writer.full or segment.failed:
            dropped_total.inc(len(frames))
            self._segment = None
            self._writer.put(segment, (), until, last=True)
        else:
            self._writer.put(segment, frames, until, last=last)

    def _end(self, until: int, limit_us: int = 0) -> None:
        if (segment := self._segment) is not None:
            # By the pictures' own times; the segment that follows may begin a little earlier.
            ends_us = segment.begins_us + (until - self._segment_pts) * SECOND_US // VIDEO_TICKS
            self._ended_us = segment.limit_us = min(ends_us, limit_us) if limit_us else ends_us
            self._flush(until, last=True)
            self._segment = None
