"""Where recordings lie: written in a folder of this machine, and kept there or moved to object storage."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from media.recordings.models import RecordingSegment
from media.recordings.reading import Read
from twin.archive.stores import ArchiveStore, store_at

_CHUNK = 1 << 20


def folder() -> Path:
    """Where recordings are written."""
    return Path(settings.VAR_DIR) / "recordings"


def store() -> ArchiveStore | None:
    """Where ended segments are moved to; None: they stay in the folder.

    Raises
    ------
    ArchiveStoreError
    """
    if not settings.RECORDINGS_URL:
        return None
    return store_at(settings.RECORDINGS_URL, folder() / ".spool")


@contextmanager
def opened(segment: RecordingSegment) -> Iterator[tuple[Read, int]]:
    """A segment's file: how it is read, and how long it is now.

    Raises
    ------
    OSError
        It is not there, or its place does not answer.
    """
    if segment.away:
        there = store()
        if there is None:
            raise FileNotFoundError(segment.name)
        with there.fs.open_input_file(there.path(segment.name)) as far:

            def read_far(at: int, count: int) -> bytes:
                far.seek(at)
                return bytes(far.read(count))

            yield read_far, far.size()
        return
    with (folder() / segment.name).open("rb") as near:
        descriptor = near.fileno()

        def read(at: int, count: int) -> bytes:
            return os.pread(descriptor, count, at)

        yield read, os.fstat(descriptor).st_size


def sha256_of(segment: RecordingSegment) -> tuple[str, int]:
    """Checksum and length of a segment's file as it lies there.

    Raises
    ------
    OSError
    """
    digest = hashlib.sha256()
    with opened(segment) as (read, size):
        for at in range(0, size, _CHUNK):
            digest.update(read(at, _CHUNK))
    return digest.hexdigest(), size


def delete(segment: RecordingSegment) -> None:
    """Delete a segment's file; nothing happens where it is gone already.

    Raises
    ------
    OSError
    """
    if segment.away and (there := store()) is not None:
        there.delete(segment.name)
    path = folder() / segment.name
    path.unlink(missing_ok=True)
    for parent in list(path.parents)[:2]:  # the day, the channel
        try:
            parent.rmdir()
        except OSError:
            return


def move_away(segment: RecordingSegment, there: ArchiveStore) -> None:
    """Move an ended segment to object storage: read back there before it is deleted here.

    Raises
    ------
    OSError
    """
    path = folder() / segment.name
    copy = folder() / ".spool" / f"{segment.channel_id}-{path.name}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    os.link(path, copy)  # the store takes what it is given away
    there.put(copy, segment.name)
    if there.sha256(segment.name) != segment.sha256:
        raise OSError(f"{segment.name} arrived as something else")
    segment.away = True
    segment.save(update_fields=["away"])
    path.unlink()
