"""The director's page (导播台): what a tablet shows to drive the walls."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from access.scope import scope_of
from gis.models import Region
from layers.screen import around, districts_in
from twin.bundle import entry
from twin.views import boot_data

OUTLINE_TOLERANCE_DEG = 0.006
"""Districts are drawn a hand wide."""
SMALLEST_PIECE_DEG2 = 0.0004
"""Islets that would be a dot."""


@require_safe
def director_page(request: HttpRequest) -> HttpResponse:
    """A tablet's page, for whoever is signed in; which walls it drives is asked wall by wall."""
    boot = boot_data(request)
    scope = scope_of(request.user)
    districts = districts_in(scope, get_language())
    if districts and not scope.everything:
        boot["bounds"] = around([district["bounds"] for district in districts])
    outlines = _outlines([district["code"] for district in districts])
    boot["districts"] = [{**district, "outline": outlines[district["code"]]} for district in districts]
    boot["urls"] |= {
        "layers": reverse("api:layers"),
        "search": reverse("api:search"),
        "alerts": reverse("api:alerts"),
        "scenes": reverse("api:scenes"),
        "tours": reverse("api:tours"),
        "walls": reverse("api:walls"),
        "map": reverse("map"),
        "screen": reverse("screen"),
    }
    return render(request, "layers/director.html", {"bundle": entry("src/director/main.ts"), "boot": boot})


def _outlines(codes: list[str]) -> dict[str, list[list[list[float]]]]:
    """Simplified outer rings of districts by code: ``[[lon, lat], …]`` in degrees."""
    found: dict[str, Any] = {}
    for region in Region.objects.filter(code__in=codes).only("code", "boundary"):
        simple: Any = region.boundary.simplify(OUTLINE_TOLERANCE_DEG, preserve_topology=True)
        pieces = list(simple) if simple.geom_type == "MultiPolygon" else [simple]
        largest = max(pieces, key=lambda piece: piece.area)
        found[region.code] = [
            [[round(lon, 4), round(lat, 4)] for lon, lat in piece[0].coords]
            for piece in pieces
            if piece is largest or piece.area >= SMALLEST_PIECE_DEG2
        ]
    return found
