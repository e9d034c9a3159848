"""The plug-in contract: what a module (图层模块) declares in its ``layer.py``.

Everything is plain frozen data; the platform interprets it. A declaration that cannot work raises a
:class:`~layers.exceptions.ContractError` that says what is wrong and what cures it, and the platform does not start.

>>> LAYER = LayerModule(key="hotwork", title=_("动火作业"), map_layers=(MapLayer(id="hotwork.machines", …),), …)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import models
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from access.personal import PersonalField
from access.roles import Permission
from gis.models import Region
from layers.exceptions import DeclarationError, DuplicateIdError
from layers.folders import KEY
from layers.sources import Areas, LiveAssets, Rows, Source, TileSource, walk
from layers.styles import (
    BY_STATUS,
    ColourBy,
    DistrictColourStyle,
    HeatStyle,
    IconStyle,
    PathStyle,
    PointStyle,
    PolygonStyle,
    Style,
    Token,
    VolumeStyle,
)
from twin.kinds import STATUS_NAMES, AssetKind, Status

if TYPE_CHECKING:
    from command.rules import Rule

__all__ = [
    "BY_STATUS",
    "Areas",
    "AssetKind",
    "CardField",
    "Chart",
    "ColourBy",
    "DistrictColourStyle",
    "Filter",
    "FilterOption",
    "HeatStyle",
    "IconStyle",
    "LayerModule",
    "LegendEntry",
    "LiveAssets",
    "MapLayer",
    "MenuEntry",
    "Panel",
    "PathStyle",
    "Place",
    "PointStyle",
    "PolygonStyle",
    "Register",
    "Rows",
    "StatisticsBy",
    "Status",
    "TileSource",
    "Token",
    "VolumeStyle",
]

Text = str | Promise
_ID = re.compile(KEY.pattern + r"\.[a-z][a-z0-9_]{0,30}")

_STATE_FIELDS = ("time", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "status")
CARD_FIELDS = frozenset(
    {"code", "name", "kind", "owner.name", "region.name", *(f"state.{name}" for name in _STATE_FIELDS)}
)
"""What ``GET /api/v1/assets/{id}`` tells of a live thing; ``state.attrs.<name>`` besides, and ``register.<field>``."""
REGISTER = "register."
_ATTRIBUTE = re.compile(r"state\.attrs\.[A-Za-z][A-Za-z0-9_]*")
LIVE_FILTERS = frozenset({"status", "silent"})
SEARCHED_OF_ASSETS = frozenset({"code", "name", "owner__name"})
SEARCHED_OF_AREAS = frozenset({"name"})


class CardFormat(StrEnum):
    """How a card shows a value."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    STATUS = "status"


class Place(StrEnum):
    """Where on the wall a panel stands: what there is, what is wrong, when."""

    LEFT = "left"
    RIGHT = "right"
    BELOW = "below"


class StatisticsBy(StrEnum):
    """What a panel counts by."""

    STATE = "state"
    KIND = "kind"
    DISTRICT = "district"


@dataclass(frozen=True)
class CardField:
    """One line of the selected thing's card: ``field`` with its name, unit and form."""

    field: str
    title: Text
    unit: Text = ""
    format: CardFormat = CardFormat.TEXT


@dataclass(frozen=True)
class LegendEntry:
    """One line of a legend: what things of this ``colour`` are; ``value`` is that of the colouring field."""

    title: Text
    colour: Token
    value: int | str | bool | None = None


@dataclass(frozen=True)
class FilterOption:
    """One choice of a filter."""

    value: int | str | bool
    title: Text


@dataclass(frozen=True)
class Filter:
    """Lets the viewer keep only things whose ``field`` has one of the chosen values.

    A live thing that is silent is in no state any more: to a filter by ``status`` it is ``"silent"``, which has to be
    one of the choices.
    """

    field: str
    title: Text
    options: tuple[FilterOption, ...]

    def __post_init__(self) -> None:
        if len({option.value for option in self.options}) != len(self.options) or len(self.options) < 2:
            raise DeclarationError(f"Filter({self.field!r})", "fewer than two choices, or one twice", "list each once")


BY_STATUS_FILTER = Filter(
    "status",
    _("状态"),
    (*(FilterOption(s.value, name) for s, name in STATUS_NAMES.items()), FilterOption("silent", _("静默"))),
)
"""The filter every live layer has unless it says otherwise."""


