"""Fragmented MP4, written (ISO/IEC 14496-12): a header, fragments that each stand alone, and at the end where they are.

Every ``tfhd`` names its sample description, so that a fragment can be put behind another header with nothing in it
moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from typing import NamedTuple

from media.recordings.tracks import Track, box, full_box

SINCE_1904_S = 2_082_844_800
KEY_FLAGS, PLAIN_FLAGS = 0x0200_0000, 0x0101_0000
_DEFAULT_BASE_IS_MOOF, _DESCRIPTION_THERE = 0x20000, 0x2
_TRUN = 0x1 | 0x100 | 0x200 | 0x400 | 0x800
_MATRIX = pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


class Sample(NamedTuple):
    """One access unit; ``duration`` and ``shown_after`` (from decoding to showing) in ticks of its track."""

    data: bytes
    duration: int
    shown_after: int
    key: bool


class Run(NamedTuple):
    """Samples of one track that follow each other, the first decoded at ``begins`` ticks."""

    track: Track
    begins: int
    samples: Sequence[Sample]


class KeyPoint(NamedTuple):
    """Where playing can begin: ticks of the pictures' track, and the offset of the fragment in the file."""

    time: int
    offset: int


def header(tracks: Sequence[Track], made_s: int) -> bytes:
    """What a file of fragments begins with.

    Parameters
    ----------
    tracks : sequence of Track
        Pictures first.
    made_s : int
        When the first picture was taken, seconds since 1970.
    """
    empty = [full_box(name, 0, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco")]
    empty.append(full_box(b"stsz", 0, 0, bytes(8)))
    traks = [track_box(track, made_s, (track.entry,), empty) for track in tracks]
    trexs = [full_box(b"trex", 0, 0, pack(">IIIII", track.id, 1, 0, 0, 0)) for track in tracks]
    return brands() + movie(tracks, made_s, 0, [*traks, box(b"mvex", *trexs)])


def brands() -> bytes:
    """What kind of file it is."""
    return box(b"ftyp", b"iso6", pack(">I", 0x200), b"iso6iso5mp41")


def movie(tracks: Sequence[Track], made_s: int, duration: int, boxes: Sequence[bytes]) -> bytes:
    """``moov``; the duration in ticks of the pictures, 0 where it is not known yet."""
    made = made_s + SINCE_1904_S
    mvhd = full_box(
        b"mvhd", 1, 0, pack(">QQIQIH10x", made, made, tracks[0].ticks, duration, 1 << 16, 1 << 8), _MATRIX, bytes(24),
        pack(">I", len(tracks) + 1),
    )  # fmt: skip
    return box(b"moov", mvhd, *boxes)


def track_box(
    track: Track, made_s: int, entries: Sequence[bytes], tables: Sequence[bytes],
    durations: tuple[int, int] = (0, 0), edits: bytes = b"",
) -> bytes:  # fmt: skip
    """``trak``.

    Parameters
    ----------
    entries : sequence of bytes
        Sample entries.
    tables : sequence of bytes
        What else stands in the sample table.
    durations : tuple of int
        In ticks of the movie, and of the track.
    edits : bytes
        ``edts``, where there is one.
    """
    made = made_s + SINCE_1904_S
    sound = 0 if track.video else 1 << 8
    tkhd = full_box(
        b"tkhd", 1, 7, pack(">QQI4xQ8xHHH2x", made, made, track.id, durations[0], 0, 0, sound), _MATRIX,
        pack(">II", track.width << 16, track.height << 16),
    )  # fmt: skip
    mdhd = full_box(b"mdhd", 1, 0, pack(">QQIQHH", made, made, track.ticks, durations[1], 0x55C4, 0))
    kind = b"vide" if track.video else b"soun"
    hdlr = full_box(b"hdlr", 0, 0, pack(">I4s12x", 0, kind), b"sandtable\x00")
    media_header = full_box(b"vmhd", 0, 1, bytes(8)) if track.video else full_box(b"smhd", 0, 0, bytes(4))
    data = box(b"dinf", full_box(b"dref", 0, 0, pack(">I", 1), full_box(b"url ", 0, 1)))
    stbl = box(b"stbl", full_box(b"stsd", 0, 0, pack(">I", len(entries)), *entries), *tables)
    return box(b"trak", tkhd, edits, box(b"mdia", mdhd, hdlr, box(b"minf", media_header, data, stbl)))


def fragment(number: int, runs: Sequence[Run]) -> list[bytes]:
    """A fragment, in pieces to be written one after the other.

    Parameters
    ----------
    number : int
        Counted from 1 in a file.
    """
    tables = [_table(run) for run in runs]
    size = 8 + 16 + sum(8 + 20 + 20 + len(table) for table in tables)
    offset, trafs = size + 8, []
    for run, table in zip(runs, tables, strict=True):
        trun = table[:16] + pack(">i", offset) + table[20:]
        tfhd = full_box(b"tfhd", 0, _DEFAULT_BASE_IS_MOOF | _DESCRIPTION_THERE, pack(">II", run.track.id, 1))
        trafs.append(box(b"traf", tfhd, full_box(b"tfdt", 1, 0, pack(">Q", run.begins)), trun))
        offset += sum(len(sample.data) for sample in run.samples)
    moof = box(b"moof", full_box(b"mfhd", 0, 0, pack(">I", number)), *trafs)
    data = [sample.data for run in runs for sample in run.samples]
    return [moof, pack(">I4s", 8 + sum(map(len, data)), b"mdat"), *data]


def _table(run: Run) -> bytes:
    numbers: list[int] = []
    for sample in run.samples:
        flags = KEY_FLAGS if sample.key else PLAIN_FLAGS
        numbers += (sample.duration, len(sample.data), flags, sample.shown_after & 0xFFFF_FFFF)
    return full_box(b"trun", 1, _TRUN, pack(">Ii", len(run.samples), 0), pack(f">{len(numbers)}I", *numbers))


def index(points: Sequence[KeyPoint]) -> bytes:
    """What a finished file ends with: where playing can begin (``mfra``)."""
    rows = b"".join(pack(">QQBBB", point.time, point.offset, 1, 1, 1) for point in points)
    tfra = full_box(b"tfra", 1, 0, pack(">III", 1, 0, len(points)), rows)
    return box(b"mfra", tfra, full_box(b"mfro", 0, 0, pack(">I", 8 + len(tfra) + 16)))
