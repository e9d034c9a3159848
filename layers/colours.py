"""Colours of what is drawn: tokens of the design system, alone or by the value of a field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gis.grids.grading import Grade
from layers.exceptions import StylePropertyError
from twin.kinds import Status

Rgb = tuple[int, int, int]


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
                f"use layers.contract.Token: {', '.join(Token.__members__)}",
            )

    def expression(self, row: str, alpha: int) -> str:
        """As an expression of deck.gl's JSON form, over fields found at ``row`` (a prefix such as ``properties.``)."""
        text = literal(self.other, alpha)
        for value, token in reversed(self.colours):
            text = f"{row}{self.field} == {json.dumps(value)} ? {literal(token, alpha)} : {text}"
        return f"@@={text}"


BY_STATUS = ColourBy(
    "status",
    ((Status.IDLE, Token.IDLE), (Status.WORKING, Token.WORKING), (Status.ALERT, Token.RED), (Status.OFF, Token.QUIET)),
)
"""What every live thing wears unless its layer says otherwise."""

GRADE_TOKENS: Mapping[Grade, Token] = MappingProxyType(
    {Grade.RED: Token.RED, Grade.ORANGE: Token.ORANGE, Grade.YELLOW: Token.YELLOW, Grade.BLUE: Token.BLUE}
)
"""Colours of the grades of a risk grid."""
BY_GRADE = ColourBy("grade", tuple((int(grade), token) for grade, token in GRADE_TOKENS.items()))

Colour = Token | ColourBy


def literal(token: Token, alpha: int) -> str:
    return json.dumps([*WALL[token], alpha])


def paint(colour: Colour, row: str, alpha: int = 255) -> str | list[int]:
    return colour.expression(row, alpha) if isinstance(colour, ColourBy) else [*WALL[colour], alpha]


def alpha_of(opacity: float) -> int:
    return round(255 * opacity)
