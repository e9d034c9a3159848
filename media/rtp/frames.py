"""What comes out: encoded pictures and sound, and what is learnt from looking at them."""

from __future__ import annotations

from typing import NamedTuple

VIDEO = frozenset({"h264", "h265", "mpeg4", "svac"})


class Frame(NamedTuple):
    """One access unit of video in Annex B, or a piece of sound.

    Attributes
    ----------
    codec : str
        ``h264``, ``h265``, ``mpeg4``, ``svac``, ``g711a``, ``g711u``, ``aac``, ``g722``, ``g723``, ``g729``,
        ``opus`` (of publishers only).
    pts : int
        When it is shown, in ticks of 90 kHz, unwrapped: never falls back because a counter was full.
    key : bool
        A decoder can begin here.
    damaged : bool
        Something of it, or before it since the last key frame, was lost.
    """

    codec: str
    data: bytes
    pts: int
    key: bool
    damaged: bool = False

    @property
    def video(self) -> bool:
        """Whether it is a picture."""
        return self.codec in VIDEO


def nal_types(data: bytes, codec: str, most: int = 8) -> list[int]:
    """Types of the first NAL units of an access unit; parameter sets and the first slice are all among them."""
    found: list[int] = []
    at = data.find(b"\x00\x00\x01")
    while at >= 0 and at + 3 < len(data) and len(found) < most:
        header = data[at + 3]
        kind = header & 0x1F if codec == "h264" else header >> 1 & 0x3F
        found.append(kind)
        if (codec == "h264" and 1 <= kind <= 5) or (codec == "h265" and kind < 32):
            break  # a slice: pictures begin here, and what follows are slices of it
        at = data.find(b"\x00\x00\x01", at + 4)
    return found


def is_key(data: bytes, codec: str) -> bool:
    """Whether a decoder can begin with this access unit."""
    types = nal_types(data, codec)
    if codec == "h264":
        return 5 in types
    if codec == "h265":
        return any(16 <= kind <= 21 for kind in types)
    return False


def guess_video(data: bytes) -> str:
    """Codec of an access unit nobody has named; empty where it cannot be told.

    H.265's parameter sets (types 32 to 34, header of two bytes with layer 0) and H.264's look like nothing else.
    """
    at = data.find(b"\x00\x00\x01")
    while at >= 0 and at + 4 < len(data):
        first, second = data[at + 3], data[at + 4]
        if first & 0x81 == 0 and second == 1 and 32 <= first >> 1 <= 35:
            return "h265"
        if first in (0x67, 0x27, 0x47, 0x68, 0x28, 0x09):
            return "h264"
        at = data.find(b"\x00\x00\x01", at + 3)
    return ""


class Unwrapper:
    """A counter that wraps becomes one that does not.

    Parameters
    ----------
    bits : int
        Its width.
    """

    def __init__(self, bits: int) -> None:
        self._span = 1 << bits
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        """The number nearest to the one before that ends in ``value``."""
        if self._last is None:
            self._last = value
            return value
        step = (value - self._last) % self._span
        if step >= self._span >> 1:
            step -= self._span
        self._last += step
        return self._last
