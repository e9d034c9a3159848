"""What must hold at start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from gis.crs import RESERVED_NAMES, city_grids, find_datum
from gis.exceptions import UnknownDatumError
from gis.tiles import has_scope_resolver, registry

AT_START = "start"
"""Tag of checks for every process that starts; others look at code, which ``manage.py check`` and the tests do."""


@register(AT_START)
def check_city_grids(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every grid in ``SANDTABLE_CITY_GRIDS`` is usable and takes no built-in name."""
    problems: list[CheckMessage] = []
    for name in city_grids():
        if name in RESERVED_NAMES or ":" in name:
            problems.append(Error(f"SANDTABLE_CITY_GRIDS: {name!r} is a built-in name or has a colon", id="geo.E001"))
            continue
        try:
            find_datum(name)
        except UnknownDatumError as error:
            problems.append(Error(f"SANDTABLE_CITY_GRIDS: {name!r}: {error}", id="geo.E002"))
    return problems


@register(AT_START)
def check_tile_scope(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A layer that shows different things to different people has somebody to ask who may see what."""
    if has_scope_resolver():
        return []
    return [
        Error(f"tile layer {layer.name!r} is scoped, but no scope resolver is registered", id="geo.E003")
        for layer in registry.all()
        if not layer.open_to_all
    ]
