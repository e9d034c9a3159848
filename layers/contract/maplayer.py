"""A map layer (地图图层): a source, a style, and what is said of its things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from access.personal import PersonalField
from layers.colours import ColourBy, Token
from layers.contract.cards import BY_STATUS_FILTER, CardField, Filter, LegendEntry
from layers.contract.ids import ID, Text
from layers.contract.wall import StatisticsBy
from layers.exceptions import DeclarationError
from layers.sources import Areas, LiveAssets, Rows, Source, TileSource, walk
from layers.styles import Style
from twin.kinds import STATUS_NAMES, Status

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
        if not ID.fullmatch(self.id):
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
        colour = self.style.colour
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
        colour = self.style.colour
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
