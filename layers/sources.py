"""Where a map layer's things come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

from django.contrib.gis.db.models import GeometryField
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from gis.tiles import TileLayer
from layers.exceptions import DeclarationError
from twin.models import Area, Asset

LIVE_FIELDS = frozenset({"status", "kind", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "time_ms"})
"""What is known of a live thing every second."""
AREA_FIELDS = ("id", "name", "kind", "version", "z_min_m", "z_max_m")
_SHAPES = {"POINT": "point", "LINESTRING": "path", "MULTILINESTRING": "path", "POLYGON": "polygon"}
_SHAPES |= {"MULTIPOLYGON": "polygon", "MULTIPOINT": "point"}


@dataclass(frozen=True)
class LiveAssets:
    """Things of one asset kind, as they move (实时对象).

    Attributes
    ----------
    kind : str
        Key of an asset kind of the platform, of this module, or of one it requires.
    register : type, optional
        Model with one row a thing (台账), whose primary key is the thing; its columns may stand on the card as
        ``register.<field>``. It has ``scope_paths`` and :class:`access.scope.ScopedQuerySet` as its manager.
    """

    kind: str
    register: type[models.Model] | None = None

    type: ClassVar[str] = "live"
    shape: ClassVar[str] = "point"
    fields: ClassVar[frozenset[str]] = LIVE_FIELDS

    def __post_init__(self) -> None:
        if self.register is None:
            return
        key, label = self.register._meta.pk, self.register._meta.label
        if not isinstance(key, models.OneToOneField) or key.remote_field.model is not Asset:
            raise DeclarationError(
                f"LiveAssets({self.kind!r})",
                f"{label} is no register of things",
                "give it a OneToOneField to twin.Asset as its primary key",
            )
        _check_scoped(f"LiveAssets({self.kind!r})", self.register)


@dataclass(frozen=True)
class Areas:
    """Areas in use of some kinds (区域): values of :class:`twin.models.Area.Kind`."""

    kinds: tuple[str, ...]

    type: ClassVar[str] = "areas"
    shape: ClassVar[str] = "polygon"
    fields: ClassVar[frozenset[str]] = frozenset(AREA_FIELDS)

    def __post_init__(self) -> None:
        known = Area.Kind.values
        if not self.kinds or not set(self.kinds) <= set(known) or len(set(self.kinds)) != len(self.kinds):
            raise DeclarationError("Areas", f"kinds {self.kinds!r}", f"name one or more, each once, of {known}")


@dataclass(frozen=True)
class TileSource:
    """A vector-tile layer that the module wrote itself; its name must be the map layer's id."""

    layer: TileLayer
    shape: str

    type: ClassVar[str] = "tiles"

    def __post_init__(self) -> None:
        if self.shape not in _SHAPES.values():
            raise DeclarationError("TileSource", f"shape {self.shape!r}", "say point, path or polygon")

    @property
    def fields(self) -> frozenset[str]:
        """Names of its properties."""
        return frozenset(name for name, _text in self.layer.properties)


@dataclass(frozen=True)
class Rows:
    """Rows of a module's own model (台账落图); its vector-tile layer is written by the platform.

    Attributes
    ----------
    model : type
        A model with ``scope_paths`` and :class:`access.scope.ScopedQuerySet` as its manager.
    geometry : str
        Its geometry field: EPSG:4326, with a spatial index.
    properties : tuple of str
        What the map may know of a row: fields of the model, or of what a foreign key of it points to
        (``owner__name``).
    topics : tuple of str
        Topics its migration gave the table with :func:`gis.notices.touch_trigger`, and those of joined tables
        (``organizations``, ``regions``).
    where : tuple of (str, value)
        Only rows whose field has this value.
    """

    model: type[models.Model]
    geometry: str
    properties: tuple[str, ...]
    topics: tuple[str, ...]
    where: tuple[tuple[str, str | int | bool], ...] = ()

    type: ClassVar[str] = "rows"

    def __post_init__(self) -> None:
        label = self.model._meta.label
        _check_scoped(f"Rows({label})", self.model)
        shape = walk(self.model, self.geometry)[-1]
        if not isinstance(shape, GeometryField) or shape.srid != 4326 or shape.geom_type not in _SHAPES:
            raise DeclarationError(
                f"Rows({label})",
                f"{self.geometry!r} is no geometry to draw",
                "name a point, line or polygon field of EPSG:4326",
            )
        for name in (*self.properties, *(name for name, _value in self.where)):
            walk(self.model, name)
        if not self.properties or len(set(self.properties)) != len(self.properties):
            raise DeclarationError(f"Rows({label})", "no property, or one twice", "name each property once")
        if not self.topics:
            raise DeclarationError(
                f"Rows({label})", "no topic", "add gis.notices.touch_trigger to its migration and name the topic here"
            )

    @property
    def shape(self) -> str:
        """``point``, ``path`` or ``polygon``."""
        return _SHAPES[walk(self.model, self.geometry)[-1].geom_type]  # type: ignore[attr-defined]

    @property
    def fields(self) -> frozenset[str]:
        """Names of its properties."""
        return frozenset(self.properties)


@dataclass(frozen=True)
class GridCells:
    """Cells of a risk grid of the module by one of its indices; the platform declares these layers itself."""

    grid: str
    index: str

    type: ClassVar[str] = "grid"
    shape: ClassVar[str] = "cells"
    fields: ClassVar[frozenset[str]] = frozenset({"grade"})


Source = LiveAssets | Areas | TileSource | Rows | GridCells


def _check_scoped(subject: str, model: type[models.Model]) -> None:
    if not hasattr(model, "scope_paths") or not hasattr(model._default_manager, "within"):
        raise DeclarationError(
            subject,
            "its rows belong to no scope",
            "give the model scope_paths and objects = ScopedQuerySet.as_manager() (access.scope)",
        )


def walk(model: type[models.Model], lookup: str) -> list[models.Field]:
    """The fields along a lookup: foreign keys, then a column.

    Raises
    ------
    DeclarationError
        No such column.
    """
    return list(_walk(model, lookup.split("__"), lookup))


def _walk(model: type[models.Model], names: list[str], lookup: str) -> Iterator[models.Field]:
    subject = f"Rows({model._meta.label})"
    try:
        found = model._meta.get_field(names[0])
    except FieldDoesNotExist:
        columns = [f.name for f in model._meta.concrete_fields]
        near = get_close_matches(names[0], columns, n=1)
        cure = f"write {near[0]!r}" if near else f"name one of {', '.join(columns)}"
        raise DeclarationError(subject, f"no field {names[0]!r} (in {lookup!r})", cure) from None
    if not isinstance(found, models.Field) or not found.concrete or (names[1:] and not found.remote_field):
        raise DeclarationError(
            subject, f"{lookup!r} does not end in a column", "follow foreign keys by name, e.g. owner__name"
        )
    yield found
    if len(names) > 1:
        yield from _walk(found.remote_field.model, names[1:], lookup)  # type: ignore[union-attr]
