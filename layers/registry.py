"""The registry of modules: finds them, checks them against each other, then takes nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from layers.contract import Chart, LayerModule, LiveAssets, MapLayer, Panel, Register, RiskGrid
from layers.exceptions import (
    DeclarationError,
    DuplicateIdError,
    FrozenRegistryError,
    MissingRequirementError,
    UnknownLayerError,
)
from layers.folders import LAYERS, module_keys
from layers.importing import importing
from twin.kinds import AssetKind, kinds


class ModuleRegistry:
    """Modules by key, in an order in which each comes after those it requires."""

    def __init__(self) -> None:
        self._modules: dict[str, LayerModule] = {}
        self._map_layers: dict[str, MapLayer] = {}
        self._frozen = False

    def load(self, folder: Path = LAYERS, package: str = "layers") -> None:
        """Import the ``layer.py`` of every module in ``folder``, check them all, freeze.

        Raises
        ------
        ContractError
            A module cannot be taken in; the error names it and the cure.
        FrozenRegistryError
            It has been done already.
        """
        for key in module_keys(folder):
            self.register(key, _declaration(key, package))
        self.freeze()

    def register(self, key: str, module: LayerModule) -> None:
        """Take in the module found in the folder ``key``."""
        if self._frozen:
            raise FrozenRegistryError(f"layer module {key!r} comes too late: modules are found at start")
        if module.key != key:
            raise DeclarationError(key, f"its key is {module.key!r}", "give folder, app label and key one name")
        if key in self._modules:
            raise DuplicateIdError(key, "two modules have this key", "rename one of the folders")
        self._modules[key] = module

    def freeze(self) -> None:
        """Check the modules against each other and take nothing more."""
        self._modules = {key: self._modules[key] for key in self._in_order()}
        self._map_layers = {each.id: each for module in self._modules.values() for each in module.map_layers}
        self._check_references()
        self._frozen = True

    def _in_order(self) -> Iterable[str]:
        for key, module in self._modules.items():
            if missing := sorted(set(module.requires) - set(self._modules)):
                raise MissingRequirementError(
                    key,
                    f"it requires {missing[0]!r}, which is not there",
                    f"put the folder layers/{missing[0]} back, or take it out of requires and out of the module",
                )
        graph = {key: sorted(self._modules[key].requires) for key in sorted(self._modules)}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = error.args[1]
            raise MissingRequirementError(
                circle[0], f"requirements go round: {' → '.join(circle)}", "move what both need into a third module"
            ) from None

    def _check_references(self) -> None:
        known_kinds = {kind.key: kind for kind in kinds()}
        codes = {kind.code: kind for kind in kinds()}
        for key, module in self._modules.items():
            for kind in module.kinds:
                for taken in (known_kinds.get(kind.key), codes.get(kind.code)):
                    if taken is not None and taken != kind:
                        raise DuplicateIdError(
                            key,
                            f"asset kind {kind.key!r} (code {kind.code}) collides with {taken.key!r} ({taken.code})",
                            "take a key and a code that nobody has; a code that was used once stays with its kind",
                        )
                known_kinds[kind.key] = codes[kind.code] = kind
            within = {key, *module.requires}
            own = {k.key for m in within for k in self._modules[m].kinds} | {k.key for k in kinds()}
            for layer in module.map_layers:
                if isinstance(layer.source, LiveAssets) and layer.source.kind not in own:
                    raise DeclarationError(
                        key, f"{layer.id} shows the asset kind {layer.source.kind!r}", f"name one of {sorted(own)}"
                    )
            shown = {layer.id: layer for m in within for layer in self._modules[m].map_layers}
            for panel in module.panels:
                if panel.layer not in shown:
                    raise DeclarationError(
                        key, f"the panel {panel.id} counts {panel.layer!r}", f"name one of {sorted(shown)}"
                    )
                if not shown[panel.layer].has_counts_by(panel.by):
                    raise DeclarationError(
                        key,
                        f"the panel {panel.id} counts {panel.layer!r} by {panel.by}, which its things have not",
                        "count by district, or colour the layer by what it is to be counted by",
                    )
            for chart in module.charts:
                if chart.layer not in shown or not isinstance(shown[chart.layer].source, LiveAssets):
                    raise DeclarationError(
                        key,
                        f"the chart {chart.id} counts {chart.layer!r}, of which no history is kept",
                        "name a live layer",
                    )

    def modules(self) -> tuple[LayerModule, ...]:
        """Every module, each after those it requires."""
        return tuple(self._modules.values())

    def map_layers(self) -> tuple[MapLayer, ...]:
        """Every map layer, module by module."""
        return tuple(self._map_layers.values())

    def map_layer(self, layer_id: str) -> MapLayer:
        """The map layer of that id.

        Raises
        ------
        UnknownLayerError
            There is none.
        """
        try:
            return self._map_layers[layer_id]
        except KeyError:
            raise UnknownLayerError(_("没有名为“%(name)s”的图层") % {"name": layer_id}) from None

    def rules(self) -> tuple[Any, ...]:
        """Every :class:`command.rules.Rule`."""
        return tuple(chain.from_iterable(module.rules for module in self._modules.values()))

    def kinds(self) -> tuple[AssetKind, ...]:
        """Every asset kind that a module brings."""
        return tuple(chain.from_iterable(module.kinds for module in self._modules.values()))

    def registers(self) -> tuple[Register, ...]:
        """Every register."""
        return tuple(chain.from_iterable(module.registers for module in self._modules.values()))

    def panels(self) -> tuple[Panel, ...]:
        """Every panel."""
        return tuple(chain.from_iterable(module.panels for module in self._modules.values()))

    def charts(self) -> tuple[Chart, ...]:
        """Every chart of the last 24 hours."""
        return tuple(chain.from_iterable(module.charts for module in self._modules.values()))

    def grids(self) -> tuple[RiskGrid, ...]:
        """Every risk grid."""
        return tuple(chain.from_iterable(module.grids for module in self._modules.values()))

    def grid(self, grid_id: str) -> RiskGrid:
        """The risk grid of that id.

        Raises
        ------
        UnknownLayerError
            There is none.
        """
        found = next((grid for grid in self.grids() if grid.id == grid_id), None)
        if found is None:
            raise UnknownLayerError(_("没有名为“%(name)s”的风险网格") % {"name": grid_id})
        return found


def _declaration(key: str, package: str) -> LayerModule:
    with importing(key, "layer.py"):
        module = getattr(import_module(f"{package}.{key}.layer"), "LAYER", None)
    if not isinstance(module, LayerModule):
        raise DeclarationError(
            key, f"layers/{key}/layer.py declares no LAYER", "write LAYER = LayerModule(…) (docs/layers.md)"
        )
    return module


registry = ModuleRegistry()
"""The platform's modules; filled by :class:`layers.apps.LayersConfig`."""
