"""pydeck specs, and what the screen is told about a layer: both follow from its declaration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pydeck

from gis.tiles import TileLayer
from layers.colours import ColourBy
from layers.contract import MapLayer
from layers.grids.showing import FARTHEST_ZOOM, NEAREST_ZOOM
from layers.sources import Areas, GridCells, LiveAssets
from layers.styles import IconStyle, PointStyle, Style
from layers.tiles import tile_layer
from twin.kinds import kind_of

_EXPRESSION = "@@="


def pydeck_layer(layer: MapLayer, data: Any = None, style: Style | None = None) -> pydeck.Layer:
    """The layer as pydeck knows it.

    Parameters
    ----------
    data : optional
        What it draws: rows with ``position`` and the source's fields for points, GeoJSON features for the rest.
    style : Style, optional
        Another look than its own.
    """
    worn = style or layer.style
    properties = {name: _for_pydeck(value) for name, value in worn.properties().items()}
    return pydeck.Layer(worn.deck_layer, data=data, id=layer.id, **{"pickable": True, **properties})


def _for_pydeck(value: Any) -> Any:
    """pydeck takes any bare text for an expression; words are put in quotes for it."""
    if not isinstance(value, str):
        return value
    return value.removeprefix(_EXPRESSION) if value.startswith(_EXPRESSION) else f"'{value}'"


def deck_spec(layer: MapLayer) -> dict[str, Any]:
    """The layer in deck.gl's JSON form (``@deck.gl/json``), without data.

    Live things and tiles bring their own; the screen hosts the spec and fills it.
    """
    return json.loads(pydeck_layer(layer).to_json())


def portable_style(layer: MapLayer) -> Style:
    """A look that needs nothing beside the spec: glyphs, which the screen draws itself, become discs."""
    if isinstance(layer.style, IconStyle):
        return PointStyle(colour=layer.style.colour, radius_px=max(1.0, layer.style.size_px / 4))
    return layer.style


def describe(layer: MapLayer) -> dict[str, Any]:
    """What the screen must know to show the layer, in the language in force."""
    return {
        "id": layer.id,
        "title": str(layer.title),
        "group": str(layer.group),
        "module": layer.id.split(".")[0],
        "visible": layer.visible,
        "min_zoom": layer.min_zoom,
        "max_zoom": layer.max_zoom,
        "source": _source(layer),
        "style": _style(layer),
        "legend": [
            {"title": str(entry.title), "colour": entry.colour.value, "value": entry.value} for entry in layer.legend
        ],
        "filters": [
            {
                "field": chosen.field,
                "title": str(chosen.title),
                "options": [{"value": option.value, "title": str(option.title)} for option in chosen.options],
            }
            for chosen in layer.filters
        ],
        "card": [
            {
                "field": entry.field,
                "title": str(entry.title),
                "unit": str(entry.unit),
                "format": entry.format.value,
            }
            for entry in layer.card
        ],
    }


def _source(layer: MapLayer) -> dict[str, Any]:
    source = layer.source
    told: dict[str, Any] = {"type": source.type, "shape": source.shape}
    if isinstance(source, LiveAssets):
        kind = kind_of(source.kind)
        return told | {"kind": kind.key, "code": kind.code, "silent_after_s": kind.silent_after_s}
    if isinstance(source, GridCells):
        told |= {"grid": source.grid, "index": source.index}
        return told | {"min_zoom": FARTHEST_ZOOM, "max_zoom": NEAREST_ZOOM}
    tiled = tile_layer(layer)
    assert isinstance(tiled, TileLayer)
    told |= {"tiles": tiled.name, "min_zoom": tiled.min_zoom, "max_zoom": tiled.max_zoom}
    return told | ({"kinds": list(source.kinds)} if isinstance(source, Areas) else {})


def _style(layer: MapLayer) -> dict[str, Any]:
    style = layer.style
    said = {f.name: _plain(getattr(style, f.name)) for f in fields(style) if f.name != "deck"}
    if isinstance(style, IconStyle) and not style.glyph and isinstance(layer.source, LiveAssets):
        said["glyph"] = kind_of(layer.source.kind).glyph
    return {"type": style.key, **said, "deck": deck_spec(layer)}


def _plain(value: Any) -> Any:
    if isinstance(value, ColourBy):
        colours = [{"value": each, "colour": token.value} for each, token in value.colours]
        return {"by": value.field, "colours": colours, "other": value.other.value}
    return dict(value) if isinstance(value, Mapping) else value
