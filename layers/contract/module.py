"""The module itself: one folder of ``layers/``, and everything it brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis.models import Region
from layers.contract.grid import RiskGrid
from layers.contract.ids import ID, Text
from layers.contract.maplayer import MapLayer
from layers.contract.pages import MenuEntry, Register
from layers.contract.wall import Chart, Panel
from layers.exceptions import DeclarationError, DuplicateIdError
from layers.folders import KEY
from twin.kinds import AssetKind

if TYPE_CHECKING:
    from command.rules import Rule


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
    kinds, map_layers, rules, registers, panels, charts, menu, grids
        What it brings. Each risk grid brings the map layers of its indices.
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
    grids: tuple[RiskGrid, ...] = ()
    demo: Callable[[Region, str], None] | None = None

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise DeclarationError(self.key, "a key of another form", "take small letters, as the folder has")
        if self.key in self.requires or len(set(self.requires)) != len(self.requires):
            raise DeclarationError(self.key, "requires itself, or one module twice", "name each other module once")
        of_grids = tuple(layer for grid in self.grids for layer in grid.map_layers())
        object.__setattr__(self, "map_layers", (*self.map_layers, *of_grids))
        ids = list(self.ids())
        for each in ids:
            if not each.startswith(f"{self.key}.") or not ID.fullmatch(each):
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
        for part in (self.map_layers, self.rules, self.registers, self.panels, self.charts, self.menu, self.grids):
            yield from (each.id for each in part)  # type: ignore[attr-defined]
