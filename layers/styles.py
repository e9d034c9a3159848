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
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

from layers.deckgl import properties_of
from layers.exceptions import StylePropertyError
from twin.kinds import Status

Rgb = tuple[int, int, int]

_GIVEN_BY_THE_PLATFORM = frozenset(
    {"data", "dataComparator", "dataTransform", "extensions", "fetch", "getPolygonOffset"}
    | {"loaders", "loadOptions", "visible"}
)


class Token(StrEnum):
    """Colours of the design system by name; what they look like is decided in ``tokens.css``."""

    TEXT = "text"
    QUIET = "quiet"
    LINE = "line"
    ACCENT = "accent"
    RED = "grade-red"
    ORANGE = "grade-orange"
    YELLOW = "grade-yellow"
    BLUE = "grade-blue"
    WORKING = "working"
    IDLE = "idle"
    SILENT = "silent"


WALL: Mapping[Token, Rgb] = MappingProxyType(
    {
        Token.TEXT: (0xE6, 0xED, 0xF7),
        Token.QUIET: (0x8F, 0xA3, 0xBF),
        Token.LINE: (0x24, 0x32, 0x4A),
        Token.ACCENT: (0x4C, 0xC2, 0xFF),
        Token.RED: (0xFF, 0x4D, 0x4F),
        Token.ORANGE: (0xFF, 0x9F, 0x40),
        Token.YELLOW: (0xFF, 0xD6, 0x66),
        Token.BLUE: (0x5B, 0x9D, 0xFF),
        Token.WORKING: (0x3D, 0xD6, 0x8C),
        Token.IDLE: (0x5B, 0x9D, 0xFF),
        Token.SILENT: (0x5B, 0x6B, 0x84),
    }
)
"""The tokens on the dark wall, for specs that leave the platform; red, green, blue of 0..255."""


@dataclass(frozen=True)
class ColourBy:
    """A colour for each value of a field.

    Attributes
    ----------
    field : str
        ``status`` for live things, else a property of the source.
    colours : tuple of (value, Token)
        Colour of each value.
    other : Token
        Colour of any other value; for live things that of silence (静默).
    """

    field: str
    colours: tuple[tuple[int | str | bool, Token], ...]
    other: Token = Token.SILENT

    def __post_init__(self) -> None:
        values = [value for value, _token in self.colours]
        if not values or len(set(values)) != len(values):
            raise StylePropertyError(
                f"ColourBy({self.field!r})", "no value, or a value twice", "give each value of the field one colour"
            )
        if not all(isinstance(token, Token) for token in (*dict(self.colours).values(), self.other)):
            raise StylePropertyError(
                f"ColourBy({self.field!r})",
                "a colour that is no token of the design system",
                f"use layers.styles.Token: {', '.join(Token.__members__)}",
            )

    def expression(self, row: str, alpha: int) -> str:
        """As an expression of deck.gl's JSON form, over fields found at ``row`` (a prefix such as ``properties.``)."""
        text = _literal(self.other, alpha)
        for value, token in reversed(self.colours):
            text = f"{row}{self.field} == {json.dumps(value)} ? {_literal(token, alpha)} : {text}"
        return f"@@={text}"


BY_STATUS = ColourBy(
    "status",
    ((Status.IDLE, Token.IDLE), (Status.WORKING, Token.WORKING), (Status.ALERT, Token.RED), (Status.OFF, Token.QUIET)),
)
"""What every live thing wears unless its layer says otherwise."""

Colour = Token | ColourBy


def _literal(token: Token, alpha: int) -> str:
    return json.dumps([*WALL[token], alpha])


def _paint(colour: Colour, row: str, alpha: int = 255) -> str | list[int]:
    return colour.expression(row, alpha) if isinstance(colour, ColourBy) else [*WALL[colour], alpha]


