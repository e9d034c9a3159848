"""What a file says of its pictures and its sound before the first of them (ISO/IEC 14496-12, 14496-15, 14496-14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack

from media.exceptions import NotOfferedError
from media.recordings.bits import general_of, kind_of_unit, read_sps, units

VIDEO_TICKS = 90_000
_SETS = {"h264": (7, 8), "h265": (32, 33, 34)}
_NOT_KEPT = {"h264": frozenset({7, 8, 9, 10, 11, 12}), "h265": frozenset({32, 33, 34, 35, 36, 37, 38})}
"""Parameter sets stand in the header; delimiters, ends of sequences and filling are of no use in a file."""
AAC_HZ = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
AAC_SAMPLES = 1024


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box."""
    return pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True)
class Track:
    """A track of a file.

    Attributes
    ----------
    codecs : str
        As browsers are asked whether they can play it (RFC 6381).
    entry : bytes
        Its sample entry.
    """

    id: int
    codec: str
    codecs: str
    ticks: int
    entry: bytes
    width: int = 0
    height: int = 0

    @property
    def video(self) -> bool:
        """Whether it is the pictures'."""
        return self.width > 0


def sets_of(data: bytes, codec: str) -> tuple[bytes, ...]:
    """Parameter sets in an access unit, in their order, each once; empty unless of each kind there is one."""
    found = dict.fromkeys(unit for unit in units(data) if kind_of_unit(unit, codec) in _SETS[codec])
    kinds = {kind_of_unit(unit, codec) for unit in found}
    return tuple(found) if kinds == set(_SETS[codec]) else ()


def sample_of(data: bytes, codec: str) -> bytes:
    """An access unit as files hold it: each unit behind its length, in four bytes."""
    parts: list[bytes] = []
    for unit in units(data):
        if kind_of_unit(unit, codec) not in _NOT_KEPT[codec]:
            parts += (len(unit).to_bytes(4, "big"), unit)
    return b"".join(parts)


def video_track(codec: str, sets: tuple[bytes, ...]) -> Track:
    """The pictures' track.

    Raises
    ------
    NotOfferedError
        The parameter sets cannot be read.
    """
    by_kind = {kind: [unit for unit in sets if kind_of_unit(unit, codec) == kind] for kind in _SETS[codec]}
    sps = by_kind[7 if codec == "h264" else 33][0]
    if len(sps) < 4:
        raise NotOfferedError("a parameter set ends too early")
    picture = read_sps(sps, codec)
    if codec == "h264":
        counted = pack(">B", 0xE0 | len(by_kind[7])) + _lengths(by_kind[7]) + pack(">B", len(by_kind[8]))
        more = b""
        if sps[1] in (100, 110, 122, 144):
            bits = (0xFC | picture.chroma, 0xF8 | picture.luma_bits - 8, 0xF8 | picture.chroma_bits - 8, 0)
            more = bytes(bits)
        record = box(b"avcC", b"\x01", sps[1:4], b"\xff", counted, _lengths(by_kind[8]), more)
        name, codecs = b"avc1", f"avc1.{sps[1:4].hex()}"
    else:
        general = general_of(sps)
        arrays = b"".join(pack(">BH", 0x80 | kind, len(found)) + _lengths(found) for kind, found in by_kind.items())
        record = box(
            b"hvcC", b"\x01", general, b"\xf0\x00\xfc",
            bytes((0xFC | picture.chroma, 0xF8 | picture.luma_bits - 8, 0xF8 | picture.chroma_bits - 8, 0, 0,
                   picture.sub_layers << 3 | picture.nested << 2 | 3, len(by_kind))),
            arrays,
        )  # fmt: skip
        name, codecs = b"hvc1", h265_name(general)
    entry = box(
        name,
        pack(">6xH16xHHIIIH32xHh", 1, picture.width, picture.height, 72 << 16, 72 << 16, 0, 1, 24, -1),
        record,
    )
    return Track(1, codec, codecs, VIDEO_TICKS, entry, picture.width, picture.height)


def _lengths(found: list[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(2, "big") + unit for unit in found)


def h265_name(general: bytes) -> str:
    """Annex E of ISO/IEC 14496-15: profile, compatibility with its bits turned round, tier and level, constraints."""
    first, compatible, constraints, level = general[0], general[1:5], general[5:11], general[11]
    turned = int(f"{int.from_bytes(compatible, 'big'):032b}"[::-1], 2)
    words = ["hvc1", f"{['', 'A', 'B', 'C'][first >> 6]}{first & 31}", f"{turned:X}",
             f"{'H' if first & 32 else 'L'}{level}"]  # fmt: skip
    return ".".join([*words, *(f"{byte:X}" for byte in constraints.rstrip(b"\x00"))])


@dataclass(frozen=True)
class AacUnit:
    """One access unit of AAC, and what its ADTS header said."""

    object_type: int
    rate: int
    channels: int
    data: bytes

    @property
    def config(self) -> tuple[int, int, int]:
        """What a decoder has to know."""
        return self.object_type, self.rate, self.channels


def adts_units(data: bytes) -> Iterator[AacUnit]:
    """Access units behind ADTS headers (ISO/IEC 13818-7, 6.2); nothing where there is none, or what is cut off."""
    at = 0
    while at + 7 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0:
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        header = 7 if data[at + 1] & 1 else 9
        rate, channels = data[at + 2] >> 2 & 15, (data[at + 2] & 1) << 2 | data[at + 3] >> 6
        if size <= header or at + size > len(data) or rate >= len(AAC_HZ) or not channels:
            return
        yield AacUnit((data[at + 2] >> 6) + 1, rate, channels, data[at + header : at + size])
        at += size


def aac_track(config: tuple[int, int, int]) -> Track:
    """The sound's track (``esds``: ISO/IEC 14496-1, 7.2.6)."""
    object_type, rate, channels = config
    special = (object_type << 11 | rate << 7 | channels << 3).to_bytes(2, "big")
    decoder = b"\x40\x15" + bytes(11) + b"\x05\x02" + special
    stream = b"\x03" + bytes([3 + 2 + len(decoder) + 3]) + b"\x00\x02\x00"
    descriptor = stream + b"\x04" + bytes([len(decoder)]) + decoder + b"\x06\x01\x02"
    hertz = AAC_HZ[rate]
    entry = box(
        b"mp4a",
        pack(">6xH8xHH4xI", 1, channels, 16, min(hertz, 0xFFFF) << 16),
        full_box(b"esds", 0, 0, descriptor),
    )
    return Track(2, "aac", f"mp4a.40.{object_type}", hertz, entry)
