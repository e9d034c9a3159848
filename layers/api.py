"""The layer tree, counts and search over HTTP: in the user's scope and language."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.params import Path

from access.roles import DESK_PERMISSIONS
from access.scope import permissions_of, scope_of
from layers.cards import register_values
from layers.contract import LayerModule, MapLayer, MenuEntry, Register
from layers.exceptions import LayerFailedError, UnknownLayerError
from layers.findings import Finding, findings, nearness
from layers.gazetteer import coordinates, gazetteer, places
from layers.registry import registry
from layers.search import indexes
from layers.sources import GridCells, LiveAssets
from layers.specs import describe
from layers.statistics import NO_STATE, NOT_HEARD, count, count_at, count_cells_at, district_names
from twin.exceptions import UnknownKindError
from twin.kinds import STATUS_NAMES, kind_of
from twin.models import Area
from twin.past_api import moment_of
from twin.reading import reading

router = Router(tags=["layers"])

MOST_FOUND = 50
LONGEST_QUERY = 64


class CountOut(Schema):
    """How many have this value."""

    value: Any
    title: str
    count: int


class PartOut(Schema):
    """How many in this district (code; empty: none) and state have these ``values``, one for each filter."""

    district: str
    state: Any
    values: list[Any]
    count: int


class StatisticsOut(Schema):
    """Counts of a layer; ``as_of``: when they were true."""

    id: str
    total: int
    state: list[CountOut]
    kind: list[CountOut]
    district: list[CountOut]
    parts: list[PartOut]
    as_of: datetime


class StatisticsOfOut(Schema):
    """Counts of several layers; ``failed``: why, by layer, of those that could not be read."""

    layers: list[StatisticsOut]
    failed: dict[str, str]


class SearchOut(Schema):
    """What was found, best first; ``more``: there is more than fits."""

    results: list[Finding]
    more: bool


def _layer(layer_id: str) -> MapLayer:
    try:
        return registry.map_layer(layer_id)
    except UnknownLayerError as error:
        raise HttpError(404, str(error)) from error


@router.get("/layers", response=list[dict[str, Any]])
def layers(request: HttpRequest) -> list[dict[str, Any]]:
    """The layer tree of the screen; empty for somebody who may see nothing."""
    if scope_of(request.user).empty:  # type: ignore[arg-type]
        return []
    return [describe(layer) for layer in registry.map_layers()]


@router.get("/modules", response=list[dict[str, Any]])
def modules(request: HttpRequest) -> list[dict[str, Any]]:
    """Modules with the panels, pages and registers that the user may open."""
    if scope_of(request.user).empty:  # type: ignore[arg-type]
        return []
    return [_module(request, module) for module in registry.modules()]


def _module(request: HttpRequest, module: LayerModule) -> dict[str, Any]:
    held = permissions_of(request.user)  # type: ignore[arg-type]
    on_the_desk = bool(held & DESK_PERMISSIONS)
    return {
        "key": module.key,
        "title": str(module.title),
        "panels": [
            {
                "id": panel.id,
                "title": str(panel.title),
                "layer": panel.layer,
                "by": panel.by.value,
                "place": panel.place.value,
                "unit": str(panel.unit),
            }
            for panel in module.panels
        ],
        "registers": [_link(each) for each in module.registers if on_the_desk and each.requires in held],
        "menu": [_link(each) for each in module.menu if each.requires in held],
    }


def _link(entry: Register | MenuEntry) -> dict[str, str]:
    return {"id": entry.id, "title": str(entry.title), "url": entry.address}


@router.get("/layers/{layer_id}/statistics", response=StatisticsOut)
def statistics(
    request: HttpRequest, layer_id: Path[str], district: Query[str] = "", at: Query[str] = ""
) -> StatisticsOut:
    """Counts of one layer by state, kind and district, inside the user's scope; 503 while it cannot be read.

    ``district``: code of the one district to count in. ``at`` (milliseconds since 1970 UTC): live things and risk grids
    as they were then; what stands is counted as it is.
    """
    try:
        return _statistics(request, _layer(layer_id), district, at)
    except LayerFailedError as error:
        raise HttpError(503, str(error)) from error


@router.get("/statistics", response=StatisticsOfOut)
def statistics_of(
    request: HttpRequest, layers: Query[str], district: Query[str] = "", at: Query[str] = ""
) -> StatisticsOfOut:
    """The same of several layers, whose ids stand one after another with commas.

    404 where one of them does not exist; one that cannot be read leaves the others as they are.
    """
    told, failed = [], {}
    for layer in [_layer(layer_id) for layer_id in dict.fromkeys(layers.split(","))]:
        try:
            told.append(_statistics(request, layer, district, at))
        except LayerFailedError as error:
            failed[layer.id] = str(error)
    return StatisticsOfOut(layers=told, failed=failed)


def _statistics(request: HttpRequest, layer: MapLayer, district: str, at: str) -> StatisticsOut:
    source = layer.source
    scope, code = scope_of(request.user), district[:LONGEST_QUERY]  # type: ignore[arg-type]
    if at and isinstance(source, LiveAssets):
        at_us = moment_of(at, "at", must_be_kept=False)
        counts = reading(lambda cursor: count_at(cursor, layer, source, scope, code, at_us))
    elif at and isinstance(source, GridCells):
        counts = count_cells_at(source, scope, code, moment_of(at, "at", must_be_kept=False))
    else:
        counts = count(layer, scope, code)
    names = district_names([code for code in counts.district if code], get_language() or "")
    states = _state_titles(layer)
    return StatisticsOut(
        id=layer.id,
        total=counts.total,
        state=_counted(counts.state, states, list(states)),
        kind=_counted(counts.kind, {key: _kind_title(key) for key in counts.kind}),
        district=_counted(counts.district, {**names, "": _("不在任何区内")}, sorted(names)),
        parts=[
            PartOut(district=code, state=state, values=list(values), count=n)
            for (code, state, values), n in counts.parts.items()
        ],
        as_of=counts.at,
    )


@router.get("/layers/{layer_id}/things/{int:asset_id}", response=dict[str, Any])
def registered(request: HttpRequest, layer_id: Path[str], asset_id: Path[int]) -> dict[str, Any]:
    """What the layer's card says of a live thing from its register, by card field; 404 for what is not in scope."""
    found = register_values(_layer(layer_id), asset_id, scope_of(request.user))  # type: ignore[arg-type]
    if found is None:
        raise Http404
    return found


