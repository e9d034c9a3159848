"""What every reader hands over, and how it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry


class Refused(ValueError):
    """The file as a whole cannot be used.

    Parameters
    ----------
    reason : str
        Key of :mod:`gis.formats.reasons`.
    **detail
        What its sentence names: texts and numbers.
    """

    def __init__(self, reason: str, **detail: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Problem:
    """Why one row is not taken, and the repair that could be offered.

    Attributes
    ----------
    reason : str
        Key of :mod:`gis.formats.reasons`.
    detail : dict
        What its sentence names.
    fixed : shapely geometry, optional
        The shape repaired.
    fixes : tuple of str
        What the repair does: ``close_ring``, ``make_valid``.
    """

    reason: str
    detail: dict[str, object] = field(default_factory=dict)
    fixed: BaseGeometry | None = None
    fixes: tuple[str, ...] = ()


@dataclass
class RawLayer:
    """One layer as it stands in the file, nothing repaired, in the file's own coordinates.

    Attributes
    ----------
    name : str
        As the file calls it.
    shapes : array of shapely geometries or None, shape (n,)
        None: missing, or unreadable and then in ``problems``.
    fields : dict of str to sequence
        Attribute columns of n values: None, bool, int, float, str.
    rows : array of int64, shape (n,)
        Place in the file from 1; lines of a table count its heading.
    problems : dict of int to Problem
        By index.
    crs : str or None
        WKT or ``authority:code`` that the file names.
    crs_by_standard : bool
        The file names none, the format's standard does.
    encoding, encoding_declared : str
        Of its texts, where the format leaves that open: the better guess, and what a side file says.
    notes : list of (key, detail)
        What the user should know, rows apart.
    geometry_columns : dict of str to str
        Of a table: which columns were taken as ``x``, ``y``, ``z`` or ``wkt``.
    """

    name: str
    shapes: NDArray[np.object_]
    fields: dict[str, Sequence[Any] | NDArray[Any]]
    rows: NDArray[np.int64]
    problems: dict[int, Problem] = field(default_factory=dict)
    crs: str | None = None
    crs_by_standard: bool = False
    encoding: str = ""
    encoding_declared: str = ""
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    geometry_columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """What to read and how far.

    Attributes
    ----------
    format : str
        ``geojson``, ``shp``, ``gpkg``, ``kml``, ``dxf``, ``csv``, ``xlsx``.
    files : tuple of (layer name, path)
        Several for an archive with several Shapefiles.
    layer : str or None
        Only this one; None: all of them.
    encoding : str or None
        Of texts; None: as declared or guessed.
    columns : dict of str to str
        Of a table: ``x`` and ``y``, or ``wkt``; empty: guessed from the headings.
    most_rows, most_vertices, most_columns : int
        Limits.
    """

    format: str
    files: tuple[tuple[str, Path], ...]
    layer: str | None = None
    encoding: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    most_rows: int = 500_000
    most_vertices: int = 5_000_000
    most_columns: int = 500

    def check_rows(self, count: int) -> None:
        """Refuse more rows than the limit."""
        if count > self.most_rows:
            raise Refused("too_many_rows", most=self.most_rows)

    def check_columns(self, count: int) -> None:
        """Refuse more columns than the limit."""
        if count > self.most_columns:
            raise Refused("too_many_columns", most=self.most_columns)

    def check_vertices(self, count: int) -> None:
        """Refuse more vertices than the limit."""
        if count > self.most_vertices:
            raise Refused("too_many_vertices", count=int(count), most=self.most_vertices)


def empty_shapes(count: int) -> NDArray[np.object_]:
    """Room for ``count`` shapes, all missing."""
    return np.full(count, None, dtype=object)


def row_numbers(count: int, first: int = 1) -> NDArray[np.int64]:
    """Places in the file, counted from ``first``."""
    return np.arange(first, first + count, dtype=np.int64)


def decode(content: bytes, encoding: str | None) -> tuple[str, str]:
    """Text of a file: as told, else by its mark, else UTF-8, else GB 18030 (which takes GBK and GB 2312 in).

    Returns
    -------
    text, encoding : str

    Raises
    ------
    Refused
        None of them fits, or the one that was told does not.
    """
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for name in [encoding] if encoding else ["utf-16"] if marked else ["utf-8-sig", "gb18030"]:
        try:
            return content.decode(name).removeprefix("\ufeff"), name.removesuffix("-sig")
        except LookupError:
            raise Refused("unknown_encoding", encoding=name) from None
        except UnicodeDecodeError:
            continue
    if encoding:
        raise Refused("wrong_encoding", encoding=encoding)
    raise Refused("no_encoding")
