"""Tiles from other servers, fetched by ours: the key stays here, and only addresses of the register are asked.

What a browser sends is three whole numbers; host, path and key come from the administrator's register. Redirects are
not followed, answers are limited in size and time, and what is no tile is not passed on.
"""

from __future__ import annotations

import http.client
import logging
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from twin.basemaps.files import MOST_TILE_BYTES
from twin.basemaps.models import Basemap
from twin.exceptions import BasemapError

logger = logging.getLogger(__name__)

TIMEOUT_S = 6.0
REST_S = 20.0
"""A server that did not answer is not asked again for so long: a map asks for hundreds of tiles at once."""
_asleep_until: dict[int, float] = {}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        """Nowhere: where a redirect leads nobody has looked at."""


# No proxies of the environment, no file:, ftp: or data: addresses.
_opener = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler({}),
    urllib.request.HTTPHandler(),
    urllib.request.HTTPSHandler(),
    urllib.request.HTTPDefaultErrorHandler(),
    urllib.request.HTTPErrorProcessor(),
    _NoRedirect(),
):
    _opener.add_handler(_handler)


def address_of(basemap: Basemap, z: int, x: int, y: int) -> str:
    """Where a tile is, key included: for nobody's eyes, no log and no browser."""
    key = quote(basemap.secret, safe="")
    address = basemap.address
    if "{z}" not in address:
        asked = {
            "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": basemap.wmts_layer,
            "STYLE": basemap.wmts_style, "TILEMATRIXSET": basemap.wmts_set, "FORMAT": basemap.wmts_format,
            "TILEMATRIX": z, "TILEROW": y, "TILECOL": x,
        }  # fmt: skip
        address += ("&" if "?" in address else "?") + urlencode(asked)
    for place, value in (("{z}", z), ("{x}", x), ("{y}", y), ("{key}", key)):
        address = address.replace(place, str(value))
    return address


def fetch(basemap: Basemap, z: int, x: int, y: int) -> bytes | None:
    """The tile, or None where the server has none there.

    Raises
    ------
    BasemapError
        The server cannot be reached, refuses, or sends what is too much.
    """
    if time.monotonic() < _asleep_until.get(basemap.pk, 0):
        raise BasemapError(f"{basemap.slug}: did not answer a moment ago")
    request = urllib.request.Request(  # noqa: S310 - the opener knows no other schemes
        address_of(basemap, z, x, y), headers={"User-Agent": "Sandtable", "Accept": "image/*,*/*;q=0.5"}
    )
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            content = answer.read(MOST_TILE_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (204, 404):
            return None
        raise BasemapError(f"{basemap.slug}: the server answers {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        _asleep_until[basemap.pk] = time.monotonic() + REST_S
        # The text of the error may hold the address, and with it the key.
        raise BasemapError(f"{basemap.slug}: not reached ({type(error).__name__})") from None
    if len(content) > MOST_TILE_BYTES:
        raise BasemapError(f"{basemap.slug}: a tile of more than {MOST_TILE_BYTES} bytes")
    return content or None
