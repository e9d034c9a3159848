"""Parameter sets of H.264 and H.265, read as far as a file's header needs (ITU-T H.264 7.3.2.1, H.265 7.3.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from media.exceptions import NotOfferedError

START = b"\x00\x00\x01"
MOST_PIXELS = 16_384
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def units(data: bytes) -> Iterator[bytes]:
    """NAL units of an access unit in Annex B, without start codes and trailing zeros."""
    at = data.find(START)
    while at >= 0:
        begin = at + 3
        at = data.find(START, begin)
        unit = (data[begin:] if at < 0 else data[begin:at]).rstrip(b"\x00")
        if unit:
            yield unit


def kind_of_unit(unit: bytes, codec: str) -> int:
    """``nal_unit_type``."""
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


class Bits:
    """Bits of a parameter set, its emulation prevention taken out.

    Raises
    ------
    NotOfferedError
        It ends too early, or holds a number nobody writes.
    """

    def __init__(self, unit: bytes) -> None:
        self.data = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(self.data, "big")
        self._left = len(self.data) * 8

    def u(self, width: int) -> int:
        """A number of ``width`` bits."""
        if width > self._left:
            raise NotOfferedError("a parameter set ends too early")
        self._left -= width
        return self._value >> self._left & ((1 << width) - 1)

    def ue(self) -> int:
        """Exp-Golomb (9.1)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise NotOfferedError("a parameter set holds no number where one should be")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb (9.1.1)."""
        number = self.ue()
        return (number + 1) // 2 if number & 1 else -(number // 2)


@dataclass(frozen=True)
class Picture:
    """What a sequence parameter set says; pixels, and bits a sample."""

    width: int
    height: int
    chroma: int
    luma_bits: int
    chroma_bits: int
    sub_layers: int = 1
    nested: bool = True


def read_sps(unit: bytes, codec: str) -> Picture:
    """Size and format of the pictures that follow.

    Raises
    ------
    NotOfferedError
        It cannot be read.
    """
    picture = _read_h264(unit) if codec == "h264" else _read_h265(unit)
    if not (0 < picture.width <= MOST_PIXELS and 0 < picture.height <= MOST_PIXELS):
        raise NotOfferedError(f"pictures of {picture.width} by {picture.height}")
    return picture


def _read_h264(unit: bytes) -> Picture:
    bits = Bits(unit)
    bits.u(8)
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    chroma, luma_bits, chroma_bits, separate = 1, 8, 8, 0
    if profile in _HIGH:
        chroma = bits.ue()
        separate = bits.u(1) if chroma == 3 else 0
        luma_bits, chroma_bits = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)
        if bits.u(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()
    bits.u(1)
    width, height = (bits.ue() + 1) * 16, bits.ue() + 1
    frames_only = bits.u(1)
    height *= 16 * (2 - frames_only)
    if not frames_only:
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        unit_x = 1 if chroma in (0, 3) or separate else 2
        unit_y = (2 if chroma == 1 and not separate else 1) * (2 - frames_only)
        width -= unit_x * (bits.ue() + bits.ue())
        height -= unit_y * (bits.ue() + bits.ue())
    return Picture(width, height, chroma, luma_bits, chroma_bits)


def _skip_scaling(bits: Bits, lists: int) -> None:
    for number in range(lists):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _read_h265(unit: bytes) -> Picture:
    bits = Bits(unit)
    bits.u(16 + 4)
    layers = bits.u(3)
    nested = bool(bits.u(1))
    bits.u(96)  # general profile, tier, level: copied as bytes, see general_of
    there = [(bits.u(1), bits.u(1)) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in there:
        bits.u(88 * has_profile + 8 * has_level)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    width, height = bits.ue(), bits.ue()
    if bits.u(1):
        unit_x, unit_y = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
        width -= unit_x * (bits.ue() + bits.ue())
        height -= unit_y * (bits.ue() + bits.ue())
    return Picture(width, height, chroma, 8 + bits.ue(), 8 + bits.ue(), layers + 1, nested)


def general_of(sps: bytes) -> bytes:
    """The twelve bytes of profile, tier, compatibility, constraints and level in H.265's sequence parameter set."""
    return Bits(sps).data[3:15]
