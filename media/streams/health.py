"""How a stream is: what passed since the last look, for people, for questions and for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from media.rtp.frames import Frame

WINDOW_S = 2.0

streams_open = Gauge("sandtable_streams", "Streams that are open, by state", ["state"])
viewers_open = Gauge("sandtable_stream_sinks", "Viewers, recorders and others that share the streams")
bits_per_s = Gauge("sandtable_stream_bits_per_s", "Pictures and sound coming in, all streams")
frames_total = Counter("sandtable_stream_frames", "Pictures that came")
damaged_total = Counter("sandtable_stream_damaged", "Pictures that came with something missing")
reopened_total = Counter("sandtable_stream_reopened", "Sources that were lost and opened again")
faults_total = Counter("sandtable_stream_sink_faults", "Viewers and others that failed and were dropped alone")


@dataclass
class Health:
    """Figures of one stream.

    Attributes
    ----------
    frames, damaged, bytes : int
        Since it was opened; pictures, of them not whole, and everything that came.
    fps, kilobits : float
        Of the last :data:`WINDOW_S` seconds.
    """

    frames: int = 0
    damaged: int = 0
    bytes: int = 0
    reopened: int = 0
    fps: float = 0.0
    kilobits: float = 0.0
    _frames_before: int = 0
    _bytes_before: int = 0
    _looked_s: float = 0.0

    def count(self, frame: Frame) -> None:
        """One came."""
        self.bytes += len(frame.data)
        if frame.video:
            self.frames += 1
            frames_total.inc()
            if frame.damaged:
                self.damaged += 1
                damaged_total.inc()

    def look(self, now_s: float) -> None:
        """Figures of the time since the last look."""
        if (span := now_s - self._looked_s) < WINDOW_S / 2:
            return
        if self._looked_s:
            self.fps = (self.frames - self._frames_before) / span
            self.kilobits = (self.bytes - self._bytes_before) * 8 / 1000 / span
        self._looked_s, self._frames_before, self._bytes_before = now_s, self.frames, self.bytes
