"""Files of recordings, read: boxes, fragments, where playing can begin. What lies on a disk is not believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import calcsize, error, unpack_from
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.exceptions import NotOfferedError
from media.recordings.mp4 import KEY_FLAGS, KeyPoint
from media.recordings.tracks import h265_name

MOST_HEADER = 1 << 20
TAIL = 1 << 16
Read = Callable[[int, int], bytes]
"""Bytes of a file: where they begin, and how many."""


class Box(NamedTuple):
    """A box of a file: its kind, where it begins, how long it is."""

    kind: bytes
    offset: int
    size: int


@dataclass(frozen=True)
class Part:
    """Samples of one track in a fragment.

    Attributes
    ----------
    offset : int
        Where their bytes begin in the file.
    samples : NDArray, (n, 4), uint32
        Duration, bytes, flags, and (signed) from decoding to showing.
    """

    track: int
    begins: int
    offset: int
    samples: NDArray[np.uint32]

    @property
    def ends(self) -> int:
        """Ticks at which the last of them ends."""
        return self.begins + int(self.samples[:, 0].sum(dtype=np.int64))

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.samples[:, 1].sum(dtype=np.int64))


@dataclass(frozen=True)
class Fragment:
    """A fragment: where it begins and ends in the file, and what it holds by track."""

    offset: int
    end: int
    parts: dict[int, Part]

    @property
    def key(self) -> bool:
        """Whether playing can begin here."""
        part = self.parts.get(1)
        return part is not None and bool(part.samples[0, 2] == KEY_FLAGS)


class DamagedError(NotOfferedError):
    """A file of a recording is not what was written."""


def boxes(read: Read, size: int, at: int = 0) -> Iterator[Box]:
    """Boxes of a file from a place on; ends before the first that is not whole."""
    while at + 8 <= size:
        head = read(at, 8)
        if len(head) < 8:
            return
        length, kind = unpack_from(">I4s", head)
        if length < 8 or at + length > size:
            return
        yield Box(kind, at, length)
        at += length


def header_of(read: Read, size: int) -> tuple[bytes, int]:
    """The file's first bytes up to its first fragment, and how many they are.

    Raises
    ------
    DamagedError
        It does not begin as a recording does.
    """
    found = []
    for box in boxes(read, size):
        found.append(box.kind)
        if found == [b"ftyp", b"moov"]:
            end = box.offset + box.size
            if end > MOST_HEADER:
                break
            return read(0, end), end
        if len(found) > 1:
            break
    raise DamagedError("a recording's file begins with something else")


def fragments(read: Read, size: int, at: int) -> Iterator[Fragment]:
    """Whole fragments from ``at`` on.

    Raises
    ------
    DamagedError
        One of them makes no sense.
    """
    described: Box | None = None
    for box in boxes(read, size, at):
        if box.kind == b"moof":
            described = box
        elif box.kind == b"mdat" and described is not None and described.offset + described.size == box.offset:
            if described.size > MOST_HEADER:
                raise DamagedError("a fragment's description is too long")
            parts = _parts(read(described.offset, described.size), described.offset)
            end = box.offset + box.size
            if any(part.offset < box.offset + 8 or part.offset + part.size > end for part in parts.values()):
                raise DamagedError("a fragment's samples lie outside it")
            yield Fragment(described.offset, end, parts)
            described = None
        else:
            return  # the index at the end


def _parts(moof: bytes, offset: int) -> dict[int, Part]:
    parts: dict[int, Part] = {}
    try:
        for kind, begin, end in _inside(moof, 8, len(moof)):
            if kind != b"traf":
                continue
            track = begins = 0
            for inner, at, _end in _inside(moof, begin, end):
                if inner == b"tfhd":
                    (track,) = unpack_from(">I", moof, at + 4)
                elif inner == b"tfdt":
                    (begins,) = unpack_from(">Q", moof, at + 4)
                elif inner == b"trun":
                    count, first = unpack_from(">Ii", moof, at + 4)
                    samples = np.frombuffer(moof, ">u4", count * 4, at + 12).reshape(count, 4)
                    if not count:
                        raise DamagedError("a fragment without samples")
                    parts[track] = Part(track, begins, offset + first, samples.astype(np.uint32))
    except (error, ValueError) as fault:
        raise DamagedError(f"a fragment cannot be read: {fault}") from None
    return parts


def _inside(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes within a box: kind, where the body begins, where it ends."""
    while at + 8 <= end:
        size, kind = unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            raise DamagedError("a box reaches beyond the one it is in")
        yield kind, at + 8, at + size
        at += size


