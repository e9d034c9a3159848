"""The short way to a tile: before Django, for those whom it has let in a moment ago (:mod:`gis.tile_memory`).

A tile that was served is sent from memory. One that was not is drawn by a thread of the door's: opening the session,
finding the account and its grants, and all that is around a request takes longer than drawing a tile of a city does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from gis import tile_memory
from gis.exceptions import TileTimeoutError
from gis.tile_memory import Address
from gis.tiles import TileScope
from gis.views import CONTENT_TYPE, busy, joined_content, tile_parts

_HEADERS = [
    (b"content-type", CONTENT_TYPE.encode()),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Cookie, Authorization"),
    (b"x-content-type-options", b"nosniff"),
]
DRAWERS = 8
"""So many are drawn at once at most: half of a process's connections to the database."""
_pool = ThreadPoolExecutor(DRAWERS, "tiles")


def _draw(address: Address, seat: TileScope | None) -> tuple[str, bytes]:
    """Name and bytes of a tile that is not in memory."""
    try:
        layers, z, x, y = address
        parts = tile_parts(layers, z, x, y, seat)
        name = tile_memory.joined_name([name for _layer, name in parts])
        return name, joined_content(parts, z, x, y, seat, is_kept=True)
    finally:
        close_old_connections()


drawing = sync_to_async(_draw, thread_sensitive=False, executor=_pool)


def _asked(scope: dict[str, Any]) -> tuple[Address, TileScope | None] | None:
    """Which tile a connection asks for and what may be seen in it; None where Django has to say."""
    if scope["method"] != "GET" or scope["query_string"] not in (b"", b"f=mvt"):
        return None
    address = tile_memory.address_of(scope["path"])
    if address is None:
        return None
    headers = dict(scope["headers"])
    if b"origin" in headers:
        return None  # what another origin may read is the view's to say
    try:
        cookies = {name: each.value for name, each in SimpleCookie(headers.get(b"cookie", b"").decode()).items()}
        shown = tile_memory.credentials(
            cookies, settings.SESSION_COOKIE_NAME, headers.get(b"authorization", b"").decode()
        )
    except (CookieError, UnicodeDecodeError):
        return None
    seat = tile_memory.seats.get(shown)
    return (address, seat) if shown and seat is not None else None


def _remembered(address: Address, seat: TileScope | None) -> tuple[str, bytes] | None:
    layers, z, x, y = address
    names, contents = [], []
    for layer in layers:
        version = tile_memory.version_of(layer)
        if version is None:
            return None
        names.append(tile_memory.tile_name(layer, version, seat, z, x, y))
        content = tile_memory.contents.get(names[-1])
        if content is None:
            return None
        contents.append(content)
    return tile_memory.joined_name(names), b"".join(contents)


async def serve(scope: dict[str, Any], send: Any) -> bool:
    """Answer what can be answered here; False where Django has to."""
    asked = _asked(scope)
    if asked is None:
        return False
    try:
        name, content = _remembered(*asked) or await drawing(*asked)
    except TileTimeoutError as error:
        refused = busy(error)
        told = [(name.lower().encode(), value.encode()) for name, value in refused.items()]
        await send({"type": "http.response.start", "status": refused.status_code, "headers": told})
        await send({"type": "http.response.body", "body": refused.content})
        return True
    etag = f'"{name}"'.encode()
    is_same = etag in dict(scope["headers"]).get(b"if-none-match", b"")
    headers = [*_HEADERS, (b"etag", etag)]
    if not is_same:
        headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": 304 if is_same else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_same else content})
    return True
