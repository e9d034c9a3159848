"""Files that were being written when the machine or the process ended: what is whole of them is kept."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from media.exceptions import MediaError
from media.recordings.reading import codecs_of, find_entry, fragments, header_of, size_of
from media.recordings.tracks import VIDEO_TICKS

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Repaired:
    """What is left of a file."""

    size: int
    sha256: str
    seconds: float
    codecs: str
    width: int
    height: int


def repair(path: Path) -> Repaired | None:
    """Cut a file behind its last whole fragment; None where there is none, and the file is deleted."""
    try:
        return _repair(path)
    except MediaError:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # it is not there, or cannot be read: nothing is known of it
    return None


def _repair(path: Path) -> Repaired | None:
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size

        def read(at: int, count: int) -> bytes:
            return os.pread(file.fileno(), count, at)

        header, end = header_of(read, size)
        ticks = 0
        try:
            for each in fragments(read, size, end):
                if 1 in each.parts:
                    end, ticks = each.end, each.parts[1].ends
        except MediaError:
            pass  # what stands before it is whole
        if not ticks:
            path.unlink()
            return None
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
        digest = hashlib.sha256()
        file.seek(0)
        while piece := file.read(_CHUNK):
            digest.update(piece)
        width, height = size_of(find_entry(header, 1))
        return Repaired(end, digest.hexdigest(), ticks / VIDEO_TICKS, codecs_of(header), width, height)
