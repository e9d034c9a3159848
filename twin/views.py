"""Pages of the twin."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from access.models import Grant, User
from access.pages import pages_of
from gis.models import Region
from twin.bundle import entry, words

SHANGHAI_BOUNDS = (120.85, 30.67, 122.0, 31.87)


@require_safe
def map_page(request: HttpRequest) -> HttpResponse:
    """The map: a shell that the bundle fills."""
    return render(request, "twin/map.html", {"bundle": entry("src/map/main.ts"), "boot": boot_data(request)})


def place_name(region: Region | None, language: str | None) -> str:
    """A region's name in a language."""
    if region is None:
        return ""
    return region.name_en or region.name if language == "en" else region.name


def boot_data(request: HttpRequest) -> dict[str, Any]:
    """What a page of the bundle must know before its first request."""
    city = Region.objects.filter(code=settings.CITY_CODE).first()
    bounds = city.boundary.extent if city and city.boundary else SHANGHAI_BOUNDS
    west, south, east, north = bounds
    user = cast(User, request.user)  # the login middleware lets nobody else in
    roles = [
        f"{grant.get_role_display()}{f' · {place}' if (place := grant.organization or grant.region) else ''}"
        for grant in Grant.objects.filter(user=user).select_related("region", "organization")
    ]
    language = get_language()
    return {
        "center": [(west + east) / 2, (south + north) / 2],
        "bounds": bounds,
        "city": place_name(city, language),
        "attribution": city.source if city else "",
        "time_zone": settings.TIME_ZONE,
        "language": language,
        "words": {} if language == settings.LANGUAGE_CODE else words(),
        "csrf": get_token(request),
        "urls": {
            "live": "/live",
            "tiles": reverse("tile-catalog").removesuffix("/catalog.json"),
            "basemaps": reverse("basemap-catalog"),
            "assets": "/api/v1/assets",
            "annotations": "/api/v1/annotations",
            "duty": reverse("api:duty"),
            "weather": reverse("api:weather"),
            "sign_in": reverse("sign-in"),
            "sign_out": reverse("sign-out"),
            "set_language": reverse("language"),
        },
        "pages": [{"name": name, "address": address} for name, address in pages_of(user)],
        "user": {"name": user.get_full_name() or user.get_username(), "roles": roles},
    }
