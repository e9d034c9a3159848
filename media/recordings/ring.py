"""The last while of a channel, as it came: encoded, in memory, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from media.rtp.frames import Frame

MOST_BYTES = 96 << 20
"""Of one channel: a minute at 12 Mbit/s."""


class Purse:
    """Bytes that all rings together may hold."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0


class Ring:
    """Frames since a key frame, so many seconds back.

    Parameters
    ----------
    seconds : int
        How far back at least, where the bounds allow.
    purse : Purse
        Shared by all rings.
    """

    def __init__(self, seconds: int, purse: Purse) -> None:
        self.seconds = seconds
        self._purse, self._bytes = purse, 0
        self._groups: deque[list[tuple[Frame, int]]] = deque()

    def push(self, frame: Frame, at_us: int) -> None:
        """Remember a frame and when it came."""
        if frame.video and frame.key:
            self._groups.append([])
        if not self._groups:
            return
        self._groups[-1].append((frame, at_us))
        self._count(len(frame.data))
        oldest_us = at_us - self.seconds * 1_000_000
        # The second group begins early enough: the first is not needed any more.
        while len(self._groups) > 1 and (self._groups[1][0][1] <= oldest_us or self._is_too_much()):
            self._drop()
        if self._is_too_much():
            self.clear()

    def since(self, since_us: int) -> Iterator[tuple[Frame, int]]:
        """Frames from the last key frame not after ``since_us`` on, or all there are."""
        groups = list(self._groups)
        first = max((i for i, group in enumerate(groups) if group[0][1] <= since_us), default=0)
        for group in groups[first:]:
            yield from group

    def clear(self) -> None:
        """Forget everything."""
        while self._groups:
            self._drop()

    def _is_too_much(self) -> bool:
        return self._bytes > MOST_BYTES or self._purse.held > self._purse.most

    def _drop(self) -> None:
        self._count(-sum(len(frame.data) for frame, _at in self._groups.popleft()))

    def _count(self, size: int) -> None:
        self._bytes += size
        self._purse.held += size
