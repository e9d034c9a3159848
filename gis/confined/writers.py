"""Writes features into files; the counterpart of the readers, for rows that the platform made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

ROWS = "features.arrow"


@dataclass
class Features:
    """What is written.

    Attributes
    ----------
    shapes : array of shapely geometries, shape (n,)
        In the coordinates of the file.
    fields : dict of str to list
        Attributes, n values each.
    name : str
        Of the layer.
    crs : str or None
        WKT of the coordinates, where they have one.
    crs_code, datum : str
        ``EPSG:4490`` or empty; the platform's name of the coordinates.
    encoding : str
        Of a Shapefile's or CSV file's texts.
    degrees : bool
        Coordinates are degrees.
    """

    shapes: NDArray[np.object_]
    fields: dict[str, list[Any]]
    name: str
    crs: str | None
    crs_code: str
    datum: str
    encoding: str
    degrees: bool


Writer = Callable[[Features, Path], list[str]]


def write(job: dict[str, Any], folder: Path, writer: Writer) -> list[str]:
    """Write the features that lie in ``folder``; names of the files made, in ``folder``."""
    with pa.OSFile(str(folder / ROWS), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    features = Features(
        shapely.from_wkb(np.array(table.column("shape").to_pylist(), dtype=object)),
        {
            table.schema.field(name).metadata[b"name"].decode(): table.column(name).to_pylist()
            for name in table.column_names[1:]
        },
        job["name"],
        job["crs"],
        job["crs_code"],
        job["datum"],
        job["encoding"],
        job["degrees"],
    )
    return writer(features, folder)


def write_geojson(features: Features, folder: Path) -> list[str]:
    """RFC 7946 in WGS 84; any other coordinates with the ``crs`` member that older readers know."""
    shapes = shapely.orient_polygons(features.shapes)
    texts = shapely.to_geojson(shapes)
    path = folder / "export.geojson"
    head: dict[str, Any] = {"type": "FeatureCollection", "name": features.name}
    if features.datum != "wgs84":
        head["datum"] = features.datum
        if features.crs_code:
            authority, code = features.crs_code.split(":")
            head["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{authority}::{code}"}}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n')
        for i, text in enumerate(texts):
            properties = {name: values[i] for name, values in features.fields.items()}
            file.write(",\n" if i else "")
            file.write('{"type": "Feature", "properties": ')
            file.write(json.dumps(properties, ensure_ascii=False, allow_nan=False))
            file.write(f', "geometry": {text or "null"}}}')
        file.write("\n]}\n")
    return [path.name]