def find_entry(header: bytes, track: int) -> bytes:
    """The sample entry of a track in a file's header.

    Raises
    ------
    DamagedError
        There is none.
    """
    for kind, begin, end in _inside(header, 0, len(header)):
        if kind != b"moov":
            continue
        for inner, at, till in _inside(header, begin, end):
            if inner == b"trak" and _track_number(header, at, till) == track:
                for path in (b"mdia", b"minf", b"stbl", b"stsd"):
                    at, till = next(((a, b) for name, a, b in _inside(header, at, till) if name == path), (till, till))
                (size,) = unpack_from(">I", header, at + 8)
                return header[at + 8 : at + 8 + size]
    raise DamagedError("a recording's header lacks a track")


def size_of(entry: bytes) -> tuple[int, int]:
    """Width and height in a sample entry of pictures."""
    width, height = unpack_from(">HH", entry, 32)
    return width, height


def codecs_of(header: bytes) -> str:
    """What a file's header says of its tracks, as browsers are asked whether they can play it (RFC 6381).

    Raises
    ------
    DamagedError
        It is none of ours.
    """
    entry = find_entry(header, 1)
    if (at := entry.find(b"avcC")) > 0:
        names = [f"avc1.{entry[at + 5 : at + 8].hex()}"]
    elif (at := entry.find(b"hvcC")) > 0:
        names = [h265_name(entry[at + 5 : at + 17])]
    else:
        raise DamagedError("a recording's pictures are of an unknown kind")
    try:
        sound = find_entry(header, 2)
    except DamagedError:
        return names[0]
    at = sound.find(b"\x05\x02", sound.find(b"esds"))
    return f"{names[0]},mp4a.40.{sound[at + 2] >> 3}"


def _track_number(header: bytes, at: int, end: int) -> int:
    for kind, begin, _end in _inside(header, at, end):
        if kind == b"tkhd":
            return int(unpack_from(">I", header, begin + 20)[0])
    return 0


def key_points(read: Read, size: int) -> tuple[list[KeyPoint], int]:
    """Where playing can begin, and where the last fragment ends: from the index at the end, else by walking.

    Raises
    ------
    DamagedError
        The file is not what was written.
    """
    tail = read(max(0, size - TAIL), min(size, TAIL))
    if tail[-12:-8] == b"mfro":
        (length,) = unpack_from(">I", tail, len(tail) - 4)
        if 8 < length <= len(tail):
            points = _indexed(tail[-length:])
            if points:
                return points, size - length
    _header, at = header_of(read, size)
    points, end = [], at
    for each in fragments(read, size, at):
        end = each.end
        if each.key:
            points.append(KeyPoint(each.parts[1].begins, each.offset))
    return points, end


def _indexed(mfra: bytes) -> list[KeyPoint]:
    row = ">QQ3x"
    try:
        for kind, begin, end in _inside(mfra, 8, len(mfra)):
            if kind == b"tfra":
                (count,) = unpack_from(">I", mfra, begin + 12)
                if begin + 16 + count * calcsize(row) > end:
                    raise DamagedError("the index at the end cannot be read")
                at = (begin + 16 + i * calcsize(row) for i in range(count))
                return [KeyPoint(*unpack_from(row, mfra, place)) for place in at]
    except error:
        raise DamagedError("the index at the end cannot be read") from None
    return []
