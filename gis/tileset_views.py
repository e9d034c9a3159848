"""3D Tiles over HTTP, for whoever is signed in."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gis.answers import kept_by_the_browser, refusal, revalidated
from gis.exceptions import UnknownTilesetError
from gis.tileset_folder import ENTRY, find_file, list_tilesets


@require_safe
def tileset_file(request: HttpRequest, name: str, path: str) -> HttpResponse:
    """One file of a tileset; 304 while the browser's copy is the same, 401 without a session, 404 for no such file.

    Tiles are some hundred kilobytes, so a file is answered whole.
    """
    if not request.user.is_authenticated:
        return refusal(401, _("请先登录"))
    try:
        file, kind = find_file(name, path)
        facts = file.stat()
        mark = f"{name}/{path}/{facts.st_mtime_ns}/{facts.st_size}/{facts.st_ino}"
        digest = hashlib.sha256(mark.encode()).hexdigest()[:32]
        response = revalidated(request, digest, lambda: HttpResponse(file.read_bytes(), content_type=kind))
    except UnknownTilesetError as error:
        return refusal(404, error)
    except FileNotFoundError:  # replaced by a new tileset this very moment
        return refusal(404, _("没有三维瓦片 %(name)s/%(path)s") % {"name": name, "path": path})
    response["Last-Modified"] = http_date(facts.st_mtime)
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """The tilesets there are: name, address, attribution, number of buildings, bounds in degrees."""
    if not request.user.is_authenticated:
        return refusal(401, _("请先登录"))
    base = request.path.removesuffix("catalog.json")
    found = [{**facts, "url": f"{base}{facts['name']}/{ENTRY}"} for facts in list_tilesets()]
    return kept_by_the_browser(JsonResponse({"tilesets": found}))
