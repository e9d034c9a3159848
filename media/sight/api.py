"""Fields of view over HTTP: those in a window of the map, and cameras around a place."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Query, Router

from media.api import visible, whole
from media.models import Channel
from media.sight.finding import near, sight_of, with_places, within_box

router = Router(tags=["video"])

MOST_VIEWS = 2000
WIDEST_DEG = 0.5
"""A window larger than this is no street: nobody sees a sector there."""
NEAR_M, MOST_NEAR = 2000.0, 16
Lon = Annotated[float, Query(ge=-180, le=180)]
Lat = Annotated[float, Query(ge=-90, le=90)]


@router.get("/video/views")
def views(request: HttpRequest, bbox: Query[str] = "", asset: int | None = None) -> HttpResponse:
    """Fields of view of cameras in the user's scope: in ``bbox`` (west, south, east, north), and of ``asset``.

    422: no window, or one that is wider than half a degree.
    """
    wanted = Q(asset=asset) if asset is not None else Q(pk__in=())
    if bbox:
        box = _window(bbox)
        if box is None:
            text = gettext("bbox 须为“西,南,东,北”四个数，且不宽于 %s 度。") % WIDEST_DEG
            return JsonResponse({"detail": text, "code": "bbox"}, status=422, json_dumps_params={"ensure_ascii": False})
        wanted |= within_box(*box) & Q(listed=True)
    rows = with_places(visible(request)).filter(wanted, carrier=None).order_by("pk")
    found = [view for channel in rows[:MOST_VIEWS] if (view := _view(channel)) is not None]
    return JsonResponse({"views": found})


@router.get("/video/near")
def cameras_near(request: HttpRequest, lon: Lon, lat: Lat, most: int = 4, asset: int | None = None) -> dict[str, Any]:
    """Cameras of the user's scope within two kilometres, and those of ``asset`` wherever they are.

    Of those that are online ``asset``'s own come first, then those that look at the place.
    """
    found = near(visible(request), lon, lat, NEAR_M, max(1, min(most, MOST_NEAR)), asset)
    told = whole(request, [each.channel for each in found])
    return {
        "channels": [
            camera | {"distance_m": round(each.distance_m), "covers": each.covers, "view": _view(each.channel)}
            for camera, each in zip(told, found, strict=True)
        ]
    }


def _window(text: str) -> tuple[float, float, float, float] | None:
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        return None
    fits = 0 < east - west <= WIDEST_DEG and 0 < north - south <= WIDEST_DEG
    return (west, south, east, north) if fits else None


def _view(channel: Channel) -> dict[str, Any] | None:
    sight = sight_of(channel)
    if sight is None:
        return None
    return {
        "channel": channel.pk,
        "asset": channel.asset_id,
        "lon": sight.lon,
        "lat": sight.lat,
        "heading_deg": round(sight.heading_deg, 1),
        "view_deg": sight.view_deg,
        "view_m": sight.view_m,
        "assumed": sight.assumed,
    }
