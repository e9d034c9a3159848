"""A picture that shows what time it is, for machines to read: the delay from a camera to a screen is measured by it.

Key frames only, each of I_PCM macroblocks (see :mod:`media.simulator.clip`); the last 32 of them are the bits of the
milliseconds since 1970, the highest first, bright for one.
"""

from __future__ import annotations

import time

from media.simulator.clip import Picture, drawn

WIDTH_MB, HEIGHT_MB = 8, 6
"""128 x 96 pixels, 18 kB a picture: 3.7 Mbit/s at 25 a second, as a camera of 1080p sends."""
BITS = 32
MACROBLOCK_BYTES = 386
"""``mb_type`` and alignment, 256 samples of brightness and 128 of colour."""
BRIGHT, DARK = bytes([235]) * 256, bytes([40]) * 256


class ClockPictures:
    """As many pictures as one likes; each is of the moment it is taken at."""

    def __init__(self) -> None:
        self._template = drawn(WIDTH_MB, HEIGHT_MB, 1)[0].data

    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, number: int) -> Picture:
        """The picture of now."""
        data = bytearray(self._template)
        now_ms = int(time.time() * 1000)
        end = len(data) - 1  # the stop bit
        for bit in range(BITS):
            begin = end - (bit + 1) * MACROBLOCK_BYTES + 2
            data[begin : begin + 256] = BRIGHT if now_ms >> bit & 1 else DARK
        return Picture(bytes(data), True)
