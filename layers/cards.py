"""What a card says of a live thing from its module's register."""

from __future__ import annotations

from typing import Any

from access.scope import Scope
from layers.contract import MapLayer
from layers.contract.maplayer import REGISTER
from layers.queries import live
from layers.sources import LiveAssets, walk


def register_values(layer: MapLayer, asset_id: int, scope: Scope) -> dict[str, Any] | None:
    """Values of the card's ``register.`` fields for one thing, in the language in force; None for what is not in scope.

    A field with choices is told by name. A thing that its register does not have has no values.
    """
    source = layer.source
    if not isinstance(source, LiveAssets) or not live(source, scope).filter(pk=asset_id).exists():
        return None
    fields = [entry.field for entry in layer.card if entry.field.startswith(REGISTER)]
    if source.register is None or not fields:
        return {}
    rows = source.register._default_manager.within(scope)  # type: ignore[attr-defined]
    lookups = {field: field.removeprefix(REGISTER) for field in fields}
    row = rows.filter(pk=asset_id).values(*lookups.values()).first()
    if row is None:
        return {}
    return {field: _named(source, lookup, row[lookup]) for field, lookup in lookups.items()}


def _named(source: LiveAssets, lookup: str, value: Any) -> Any:
    assert source.register is not None
    choices = walk(source.register, lookup)[-1].flatchoices
    return str(dict(choices).get(value, value)) if choices and value is not None else value