@dataclass(frozen=True)
class MapLayer:
    """Something to switch on and off on the map (地图图层).

    Attributes
    ----------
    id : str
        Stable id, beginning with the module's key: ``hotwork.machines``.
    title, group : str
        Its name, and the heading it stands under in the layer tree.
    source, style
        What is drawn, and how.
    card, legend, filters
        Card of a selected thing; legend (derived from the style where it can be); filters. Live layers have the
        filter by state without saying so.
    search : tuple of str
        Fields a search looks into, by text and by pinyin. Code and name of live things and names of areas are always
        searched, whether named here or not.
    visible : bool
        Whether a new viewer sees it switched on.
    min_zoom, max_zoom : float
        Zooms between which it is drawn.
    """

    id: str
    title: Text
    source: Source
    style: Style
    group: Text
    card: tuple[CardField, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    filters: tuple[Filter, ...] = ()
    search: tuple[str, ...] = ()
    visible: bool = True
    min_zoom: float = 0
    max_zoom: float = 24

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise DeclarationError(self.id, "an id of another form", "write module.name in small letters")
        self._check_style()
        self._check_fields()
        if not 0 <= self.min_zoom < self.max_zoom <= 24:
            raise DeclarationError(self.id, f"zooms {self.min_zoom} to {self.max_zoom}", "take 0 to 24, rising")
        if not self.legend:
            object.__setattr__(self, "legend", self._derived_legend())
        self._check_legend()
        if isinstance(self.source, LiveAssets) and not self.filters:
            object.__setattr__(self, "filters", (BY_STATUS_FILTER,))
        if isinstance(self.source, TileSource) and self.source.layer.name != self.id:
            raise DeclarationError(
                self.id, f"its tile layer is named {self.source.layer.name!r}", f"name the TileLayer {self.id!r}"
            )

    @property
    def colour_by(self) -> ColourBy | None:
        """The field that decides the colour; None: nothing does."""
        colour = self.style.colouring()
        return colour if isinstance(colour, ColourBy) else None

    def has_counts_by(self, by: StatisticsBy) -> bool:
        """Whether its things can be counted by that."""
        if by is StatisticsBy.DISTRICT or isinstance(self.source, LiveAssets):
            return True
        return self.colour_by is not None if by is StatisticsBy.STATE else "kind" in self.source.fields

    def _check_style(self) -> None:
        if not isinstance(self.style, Style) or type(self.style) is Style:
            raise DeclarationError(self.id, f"style {self.style!r}", "use one of layers.styles")
        if self.source.shape not in self.style.shapes:
            raise DeclarationError(
                self.id,
                f"{type(self.style).__name__} cannot draw a source of shape {self.source.shape!r}",
                f"it draws {', '.join(sorted(self.style.shapes))}: take another style or source",
            )
        colour = self.colour_by
        if colour is not None and colour.field not in self.source.fields:
            raise DeclarationError(
                self.id, f"colour by {colour.field!r}, which its source has not", self._one_of(self.source.fields)
            )

    def _check_fields(self) -> None:
        live = isinstance(self.source, LiveAssets)
        on_card = CARD_FIELDS if live else self.source.fields
        for entry in self.card:
            if isinstance(self.source, LiveAssets) and entry.field.startswith(REGISTER):
                self._check_registered(self.source, entry.field.removeprefix(REGISTER))
            elif entry.field not in on_card and not (live and _ATTRIBUTE.fullmatch(entry.field)):
                hint = " or state.attrs.<name>" if live else ""
                raise DeclarationError(self.id, f"card field {entry.field!r}", self._one_of(on_card) + hint)
        filtered = LIVE_FILTERS if live else self.source.fields
        for chosen in self.filters:
            if chosen.field not in filtered:
                raise DeclarationError(self.id, f"filter on {chosen.field!r}", self._one_of(filtered))
            if live and chosen.field == "status" and "silent" not in {option.value for option in chosen.options}:
                raise DeclarationError(
                    self.id, "a filter by status without silence", 'add FilterOption("silent", _("静默"))'
                )
        searched = self._searchable()
        for name in self.search:
            if name not in searched:
                raise DeclarationError(self.id, f"search in {name!r}", self._one_of(searched))

    def _check_registered(self, source: LiveAssets, lookup: str) -> None:
        if source.register is None:
            raise DeclarationError(
                self.id, f"card field '{REGISTER}{lookup}' without a register", "name one: LiveAssets(kind, register=…)"
            )
        if isinstance(walk(source.register, lookup)[-1], PersonalField):
            raise DeclarationError(
                self.id, f"card field '{REGISTER}{lookup}' is personal", "leave it out: the desk shows it on the record"
            )

    def _searchable(self) -> frozenset[str]:
        if isinstance(self.source, LiveAssets):
            return SEARCHED_OF_ASSETS
        if isinstance(self.source, Areas):
            return SEARCHED_OF_AREAS
        return self.source.fields if isinstance(self.source, Rows) else frozenset()

    @staticmethod
    def _one_of(names: frozenset[str]) -> str:
        return f"name one of {', '.join(sorted(names))}" if names else "leave it out"

    def _derived_legend(self) -> tuple[LegendEntry, ...]:
        colour = self.style.colouring()
        if isinstance(colour, Token):
            return (LegendEntry(self.title, colour),)
        if colour.field != "status" or not isinstance(self.source, LiveAssets):
            return ()
        tokens = dict(colour.colours)
        states = (LegendEntry(name, tokens.get(s, colour.other), s.value) for s, name in STATUS_NAMES.items())
        return (*states, LegendEntry(_("静默"), Token.SILENT, "silent"))

    def _check_legend(self) -> None:
        colour = self.colour_by
        if colour is None:
            return
        wanted = {int(value) if isinstance(value, Status) else value for value, _token in colour.colours}
        if isinstance(self.source, LiveAssets) and colour.field == "status":
            wanted |= {*(status.value for status in Status), "silent"}
        if missing := wanted - {entry.value for entry in self.legend}:
            raise DeclarationError(
                self.id,
                f"its legend does not say what {colour.field} = {', '.join(map(repr, sorted(missing, key=str)))} means",
                "add a LegendEntry with that value",
            )


@dataclass(frozen=True)
class Register:
    """A register (台账) on the desk: rows of a model, which the module's ``admin.py`` shows.

    ``requires``: permission without which its entry is not offered.
    """

    id: str
    title: Text
    model: type[models.Model]
    requires: Permission = Permission.VIEW

    @property
    def address(self) -> str:
        """Path of its list on the desk."""
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


@dataclass(frozen=True)
class Panel:
    """Counts of a map layer on the wall (面板): its ``layer`` by state, kind or district, in ``unit``."""

    id: str
    title: Text
    layer: str
    by: StatisticsBy = StatisticsBy.STATE
    place: Place = Place.LEFT
    unit: Text = ""


@dataclass(frozen=True)
class Chart:
    """A chart of the last 24 hours (24 小时图): how many of a live ``layer``'s things were in one of ``states``."""

    id: str
    title: Text
    layer: str
    states: tuple[Status, ...]
    unit: Text

    def __post_init__(self) -> None:
        if not self.states or len(set(self.states)) != len(self.states):
            raise DeclarationError(self.id, "a chart of no state, or of one twice", "name the states to count, once")
        if not self.unit:
            raise DeclarationError(self.id, "a chart without a unit", 'say what is counted: unit=_("台")')


@dataclass(frozen=True)
class MenuEntry:
    """A page of the module in the menu: ``view`` is the name of its address."""

    id: str
    title: Text
    view: str
    requires: Permission = Permission.VIEW

    @property
    def address(self) -> str:
        """Path of the page."""
        return reverse(self.view)


@dataclass(frozen=True)
class LayerModule:
    """A module: one folder in ``layers/`` that adds a whole business to the map.

    Attributes
    ----------
    key : str
        The folder's name, the Django app's label and the beginning of every id.
    title : str
        Its name for people.
    requires : tuple of str
        Keys of modules it may import and refer to.
    kinds, map_layers, rules, registers, panels, charts, menu
        What it brings.
    demo : callable, optional
        ``demo(city, seed)`` fills the loaded city with examples, inside a transaction; called again with the same seed
        it changes nothing.
    """

    key: str
    title: Text
    requires: tuple[str, ...] = ()
    kinds: tuple[AssetKind, ...] = ()
    map_layers: tuple[MapLayer, ...] = ()
    rules: tuple[Rule, ...] = ()
    registers: tuple[Register, ...] = ()
    panels: tuple[Panel, ...] = ()
    charts: tuple[Chart, ...] = ()
    menu: tuple[MenuEntry, ...] = ()
    demo: Callable[[Region, str], None] | None = None

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise DeclarationError(self.key, "a key of another form", "take small letters, as the folder has")
        if self.key in self.requires or len(set(self.requires)) != len(self.requires):
            raise DeclarationError(self.key, "requires itself, or one module twice", "name each other module once")
        ids = list(self.ids())
        for each in ids:
            if not each.startswith(f"{self.key}.") or not _ID.fullmatch(each):
                raise DeclarationError(self.key, f"the id {each!r}", f"begin it with {self.key + '.'!r}")
        if twice := [each for each, count in Counter(ids).items() if count > 1]:
            raise DuplicateIdError(self.key, f"{twice[0]!r} is declared twice", "give each declaration its own id")
        for register in self.registers:
            if register.model._meta.app_label != self.key:
                raise DeclarationError(
                    self.key,
                    f"the register {register.id!r} shows {register.model._meta.label}",
                    "show a model of its own",
                )

    def ids(self) -> Iterator[str]:
        """Ids of everything it declares; a rule and a map layer may not share one either."""
        for part in (self.map_layers, self.rules, self.registers, self.panels, self.charts, self.menu):
            yield from (each.id for each in part)  # type: ignore[attr-defined]
