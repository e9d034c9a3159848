"""Writes features into the files that people ask for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gis.confined.columns import typed_array
from gis.crs import Datum, definition_of, find_datum
from gis.formats.limits import DEFAULT, Limits
from gis.formats.process import run, work_folder
from gis.formats.reasons import FormatError

WRITABLE: dict[str, tuple[str, str]] = {
    "geojson": (".geojson", "application/geo+json"),
    "shp": (".zip", "application/zip"),
    "gpkg": (".gpkg", "application/geopackage+sqlite3"),
    "kml": (".kml", "application/vnd.google-earth.kml+xml"),
    "dxf": (".dxf", "image/vnd.dxf"),
    "csv": (".csv", "text/csv"),
    "xlsx": (".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
"""Formats: ending of the file's name, and content type."""

ENCODINGS = {"utf-8": "utf-8", "gbk": "gbk", "gb18030": "gb18030"}


@dataclass(frozen=True)
class Written:
    """A file made.

    Attributes
    ----------
    content : bytes
    name : str
        With its ending.
    content_type : str
    """

    content: bytes
    name: str
    content_type: str


def write_features(
    geometry: Sequence[Any] | NDArray[np.object_],
    fields: Mapping[str, Sequence[Any]],
    format: str,
    *,
    datum: str = "wgs84",
    encoding: str = "utf-8",
    name: str = "export",
    limits: Limits = DEFAULT,
) -> Written:
    """Write features.

    Parameters
    ----------
    geometry : sequence of shapely geometries or None, n
        EPSG:4326; heights are kept.
    fields : mapping of str to sequence
        Attributes, n values each: None, bool, int, float, str; others become texts.
    format : str
        Key of :data:`WRITABLE`. A Shapefile comes zipped, points, lines and polygons apart.
    datum : str
        Name of the coordinates wanted (:mod:`gis.crs`); KML knows WGS 84 only.
    encoding : str
        ``utf-8``, ``gbk`` or ``gb18030``: of the texts of a Shapefile or CSV file.
    name : str
        Of the file without its ending, and of the layer.

    Raises
    ------
    FormatError
        The format cannot hold it: the message says what.
    UnknownDatumError
        No datum of that name.
    OutOfRangeError
        A point lies where the datum has no coordinates.
    """
    if format not in WRITABLE:
        raise FormatError("unknown_format")
    if encoding.lower() not in ENCODINGS:
        raise FormatError("unknown_encoding", encoding=encoding)
    target = find_datum(datum)
    if format == "kml" and target.name not in ("wgs84", "cgcs2000"):
        raise FormatError("cannot_write", format="KML", why="datum")
    shapes = np.empty(len(geometry), dtype=object)
    shapes[:] = list(geometry)
    crs = definition_of(target)
    with work_folder() as folder:
        _store(folder / "features.arrow", _placed(shapes, target), fields)
        job = {
            "do": "write",
            "format": format,
            "name": name[:60] or "export",
            "crs": crs.to_wkt() if crs else None,
            "crs_code": f"EPSG:{code}" if crs and (code := crs.to_epsg(min_confidence=100)) else "",
            "datum": target.name,
            "encoding": ENCODINGS[encoding.lower()],
            "degrees": target.geographic,
        }
        made = run(folder, job, limits)["files"]
        ending, content_type = WRITABLE[format]
        content = (folder / made[0]).read_bytes() if format != "shp" else _zipped(folder, made, name)
    return Written(content, f"{name}{ending}", content_type)


def _placed(shapes: NDArray[np.object_], datum: Datum) -> NDArray[np.object_]:
    from gis.crs import from_wgs84

    if datum.name == "wgs84":
        return shapes
    heights = bool(shapely.has_z(shapes).any())
    points = shapely.get_coordinates(shapes, include_z=heights)
    x, y = from_wgs84(points[:, 0], points[:, 1], datum.name)
    return shapely.set_coordinates(shapes.copy(), np.column_stack([x, y, *points[:, 2:].T]))


def _store(path: Any, shapes: NDArray[np.object_], fields: Mapping[str, Sequence[Any]]) -> None:
    encoded = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
    arrays, columns = [pa.array(encoded, pa.large_binary())], [pa.field("shape", pa.large_binary())]
    for i, (name, values) in enumerate(fields.items()):
        array = typed_array(list(values))
        arrays.append(array)
        columns.append(pa.field(f"f{i}", array.type, metadata={"name": name}))
    schema = pa.schema(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table(arrays, schema=schema))


def _zipped(folder: Any, names: list[str], stem: str) -> bytes:
    """The parts of the Shapefiles, called after what was exported."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            shown = name if name == "columns.txt" else f"{stem}_{name}"
            archive.write(folder / name, shown)
    return out.getvalue()
