"""Threads that write segments: whoever gives them pictures never waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Counter, Gauge

from media.exceptions import MediaError
from media.recordings.repair import repair
from media.recordings.segment import SegmentFile
from media.rtp.frames import Frame

logger = logging.getLogger(__name__)

THREADS = 2
MOST_WAITING = 256 << 20
"""Bytes that wait for the disk; what comes beyond is lost, and counted."""
SYNC_S = 10.0
"""How much a power cut may take of what is being written."""

written_total = Counter("sandtable_recordings_written_bytes", "Bytes of recordings written")
dropped_total = Counter("sandtable_recordings_dropped_frames", "Pictures not recorded because the disk was too slow")
failed_total = Counter("sandtable_recordings_failed", "Segments that could not be written")
waiting_bytes = Gauge("sandtable_recordings_waiting_bytes", "Bytes of recordings that wait for the disk")


@dataclass(eq=False)
class Segment:
    """A segment that is being recorded: what is known before its file is there, and what became of it.

    Attributes
    ----------
    reasons, days, early
        What asked for it while it was recorded, and the longest it is to be kept for any of that.
    """

    channel: int
    path: Path
    name: str
    codec: str
    sets: tuple[bytes, ...]
    begins_us: int
    left_out: str = ""
    reasons: set[str] = field(default_factory=set)
    days: int = 0
    early: bool = True
    file: SegmentFile | None = None
    failed: bool = False
    told: bool = False
    sha256: str = ""
    size: int = 0
    limit_us: int = 0
    synced_at: float = 0.0

    @property
    def ends_us(self) -> int:
        """Up to where it is written; never beyond the beginning of the next."""
        ends_us = self.begins_us + round(self.file.seconds * 1e6) if self.file is not None else self.begins_us
        return min(ends_us, self.limit_us) if self.limit_us else ends_us


@dataclass(frozen=True)
class _Piece:
    segment: Segment
    frames: Sequence[Frame]
    until: int
    last: bool
    size: int


class Writer:
    """Writes in order, each channel by one thread.

    ``events`` holds segments of which there is news (begun, grown, ended), for whoever keeps the register.
    """

    def __init__(self) -> None:
        self.events: deque[Segment] = deque()
        self._lock = threading.Lock()
        self._waiting = 0
        self._queues: list[queue.SimpleQueue[_Piece | None]] = [queue.SimpleQueue() for _ in range(THREADS)]
        self._threads = [
            threading.Thread(target=self._work, args=(each,), name=f"recordings-{i}", daemon=True)
            for i, each in enumerate(self._queues)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Bytes that wait for the disk."""
        return self._waiting

    @property
    def full(self) -> bool:
        """Whether the disk does not keep up."""
        return self._waiting > MOST_WAITING

    def put(self, segment: Segment, frames: Sequence[Frame], until: int, *, last: bool = False) -> None:
        """Have a fragment written, and the file ended with it where it is the last."""
        size = sum(len(frame.data) for frame in frames)
        self._count(size)
        self._queues[segment.channel % THREADS].put(_Piece(segment, frames, until, last, size))

    def stop(self) -> None:
        """Write what waits, and end."""
        for each in self._queues:
            each.put(None)
        for thread in self._threads:
            thread.join()

    def _count(self, size: int) -> None:
        with self._lock:
            self._waiting += size
            waiting_bytes.set(self._waiting)

    def _work(self, pieces: queue.SimpleQueue[_Piece | None]) -> None:
        while (piece := pieces.get()) is not None:
            segment = piece.segment
            try:
                if not (segment.failed or segment.sha256):
                    self._write(piece)
            except (OSError, MediaError) as error:
                logger.error("recordings: %s could not be written: %s", segment.name, error)
                self._salvage(segment)
            except Exception:
                logger.exception("recordings: %s could not be written", segment.name)
                self._salvage(segment)
            self._count(-piece.size)
            self.events.append(segment)

    def _salvage(self, segment: Segment) -> None:
        """Keep what is whole of a file that can be written no further."""
        segment.failed = True
        failed_total.inc()
        if segment.file is not None:
            segment.file.abandon()
            if (left := repair(segment.path)) is not None:
                segment.sha256, segment.size = left.sha256, left.size

    def _write(self, piece: _Piece) -> None:
        segment = piece.segment
        if segment.file is None:
            if not piece.frames:  # it was dropped before it began
                segment.failed = True
                return
            segment.file = SegmentFile(segment.path, segment.codec, segment.sets, segment.begins_us, piece.frames)
            segment.synced_at = time.monotonic()
        before = segment.file.size
        segment.file.add(piece.frames, piece.until, last=piece.last)
        if piece.last:
            segment.sha256 = segment.file.close()
        elif time.monotonic() - segment.synced_at > SYNC_S:
            segment.file.sync()
            segment.synced_at = time.monotonic()
        segment.size = segment.file.size
        written_total.inc(segment.size - before)
