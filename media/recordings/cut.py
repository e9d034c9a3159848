"""A cut: pictures and sound between two moments as one plain MP4, put together of segments without decoding.

The same cut of the same segments is the same file, byte for byte: so its length and its hash can be told before, and it
need not lie anywhere. It begins with the key frame at or before the moment asked for; holes are closed up.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from struct import pack

import numpy as np
from numpy.typing import NDArray

from media.exceptions import NotOfferedError
from media.recordings.ledger import micros
from media.recordings.models import RecordingSegment
from media.recordings.mp4 import KEY_FLAGS, brands, movie, track_box
from media.recordings.places import opened
from media.recordings.reading import Fragment, Part, Read, find_entry, fragments, header_of, key_points, size_of
from media.recordings.tracks import VIDEO_TICKS, Track, box, full_box

LONGEST_S = 4 * 3600
MOST_BYTES = 8 << 30
_CHUNK = 1 << 20
_SECOND_US = 1_000_000


@dataclass
class _Samples:
    """Samples of one track of the cut: rows of (duration, bytes, flags, shown after), and the chunks they lie in."""

    entries: list[bytes] = field(default_factory=list)
    rows: list[NDArray[np.uint32]] = field(default_factory=list)
    chunks: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each chunk: its number among all, samples, and which entry describes them."""
    starts: list[tuple[int, int]] = field(default_factory=list)
    """Where each segment's samples begin: index of the first, and its time in the cut (ticks)."""
    count: int = 0


@dataclass(frozen=True)
class Piece:
    """Bytes of a segment that belong to the cut."""

    segment: RecordingSegment
    offset: int
    size: int


@dataclass(frozen=True)
class Cut:
    """A cut that can be made.

    Attributes
    ----------
    starts_us, ends_us : int
        What it really holds, microseconds since 1970.
    holes : list of (int, int)
        Where nothing was recorded between, microseconds since 1970.
    """

    starts_us: int
    ends_us: int
    header: bytes
    pieces: list[Piece]
    holes: list[tuple[int, int]]

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.header) + sum(piece.size for piece in self.pieces)

    def read(self) -> Iterator[bytes]:
        """The file, from its beginning.

        Raises
        ------
        OSError
        """
        yield self.header
        at = 0
        while at < len(self.pieces):
            segment = self.pieces[at].segment
            with opened(segment) as (read, _size):
                while at < len(self.pieces) and self.pieces[at].segment is segment:
                    piece = self.pieces[at]
                    for begin in range(0, piece.size, _CHUNK):
                        count = min(_CHUNK, piece.size - begin)
                        data = read(piece.offset + begin, count)
                        if len(data) != count:
                            raise OSError(f"{segment.name} is shorter than it was")
                        yield data
                    at += 1

    def sha256(self) -> str:
        """Of the whole file, in hexadecimal.

        Raises
        ------
        OSError
        """
        digest = hashlib.sha256()
        for data in self.read():
            digest.update(data)
        return digest.hexdigest()


def plan_cut(segments: Sequence[RecordingSegment], from_us: int, to_us: int) -> Cut:
    """Find out what a cut between two moments consists of.

    Parameters
    ----------
    segments : sequence of RecordingSegment
        Of one channel, in the order of time, those that reach into the cut.

    Raises
    ------
    NotOfferedError
        Nothing was recorded there, it is too much, or the codec changes in it.
    OSError
        A file is missing.
    """
    if to_us - from_us > LONGEST_S * _SECOND_US:
        raise NotOfferedError("too long")
    maker = _Maker()
    for segment in segments:
        begins_us = micros(segment.starts_at)
        with opened(segment) as (read, size):
            header, _end = header_of(read, size)
            found = list(_between(read, size, from_us - begins_us, to_us - begins_us))
            if found and found[-1].parts[1].ends * _SECOND_US > (from_us - begins_us) * VIDEO_TICKS:
                maker.add(segment, begins_us, _entries(header), found)
    return maker.made()


class _Maker:
    """Puts a cut together, segment by segment."""

    def __init__(self) -> None:
        self._pictures, self._sounds = _Samples(), _Samples()
        self._pieces: list[Piece] = []
        self._holes: list[tuple[int, int]] = []
        self._sound_ticks = 0
        self._starts_us = self._ends_us = 0
        self._ticks = 0
        """Where the next segment begins in the cut, by the pictures' clock."""

    def add(self, segment: RecordingSegment, begins_us: int, entries: dict[int, bytes], found: list[Fragment]) -> None:
        first, last = found[0].parts[1], found[-1].parts[1]
        first_us = begins_us + first.begins * _SECOND_US // VIDEO_TICKS
        if not self._pieces:
            self._starts_us = first_us
        elif first_us - self._ends_us > _SECOND_US:
            self._holes.append((self._ends_us, first_us))
        self._ends_us = begins_us + last.ends * _SECOND_US // VIDEO_TICKS
        _take_entry(self._pictures, entries[1])
        self._pictures.starts.append((self._pictures.count, self._ticks))
        # One sound a cut: where it is encoded otherwise from some time on, that time is silent.
        has_sound = 2 in entries and self._sounds.entries in ([], [entries[2]])
        if has_sound and not self._sounds.entries:
            self._sounds.entries.append(entries[2])
            self._sound_ticks = int.from_bytes(entries[2][32:34], "big")
        heard = False
        for each in found:
            self._take(segment, each.parts[1], self._pictures)
            if has_sound and (part := each.parts.get(2)) is not None:
                if not heard:
                    rate = self._sound_ticks
                    begins = (self._ticks - first.begins) * rate // VIDEO_TICKS + part.begins
                    self._sounds.starts.append((self._sounds.count, max(0, begins)))
                    heard = True
                self._take(segment, part, self._sounds)
        self._ticks += last.ends - first.begins

    def _take(self, segment: RecordingSegment, part: Part, samples: _Samples) -> None:
        samples.chunks.append((len(self._pieces), len(part.samples), len(samples.entries)))
        samples.rows.append(part.samples)
        samples.count += len(part.samples)
        self._pieces.append(Piece(segment, part.offset, part.size))

    def made(self) -> Cut:
        if not self._pieces:
            raise NotOfferedError("nothing recorded")
        if sum(piece.size for piece in self._pieces) > MOST_BYTES:
            raise NotOfferedError("too long")
        header = _header(
            self._pictures, self._sounds, self._pieces, self._ticks, self._sound_ticks, self._starts_us // _SECOND_US
        )
        return Cut(self._starts_us, self._ends_us, header, self._pieces, self._holes)


