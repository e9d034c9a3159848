"""Shapefiles and GeoPackages, by GDAL."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from gis.confined.dbf import declared_encoding, guess_encoding, known_encoding
from gis.confined.raw import Job, Problem, RawLayer, Refused, row_numbers

DRIVERS = {"shp": "ESRI Shapefile", "gpkg": "GPKG"}
MAGIC = {"shp": b"\x00\x00\x27\x0a", "gpkg": b"SQLite format 3\x00"}
MOST_LAYERS = 200


def read_shapefiles(job: Job) -> list[RawLayer]:
    """One layer for each Shapefile."""
    layers = []
    for name, path in job.files:
        if job.layer not in (None, name):
            continue
        _check_magic(path, "shp")
        declared, guessed = declared_encoding(path), guess_encoding(path)
        chosen = known_encoding(job.encoding) if job.encoding else ""
        if job.encoding and not chosen:
            raise Refused("unknown_encoding", encoding=job.encoding)
        contradicted = bool(guessed) and guessed != declared
        encoding = chosen or (guessed if contradicted else declared) or "utf-8"
        layer = _read(job, path, "shp", None, encoding)
        layer.name, layer.encoding, layer.encoding_declared = name, encoding, declared
        if contradicted and not chosen:
            layer.notes.append(("encoding_contradicts", {"declared": declared, "guessed": guessed}))
        layers.append(layer)
    return layers


def read_geopackage(job: Job) -> list[RawLayer]:
    """Every layer with shapes."""
    _name, path = job.files[0]
    _check_magic(path, "gpkg")
    try:
        listed = pyogrio.list_layers(path)
    except DataSourceError:
        raise Refused("broken_file", part=".gpkg") from None
    names = [str(name) for name, kind in listed if kind is not None]
    if len(names) > MOST_LAYERS:
        raise Refused("too_many_layers", most=MOST_LAYERS)
    layers = []
    for name in names:
        if job.layer in (None, name):
            layer = _read(job, path, "gpkg", name, None)
            layer.name, layer.encoding = name, "utf-8"
            layers.append(layer)
    return layers


def _check_magic(path: Path, kind: str) -> None:
    """GDAL recognises files by their content, whatever their name: only these may come before it."""
    with path.open("rb") as file:
        if file.read(len(MAGIC[kind])) != MAGIC[kind]:
            raise Refused("not_this_format", format=kind)


def _read(job: Job, path: Path, kind: str, layer: str | None, encoding: str | None) -> RawLayer:
    try:
        with warnings.catch_warnings():
            # GDAL warns about single odd shapes; they are found below, with their place.
            warnings.simplefilter("ignore")
            info = pyogrio.read_info(path, layer=layer, encoding=encoding)
            if info["driver"] != DRIVERS[kind]:
                raise Refused("not_this_format", format=kind)
            job.check_rows(max(info["features"], 0))
            job.check_columns(len(info["fields"]))
            meta, _fids, encoded, columns = pyogrio.raw.read(path, layer=layer, encoding=encoding)
    except UnicodeError:
        raise Refused("wrong_encoding", encoding=encoding or "utf-8") from None
    except (DataSourceError, DataLayerError) as error:
        raise Refused("broken_file", part=path.suffix, error=str(error)[:200]) from None
    count = len(columns[0]) if columns else 0 if encoded is None else len(encoded)
    raw = RawLayer(
        str(info["layer_name"]),
        np.full(count, None, dtype=object),
        {
            name: _plain(values, whole=kind.startswith("OFTInteger"))
            for name, kind, values in zip(meta["fields"].tolist(), info["ogr_types"], columns, strict=True)
        },
        row_numbers(count),
        crs=info["crs"],
    )
    if encoded is not None:
        _shapes(job, raw, encoded)
    return raw


def _shapes(job: Job, layer: RawLayer, encoded: NDArray[np.object_]) -> None:
    layer.shapes = np.asarray(shapely.from_wkb(encoded, on_invalid="ignore"), dtype=object)
    job.check_vertices(shapely.count_coordinates(layer.shapes))
    unread = np.flatnonzero([wkb is not None for wkb in encoded] & shapely.is_missing(layer.shapes))
    if len(unread):
        mended = np.asarray(shapely.from_wkb(encoded[unread], on_invalid="fix"), dtype=object)
        for i, shape in zip(unread.tolist(), mended, strict=True):
            # A ring that ends elsewhere than it began is what this library refuses and can mend.
            usable = shape is not None and not shape.is_empty
            layer.problems[i] = (
                Problem("unclosed_ring", {"rings": 1}, shape, ("close_ring",)) if usable else Problem("broken_geometry")
            )


def _plain(values: NDArray[Any], *, whole: bool) -> list[Any]:
    """Values as Python's own: times as texts, bytes left out, whole numbers whole where some are missing."""
    if values.dtype.kind == "M":
        return [None if np.isnat(value) else str(value) for value in values]
    if values.dtype.kind == "f":
        return [None if value != value else int(value) if whole else value for value in values.tolist()]
    return [None if value is None or value != value or isinstance(value, bytes) else value for value in values.tolist()]