def _alpha(opacity: float) -> int:
    return round(255 * opacity)


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "deck", MappingProxyType(dict(self.deck)))
        subject = type(self).__name__
        if not isinstance(self.colouring(), Token | ColourBy):
            raise StylePropertyError(
                subject, f"{self.colouring()!r} is no colour", "use layers.styles.Token or layers.styles.ColourBy"
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
        for name, (least, most) in self.ranges().items():
            if not least <= getattr(self, name) <= most:
                raise StylePropertyError(
                    subject, f"{name} = {getattr(self, name)!r}", f"give a number from {least} to {most}"
                )

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Least and most of each number."""
        return {}

    @abstractmethod
    def own_properties(self) -> dict[str, Any]:
        """What the style's words mean to deck.gl."""

    def properties(self) -> dict[str, Any]:
        """deck.gl properties, ready for JSON."""
        return {**self.own_properties(), **self.deck}

    @abstractmethod
    def colouring(self) -> Colour:
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

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"size_px": (4, 128)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        turned = {"getAngle": "@@=heading_deg == null ? 0 : -heading_deg"} if self.turns else {}
        return {
            "getPosition": "@@=position",
            "getColor": _paint(self.colour, ""),
            "getSize": self.size_px,
            "sizeUnits": "pixels",
            "billboard": False,
            **turned,
        }

    def colouring(self) -> Colour:
        """See :meth:`Style.colouring`."""
        return self.colour


@dataclass(frozen=True, kw_only=True)
class PointStyle(Style):
    """A disc (圆点) of ``radius_px``."""

    colour: Colour = Token.ACCENT
    radius_px: float = 5
    outline: Token = Token.LINE

    key = "point"
    deck_layer = "ScatterplotLayer"
    shapes = _POINT

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"radius_px": (1, 64)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getPosition": "@@=position",
            "getFillColor": _paint(self.colour, ""),
            "getLineColor": _paint(self.outline, ""),
            "getRadius": self.radius_px,
            "radiusUnits": "pixels",
            "stroked": True,
            "lineWidthMinPixels": 1,
        }

    def colouring(self) -> Colour:
        """See :meth:`Style.colouring`."""
        return self.colour


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

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"line_px": (0, 16), "fill_opacity": (0, 1)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getLineColor": _paint(self.colour, "properties."),
            "getFillColor": _paint(self.colour, "properties.", _alpha(self.fill_opacity)),
            "getLineWidth": self.line_px,
            "lineWidthUnits": "pixels",
            "stroked": self.line_px > 0,
            "filled": self.fill_opacity > 0,
        }

    def colouring(self) -> Colour:
        """See :meth:`Style.colouring`."""
        return self.colour


@dataclass(frozen=True, kw_only=True)
class VolumeStyle(Style):
    """A translucent wall up to the area's top (立体围栏); ``height_m`` where none is given."""

    colour: Colour = Token.ACCENT
    opacity: float = 0.35
    height_m: float = 30

    key = "volume"
    deck_layer = "GeoJsonLayer"
    shapes = _POLYGON

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"opacity": (0, 1), "height_m": (1, 1000)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getFillColor": _paint(self.colour, "properties.", _alpha(self.opacity)),
            "getLineColor": _paint(self.colour, "properties."),
            "getElevation": f"@@=properties.z_max_m == null ? {json.dumps(self.height_m)} : properties.z_max_m",
            "extruded": True,
            "wireframe": True,
        }

    def colouring(self) -> Colour:
        """See :meth:`Style.colouring`."""
        return self.colour


@dataclass(frozen=True, kw_only=True)
class PathStyle(Style):
    """A line (路径) of ``width_px``."""

    colour: Colour = Token.ACCENT
    width_px: float = 2

    key = "path"
    deck_layer = "GeoJsonLayer"
    shapes = frozenset({"path"})

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"width_px": (0.5, 32)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getLineColor": _paint(self.colour, "properties."),
            "getLineWidth": self.width_px,
            "lineWidthUnits": "pixels",
            "lineCapRounded": True,
            "lineJointRounded": True,
        }

    def colouring(self) -> Colour:
        """See :meth:`Style.colouring`."""
        return self.colour


@dataclass(frozen=True, kw_only=True)
class HeatStyle(Style):
    """Density of points (热力图): ``radius_px`` around each, faint below ``threshold`` of the strongest."""

    radius_px: float = 40
    intensity: float = 1
    threshold: float = 0.05

    key = "heat"
    deck_layer = "HeatmapLayer"
    shapes = _POINT

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"radius_px": (1, 100), "intensity": (0.01, 100), "threshold": (0, 1)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`."""
        return {
            "getPosition": "@@=position",
            "radiusPixels": self.radius_px,
            "intensity": self.intensity,
            "threshold": self.threshold,
            "colorRange": [[*WALL[t]] for t in (Token.LINE, Token.BLUE, Token.ACCENT, Token.YELLOW, Token.ORANGE)],
        }

    def colouring(self) -> Colour:
        """The strongest colour of its range."""
        return Token.ORANGE


@dataclass(frozen=True, kw_only=True)
class DistrictColourStyle(Style):
    """Districts (色块图) filled the stronger, the more of the source's things are in them."""

    colour: Token = Token.ACCENT
    most_opacity: float = 0.6

    key = "district"
    deck_layer = "GeoJsonLayer"
    shapes = frozenset({"point", "path", "polygon"})

    def ranges(self) -> dict[str, tuple[float, float]]:
        """See :meth:`Style.ranges`."""
        return {"most_opacity": (0.1, 1)}

    def own_properties(self) -> dict[str, Any]:
        """See :meth:`Style.own_properties`; ``share`` is the district's part of the fullest one's count, 0..1."""
        red, green, blue = WALL[self.colour]
        return {
            "getFillColor": f"@@=[{red}, {green}, {blue}, {_alpha(self.most_opacity)} * properties.share]",
            "getLineColor": [*WALL[Token.LINE], 255],
            "getLineWidth": 1,
            "lineWidthUnits": "pixels",
        }

    def colouring(self) -> Colour:
        """Its strongest colour."""
        return self.colour


STYLES: tuple[type[Style], ...] = (
    IconStyle,
    PointStyle,
    PolygonStyle,
    VolumeStyle,
    PathStyle,
    HeatStyle,
    DistrictColourStyle,
)
"""Every style there is."""
