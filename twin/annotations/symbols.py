"""What can be put on the map (标绘符号): one table, from which checks, palette and drawing are made. Pure.

Names and groups follow the practice of emergency plotting (GB/T 35649, 突发事件应急标绘符号规范); the glyphs are our
own, drawn by the page (``web/src/annotate/glyphs.ts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Sort(StrEnum):
    """What is drawn for a symbol."""

    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"


@dataclass(frozen=True)
class Symbol:
    """One symbol.

    Attributes
    ----------
    key, name : str
        In the database, and for people.
    sort : Sort
        Of its shape.
    glyph : str
        The sign at a point, or in the middle of a line or polygon; "": none.
    colour : str
        One of :data:`COLOURS`.
    group : str
        ``basic`` or ``command``: where the palette shows it.
    stroke : str
        Of lines and outlines: ``solid``, ``dashed``, or ``arrow`` (a head at the end).
    measured : bool
        Its length or area is written beside it.
    """

    key: str
    name: str | Promise
    sort: Sort
    glyph: str
    colour: str
    group: Literal["basic", "command"] = "command"
    stroke: Literal["solid", "dashed", "arrow"] = "solid"
    measured: bool = False


COLOURS: Mapping[str, str | Promise] = MappingProxyType(
    {
        "accent": _("青"),
        "red": _("红"),
        "orange": _("橙"),
        "yellow": _("黄"),
        "blue": _("蓝"),
        "green": _("绿"),
        "white": _("白"),
    }
)
"""Colours by the names of the pages' own tokens: a wall, a desk and a phone show each as they need it."""

_TABLE = (
    Symbol("point", _("标记点"), Sort.POINT, "pin", "accent", "basic"),
    Symbol("line", _("线条"), Sort.LINE, "", "accent", "basic"),
    Symbol("polygon", _("面域"), Sort.POLYGON, "", "accent", "basic"),
    Symbol("arrow", _("箭头"), Sort.LINE, "", "white", "basic", "arrow"),
    Symbol("text", _("文字标注"), Sort.POINT, "", "white", "basic"),
    Symbol("distance", _("测距"), Sort.LINE, "", "yellow", "basic", "dashed", True),
    Symbol("area", _("测面"), Sort.POLYGON, "", "yellow", "basic", "dashed", True),
    Symbol("photograph", _("照片"), Sort.POINT, "camera", "accent", "basic"),
    Symbol("pollution", _("污染源"), Sort.POINT, "pollution", "red"),
    Symbol("fire", _("火点"), Sort.POINT, "fire", "red"),
    Symbol("casualties", _("伤员"), Sort.POINT, "casualties", "orange"),
    Symbol("command_post", _("指挥部"), Sort.POINT, "flag", "blue"),
    Symbol("assembly", _("集结点"), Sort.POINT, "assembly", "green"),
    Symbol("medical", _("医疗点"), Sort.POINT, "medical", "green"),
    Symbol("shelter", _("安置点"), Sort.POINT, "shelter", "green"),
    Symbol("water", _("取水点"), Sort.POINT, "water", "blue"),
    Symbol("checkpoint", _("卡口"), Sort.POINT, "checkpoint", "yellow"),
    Symbol("rescue_route", _("救援路线"), Sort.LINE, "", "green", "command", "arrow"),
    Symbol("evacuation", _("疏散路线"), Sort.LINE, "", "blue", "command", "arrow"),
    Symbol("barrier", _("封控线"), Sort.LINE, "", "red", "command", "dashed", True),
    Symbol("spread", _("扩散范围"), Sort.POLYGON, "spread", "orange", "command", "dashed", True),
    Symbol("cordon", _("警戒区"), Sort.POLYGON, "cordon", "red", "command", "dashed", True),
)
SYMBOLS: Mapping[str, Symbol] = MappingProxyType({symbol.key: symbol for symbol in _TABLE})


def symbol_choices() -> list[tuple[str, str | Promise]]:
    """Keys and names, for a model's field."""
    return [(symbol.key, symbol.name) for symbol in _TABLE]
