"""What reads and what writes a format; a job loads the libraries of its own format only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gis.confined.raw import Refused

# By format: the module in this folder, and the function in it.
READERS = {
    "geojson": ("jsonfeatures", "read_geojson"),
    "shp": ("gdalfile", "read_shapefiles"),
    "gpkg": ("gdalfile", "read_geopackage"),
    "kml": ("kmlfile", "read_kml"),
    "dxf": ("dxffile", "read_dxf"),
    "csv": ("tablefeatures", "read_csv_features"),
    "xlsx": ("workbooks", "read_xlsx_features"),
}
WRITERS = {
    "geojson": ("writers", "write_geojson"),
    "shp": ("gdalwriter", "write_shapefiles"),
    "gpkg": ("gdalwriter", "write_geopackage"),
    "kml": ("kmlwriter", "write_kml"),
    "dxf": ("dxfwriter", "write_dxf"),
    "csv": ("tablewriter", "write_csv"),
    "xlsx": ("workbookwriter", "write_xlsx"),
}


def program_of(kind: str, programs: dict[str, tuple[str, str]]) -> Any:
    """The function that reads, or writes, the format ``kind``.

    Raises
    ------
    Refused
        There is none.
    """
    if kind not in programs:
        raise Refused("unknown_format", format=kind)
    module, function = programs[kind]
    return getattr(import_module(f"gis.confined.{module}"), function)
