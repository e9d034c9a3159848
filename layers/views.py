"""Pages of the framework."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from access.models import User
from access.scope import scope_of
from gis.answers import refusal
from layers.exceptions import LayerFailedError, LayersError, UnknownLayerError, ViewTooLargeError
from layers.export import View, export_html
from layers.registry import registry

_STATUS: dict[type[LayersError], int] = {LayerFailedError: 503, UnknownLayerError: 404, ViewTooLargeError: 413}
"""Answers to the package's errors."""
_LEAST_ZOOM, _MOST_ZOOM = 0, 24
_MOST_PITCH_DEG = 85


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The view as one HTML file to keep.

    ``bbox`` (west,south,east,north in degrees), ``zoom``, ``pitch``, ``bearing``, and ``layers``: ids with commas
    between; left out, the layers a new viewer sees. 400 for what makes no sense, 403 for somebody who may see nothing,
    404 for an unknown layer, 413 where too much is in view, 503 where a layer cannot be read.
    """
    scope = scope_of(request.user)
    if scope.empty:
        return refusal(403, _("您没有可导出的数据范围"))
    user = cast(User, request.user)
    try:
        page = export_html(_view(request), scope, user.get_full_name() or user.get_username())
    except LayersError as error:
        return refusal(_STATUS[type(error)], error)
    except ValueError:
        return refusal(400, _("bbox 应为“西,南,东,北”四个度数，zoom、pitch、bearing 应为数字"))
    response = HttpResponse(page)
    # To be kept and opened as a file: on a page of ours the policy would forbid the scripts it carries.
    name = f"sandtable-{timezone.localtime():%Y%m%d-%H%M%S}.html"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _view(request: HttpRequest) -> View:
    asked = request.GET
    west, south, east, north = (float(edge) for edge in asked.get("bbox", "").split(","))
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ValueError("bbox")
    zoom = _number(asked.get("zoom", "11"), _LEAST_ZOOM, _MOST_ZOOM)
    pitch_deg = _number(asked.get("pitch", "0"), 0, _MOST_PITCH_DEG)
    bearing_deg = _number(asked.get("bearing", "0"), -360, 360)
    if "layers" in asked:
        layers = tuple(registry.map_layer(name) for name in asked["layers"].split(",") if name)
    else:
        layers = tuple(layer for layer in registry.map_layers() if layer.visible)
    return View((west, south, east, north), layers, zoom, pitch_deg, bearing_deg)


def _number(text: str, least: float, most: float) -> float:
    number = float(text)
    if not least <= number <= most:
        raise ValueError(text)
    return number
