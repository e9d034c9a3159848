"""The vector-tile layer that a map layer's declaration amounts to."""

from __future__ import annotations

from django.db import models

from access.scope import ScopePaths
from gis.tiles import TileLayer
from layers.contract import MapLayer
from layers.sources import AREA_FIELDS, Areas, Rows, TileSource, walk
from twin.maplayers import AREAS

MOST_TILE_ZOOM = 16


def tile_layer(layer: MapLayer) -> TileLayer | None:
    """The tile layer behind ``layer``; None for live things, which change faster than tiles are worth."""
    source = layer.source
    if isinstance(source, TileSource):
        return source.layer
    if isinstance(source, Areas):
        return _areas(layer, source)
    if isinstance(source, Rows):
        return _rows(layer, source)
    return None


def _areas(layer: MapLayer, source: Areas) -> TileLayer:
    kinds = ", ".join(f"'{kind}'" for kind in source.kinds)
    return TileLayer(
        name=layer.id,
        title=layer.title,
        source=AREAS.source,
        geometry=AREAS.geometry,
        properties=tuple((name, f"a.{name}") for name in AREA_FIELDS),
        topics=AREAS.topics,
        feature_id=AREAS.feature_id,
        where=f"{AREAS.where} AND a.kind IN ({kinds})",
        scope_organization=AREAS.scope_organization,
        scope_regions=AREAS.scope_regions,
        min_zoom=AREAS.min_zoom,
        max_zoom=AREAS.max_zoom,
        past_source=AREAS.past_source,
        past_span=AREAS.past_span,
    )


def _rows(layer: MapLayer, source: Rows) -> TileLayer:
    tables = _Tables(source.model)
    paths: ScopePaths = source.model.scope_paths  # type: ignore[attr-defined]
    properties = tuple((name, tables.column(name)) for name in source.properties)
    scope_organization = tables.column(paths.organization) if paths.organization else None
    scope_regions = tuple(tables.column(name) for name in paths.regions)
    conditions = [f"{tables.column(name)} = {_literal(value)}" for name, value in source.where]
    identifier = source.model._meta.pk
    assert identifier is not None
    return TileLayer(
        name=layer.id,
        title=layer.title,
        geometry=tables.column(source.geometry),
        properties=properties,
        topics=source.topics,
        feature_id=tables.column(identifier.name),
        where=" AND ".join(conditions) or "TRUE",
        scope_organization=scope_organization,
        scope_regions=scope_regions,
        min_zoom=int(layer.min_zoom),
        max_zoom=MOST_TILE_ZOOM,
        drop_below_px=0 if source.shape == "point" else 1,
        source=tables.sql(),
    )


def _literal(value: str | int | bool) -> str:
    """A value as SQL: written by a developer, never taken from outside."""
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


class _Tables:
    """The tables that lookups from one model need, joined once each."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self._joins: dict[tuple[str, ...], tuple[str, str]] = {(): ("t0", f'"{model._meta.db_table}" AS t0')}

    def column(self, lookup: str) -> str:
        """SQL of the column at ``lookup``."""
        *relations, last = walk(self._model, lookup)
        path: tuple[str, ...] = ()
        for relation in relations:
            here = self._joins[path][0]
            path = (*path, relation.name)
            if path not in self._joins:
                alias = f"t{len(self._joins)}"
                target = relation.target_field  # type: ignore[attr-defined]
                join = (
                    f'LEFT JOIN "{target.model._meta.db_table}" AS {alias} '
                    f'ON {alias}."{target.column}" = {here}."{relation.column}"'
                )
                self._joins[path] = (alias, join)
        return f'{self._joins[path][0]}."{last.column}"'

    def sql(self) -> str:
        """What follows ``FROM``."""
        return " ".join(join for _alias, join in self._joins.values())
