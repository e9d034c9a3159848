"""The current view as one file (单文件导出): opens in a browser without network, server or account.

pydeck's own ``to_html(offline=True)`` asks five public addresses; here its bundle and the data stand in the file, the
file forbids itself any connection, and what is in it is what its maker may see.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydeck
from django.contrib.gis.geos import Polygon
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from access.scope import Scope
from gis.exceptions import UnknownRegionError
from gis.models import Region
from gis.tiles import TileLayer
from layers.colours import WALL, Token
from layers.contract import MapLayer
from layers.exceptions import ViewTooLargeError
from layers.grids.showing import in_view, show
from layers.queries import Bounds, inside, live, select_from, with_silence
from layers.registry import registry
from layers.shades import shares_of
from layers.sources import GridCells, LiveAssets
from layers.specs import portable_style, pydeck_layer
from layers.statistics import NOT_HEARD, count
from layers.styles import DistrictColourStyle
from layers.tiles import tile_layer

MOST_FEATURES = 20_000
"""Of one layer: some 5 MB, which a browser still draws at once."""
DIGITS = 6
_LIVE_COLUMNS = ("lon", "lat", "alt_m", "speed_m_s", "heading_deg", "status")
_BOTTOM_TO_TOP = ("district", "cells", "heat", "polygon", "volume", "path", "point", "icon")
_JSON = (str, int, float, bool, type(None))
_OUTLINE_TOLERANCE_DEG = 0.0005
_BUNDLE = Path(pydeck.__file__).parent / "nbextension" / "static" / "index.js"


@dataclass(frozen=True)
class View:
    """What is exported: bounds (west, south, east, north in degrees), layers, and how one looks at them."""

    bounds: Bounds
    layers: tuple[MapLayer, ...]
    zoom: float
    pitch_deg: float = 0
    bearing_deg: float = 0


def export_html(view: View, scope: Scope, made_by: str) -> str:
    """The view as one HTML document.

    Raises
    ------
    ViewTooLargeError
        A layer has more than :data:`MOST_FEATURES` things in view.
    LayerFailedError
        A layer cannot be read.
    """
    now = timezone.now()
    drawn = [_outlines(view.bounds)]
    for layer in sorted(view.layers, key=_height):
        drawn.append(pydeck_layer(layer, _data(layer, view.bounds, scope), portable_style(layer)))
    west, south, east, north = view.bounds
    state = pydeck.ViewState(
        longitude=(west + east) / 2,
        latitude=(south + north) / 2,
        zoom=view.zoom,
        pitch=view.pitch_deg,
        bearing=view.bearing_deg,
    )
    deck = pydeck.Deck(layers=drawn, initial_view_state=state, map_provider=None, map_style=None)
    return render_to_string(
        "layers/export.html",
        {
            "language": get_language(),
            "deck": json.loads(deck.to_json()),
            "bundle": _bundle(),
            "made_at": timezone.localtime(now),
            "made_by": made_by,
            "legends": [(layer.title, [(e.title, _css(e.colour)) for e in layer.legend]) for layer in view.layers],
        },
    )


def _height(layer: MapLayer) -> int:
    """What covers much lies below what covers little."""
    return _BOTTOM_TO_TOP.index(layer.style.key)


@cache
def _bundle() -> str:
    """pydeck's deck.gl as a plain script, without the comment that points to its map."""
    text = _BUNDLE.read_text(encoding="utf-8")
    return text[: text.rindex("//# sourceMappingURL=")].replace("</script", r"<\/script")


def _css(token: Token) -> str:
    return "#{:02x}{:02x}{:02x}".format(*WALL[token])


def _data(layer: MapLayer, bounds: Bounds, scope: Scope) -> list[dict[str, Any]]:
    if isinstance(layer.style, DistrictColourStyle):
        return _shares(layer, scope)
    if isinstance(layer.source, LiveAssets):
        return _live(layer, layer.source, bounds, scope)
    if isinstance(layer.source, GridCells):
        return _cells(layer, layer.source, bounds, scope)
    tiled = tile_layer(layer)
    assert tiled is not None
    return _features(layer, tiled, bounds, scope)