def _state_titles(layer: MapLayer) -> dict[Any, str]:
    if isinstance(layer.source, LiveAssets):
        heard = {status.value: str(name) for status, name in STATUS_NAMES.items()}
        return heard | {NOT_HEARD: _("静默"), NO_STATE: _("从未定位")}
    return {entry.value: str(entry.title) for entry in layer.legend}


def _kind_title(key: str) -> str:
    if key in Area.Kind.values:
        return str(Area.Kind(key).label)
    try:
        return str(kind_of(key).name)
    except UnknownKindError:
        return key


def _counted(counts: dict[Any, int], titles: dict[Any, str], order: list[Any] | None = None) -> list[CountOut]:
    wanted = [value for value in (order or []) if value in counts]
    wanted += [value for value in counts if value not in wanted]
    return [CountOut(value=value, title=titles.get(value, str(value)), count=counts[value]) for value in wanted]


@router.get("/search", response=SearchOut)
def search(request: HttpRequest, q: Query[str]) -> SearchOut:
    """Things and places whose name, code or pinyin holds ``q`` (at most 64 characters), inside the user's scope; and
    where coordinates are, in any datum."""
    scope = scope_of(request.user)  # type: ignore[arg-type]
    query = q[:LONGEST_QUERY]
    results: list[Finding] = [] if scope.empty else coordinates(query)
    found = []
    for read, some in ((findings, indexes().values()), (places, gazetteer())):
        for index in some:
            keys = index.find(query, scope, MOST_FOUND + 1)
            found.append(keys)
            results += read(index.table, keys[:MOST_FOUND])
    results.sort(key=lambda result: -4 if result.type == "coordinates" else -nearness(query, result))
    return SearchOut(
        results=results[:MOST_FOUND],
        more=sum(map(len, found)) > MOST_FOUND,
    )
