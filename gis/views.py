"""Vector tiles over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gis import tile_memory
from gis.answers import kept_by_the_browser, refusal, revalidated
from gis.exceptions import TileOutOfRangeError, TileTimeoutError, UnknownLayerError, UnknownRegionError
from gis.notices import stamp_of
from gis.regions import city_region
from gis.rendering import render_tile
from gis.tile_grid import check_tile, has_tile
from gis.tiles import TileLayer, TileScope, registry, scope_of_request

CONTENT_TYPE = "application/vnd.mapbox-vector-tile"
CACHE_S = 24 * 3600
RETRY_AFTER_S = 5
MOST_LAYERS = 8
"""So many layers are put into one tile at most: each may take its own time."""


def _cache() -> BaseCache:
    """The cache named ``tiles`` where settings have one, otherwise the default."""
    return caches["tiles" if "tiles" in settings.CACHES else "default"]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(text) from error


def version_now(layer: TileLayer) -> int:
    """What the tile's content depends on: the topics' version, for things that move the moment."""
    known = tile_memory.version_of(layer) if layer.lifetime_s else None
    if known is not None:
        return known
    version = stamp_of(layer.topics)
    tile_memory.versions.put(tile_memory.version_name(layer), version)
    return version


@require_safe
def tile(request: HttpRequest, layers: str, z: int, x: int, y: int) -> HttpResponse:
    """One tile for whoever is signed in, of a layer or of several whose names stand one after another with commas.

    Answers 304 without rendering while nothing changed that the tile is made of: the layers' declarations and topics,
    and the scope. With ``at`` (milliseconds since 1970 UTC) it is the tile of that moment, of layers that keep their
    past. Of several layers those are left out that have no tiles at this zoom. 400 where ``at`` is no moment, a layer
    is named twice or there are too many, 401 without a session, 403 where nobody can tell the scope, 404 for a layer,
    zoom or tile that does not exist, 503 when the database took too long: all for one layer's sake, too.
    """
    if not request.user.is_authenticated:
        return refusal(401, _("请先登录"))
    names = layers.split(",")
    if not len(set(names)) == len(names) <= MOST_LAYERS:
        return refusal(400, _("一次最多取 %(most)d 个图层，且不能重复。") % {"most": MOST_LAYERS})
    try:
        declared = [registry.find(name) for name in names]
        if not any(has_tile(layer, z, x, y) for layer in declared):
            check_tile(declared[0], z, x, y)
        if "at" in request.GET:
            moment = _moment(request.GET["at"])
            declared = [layer.at(moment) for layer in declared]
    except (UnknownLayerError, TileOutOfRangeError) as error:
        return refusal(404, error)
    except ValueError:
        return refusal(400, _("at 应为 1970 年起的毫秒数（UTC）。"))
    scope = scope_of_request(request)
    for layer in declared:
        if scope is None and not layer.open_to_all:
            return refusal(403, _("图层 %(layer)s 的数据范围无从判断") % {"layer": layer.name})
    return tile_response(request, declared, z, x, y)


def tile_response(request: HttpRequest, declared: Sequence[TileLayer], z: int, x: int, y: int) -> HttpResponse:
    """A tile of the layers in the scope of whoever asks, from the cache where it is; 304, 503 as :func:`tile`."""
    scope = scope_of_request(request)
    is_present = "at" not in request.GET
    parts = tile_parts(declared, z, x, y, scope)

    def rendered() -> HttpResponse:
        try:
            content = joined_content(parts, z, x, y, scope, is_kept=is_present)
        except TileTimeoutError as error:
            return busy(error)
        return HttpResponse(content, content_type=CONTENT_TYPE)

    shown = tile_memory.credentials(
        request.COOKIES, settings.SESSION_COOKIE_NAME, request.headers.get("Authorization", "")
    )
    tile_memory.seats.put(shown, scope)
    if is_present:
        tile_memory.note_address(request.path, declared)
    return revalidated(request, tile_memory.joined_name([name for _layer, name in parts]), rendered)


def tile_parts(
    layers: Sequence[TileLayer], z: int, x: int, y: int, scope: TileScope | None
) -> list[tuple[TileLayer, str]]:
    """What a tile of several layers is made of: those that have one there, and the names of their contents now.

    The versions are read before the rows: a change between the two makes the tile newer than its key, never older.
    """
    here = [layer for layer in layers if has_tile(layer, z, x, y)]
    versions = {(layer.topics, layer.lifetime_s): layer for layer in here}
    known = {facts: version_now(layer) for facts, layer in versions.items()}
    return [
        (layer, tile_memory.tile_name(layer, known[layer.topics, layer.lifetime_s], scope, z, x, y)) for layer in here
    ]


def joined_content(
    parts: Sequence[tuple[TileLayer, str]], z: int, x: int, y: int, scope: TileScope | None, *, is_kept: bool
) -> bytes:
    """The bytes of :func:`tile_parts`, each as :func:`tile_content` has them.

    Tiles one after the other are one tile with all their layers (Mapbox Vector Tile Specification 2.1, 4.1: layers are
    a repeated field).

    Raises
    ------
    TileTimeoutError
        As :func:`tile_content`, for any of them.
    """
    return b"".join(tile_content(layer, z, x, y, scope, name, is_kept=is_kept) for layer, name in parts)


def tile_content(
    declared: TileLayer, z: int, x: int, y: int, scope: TileScope | None, name: str, *, is_kept: bool
) -> bytes:
    """A tile's bytes, from where they are kept or drawn now.

    Parameters
    ----------
    name : str
        The content's (:func:`gis.tile_memory.tile_name`).
    is_kept : bool
        Moments are as many as somebody likes to ask for: only the browser keeps those tiles.

    Raises
    ------
    TileTimeoutError
        As :func:`gis.rendering.render_tile`.
    """
    cache = _cache()
    content = cache.get(f"tile.{name}")
    if content is None:
        content = render_tile(declared, z, x, y, declared.scope_clause(scope), scope)
        if is_kept:
            cache.set(f"tile.{name}", content, CACHE_S)
    if is_kept:
        tile_memory.contents.put(name, content)
    return content


def busy(error: TileTimeoutError) -> HttpResponse:
    """What somebody is told whose tile took too long."""
    answer = refusal(503, error)
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """The layers there are, with their zooms, and the city's bounds in degrees (west, south, east, north)."""
    if not request.user.is_authenticated:
        return refusal(401, _("请先登录"))
    try:
        bounds = list(city_region().boundary.extent)
    except UnknownRegionError:
        bounds = None
    base = request.path.removesuffix("catalog.json")
    layers = [
        {
            "name": layer.name,
            "title": str(layer.title),
            "tiles": f"{base}{layer.name}/{{z}}/{{x}}/{{y}}.mvt",
            "minzoom": layer.min_zoom,
            "maxzoom": layer.max_zoom,
            "properties": [name for name, _text in layer.properties],
            # Below the last zoom: shapes simplified to half a pixel, and what is smaller than this left out.
            "drop_below_px": layer.drop_below_px,
            "attribution": layer.attribution() if layer.attribution else "",
        }
        for layer in registry.all()
    ]
    return kept_by_the_browser(JsonResponse({"layers": layers, "bounds": bounds}))
