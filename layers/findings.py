"""What a search shows of the rows it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.gis.db.models.functions import Centroid, PointOnSurface
from django.contrib.gis.geos import Point
from django.db import models

from layers.contract import MapLayer
from layers.pinyin import normalised, spellings
from layers.registry import registry
from layers.search import Table
from layers.sources import Areas, LiveAssets, Rows
from twin.models import Area, Asset

SEPARATOR = " · "


@dataclass(frozen=True)
class Finding:
    """Something that was found; ``layer``: a map layer that shows it, ``lon``, ``lat``: degrees; null: nowhere."""

    type: str
    id: int
    layer: str | None
    kind: str
    title: str
    subtitle: str
    lon: float | None
    lat: float | None


def findings(table: Table, keys: list[int]) -> list[Finding]:
    """The rows with these keys, in their order; who may see them has been asked already."""
    if not keys:
        return []
    reader = _READERS.get(table.key, _rows)
    found = reader(table, keys)
    return [found[key] for key in keys if key in found]


def nearness(query: str, finding: Finding) -> int:
    """How well what is shown fits: 3 where a text of it is the query, 2 where one begins with it, 1 else."""
    wanted = normalised(query)
    shown = [way for text in (finding.title, *finding.subtitle.split(SEPARATOR)) for way in spellings(text)]
    return 3 if wanted in shown else 2 if any(way.startswith(wanted) for way in shown) else 1


def _layer_of_assets(kind: str) -> str | None:
    layers = registry.map_layers()
    return next(
        (layer.id for layer in layers if isinstance(layer.source, LiveAssets) and layer.source.kind == kind), None
    )


def _layer_of_areas(kind: str) -> str | None:
    layers = registry.map_layers()
    return next((layer.id for layer in layers if isinstance(layer.source, Areas) and kind in layer.source.kinds), None)


def _beside(*texts: str) -> str:
    return SEPARATOR.join(text for text in texts if text)


def _assets(_table: Table, keys: list[int]) -> dict[int, Finding]:
    rows = Asset.objects.filter(pk__in=keys).select_related("owner", "state")
    return {row.pk: _asset(row) for row in rows}


def _asset(row: Asset) -> Finding:
    state = getattr(row, "state", None)
    subtitle = _beside(row.code, row.owner.name if row.owner else "")
    lon, lat = (state.lon, state.lat) if state else (None, None)
    return Finding("asset", row.pk, _layer_of_assets(row.kind), row.kind, row.name, subtitle, lon, lat)


def _areas(_table: Table, keys: list[int]) -> dict[int, Finding]:
    rows = Area.objects.filter(pk__in=keys).select_related("owner").annotate(spot=PointOnSurface("boundary"))
    found = {}
    for row in rows.defer("boundary"):
        subtitle = _beside(row.get_kind_display(), row.owner.name if row.owner else "")
        spot: Point = row.spot
        found[row.pk] = Finding("area", row.pk, _layer_of_areas(row.kind), row.kind, row.name, subtitle, spot.x, spot.y)
    return found


def _rows(table: Table, keys: list[int]) -> dict[int, Finding]:
    layer: MapLayer = registry.map_layer(table.key)
    source = layer.source
    assert isinstance(source, Rows)
    middle = Centroid if source.shape == "path" else PointOnSurface
    rows = table.model._default_manager.filter(pk__in=keys).annotate(spot=middle(source.geometry))
    return {row.pk: _row(layer, row) for row in rows}


def _row(layer: MapLayer, row: models.Model) -> Finding:
    spot: Point | None = row.spot  # type: ignore[attr-defined]
    lon, lat = (spot.x, spot.y) if spot else (None, None)
    return Finding("row", row.pk, layer.id, layer.id, str(row), str(layer.title), lon, lat)


_READERS: dict[str, Callable[[Table, list[int]], dict[int, Finding]]] = {"asset": _assets, "area": _areas}
