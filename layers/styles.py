"""How a map layer looks: frozen styles, each a deck.gl layer type with checked properties.

A style speaks of what is meant (colour by state, size in pixels) and translates itself into deck.gl's own properties.
What it has no word for goes into ``deck`` under deck.gl's own name, and a name deck.gl does not know is refused at
start, together with the nearest one it knows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, ClassVar

from layers.colours import BY_GRADE, BY_STATUS, WALL, Colour, ColourBy, Token, alpha_of, paint
from layers.deckgl import properties_of
from layers.exceptions import StylePropertyError

_GIVEN_BY_THE_PLATFORM = frozenset(
    {"data", "dataComparator", "dataTransform", "extensions", "fetch", "getPolygonOffset"}
    | {"loaders", "loadOptions", "visible"}
)


@dataclass(frozen=True, kw_only=True)
class Style(ABC):
    """Base of all styles.

    Attributes
    ----------
    deck : mapping
        Further properties under deck.gl's own names; they win over what the style sets itself.

    Raises
    ------
    StylePropertyError
        A property deck.gl does not have, one the platform sets itself, or a value out of its range.
    """

    deck: Mapping[str, Any] = field(default_factory=dict)

    key: ClassVar[str]
    deck_layer: ClassVar[str]
    shapes: ClassVar[frozenset[str]]
    """Shapes of source it can draw: ``point``, ``path``, ``polygon``."""
    ranges: ClassVar[Mapping[str, tuple[float, float]]]
    """Least and most of each number."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "deck", MappingProxyType(dict(self.deck)))
        subject = type(self).__name__
        if not isinstance(self.colour, Token | ColourBy):
            raise StylePropertyError(
                subject, f"{self.colour!r} is no colour", "use layers.contract.Token or layers.contract.ColourBy"
            )
        known = {name for name in properties_of(self.deck_layer) if not name.startswith(("on", "_"))}
        for name in self.properties():
            if name in _GIVEN_BY_THE_PLATFORM:
                raise StylePropertyError(subject, f"the platform itself sets {name!r}", "leave it out of the style")
            if name not in known:
                near = get_close_matches(name, known - _GIVEN_BY_THE_PLATFORM, n=1)
                raise StylePropertyError(
                    subject,
                    f"deck.gl's {self.deck_layer} has no property {name!r}",
                    f"write {near[0]!r}" if near else "take a name from layers/deckgl.py, or leave it out",
                )
        for name, (least, most) in self.ranges.items():
            if not least <= getattr(self, name) <= most:
                raise StylePropertyError(
                    subject, f"{name} = {getattr(self, name)!r}", f"give a number from {least} to {most}"
                )

    @abstractmethod
    def own_properties(self) -> dict[str, Any]:
        """What the style's words mean to deck.gl."""

    def properties(self) -> dict[str, Any]:
        """deck.gl properties, ready for JSON."""
        return {**self.own_properties(), **self.deck}

    @property
    @abstractmethod
    def colour(self) -> Colour:
        """Its colour, or what decides it."""


_POINT = frozenset({"point"})
_POLYGON = frozenset({"polygon"})


