"""What a map layer says of its things: lines of the card and of the legend, choices of a filter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from layers.colours import Token
from layers.contract.ids import Text
from layers.exceptions import DeclarationError
from twin.kinds import STATUS_NAMES


class CardFormat(StrEnum):
    """How a card shows a value."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    STATUS = "status"


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
