"""Frames since the last key frame, for whoever joins between two; and one clock for a stream that was reopened."""

from __future__ import annotations

from collections.abc import Iterator

from media.rtp.frames import Frame

MOST_FRAMES = 1500
MOST_BYTES = 16 << 20
"""A camera that sends no key frame for a minute must not fill the memory; who joins then waits for its next."""
CLOCK_HZ = 90_000
BACK, JUMP = CLOCK_HZ, 10 * CLOCK_HZ
"""How far times may stray: back where pictures refer to later ones, on where a camera paused."""


class Gop:
    """What a decoder needs to begin now."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._bytes = 0

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        """Keep a frame; a key frame is the first of what is kept."""
        if frame.video and frame.key:
            self.clear()
        elif not self._frames:
            return
        self._frames.append(frame)
        self._bytes += len(frame.data)
        if len(self._frames) > MOST_FRAMES or self._bytes > MOST_BYTES:
            self.clear()

    def clear(self) -> None:
        """Keep nothing."""
        self._frames.clear()
        self._bytes = 0


class Clock:
    """Times that go on when a source begins anew or sets its clock: the pause is as long as it was.

    Sound and pictures of one source keep their distance, for they are moved together.
    """

    def __init__(self) -> None:
        self._shift = 0
        self._last: int | None = None
        self._heard_s = 0.0
        self._anew = False

    def __call__(self, pts: int, now_s: float) -> int:
        """When a frame is shown, in ticks of 90 kHz.

        Parameters
        ----------
        pts : int
            As the source has it.
        now_s : float
            Any steady clock.
        """
        moved = pts + self._shift
        passed = round((now_s - self._heard_s) * CLOCK_HZ)
        last = self._last
        if last is not None and (self._anew or not last - BACK <= moved <= last + JUMP + passed):
            moved = last + max(1, passed)
            self._shift = moved - pts
        self._anew = False
        self._last, self._heard_s = moved, now_s
        return moved

    def begin(self) -> None:
        """Another source's times follow."""
        self._anew = True
