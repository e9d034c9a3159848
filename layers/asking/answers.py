"""Answers by layer: how many, which, by state and district, with a table; within the scope always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from access.scope import Scope
from gis.plane import distances_m
from gis.tiles import TileLayer
from layers.asking.questions import Asked
from layers.contract import MapLayer
from layers.queries import column_of, features_in, properties_of
from layers.sources import LiveAssets
from layers.statistics import live_states
from layers.styles import DistrictColourStyle, HeatStyle
from layers.tiles import tile_layer
from twin.batch import MICROSECOND
from twin.census import SILENT
from twin.kinds import STATUS_NAMES, kind_of
from twin.live.glance import glance, sight_in
from twin.live.sight import district_table
from twin.live.viewer import look_up
from twin.models import Asset
from twin.passing import Passes
from twin.past import districts

MOST_ROWS = 5_000
"""Of one layer in a table or file; counts are of all."""
LIVE_COLUMNS = ("code", "name", "owner", "state", "time")
CROSSED_COLUMNS = ("code", "name", "owner", "time", "direction")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What a layer has there.

    Attributes
    ----------
    layer : MapLayer
        Which.
    total : int
        How many there are, the nearest first where there is a centre.
    ids : int64[total]
        Which.
    lon, lat : float64[total]
        Where they are, degrees; of lines and polygons a point on them.
    distance_m : float64[total] or None
        From the question's centre.
    state : dict
        How many by value of the colouring field.
    district : dict
        How many by region key (0: none).
    columns : tuple of str
        Names of the values.
    rows : list of tuples
        Values of the first so many.
    """

    layer: MapLayer
    total: int
    ids: NDArray[np.int64]
    lon: Floats
    lat: Floats
    distance_m: Floats | None
    state: dict[Any, int]
    district: dict[int, int]
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def answerable(layer: MapLayer) -> bool:
    """Whether a layer has things of its own: not another picture of them, nor a grid's cells."""
    if isinstance(layer.style, HeatStyle | DistrictColourStyle):
        return False
    return isinstance(layer.source, LiveAssets) or tile_layer(layer) is not None


def answer(layers: Sequence[MapLayer], asked: Asked, scope: Scope, most: int = MOST_ROWS) -> list[Answer]:
    """What each layer has in the shape.

    Raises
    ------
    LayerFailedError
        A layer cannot be read.
    """
    seen = _Seen(asked, scope) if any(isinstance(layer.source, LiveAssets) for layer in layers) else None
    found = []
    for layer in layers:
        if isinstance(layer.source, LiveAssets):
            assert seen is not None
            found.append(_live(layer, layer.source, seen, asked, most))
        else:
            tiled = tile_layer(layer)
            assert tiled is not None
            found.append(_standing(layer, tiled, asked, scope, most))
    return found


class _Seen:
    """Live things in the shape and the scope, of all kinds at once."""

    def __init__(self, asked: Asked, scope: Scope) -> None:
        now = glance()
        west, south, east, north = asked.shape.bounds
        lon, lat = now["lon"], now["lat"]
        if asked.region is not None:
            inside = look_up(district_table(asked.region.code), now["region"])
        else:
            inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        at = np.flatnonzero(inside)
        at = at[sight_in(scope).covers(now["owner"][at], now["region"][at])]
        if asked.region is None and len(at):
            shapely.prepare(asked.shape)
            at = at[shapely.intersects_xy(asked.shape, lon[at], lat[at])]
        self.columns = {name: column[at] for name, column in now.items()}
        self.distance_m = _distances(asked, self.columns["lon"], self.columns["lat"])


def _distances(asked: Asked, lon: Floats, lat: Floats) -> Floats | None:
    if asked.centre is None:
        return None
    x, y = (np.full(len(lon), each) for each in asked.centre)
    return distances_m(lon, lat, x, y)


def _order(asked: Asked, distance_m: Floats | None, n: int) -> NDArray[np.int64]:
    """Places of what is told, the nearest first where there is a centre; of nearest ones only so many."""
    if distance_m is None:
        return np.arange(n)
    order = np.argsort(distance_m, kind="stable")
    return order[: asked.nearest] if asked.nearest else order


