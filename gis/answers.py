"""Answers that a browser may keep, but has to ask about each time."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags


def refusal(status: int, message: object) -> JsonResponse:
    """An error with what it is about."""
    return JsonResponse({"detail": str(message)}, status=status)


def kept_by_the_browser(response: HttpResponse) -> HttpResponse:
    """The same answer, kept by this browser only: what is new, and a session or permission that ended, show at once."""
    response["Cache-Control"] = "private, no-cache"
    return response


def revalidated(request: HttpRequest, mark: str, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """What ``answer`` gives under the mark; 304, and ``answer`` is not asked, while the browser's copy has the same.

    Parameters
    ----------
    mark : str
        Differs whenever the content may; of characters an ETag may have.
    """
    etag = f'"{mark}"'
    wanted = parse_etags(request.headers.get("If-None-Match", ""))
    is_same = "*" in wanted or any(candidate.removeprefix("W/") == etag for candidate in wanted)
    response = HttpResponseNotModified() if is_same else answer()
    if response.status_code >= 400:
        return response
    response["ETag"] = etag
    patch_vary_headers(response, ["Cookie"])
    return kept_by_the_browser(response)
