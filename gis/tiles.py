"""Layers of vector tiles straight from PostGIS: their declarations, and the register of them.

A layer is a frozen :class:`TileLayer`; packages register theirs in their ``AppConfig.ready``. What a tile of one is
made of: :mod:`gis.tile_sql`.

Who may see what is decided by a higher floor, which registers one function here (:func:`set_scope_resolver`). Without
it no layer answers, unless it declares that it keeps no secrets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from gis.exceptions import RegistrationError, UnknownLayerError

MAX_ZOOM = 22
QUERY_CANCELED = "57014"
"""What PostgreSQL calls a query that took longer than it might (SQLSTATE)."""
_LAYER_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_NOT_CONTENT = ("title", "attribution", "within")
_PROPERTY_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

ScopeClause = tuple[str, list[Any]]
Bounds = tuple[float, float, float, float]


class TileScope(Protocol):
    """What this floor needs to know about somebody's scope."""

    @property
    def key(self) -> str:
        """Short text, the same for equal scopes."""
        ...

    def sql(self, organization: str | None = None, regions: Iterable[str] = ()) -> ScopeClause:
        """SQL condition with ``%s`` places, and their values, for columns that hold paths."""
        ...


@dataclass(frozen=True)
class TileLayer:
    """Declaration of a tile layer.

    Attributes
    ----------
    name : str
        Stable id, also the layer's name within the tile: ``regions``, ``hotwork.machines``.
    title : str
        Name for people; may be lazily translated.
    source : str
        What follows ``FROM``: ``"twin_area AS a LEFT JOIN access_organization AS o ON o.id = a.owner_id"``. Like every
        SQL text here it is written by a developer, never made from outside input.
    geometry : str
        Column of EPSG:4326 with a spatial index: ``"a.boundary"``.
    properties : tuple of (str, str)
        Property name and SQL expression: ``(("id", "a.id"), ("name", "a.name"))``.
    topics : tuple of str
        Topics (:mod:`gis.notices`) whose change makes its tiles out of date, those of joined tables included.
    feature_id : str
        Integer column that identifies a feature.
    where : str
        Further condition, e.g. ``"a.active"``.
    scope_organization : str, optional
        Column with the owner's path, as the scope's ``sql`` takes it.
    scope_regions : tuple of str
        Columns with region paths.
    open_to_all : bool
        True: every signed-in user sees all of it, and it has no scope columns.
    min_zoom, max_zoom : int
        Zooms it has tiles for. The last one has full detail, and clients enlarge it.
    feature_min_zoom : str
        Integer expression: the farthest zoom at which a feature is shown; empty for layers that show all at all zooms.
    attribution : callable, optional
        Returns where the data come from, for people, at the time of asking.
    drop_below_px : float
        Below the last zoom, features smaller than this many pixels both ways are left out; 0 keeps all (points).
    timeout_ms : int
        Longest time the database may take for one tile.
    past_source : str
        What follows ``FROM`` where a moment of the past is asked for: the same columns under the same names, of every
        version that a row had. Empty: the layer keeps no past.
    past_span : (str, str)
        Columns of it: since when and until when a version held; null: always.
    within : callable, optional
        Where no spatial index is on ``geometry``: a condition on bounds (west, south, east, north in degrees) that
        another index serves, true of everything within them.
    point : (str, str)
        Columns with longitude and latitude, of a layer of points whose ``geometry`` is made of them: a comparison of
        numbers takes a fraction of what making and looking at a shape does. Empty: there is a geometry.
    lifetime_s : float
        Things that move have no topic, for it would change with every position: so many seconds a tile is good for.
    """

    name: str
    title: str | Promise
    source: str
    geometry: str
    properties: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    feature_id: str
    where: str = "TRUE"
    scope_organization: str | None = None
    scope_regions: tuple[str, ...] = ()
    open_to_all: bool = False
    min_zoom: int = 0
    max_zoom: int = 14
    drop_below_px: float = 1.0
    feature_min_zoom: str = ""
    attribution: Callable[[], str] | None = None
    timeout_ms: int = 2000
    past_source: str = ""
    past_span: tuple[str, str] = ("", "")
    within: Callable[[Bounds], str] | None = None
    point: tuple[str, str] = ("", "")
    lifetime_s: float = 0

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot work.

        Raises
        ------
        RegistrationError
            Naming the layer and what is wrong.
        """
        names = [name for name, _text in self.properties]
        scoped = bool(self.scope_organization or self.scope_regions)
        problems = {
            "name": not _LAYER_NAME.fullmatch(self.name),
            "property name": not all(_PROPERTY_NAME.fullmatch(name) for name in names),
            "property twice, or one named geometry or feature_id": len({*names, "geometry", "feature_id"})
            != len(names) + 2,
            "topics missing": not self.topics and not self.lifetime_s,
            "lifetime_s": self.lifetime_s < 0,
            "zooms": not 0 <= self.min_zoom <= self.max_zoom <= MAX_ZOOM,
            "timeout_ms": self.timeout_ms <= 0,
            "drop_below_px": self.drop_below_px < 0,
            "scope columns missing, and not open_to_all": not scoped and not self.open_to_all,
            "scope columns on a layer open_to_all": scoped and self.open_to_all,
        }
        for problem, found in problems.items():
            if found:
                raise RegistrationError(f"tile layer {self.name!r}: {problem}")

    def at(self, moment: datetime) -> TileLayer:
        """The layer as it was at an aware moment, to be rendered like any other.

        Raises
        ------
        UnknownLayerError
            It keeps no past.
        """
        if not self.past_source:
            raise UnknownLayerError(_("图层 %(layer)s 不保存过去的样子") % {"layer": self.name})
        since, until = self.past_span
        then = f"'{moment.isoformat()}'::timestamptz"
        held = f"({since} IS NULL OR {since} <= {then}) AND ({until} IS NULL OR {until} > {then})"
        return replace(self, source=self.past_source, where=f"({self.where}) AND {held}", past_source="")

    @cached_property
    def digest(self) -> str:
        """Changes with the declaration, so that a new release does not serve an old one's tiles."""
        facts = [getattr(self, field.name) for field in fields(self) if field.name not in _NOT_CONTENT]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    @cached_property
    def summed(self) -> str:
        """The same for layers that show the same things in the same places, however they call and describe them."""
        apart = (*_NOT_CONTENT, "name", "properties", "timeout_ms", "lifetime_s")
        facts = [getattr(self, field.name) for field in fields(self) if field.name not in apart]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def scope_clause(self, scope: TileScope | None) -> ScopeClause:
        """Condition for what ``scope`` may see of this layer; without a scope only an open layer shows anything."""
        if self.open_to_all:
            return "TRUE", []
        if scope is None:
            return "FALSE", []
        return scope.sql(organization=self.scope_organization, regions=self.scope_regions)

    def cache_key(self, version: int, scope: TileScope | None, z: int, x: int, y: int) -> str:
        """Everything that decides a tile's bytes, as one text: what is cached and what the ETag is made of."""
        scoped = "nobody" if scope is None else f"scope-{scope.key}"
        seen_by = "open" if self.open_to_all else scoped
        return f"tile/{self.name}/{self.digest}/{version}/{seen_by}/{z}/{x}/{y}"


