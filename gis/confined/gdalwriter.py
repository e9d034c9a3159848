"""Shapefiles and GeoPackages, by GDAL."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError

from gis.confined.raw import Refused
from gis.confined.writers import Features

MOST_NAME_BYTES = 10
MOST_TEXT_BYTES = 254
_KINDS = (
    ("points", "Point", ("Point",)),
    ("multipoints", "MultiPoint", ("MultiPoint",)),
    ("lines", "MultiLineString", ("LineString", "MultiLineString")),
    ("polygons", "MultiPolygon", ("Polygon", "MultiPolygon")),
)
_COLLECT: dict[str, Any] = {"MultiLineString": shapely.multilinestrings, "MultiPolygon": shapely.multipolygons}


def write_geopackage(features: Features, folder: Path) -> list[str]:
    """One layer of any shapes."""
    path = folder / "export.gpkg"
    names = list(features.fields)
    columns = [_column(features.fields[name]) for name in names]
    _write(features, path, "GPKG", features.shapes, names, columns, _common(features.shapes), "UTF-8", features.name)
    return [path.name]


def write_shapefiles(features: Features, folder: Path) -> list[str]:
    """One Shapefile for each kind of shape that there is, with ``.prj`` and ``.cpg``; and what columns are called now.

    Raises
    ------
    Refused
        A text does not fit into 254 bytes, or into the encoding.
    """
    names = short_names(list(features.fields), features.encoding)
    for name, values in features.fields.items():
        for value in values:
            if isinstance(value, str) and len(_encoded(value, features.encoding)) > MOST_TEXT_BYTES:
                raise Refused("cannot_write", format="Shapefile", why="long_text", column=name)
    kinds = np.array([shape.geom_type if shape is not None else "" for shape in features.shapes])
    written: list[str] = []
    for stem, kind, members in _KINDS:
        at = np.flatnonzero(np.isin(kinds, members))
        if not len(at):
            continue
        path = folder / f"{stem}.shp"
        shapes = features.shapes[at]
        columns = [_column([values[i] for i in at.tolist()]) for values in features.fields.values()]
        _write(features, path, "ESRI Shapefile", shapes, names, columns, kind, features.encoding.upper(), None)
        written += [part.name for part in sorted(folder.glob(f"{stem}.*"))]
    if not written:
        raise Refused("cannot_write", format="Shapefile", why="no_shapes")
    if names != list(features.fields):
        lines = [f"{short}\t{name}" for short, name in zip(names, features.fields, strict=True)]
        (folder / "columns.txt").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
        written.append("columns.txt")
    return written


def short_names(names: list[str], encoding: str) -> list[str]:
    """Names of at most ten bytes, distinct; whole characters are kept."""
    taken: set[str] = set()
    short = []
    for name in names:
        candidate, number = _cut(name, encoding, MOST_NAME_BYTES), 1
        while not candidate or candidate.lower() in taken:
            ending = f"_{number}"
            candidate, number = _cut(name, encoding, MOST_NAME_BYTES - len(ending)) + ending, number + 1
        taken.add(candidate.lower())
        short.append(candidate)
    return short


def _cut(text: str, encoding: str, most: int) -> str:
    while len(_encoded(text, encoding)) > most:
        text = text[:-1]
    return text


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        raise Refused("cannot_write", format="Shapefile", why="encoding", text=text[:40]) from None


def _common(shapes: NDArray[np.object_]) -> str:
    kinds = {shape.geom_type for shape in shapes if shape is not None}
    return kinds.pop() if len(kinds) == 1 else "Unknown"


def _column(values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values and where there are none, in the type that all of them have."""
    missing = np.array([value is None for value in values], dtype=bool)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return np.array([bool(value) for value in values], dtype=bool), missing
    if kinds == {int}:
        return np.array([0 if value is None else value for value in values], dtype=np.int64), missing
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64), missing
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if value is None else str(value) for value in values]
    return texts, missing


def _write(
    features: Features,
    path: Path,
    driver: str,
    shapes: NDArray[np.object_],
    names: list[str],
    columns: list[tuple[NDArray[Any], NDArray[np.bool_]]],
    kind: str,
    encoding: str,
    layer: str | None,
) -> None:
    collect = _COLLECT.get(kind)
    if collect is not None and driver != "GPKG":
        shapes = np.array(
            [shape if shape.geom_type == kind else collect([shape]) for shape in shapes.tolist()], dtype=object
        )
    heights = bool(shapely.has_z(shapes).any())
    try:
        with warnings.catch_warnings():
            # A layer without coordinate system is written where the coordinates have none; the caller says so.
            warnings.filterwarnings("ignore", message=".*crs.*")
            pyogrio.raw.write(
                path,
                shapely.to_wkb(shapely.force_3d(shapes, 0.0) if heights else shapes),
                [values for values, _missing in columns],
                np.array(names, dtype=object),
                field_mask=[missing for _values, missing in columns],
                layer=layer,
                driver=driver,
                geometry_type=f"{kind} Z" if heights and kind != "Unknown" else kind,
                crs=features.crs,
                encoding=encoding,
            )
    except (DataSourceError, ValueError, UnicodeError) as error:
        raise Refused("cannot_write", format=driver, why="failed", text=str(error)[:200]) from None