def _between(read: Read, size: int, from_us: int, to_us: int) -> Iterator[Fragment]:
    """Fragments of a file between two moments after its beginning, from a key frame on."""
    points, _end = key_points(read, size)
    if not points:
        return
    first = max((point for point in points if point.time * _SECOND_US <= from_us * VIDEO_TICKS), default=points[0])
    for each in fragments(read, size, first.offset):
        if 1 not in each.parts or each.parts[1].begins * _SECOND_US >= to_us * VIDEO_TICKS:
            return
        yield each


def _entries(header: bytes) -> dict[int, bytes]:
    found = {1: find_entry(header, 1)}
    with contextlib.suppress(NotOfferedError):
        found[2] = find_entry(header, 2)
    return found


def _take_entry(samples: _Samples, entry: bytes) -> None:
    """Samples that follow are described by ``entry``, which must be of the kind that was there before."""
    if samples.entries and samples.entries[-1][4:8] != entry[4:8]:
        raise NotOfferedError("codec changes")
    if not samples.entries or samples.entries[-1] != entry:
        samples.entries.append(entry)


def _header(
    pictures: _Samples, sounds: _Samples, pieces: list[Piece], ticks: int, sound_ticks: int, made_s: int
) -> bytes:
    width, height = size_of(pictures.entries[0])
    tracks = [(Track(1, "", "", VIDEO_TICKS, pictures.entries[0], width, height), pictures)]
    if sounds.count:
        tracks.append((Track(2, "", "", sound_ticks, sounds.entries[0]), sounds))
    offsets = np.cumsum([0, *(piece.size for piece in pieces)])
    head = pack(">I4sQ", 1, b"mdat", 16 + int(offsets[-1]))
    made = b""
    for _ in range(2):  # the first tells how long it is, which the places of the chunks depend on
        at = len(brands()) + len(made) + len(head)
        traks = [_trak(track, samples, offsets + at, ticks, made_s) for track, samples in tracks]
        made = movie([track for track, _samples in tracks], made_s, ticks, traks)
    return brands() + made + head


def _trak(track: Track, samples: _Samples, offsets: NDArray[np.int64], ticks: int, made_s: int) -> bytes:
    rows = np.concatenate(samples.rows)
    durations = rows[:, 0].astype(np.int64)
    total = ticks * track.ticks // VIDEO_TICKS
    # Between segments the last sample lasts until the next begins.
    for (first, begins), (following, until) in zip(samples.starts, samples.starts[1:], strict=False):
        if following > first:
            missing = until - begins - int(durations[first:following].sum())
            durations[following - 1] = max(0, durations[following - 1] + missing)
    delay = samples.starts[0][1]
    tables = [_runs(b"stts", durations), _chunks(samples), full_box(b"stsz", 0, 0, pack(">II", 0, len(rows)),
              rows[:, 1].astype(">u4").tobytes())]  # fmt: skip
    places = offsets[[number for number, _count, _entry in samples.chunks]]
    tables.append(full_box(b"co64", 0, 0, pack(">I", len(places)), places.astype(">u8").tobytes()))
    if rows[:, 3].any():
        tables.append(_runs(b"ctts", rows[:, 3].astype(np.int32).astype(np.int64), version=1))
    if track.video:
        keys = np.flatnonzero(rows[:, 2] == KEY_FLAGS) + 1
        tables.append(full_box(b"stss", 0, 0, pack(">I", len(keys)), keys.astype(">u4").tobytes()))
    edits = b""
    if delay:
        lasts = total - delay
        rows_ = pack(">QqHHQqHH", delay * VIDEO_TICKS // track.ticks, -1, 1, 0, lasts * VIDEO_TICKS // track.ticks,
                     0, 1, 0)  # fmt: skip
        edits = box(b"edts", full_box(b"elst", 1, 0, pack(">I", 2), rows_))
    return track_box(track, made_s, samples.entries, tables, (ticks, int(durations.sum())), edits)


def _runs(kind: bytes, values: NDArray[np.int64], version: int = 0) -> bytes:
    """A table of how often which value comes one after the other."""
    starts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    counts = np.diff(np.append(starts, len(values)))
    table = np.stack([counts, values[starts] & 0xFFFF_FFFF], axis=1).astype(">u4")
    return full_box(kind, version, 0, pack(">I", len(table)), table.tobytes())


def _chunks(samples: _Samples) -> bytes:
    rows = [
        (i, count, entry)
        for i, (_number, count, entry) in enumerate(samples.chunks, 1)
        if i == 1 or samples.chunks[i - 2][1:] != (count, entry)
    ]
    return full_box(b"stsc", 0, 0, pack(">I", len(rows)), np.array(rows, ">u4").tobytes())