def _cells(layer: MapLayer, source: GridCells, bounds: Bounds, scope: Scope) -> list[dict[str, Any]]:
    try:
        shown = show(registry.grid(source.grid), scope)
    except UnknownRegionError:
        return []
    found = in_view(shown, source.index, bounds, MOST_FEATURES) if shown else []
    _within_reason(layer, found)
    return found


def _within_reason(layer: MapLayer, rows: Sequence[Any]) -> None:
    if len(rows) > MOST_FEATURES:
        raise ViewTooLargeError(
            _("图层“%(layer)s”在当前范围内超过 %(most)d 个对象，请放大地图或关闭该图层后再导出")
            % {"layer": layer.title, "most": MOST_FEATURES}
        )


def _live(layer: MapLayer, source: LiveAssets, bounds: Bounds, scope: Scope) -> list[dict[str, Any]]:
    west, south, east, north = bounds
    rows = live(source, scope).filter(state__lon__range=(west, east), state__lat__range=(south, north))
    columns = ("code", "name", "silent", *(f"state__{name}" for name in _LIVE_COLUMNS))
    found = list(with_silence(rows, source).values_list(*columns)[: MOST_FEATURES + 1])
    _within_reason(layer, found)
    return [_thing(source, *row) for row in found]


def _thing(source: LiveAssets, code: str, name: str, silent: bool, *state: Any) -> dict[str, Any]:
    values = dict(zip(_LIVE_COLUMNS, state, strict=True))
    position = [round(values.pop("lon"), DIGITS), round(values.pop("lat"), DIGITS)]
    values["status"] = NOT_HEARD if silent else values["status"]
    return {"position": position, "label": f"{name} {code}", "kind": source.kind, **values}


def _features(layer: MapLayer, tiled: TileLayer, bounds: Bounds, scope: Scope) -> list[dict[str, Any]]:
    names = [name for name, _text in tiled.properties]
    columns = ", ".join((f"ST_AsGeoJSON({tiled.geometry}, {DIGITS})", *(text for _name, text in tiled.properties)))
    rows = select_from(tiled, columns, scope, tail=f"LIMIT {MOST_FEATURES + 1}", where=inside(tiled, bounds))
    _within_reason(layer, rows)
    return [_feature(layer, json.loads(shape), dict(zip(names, values, strict=True))) for shape, *values in rows]


def _feature(layer: MapLayer, shape: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    told = {name: value if isinstance(value, _JSON) else str(value) for name, value in properties.items()}
    told["label"] = str(told.get("name") or layer.title)
    if layer.source.shape == "point":
        return {"position": shape["coordinates"], **told}
    return {"type": "Feature", "geometry": shape, "properties": told}


def _shares(layer: MapLayer, scope: Scope) -> list[dict[str, Any]]:
    """Districts with their count, and how strongly they are filled."""
    counts = {code: n for code, n in count(layer, scope).district.items() if code}
    shares = shares_of(counts.values())
    regions = Region.objects.filter(code__in=counts)
    return [
        _region_feature(region, label=f"{region.name} {counts[region.code]}", share=shares.get(counts[region.code], 0))
        for region in regions
    ]


def _region_feature(region: Region, **properties: Any) -> dict[str, Any]:
    outline = region.boundary.simplify(_OUTLINE_TOLERANCE_DEG, preserve_topology=True)
    return {"type": "Feature", "geometry": json.loads(outline.json), "properties": properties}


def _outlines(bounds: Bounds) -> pydeck.Layer:
    """Districts as lines: where one is, without a basemap."""
    regions = Region.objects.filter(level=Region.Level.DISTRICT, boundary__bboverlaps=Polygon.from_bbox(bounds))
    return pydeck.Layer(
        "GeoJsonLayer",
        id="districts",
        data=[_region_feature(region, label=region.name) for region in regions],
        filled=False,
        getLineColor=[*WALL[Token.QUIET], 160],
        getLineWidth=1,
        lineWidthUnits="'pixels'",
    )
