"""Tiles from files: PMTiles (specification version 3) and MBTiles (1.3). Both readers only read."""

from __future__ import annotations

import gzip
import json
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from twin.exceptions import BasemapError

_HEADER = struct.Struct("<7sB11Q")
_HEADER_BYTES = 127
MOST_TILE_BYTES = 4 << 20
_MOST_DIRECTORY_BYTES = 64 << 20
_DEPTH = 4
_NONE, _GZIP = 1, 2
Entry = tuple[int, int, int, int]


class PmTiles:
    """A PMTiles archive.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    BasemapError
        It is no such file, or packed in a way that is not read here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        head = _part(path, 0, _HEADER_BYTES)
        if len(head) < _HEADER_BYTES or head[:8] != b"PMTiles\x03":
            raise BasemapError(f"{path.name}: no PMTiles file of version 3")
        _magic, _version, *numbers = _HEADER.unpack_from(head)
        self._root = (numbers[0], numbers[1])
        self._metadata = (numbers[2], numbers[3])
        self._leaves, self._data = numbers[4], numbers[6]
        self._packing, self.tile_packing, self.tile_type = head[97], head[98], head[99]
        self.min_zoom, self.max_zoom = head[100], head[101]
        if self._packing not in (_NONE, _GZIP):
            raise BasemapError(f"{path.name}: packed in a way that is not read here ({self._packing})")

    def metadata(self) -> dict[str, Any]:
        """What the file says of itself."""
        found = json.loads(self._unpacked(*self._metadata) or b"{}")
        return found if isinstance(found, dict) else {}

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """A tile as it is stored, or None."""
        wanted = hilbert_number(z, x, y)
        offset, size = self._root
        for _level in range(_DEPTH):
            entry = _find(self._directory(offset, size), wanted)
            if entry is None:
                return None
            number, run, at, length = entry
            if run:
                if wanted >= number + run or length > MOST_TILE_BYTES:
                    return None
                return _part(self._path, self._data + at, length)
            offset, size = self._leaves + at, length
        return None

    def _directory(self, offset: int, size: int) -> tuple[Entry, ...]:
        stat = self._path.stat()
        return _directory(self._path, stat.st_mtime_ns, offset, size, self._packing)

    def _unpacked(self, offset: int, size: int) -> bytes:
        return _unpack(_part(self._path, offset, size), self._packing)


def hilbert_number(z: int, x: int, y: int) -> int:
    """Number of a tile: all of the zooms above, and its place on the Hilbert curve of its own."""
    number, n = ((1 << 2 * z) - 1) // 3, 1 << z
    s = n >> 1
    while s:
        rx, ry = int(x & s > 0), int(y & s > 0)
        number += s * s * ((3 * rx) ^ ry)
        if not ry:
            if rx:
                x, y = n - 1 - x, n - 1 - y
            x, y = y, x
        s >>= 1
    return number


@lru_cache(maxsize=64)
def _directory(path: Path, _changed_ns: int, offset: int, size: int, packing: int) -> tuple[Entry, ...]:
    if size > _MOST_DIRECTORY_BYTES:
        raise BasemapError(f"{path.name}: a directory of {size} bytes")
    numbers = _varints(_unpack(_part(path, offset, size), packing))
    try:
        count = next(numbers)
        ids, runs, lengths, places = ([next(numbers) for _entry in range(count)] for _column in range(4))
    except StopIteration:
        raise BasemapError(f"{path.name}: a directory is cut off") from None
    entries, number, at = [], 0, 0
    for i in range(count):
        number += ids[i]
        at = places[i] - 1 if places[i] else at + (lengths[i - 1] if i else 0)
        entries.append((number, runs[i], at, lengths[i]))
    return tuple(entries)


def _varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def _find(entries: tuple[Entry, ...], wanted: int) -> Entry | None:
    """The last entry that begins at or before a number."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle][0] <= wanted:
            low = middle + 1
        else:
            high = middle
    return entries[low - 1] if low else None


def _part(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except (OSError, OverflowError, ValueError) as error:
        raise BasemapError(f"{path.name}: {error}") from error


def _unpack(data: bytes, packing: int) -> bytes:
    if packing != _GZIP:
        return data
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        return unpacking.decompress(data, _MOST_DIRECTORY_BYTES)
    except zlib.error as error:
        raise BasemapError(f"a directory cannot be unpacked: {error}") from error


def mbtiles_tile(path: Path, z: int, x: int, y: int) -> bytes | None:
    """A tile of an MBTiles file, or None; rows are counted from the south there.

    Raises
    ------
    BasemapError
        It is no such file.
    """
    row = _ask(path, "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
               (z, x, (1 << z) - 1 - y))  # fmt: skip
    return bytes(row[0][0]) if row and len(row[0][0]) <= MOST_TILE_BYTES else None


def vector_layers(path: Path, kind: str) -> list[str]:
    """Names of the layers of a file of vector tiles; none of one of pictures."""
    if kind == "pmtiles":
        found = PmTiles(path).metadata()
    else:
        found = json.loads(dict(_ask(path, "SELECT name, value FROM metadata", ())).get("json", "{}"))
    return [str(each["id"]) for each in found.get("vector_layers", []) if "id" in each]


def _ask(path: Path, sql: str, values: tuple[Any, ...]) -> list[tuple]:
    try:
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
        try:
            return file.execute(sql, values).fetchall()
        finally:
            file.close()
    except sqlite3.Error as error:
        raise BasemapError(f"{path.name}: {error}") from error


def media_of(tile: bytes) -> tuple[str, bytes] | None:
    """Media type of a tile by its first bytes, and the tile unpacked; None for what is no tile."""
    for sign, name in ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")):
        if tile.startswith(sign):
            return name, tile
    if tile[:4] == b"RIFF" and tile[8:12] == b"WEBP":
        return "image/webp", tile
    if tile[:2] == b"\x1f\x8b":
        try:
            tile = gzip.decompress(tile)
        except (OSError, EOFError, zlib.error):
            return None
    # The first field of a vector tile is a layer.
    return ("application/vnd.mapbox-vector-tile", tile) if tile[:1] == b"\x1a" else None
