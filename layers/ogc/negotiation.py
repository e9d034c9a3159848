"""In which format somebody is answered, and how: links, errors, and what browsers and caches must know."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from access.outside import problem
from layers.ogc.exceptions import BadParameterError, NoSuchMethodError, NotAcceptableError, OgcError

logger = logging.getLogger(__name__)

HTML = "text/html"
PLAIN_JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
MVT = "application/vnd.mapbox-vector-tile"
METHODS = ("GET", "HEAD")
Link = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a view gets to know of a request: where this interface is, and the format agreed on."""

    request: HttpRequest
    root: str
    format: str

    @property
    def is_page(self) -> bool:
        """Whether a person looks at it."""
        return self.format == "html"

    def address(self, *, path: str | None = None, **changes: Any) -> str:
        """Address of this resource (or of ``path`` below the interface) with other parameters; None leaves one out."""
        where = self.request.build_absolute_uri(self.request.path) if path is None else self.root + path
        given = {} if path is not None else dict(self.request.GET.items())
        given |= {name.replace("_", "-"): str(value) for name, value in changes.items() if value is not None}
        for name, value in changes.items():
            if value is None:
                given.pop(name.replace("_", "-"), None)
        return f"{where}?{urlencode(given)}" if given else where

    def own_links(self, media_type: str = PLAIN_JSON) -> list[Link]:
        """Links to this document, and to it as a page (or the other way round)."""
        names = {"json": media_type, "html": HTML}
        titles = {"json": "JSON", "html": _("网页")}
        here = "html" if self.is_page else "json"
        return [
            link(self.address(f=name), "self" if name == here else "alternate", names[name], titles[name])
            for name in (here, *(each for each in names if each != here))
        ]


def link(href: str, rel: str, media_type: str, title: str, **more: Any) -> Link:
    """One link as the standards have it."""
    return {"href": href, "rel": rel, "type": media_type, "title": title, **more}


def answer(
    asked: Asked, document: dict[str, Any], template: str, media_type: str = PLAIN_JSON, **context: Any
) -> HttpResponse:
    """The document in the agreed format: as it is, or in a page."""
    if asked.is_page:
        response = render(asked.request, template, {"document": document, "asked": asked, **context})
    else:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        response = HttpResponse(body, content_type=media_type)
    response["Cache-Control"] = "private, no-cache"
    headed = [each for each in document.get("links", []) if each["rel"] in ("self", "alternate", "next", "prev")]
    response["Link"] = ", ".join(f'<{each["href"]}>; rel="{each["rel"]}"; type="{each["type"]}"' for each in headed)
    return response


def resource(
    *formats: tuple[str, tuple[str, ...]],
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Make a view of a function that gets :class:`Asked`.

    Parameters
    ----------
    formats : tuple
        Name for ``f`` and the media types that mean it, the first being the default; JSON and pages when left out.
    """
    known = dict(formats) or {"json": (PLAIN_JSON,), "html": (HTML,)}

    def make(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        # Nothing is changed here: whoever tries is told that there is no such method, not that a token is missing.
        @csrf_exempt
        @functools.wraps(view)
        def served(request: HttpRequest, **parts: Any) -> HttpResponse:
            try:
                if request.method not in METHODS:
                    raise NoSuchMethodError
                root = request.build_absolute_uri("/ogc")
                response = view(Asked(request, root, _agreed(request, known)), **parts)
            except OgcError as error:
                response = _refused(request, error)
            patch_vary_headers(response, ["Accept"])
            return response

        return served

    return make


def _refused(request: HttpRequest, error: OgcError) -> HttpResponse:
    if HTML in request.headers.get("Accept", "") and request.GET.get("f", "html") == "html":
        return render(request, "ogc/error.html", {"error": error}, status=error.status)
    response = problem(error.status, str(error.title), error.detail)
    if error.status == 503:
        response["Retry-After"] = "5"
    if error.status == 405:
        response["Allow"] = ", ".join((*METHODS, "OPTIONS"))
    return response


def _agreed(request: HttpRequest, known: dict[str, tuple[str, ...]]) -> str:
    """Name of the format: by ``f``, else the best of what the client accepts.

    Raises
    ------
    BadParameterError, NotAcceptableError
        There is no such format here.
    """
    wanted = request.GET.get("f")
    if wanted is not None:
        if wanted not in known:
            raise BadParameterError(_("参数 f 应为：%(formats)s") % {"formats": "、".join(known)})
        return wanted
    best, worth = "", 0.0
    for name, types in known.items():
        for media_type in types:
            found = _quality(request, media_type)
            if found > worth:
                best, worth = name, found
    if not best:
        raise NotAcceptableError(
            _("可用的格式：%(formats)s") % {"formats": "、".join(t for ts in known.values() for t in ts)}
        )
    return best


def _quality(request: HttpRequest, media_type: str) -> float:
    """How welcome a media type is, 0 to 1; of two that are alike welcome the more exactly named one wins.

    What is said of it by its own name holds, whatever is said of all (RFC 9110, 12.5.1).
    """
    bare = media_type.partition(";")[0]
    closest, found = 0.0, 0.0
    for accepted in request.headers.get("Accept", "*/*").lower().split(","):
        name, *parameters = (part.strip() for part in accepted.split(";"))
        exactness = {bare: 1.0, f"{bare.split('/')[0]}/*": 0.999, "*/*": 0.998}.get(name, 0.0)
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        if exactness and exactness >= closest:
            found = quality * exactness
            closest = exactness
    return found
