"""Tiles of other servers on our disk: so many bytes, the longest unused going first."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from django.conf import settings

from twin.basemaps.models import Basemap

MOST_BYTES = 2 << 30
FRESH_S = 30 * 86400
SWEEP_EVERY_S = 600
_swept = [0.0]


def folder() -> Path:
    """Where they are."""
    return Path(settings.VAR_DIR) / "cache" / "basemaps"


def _place(basemap: Basemap, z: int, x: int, y: int) -> Path:
    return folder() / str(basemap.pk) / str(z) / str(x) / str(y)


def kept(basemap: Basemap, z: int, x: int, y: int, *, however_old: bool = False) -> bytes | None:
    """The tile, if it is there and not too old; ``however_old``: better than nothing."""
    place = _place(basemap, z, x, y)
    try:
        if not however_old and time.time() - place.stat().st_mtime > FRESH_S:
            return None
        content = place.read_bytes()
        os.utime(place, (time.time(), place.stat().st_mtime))
    except OSError:
        return None
    return content


def keep(basemap: Basemap, z: int, x: int, y: int, content: bytes) -> None:
    """Keep a tile; a full disk is no reason not to show it."""
    place = _place(basemap, z, x, y)
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f"{place.name}.{os.getpid()}.{time.monotonic_ns()}")
        draft.write_bytes(content)
        draft.replace(place)
    if time.monotonic() - _swept[0] > SWEEP_EVERY_S:
        _swept[0] = time.monotonic()
        sweep()


def sweep(most_bytes: int = MOST_BYTES) -> int:
    """Delete the longest unused until the rest fits; returns how many were deleted."""
    found = []
    for place in folder().rglob("*"):
        with contextlib.suppress(OSError):
            if place.is_file():
                stat = place.stat()
                found.append((stat.st_atime, stat.st_size, place))
    total, gone = sum(size for _at, size, _place in found), 0
    for _at, size, place in sorted(found):
        if total <= most_bytes:
            break
        place.unlink(missing_ok=True)
        total, gone = total - size, gone + 1
    return gone


def forget(basemap: Basemap) -> None:
    """Delete all of one basemap's: its address has changed."""
    for place in sorted((folder() / str(basemap.pk)).rglob("*"), reverse=True):
        with contextlib.suppress(OSError):
            place.unlink() if place.is_file() else place.rmdir()
