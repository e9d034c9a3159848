"""What a web process remembers of the tiles it has just served, so that serving them again asks nobody.

A view that has served a tile notes four things: whose credentials see by which scope, which layers an address means,
which version a layer's topics have, and the bytes. Each by itself goes out of date soon; as long as all four are
there the same tile can be answered before any session is opened or row is read (:mod:`config.tile_door`), and with the
first two a tile that is not there can be drawn by itself. Who may see what is asked of the view alone, which notes it
anew.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from gis.tile_grid import has_tile
from gis.tiles import TileLayer, TileScope

SEAT_S = 2.0
"""How long credentials that were good are believed to be: so long a tile may outlive a session or a permission."""
VERSION_S = 0.5
"""How long a version is believed to be the newest."""
MOST_BYTES = 64 << 20
MOST_NOTES = 20_000
ADDRESS_S = 3600
Address = tuple[tuple[TileLayer, ...], int, int, int]
Value = TypeVar("Value")


class Notes(Generic[Value]):
    """A bounded dictionary whose entries end after a while.

    Parameters
    ----------
    seconds : float
        How long an entry is good.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # Views note in threads of their own, the door looks on the event loop.
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def put(self, name: str, value: Value) -> None:
        """Note something."""
        with self._lock:
            self._entries[name] = (time.monotonic() + self._seconds, value)
            self._entries.move_to_end(name)
            while len(self._entries) > MOST_NOTES:
                self._entries.popitem(last=False)

    def get(self, name: str) -> Value | None:
        """What was noted, unless it is too long ago."""
        with self._lock:
            until, value = self._entries.get(name, (0.0, None))
        return value if until > time.monotonic() else None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


class Contents:
    """Tiles by name, the longest unused going first when there is no more room."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def put(self, name: str, content: bytes) -> None:
        """Keep a tile."""
        with self._lock:
            self._size += len(content) - len(self._tiles.pop(name, b""))
            self._tiles[name] = content
            while self._size > MOST_BYTES:
                self._size -= len(self._tiles.popitem(last=False)[1])

    def get(self, name: str) -> bytes | None:
        """The tile, if it is kept."""
        with self._lock:
            content = self._tiles.get(name)
            if content is not None:
                self._tiles.move_to_end(name)
            return content

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tiles.clear()
            self._size = 0


seats: Notes[TileScope | None] = Notes(SEAT_S)
layers: Notes[tuple[TileLayer, ...]] = Notes(ADDRESS_S)
versions: Notes[int] = Notes(VERSION_S)
contents = Contents()


def clear() -> None:
    """Forget everything."""
    for each in (seats, layers, versions, contents):
        each.clear()


def credentials(cookies: Mapping[str, str], session_cookie: str, authorization: str) -> str:
    """Digest of what somebody shows; empty for nothing."""
    session = cookies.get(session_cookie, "")
    return hashlib.sha256(f"{session}\0{authorization}".encode()).hexdigest() if session or authorization else ""


_PLACE = re.compile(r"(/.+)/(0|[1-9]\d{0,6})/(0|[1-9]\d{0,6})/(0|[1-9]\d{0,6})(\.mvt)?", re.ASCII)


def note_address(path: str, declared: Sequence[TileLayer]) -> None:
    """Note that this address, and every other that differs by the tile only, is a tile of these layers."""
    if found := _PLACE.fullmatch(path):
        layers.put(f"{found[1]}{found[5] or ''}", tuple(declared))


def address_of(path: str) -> Address | None:
    """Which tile an address means, of layers that have it; None where nobody has asked for one such yet, or none has.

    Ours are ``z/x/y.mvt``, those of OGC API Tiles ``z/row/column``.
    """
    found = _PLACE.fullmatch(path)
    declared = layers.get(f"{found[1]}{found[5] or ''}") if found else None
    if found is None or declared is None:
        return None
    z, second, third = int(found[2]), int(found[3]), int(found[4])
    x, y = (second, third) if found[5] else (third, second)
    here = tuple(layer for layer in declared if has_tile(layer, z, x, y))
    return (here, z, x, y) if here else None


def version_name(layer: TileLayer) -> str:
    """Under which name the version of a layer's topics is noted."""
    return "/".join(layer.topics)


def version_of(layer: TileLayer) -> int | None:
    """The version as far as it is known without asking; things that move have the moment's."""
    if layer.lifetime_s:
        return int(time.time() / layer.lifetime_s)
    return versions.get(version_name(layer))


def tile_name(layer: TileLayer, version: int, scope: TileScope | None, z: int, x: int, y: int) -> str:
    """Name of a tile's content: what it is kept under, and its ETag."""
    return hashlib.sha256(layer.cache_key(version, scope, z, x, y).encode()).hexdigest()[:40]


def joined_name(names: Sequence[str]) -> str:
    """Name of what several contents are together: another when one is another."""
    return names[0] if len(names) == 1 else hashlib.sha256("/".join(names).encode()).hexdigest()[:40]
