"""What a file turned out to hold: the values that an import dialog is built on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Note:
    """Something to tell about a layer: a key, and its sentence in the user's language."""

    key: str
    text: str


@dataclass(frozen=True)
class Column:
    """An attribute of a layer.

    Attributes
    ----------
    name : str
    kind : str
        ``text``, ``integer``, ``number`` or ``boolean``.
    filled : int
        Rows that have a value.
    samples : tuple of str
        Up to five different values.
    """

    name: str
    kind: str
    filled: int
    samples: tuple[str, ...]


@dataclass(frozen=True)
class FileCrs:
    """What a file says about its coordinates.

    Attributes
    ----------
    text, name : str
        As it says it, and what that is called.
    datum : str or None
        Our name for it (:func:`gis.crs.find_datum` takes it); None: it has to be chosen.
    by_standard : bool
        The file says nothing; its format's standard does. Files exported from Chinese web maps often break it.
    """

    text: str
    name: str
    datum: str | None
    by_standard: bool


@dataclass(frozen=True)
class LayerInfo:
    """A layer of a file.

    Attributes
    ----------
    name : str
        What :func:`gis.formats.read_features` takes as ``layer``.
    count, vertices : int
    geometry_types : dict of str to int
        Rows by type, e.g. ``Polygon``.
    columns : tuple of Column
    bounds : (west, south, east, north) or None
        In the file's own coordinates.
    crs : FileCrs or None
        None: the file does not say; the user has to.
    encoding, encoding_declared : str
        Of the texts: as read, and as a side file says; empty where the format leaves no doubt.
    geometry_columns : dict of str to str
        Of a table: the columns taken as ``x``, ``y``, ``z`` or ``wkt``; empty: none was found.
    notes : tuple of Note
    problems : dict of str to int
        Rows that would be refused, by reason, before any coordinates are converted.
    """

    name: str
    count: int
    vertices: int
    geometry_types: dict[str, int]
    columns: tuple[Column, ...]
    bounds: tuple[float, float, float, float] | None
    crs: FileCrs | None
    encoding: str
    encoding_declared: str
    geometry_columns: dict[str, str]
    notes: tuple[Note, ...]
    problems: dict[str, int]


@dataclass(frozen=True)
class Inspection:
    """A file before it is read.

    Attributes
    ----------
    name : str
        What its owner called it.
    format : str
        ``geojson``, ``shp``, ``gpkg``, ``kml``, ``dxf``, ``csv``, ``xlsx``.
    size_bytes : int
    layers : tuple of LayerInfo
    """

    name: str
    format: str
    size_bytes: int
    layers: tuple[LayerInfo, ...]

    @property
    def is_table(self) -> bool:
        """Whether columns hold the coordinates, so that the user may have to point them out."""
        return self.format in ("csv", "xlsx")

    @property
    def has_encoding(self) -> bool:
        """Whether the encoding of the texts is open to doubt."""
        return self.format in ("csv", "shp")


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken.

    Attributes
    ----------
    row : int
        Place in the file from 1; of a table, the line, heading included.
    reason : str
        Key of :data:`gis.formats.reasons.ROW`.
    text : str
        What is wrong and what to do, in the user's language.
    fixes : tuple of str
        Repairs that would make the row usable; see :attr:`Reading.offers`.
    """

    row: int
    reason: str
    text: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A repair that was not made: the user looks at it first.

    Attributes
    ----------
    row : int
    fixes : tuple of str
        ``close_ring``, ``make_valid``; give them back as ``repair`` to have the row taken so.
    before : shapely geometry or None
        EPSG:4326; None: the shape cannot be drawn as it is.
    after : shapely geometry
        EPSG:4326.
    """

    row: int
    fixes: tuple[str, ...]
    before: BaseGeometry | None
    after: BaseGeometry


@dataclass
class Reading:
    """The usable rows of a layer, and the others with the reason.

    Attributes
    ----------
    layer, format, datum : str
        ``datum``: the name whose coordinates were read.
    rows : array of int64, shape (n,)
        Place in the file from 1; of a table, the line.
    geometry : array of shapely geometries, shape (n,)
        EPSG:4326, without heights, valid.
    original : array of shapely geometries, shape (n,)
        As delivered, in the coordinates of ``datum``, heights included; repaired where the user said so.
    fields : dict of str to array of object, shape (n,)
        Attributes: None, bool, int, float, str.
    refusals : list of Refusal
        The other rows, in the order of the file.
    offers : list of Offer
        Repairs for some of them.
    repaired : dict of int to tuple of str
        Rows that were taken repaired, as ``repair`` asked for.
    notes : tuple of Note
    """

    layer: str
    format: str
    datum: str
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_]
    original: NDArray[np.object_]
    fields: dict[str, NDArray[Any]]
    refusals: list[Refusal] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    repaired: dict[int, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def attributes(self, index: int) -> dict[str, Any]:
        """The attributes of one usable row, by its index in the arrays."""
        return {name: values[index] for name, values in self.fields.items()}