@dataclass(frozen=True, kw_only=True)
class IconStyle(Style):
    """A solid glyph that turns with its heading (图标).

    ``glyph``: name of a symbol, empty for that of the asset kind; ``size_px``: its edge.
    """

    glyph: str = ""
    colour: Colour = BY_STATUS
    size_px: float = 24
    turns: bool = True

    key = "icon"
    deck_layer = "IconLayer"
    shapes = _POINT
    ranges = MappingProxyType({"size_px": (4, 128)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        turned = {"getAngle": "@@=heading_deg == null ? 0 : -heading_deg"} if self.turns else {}
        return {
            "getPosition": "@@=position",
            "getColor": paint(self.colour, ""),
            "getSize": self.size_px,
            "sizeUnits": "pixels",
            "billboard": False,
            **turned,
        }


@dataclass(frozen=True, kw_only=True)
class PointStyle(Style):
    """A disc (圆点) of ``radius_px``."""

    colour: Colour = Token.ACCENT
    radius_px: float = 5
    outline: Token = Token.LINE

    key = "point"
    deck_layer = "ScatterplotLayer"
    shapes = _POINT
    ranges = MappingProxyType({"radius_px": (1, 64)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getPosition": "@@=position",
            "getFillColor": paint(self.colour, ""),
            "getLineColor": paint(self.outline, ""),
            "getRadius": self.radius_px,
            "radiusUnits": "pixels",
            "stroked": True,
            "lineWidthMinPixels": 1,
        }


@dataclass(frozen=True, kw_only=True)
class PolygonStyle(Style):
    """A thin line and a faint fill (面); ``hatched`` as key areas are."""

    colour: Colour = Token.ACCENT
    line_px: float = 1.5
    fill_opacity: float = 0.12
    hatched: bool = False

    key = "polygon"
    deck_layer = "GeoJsonLayer"
    shapes = _POLYGON
    ranges = MappingProxyType({"line_px": (0, 16), "fill_opacity": (0, 1)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getLineColor": paint(self.colour, "properties."),
            "getFillColor": paint(self.colour, "properties.", alpha_of(self.fill_opacity)),
            "getLineWidth": self.line_px,
            "lineWidthUnits": "pixels",
            "stroked": self.line_px > 0,
            "filled": self.fill_opacity > 0,
        }


@dataclass(frozen=True, kw_only=True)
class VolumeStyle(Style):
    """A translucent wall up to the area's top (立体围栏); ``height_m`` where none is given."""

    colour: Colour = Token.ACCENT
    opacity: float = 0.35
    height_m: float = 30

    key = "volume"
    deck_layer = "GeoJsonLayer"
    shapes = _POLYGON
    ranges = MappingProxyType({"opacity": (0, 1), "height_m": (1, 1000)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getFillColor": paint(self.colour, "properties.", alpha_of(self.opacity)),
            "getLineColor": paint(self.colour, "properties."),
            "getElevation": f"@@=properties.z_max_m == null ? {json.dumps(self.height_m)} : properties.z_max_m",
            "extruded": True,
            "wireframe": True,
        }


@dataclass(frozen=True, kw_only=True)
class PathStyle(Style):
    """A line (路径) of ``width_px``."""

    colour: Colour = Token.ACCENT
    width_px: float = 2

    key = "path"
    deck_layer = "GeoJsonLayer"
    shapes = frozenset({"path"})
    ranges = MappingProxyType({"width_px": (0.5, 32)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getLineColor": paint(self.colour, "properties."),
            "getLineWidth": self.width_px,
            "lineWidthUnits": "pixels",
            "lineCapRounded": True,
            "lineJointRounded": True,
        }


@dataclass(frozen=True, kw_only=True)
class HeatStyle(Style):
    """Density of points (热力图): ``radius_px`` around each, faint below ``threshold`` of the strongest."""

    colour = Token.ORANGE  # the strongest of its range
    radius_px: float = 40
    intensity: float = 1
    threshold: float = 0.05

    key = "heat"
    deck_layer = "HeatmapLayer"
    shapes = _POINT
    ranges = MappingProxyType({"radius_px": (1, 100), "intensity": (0.01, 100), "threshold": (0, 1)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getPosition": "@@=position",
            "radiusPixels": self.radius_px,
            "intensity": self.intensity,
            "threshold": self.threshold,
            "colorRange": [[*WALL[t]] for t in (Token.LINE, Token.BLUE, Token.ACCENT, Token.YELLOW, Token.ORANGE)],
        }


@dataclass(frozen=True, kw_only=True)
class DistrictColourStyle(Style):
    """Districts (色块图) filled the stronger, the more of the source's things are in them."""

    colour: Token = Token.ACCENT
    most_opacity: float = 0.6

    key = "district"
    deck_layer = "GeoJsonLayer"
    shapes = frozenset({"point", "path", "polygon"})
    ranges = MappingProxyType({"most_opacity": (0.1, 1)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`; ``share``: :func:`layers.shades.shares_of`."""
        red, green, blue = WALL[self.colour]
        return {
            "getFillColor": f"@@=[{red}, {green}, {blue}, {alpha_of(self.most_opacity)} * properties.share]",
            "getLineColor": [*WALL[Token.LINE], 255],
            "getLineWidth": 1,
            "lineWidthUnits": "pixels",
        }


@dataclass(frozen=True, kw_only=True)
class CellStyle(Style):
    """Cells of a risk grid filled by grade (网格)."""

    colour: Colour = BY_GRADE
    fill_opacity: float = 0.5

    key = "cells"
    deck_layer = "GeoJsonLayer"
    shapes = frozenset({"cells"})
    ranges = MappingProxyType({"fill_opacity": (0.1, 1)})

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getFillColor": paint(self.colour, "properties.", alpha_of(self.fill_opacity)),
            "stroked": False,
            "filled": True,
        }


STYLES: tuple[type[Style], ...] = (
    IconStyle,
    PointStyle,
    PolygonStyle,
    VolumeStyle,
    PathStyle,
    HeatStyle,
    DistrictColourStyle,
    CellStyle,
)
"""Every style there is."""
