"""What stands between a source and whoever takes its frames: nothing after the end, the end once."""

from __future__ import annotations

from media.rtp.frames import Frame
from media.rtp.receiving import Sink


class Gate:
    """A sink in front of a sink.

    Attributes
    ----------
    open : bool
        Whether frames still pass.
    """

    def __init__(self, sink: Sink) -> None:
        self.open = True
        self._sink = sink

    def frame(self, frame: Frame) -> None:
        """Pass one on."""
        if self.open:
            self._sink.frame(frame)

    def ended(self, why: str) -> None:
        """Say that it is over."""
        if self.open:
            self.open = False
            self._sink.ended(why)

    def shut(self) -> None:
        """Say nothing more, not even that it is over."""
        self.open = False
