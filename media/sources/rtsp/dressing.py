"""Frames made fit for anybody: parameter sets at key frames, ADTS around AAC, one clock for picture and sound."""

from __future__ import annotations

import asyncio

from media.rtp.frames import Frame, nal_types
from media.rtp.receiving import Sink
from media.sources.adts import adts_header
from media.sources.rtsp.description import Medium

NEAR = 10 * 90_000
"""A beginning that the server names is believed when the first frame is within so many ticks of it."""
MOST_EARLY = 500


class Dresser:
    """Takes frames of one medium, gives them to the session's sink.

    Parameters
    ----------
    begun_at : float
        The loop's time at which the session's clock stood at zero.
    """

    def __init__(self, medium: Medium, sink: Sink, begun_at: float) -> None:
        self._medium, self._sink, self._begun_at = medium, sink, begun_at
        self._named: int | None = None
        self._early: list[Frame] | None = []
        self._shift: int | None = None
        self._parameters = 7 if medium.codec == "h264" else 33

    def begin(self, rtp_time: int | None) -> None:
        """The answer to PLAY is here; what came before it follows now.

        Parameters
        ----------
        rtp_time : int, optional
            What the server says is the session's beginning (RTP-Info, RFC 2326, 12.33).
        """
        if rtp_time is not None:
            self._named = rtp_time * 90_000 // self._medium.clock_hz
        early, self._early = self._early or [], None
        for frame in early:
            self.frame(frame)

    def frame(self, frame: Frame) -> None:
        """Pass one on."""
        if self._early is not None:
            if len(self._early) < MOST_EARLY:
                self._early.append(frame)
            return
        if self._shift is None:
            self._shift = self._first(frame.pts)
        frame = frame._replace(pts=frame.pts + self._shift)
        if frame.video:
            if frame.key and self._medium.sets and self._parameters not in nal_types(frame.data, frame.codec):
                frame = frame._replace(data=self._medium.sets + frame.data)
        elif frame.codec == "aac" and self._medium.config and frame.data[:1] != b"\xff":
            frame = frame._replace(data=adts_header(self._medium.config, len(frame.data)) + frame.data)
        self._sink.frame(frame)

    def ended(self, why: str) -> None:
        """The session says so itself, once for all media."""

    def _first(self, pts: int) -> int:
        """How far this medium's times are from the session's."""
        now = round((asyncio.get_running_loop().time() - self._begun_at) * 90_000)
        if self._named is not None and abs(pts - self._named) < NEAR:
            return -self._named
        return now - pts
