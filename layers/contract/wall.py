"""What stands beside the map: panels that count a map layer's things, charts of the last 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from layers.contract.ids import Text
from layers.exceptions import DeclarationError
from twin.kinds import Status


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
