"""The short way to a tile that was served a moment ago: before Django, from memory (:mod:`gis.tile_memory`)."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings

from gis import tile_memory
from gis.views import CONTENT_TYPE

_HEADERS = [
    (b"content-type", CONTENT_TYPE.encode()),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Cookie, Authorization"),
    (b"x-content-type-options", b"nosniff"),
]


def remembered(scope: dict[str, Any]) -> tuple[str, bytes] | None:
    """Name and bytes of the tile that a connection asks for, where all that is needed is in memory."""
    if scope["method"] != "GET" or scope["query_string"] not in (b"", b"f=mvt"):
        return None
    address = tile_memory.addresses.get(scope["path"])
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
    layer, z, x, y = address
    seat, version = tile_memory.seats.get(shown), tile_memory.version_of(layer)
    if not shown or seat is None or version is None:
        return None
    name = tile_memory.tile_name(layer, version, seat, z, x, y)
    content = tile_memory.contents.get(name)
    return None if content is None else (name, content)


async def serve(scope: dict[str, Any], send: Any) -> bool:
    """Answer from memory; False where Django has to."""
    found = remembered(scope)
    if found is None:
        return False
    name, content = found
    etag = f'"{name}"'.encode()
    known = dict(scope["headers"]).get(b"if-none-match", b"")
    is_same = etag in known
    headers = [*_HEADERS, (b"etag", etag)]
    if not is_same:
        headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": 304 if is_same else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_same else content})
    return True
