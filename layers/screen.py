"""The command screen (指挥大屏): a shell that the bundle fills."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.gis.db.models.functions import Envelope
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from access.scope import Scope, scope_of
from gis.models import Region
from twin.bundle import entry
from twin.views import boot_data, place_name

Bounds = tuple[float, float, float, float]


@require_safe
def screen_page(request: HttpRequest) -> HttpResponse:
    """The wall of a command centre, for whoever is signed in, in their scope."""
    boot = boot_data(request)
    scope = scope_of(request.user)
    boot["user"]["id"] = request.user.pk
    boot["districts"] = districts = districts_in(scope, get_language())
    if districts and not scope.everything:
        boot["bounds"] = around([district["bounds"] for district in districts])
    boot["urls"] |= {
        "layers": reverse("api:layers"),
        "grids": reverse("api:grids"),
        "ask": reverse("api:ask"),
        "modules": reverse("api:modules"),
        "search": reverse("api:search"),
        "statistics": reverse("api:statistics_of"),
        "alerts": reverse("api:alerts"),
        "charts": reverse("api:charts"),
        "tilesets": reverse("tileset-catalog"),
        "map": reverse("map"),
        "past": reverse("api:kept"),
        "walls": reverse("api:walls"),
        "director": reverse("director"),
    }
    return render(request, "layers/screen.html", {"bundle": entry("src/screen/main.ts"), "boot": boot})


def districts_in(scope: Scope, language: str | None) -> list[dict[str, Any]]:
    """The city's districts that lie in the scope: code, name, bounds (west, south, east, north in degrees)."""
    regions = Region.objects.filter(
        level=Region.Level.DISTRICT, path__contains=f"/{settings.CITY_CODE}/", boundary__isnull=False
    )
    return [
        {
            "code": region.code,
            "name": place_name(region, language),
            "bounds": region.box.extent,
        }
        for region in regions.annotate(box=Envelope("boundary")).defer("boundary").order_by("code")
        if scope.everything or region.path.startswith(scope.region_paths)
    ]


def around(bounds: list[Bounds]) -> Bounds:
    """One box around all of them."""
    west, south, east, north = zip(*bounds, strict=True)
    return min(west), min(south), max(east), max(north)
