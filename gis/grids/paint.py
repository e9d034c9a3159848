"""Map tiles of cells: indexed PNG pictures, made from the columns."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gis.grids.lattice import Cells

TILE_PX = 256
Rgba = tuple[int, int, int, int]


def tile_cells(cells: Cells, z: int, x: int, y: int) -> NDArray[np.int64]:
    """Which cell is at the middle of each pixel of a tile (EPSG:3857), -1 for none: int64[256, 256]."""
    n = TILE_PX << z
    middle = np.arange(TILE_PX) + 0.5
    lon = (x * TILE_PX + middle) / n * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y * TILE_PX + middle) / n))))
    return cells.locate(*np.meshgrid(lon, lat))


def picture(colours: NDArray[np.uint8], palette: Sequence[Rgba]) -> bytes:
    """A PNG.

    Parameters
    ----------
    colours : uint8[rows, columns]
        Numbers of colours of the palette.
    palette : sequence of (red, green, blue, alpha)
        0..255 each, at most 256 of them.

    Notes
    -----
    PNG, third edition (W3C Recommendation, 2025), colour type 3.
    """
    rows, columns = colours.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = colours
    pieces = (
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(part for colour in palette for part in colour[:3])),
        (b"tRNS", bytes(colour[3] for colour in palette)),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in pieces
    )
    return b"\x89PNG\r\n\x1a\n" + body
