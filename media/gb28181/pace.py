"""Times of a recording as it is watched: faster, slower, from elsewhere; devices go on counting as they recorded."""

from __future__ import annotations

from media.rtp.frames import Frame

CLOCK_HZ = 90_000
USUAL_STEP = CLOCK_HZ // 25
JUMP = 2 * CLOCK_HZ
"""Further than this behind the picture before, something was left out: the next follows at the usual distance."""
LONGEST = 86_400 * CLOCK_HZ


class Pace:
    """Gives each frame the time at which a viewer is to see it, and keeps the place in the recording.

    Attributes
    ----------
    position_s : float
        Seconds from the recording's beginning to the last picture.
    speed : float
        How many times faster than it was recorded.
    """

    def __init__(self) -> None:
        self.position_s = 0.0
        self.speed = 1.0
        self._out = 0
        self._last: int | None = None

    def place(self, position_s: float) -> None:
        """What comes next is from here."""
        self.position_s = position_s
        self._last = None

    def __call__(self, frame: Frame) -> Frame | None:
        """The frame with its new time; None for sound that nobody could listen to at this speed."""
        if not frame.video:
            if self._last is None or self.speed != 1.0:
                return None
            return frame._replace(pts=self._out + frame.pts - self._last)
        step = None if self._last is None else frame.pts - self._last
        if step is not None and 0 <= step <= JUMP:
            self._out += round(step / self.speed)
        else:
            self._out += round(USUAL_STEP / self.speed)
        if step is not None and 0 <= step < LONGEST:
            self.position_s += step / CLOCK_HZ
        self._last = frame.pts
        return frame._replace(pts=self._out)
