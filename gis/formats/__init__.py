"""Reads and writes the files that people have: GeoJSON, Shapefile, GeoPackage, KML, DXF, CSV and XLSX.

:func:`inspect_upload` says what a file holds, :func:`read_features` reads a layer of it into EPSG:4326 with the
original beside, row by row, and :func:`write_features` writes features out. Foreign bytes are looked at in a process of
its own with limits (:mod:`gis.confined`).
"""

from gis.formats.limits import DEFAULT, Limits
from gis.formats.reading import inspect_upload, read_features, read_table
from gis.formats.reasons import FIXES, FormatError
from gis.formats.values import Column, FileCrs, Inspection, LayerInfo, Note, Offer, Reading, Refusal
from gis.formats.writing import WRITABLE, Written, write_features

__all__ = [
    "DEFAULT",
    "FIXES",
    "WRITABLE",
    "Column",
    "FileCrs",
    "FormatError",
    "Inspection",
    "LayerInfo",
    "Limits",
    "Note",
    "Offer",
    "Reading",
    "Refusal",
    "Written",
    "inspect_upload",
    "read_features",
    "read_table",
    "write_features",
]