class TileRegistry:
    """The layers there are. Refuses duplicates, and anything new once it has been read."""

    def __init__(self) -> None:
        self._layers: dict[str, TileLayer] = {}
        self._frozen = False

    def register(self, layer: TileLayer) -> TileLayer:
        """Add a layer.

        Raises
        ------
        RegistrationError
            The name is taken, or layers have already been served.
        """
        if self._frozen:
            raise RegistrationError(f"tile layer {layer.name!r} comes too late: register it in AppConfig.ready")
        if layer.name in self._layers:
            raise RegistrationError(f"tile layer {layer.name!r} is registered twice")
        self._layers[layer.name] = layer
        return layer

    def find(self, name: str) -> TileLayer:
        """Look a layer up.

        Raises
        ------
        UnknownLayerError
            No such layer.
        """
        self._frozen = True
        if name not in self._layers:
            raise UnknownLayerError(_("没有名为“%(name)s”的图层") % {"name": name})
        return self._layers[name]

    def all(self) -> list[TileLayer]:
        """Every layer, by name."""
        self._frozen = True
        return [self._layers[name] for name in sorted(self._layers)]


registry = TileRegistry()

ScopeResolver = Callable[[HttpRequest], TileScope]
_resolvers: list[ScopeResolver] = []


def set_scope_resolver(resolver: ScopeResolver) -> None:
    """Register the one function that knows the scope of a request.

    Raises
    ------
    RegistrationError
        There is one already.
    """
    if _resolvers and _resolvers[0] is not resolver:
        raise RegistrationError("a scope resolver is already registered")
    _resolvers[:] = [resolver]


def scope_of_request(request: HttpRequest) -> TileScope | None:
    """Scope of a request; None, which sees open layers only, while no resolver is registered."""
    return _resolvers[0](request) if _resolvers else None


def has_scope_resolver() -> bool:
    """Whether a higher floor has registered its resolver."""
    return bool(_resolvers)
