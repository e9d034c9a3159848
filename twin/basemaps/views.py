"""Basemaps over HTTP, for whoever is signed in."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gis.answers import kept_by_the_browser, refusal
from twin.basemaps import kept, remote
from twin.basemaps.files import PmTiles, mbtiles_tile, media_of, vector_layers
from twin.basemaps.models import Basemap
from twin.exceptions import BasemapError

logger = logging.getLogger(__name__)
BROWSER_S = 86400


@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """Which basemaps there are; addresses and keys of others are not told."""
    found = []
    for basemap in Basemap.objects.filter(active=True):
        template = reverse("basemap-tile", args=[basemap.slug, 0, 0, 0]).removesuffix("0/0/0") + "{z}/{x}/{y}"
        layers: list[str] = []
        if basemap.is_file:
            try:
                layers = vector_layers(basemap.path, basemap.kind)
            except (BasemapError, ValueError) as error:
                logger.warning("basemap: %s", error)
                continue
        found.append(
            {
                "slug": basemap.slug,
                "title": basemap.title,
                "tiles": template,
                "minzoom": basemap.min_zoom,
                "maxzoom": basemap.max_zoom,
                "attribution": basemap.attribution,
                "vector_layers": layers,
            }
        )
    return kept_by_the_browser(JsonResponse({"basemaps": found}))


@require_safe
def tile(request: HttpRequest, slug: str, z: int, x: int, y: int) -> HttpResponse:
    """One tile; 204 where there is none, 502 where its server cannot be reached and we have not kept it."""
    basemap = Basemap.objects.filter(slug=slug, active=True).first()
    if basemap is None:
        return refusal(404, _("没有名为“%(name)s”的底图") % {"name": slug[:40]})
    if not (basemap.min_zoom <= z <= basemap.max_zoom and x < 1 << z and y < 1 << z):
        return refusal(404, _("底图“%(name)s”没有这块瓦片") % {"name": basemap.title})
    try:
        content = _content(basemap, z, x, y)
    except BasemapError as error:
        logger.warning("basemap: %s", error)
        return refusal(502, _("底图“%(name)s”暂时取不到，已改用自带底图") % {"name": basemap.title})
    if content is None:
        return HttpResponse(status=204)
    found = media_of(content)
    if found is None:
        logger.warning("basemap %s: what came for %d/%d/%d is no tile", basemap.slug, z, x, y)
        return refusal(502, _("底图“%(name)s”返回的不是瓦片，请检查地址和密钥") % {"name": basemap.title})
    media_type, body = found
    response = HttpResponse(body, content_type=media_type)
    response["Cache-Control"] = f"private, max-age={BROWSER_S}"
    return response


def _content(basemap: Basemap, z: int, x: int, y: int) -> bytes | None:
    if basemap.kind == Basemap.Kind.PMTILES:
        return PmTiles(basemap.path).tile(z, x, y)
    if basemap.kind == Basemap.Kind.MBTILES:
        return mbtiles_tile(basemap.path, z, x, y)
    content = kept.kept(basemap, z, x, y)
    if content is not None:
        return content
    try:
        content = remote.fetch(basemap, z, x, y)
    except BasemapError:
        content = kept.kept(basemap, z, x, y, however_old=True)
        if content is None:
            raise
        return content
    if content is not None and media_of(content) is not None:
        kept.keep(basemap, z, x, y, content)
    return content