def _live(layer: MapLayer, source: LiveAssets, seen: _Seen, asked: Asked, most: int) -> Answer:
    kind = kind_of(source.kind)
    own = np.flatnonzero(seen.columns["kind"] == kind.code)
    distance = None if seen.distance_m is None else seen.distance_m[own]
    order = _order(asked, distance, len(own))
    own = own[order]
    distance = None if distance is None else distance[order]
    columns = {name: column[own] for name, column in seen.columns.items()}
    states = live_states(columns, kind, timezone.now())
    shown = slice(0, most)
    ids = columns["id"][shown].astype(np.int64)
    names = _names(ids)
    titles = state_titles(layer)
    rows = [
        (*names.get(pk, ("", "", "")), titles.get(state, ""), datetime.fromtimestamp(ms / 1000, UTC))
        for pk, state, ms in zip(ids.tolist(), states[shown].tolist(), columns["time_ms"][shown].tolist(), strict=True)
    ]
    return Answer(
        layer=layer,
        total=len(own),
        ids=columns["id"].astype(np.int64),
        lon=columns["lon"],
        lat=columns["lat"],
        distance_m=distance,
        state=_counted(states),
        district=_counted(columns["region"]),
        columns=LIVE_COLUMNS,
        rows=rows,
    )


def state_titles(layer: MapLayer) -> dict[Any, str]:
    """What people call the values that :attr:`Answer.state` counts."""
    if isinstance(layer.source, LiveAssets):
        return {status.value: str(name) for status, name in STATUS_NAMES.items()} | {SILENT: _("静默")}
    return {entry.value: str(entry.title) for entry in layer.legend}


def _counted(values: NDArray) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _names(ids: NDArray[np.int64]) -> dict[int, tuple[str, str, str]]:
    rows = Asset.objects.filter(pk__in=ids.tolist()).values_list("pk", "code", "name", "owner__name")
    return {pk: (code, name, owner or "") for pk, code, name, owner in rows}


def _standing(layer: MapLayer, tiled: TileLayer, asked: Asked, scope: Scope, most: int) -> Answer:
    state = column_of(tiled, layer.colour_by.field) if layer.colour_by else "NULL"
    names = _told_of(layer, tiled)
    are_points = layer.source.shape == "point"
    found = features_in(tiled, asked.shape, scope, state, asked.centre, are_points)
    columns = list(zip(*found, strict=True)) if found else [()] * 5
    ids = np.array(columns[0], np.int64)
    lon, lat = (np.array(columns[k], float) for k in (1, 2))
    distance = _distances(asked, lon, lat) if are_points or asked.centre is None else np.array(columns[3], float)
    order = _order(asked, distance, len(found))
    ids, lon, lat = ids[order], lon[order], lat[order]
    rows = properties_of(tiled, names, ids[:most].tolist())
    return Answer(
        layer=layer,
        total=len(ids),
        ids=ids,
        lon=lon,
        lat=lat,
        distance_m=None if distance is None else distance[order],
        state=dict(Counter(value for k in order.tolist() if (value := columns[4][k]) is not None)),
        district=_districts(lon, lat),
        columns=names,
        rows=[rows.get(pk, (None,) * len(names)) for pk in ids[:most].tolist()],
    )


def _told_of(layer: MapLayer, tiled: TileLayer) -> tuple[str, ...]:
    """Properties that the layer's card tells of; all there are where it has none."""
    there = [name for name, _text in tiled.properties]
    return tuple(entry.field for entry in layer.card if entry.field in there) or tuple(there)


def _districts(lon: Floats, lat: Floats) -> dict[int, int]:
    return _counted(np.maximum(districts().locate_one(lon, lat), 0)) if len(lon) else {}


def direction_titles() -> dict[bool, str]:
    """What people call the two ways over a line."""
    return {True: _("从左到右"), False: _("从右到左")}


def crossed(layers: Iterable[MapLayer], passes: Passes, most: int = MOST_ROWS) -> list[Answer]:
    """Passes of a line as answers, a row for each pass, in the order of time."""
    kinds = dict(Asset.objects.filter(pk__in=np.unique(passes.asset).tolist()).values_list("pk", "kind"))
    of = np.array([kinds.get(pk, "") for pk in passes.asset.tolist()], object)
    answers = []
    directions = direction_titles()
    for layer in layers:
        if not isinstance(layer.source, LiveAssets):
            continue
        own = np.flatnonzero(of == layer.source.kind)
        shown = own[:most]
        names = _names(np.unique(passes.asset[shown]))
        rows = [
            (*names.get(pk, ("", "", "")), datetime.fromtimestamp(us / MICROSECOND, UTC), directions[inward])
            for pk, us, inward in zip(
                passes.asset[shown].tolist(), passes.time_us[shown].tolist(), passes.inward[shown].tolist(), strict=True
            )
        ]
        inward = int(passes.inward[own].sum())
        answers.append(
            Answer(
                layer=layer,
                total=len(own),
                ids=passes.asset[own],
                lon=passes.lon[own],
                lat=passes.lat[own],
                distance_m=None,
                state={True: inward, False: len(own) - inward},
                district=_districts(passes.lon[own], passes.lat[own]),
                columns=CROSSED_COLUMNS,
                rows=rows,
            )
        )
    return answers
