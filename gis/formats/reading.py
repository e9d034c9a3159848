"""Looks into an upload, and reads it: the two steps of an import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from gis.crs import Datum, find_datum
from gis.exceptions import UnknownDatumError
from gis.formats.archive import Opened, open_upload
from gis.formats.limits import DEFAULT, Limits
from gis.formats.process import run, work_folder
from gis.formats.reasons import FormatError, note_text
from gis.formats.rows import FIXED_COLUMNS, RowsReader
from gis.formats.values import Column, FileCrs, Inspection, LayerInfo, Note, Reading


def inspect_upload(path: Path, name: str, *, encoding: str | None = None, limits: Limits = DEFAULT) -> Inspection:
    """Say what a file holds, without taking anything of it.

    Parameters
    ----------
    path : Path
        The upload as it lies on disk.
    name : str
        What its owner called it; the ending tells the format.
    encoding : str, optional
        Of its texts, when the user has looked at the samples and knows better.
    limits : Limits
        How much is taken.

    Raises
    ------
    FormatError
        The file as a whole cannot be used; the message says why and what to do.
    """
    with work_folder() as folder:
        opened = open_upload(path, name, folder, limits)
        answer = run(folder, _job("inspect", opened, encoding=encoding), limits)
    layers = tuple(_layer_info(layer) for layer in answer["layers"])
    return Inspection(name, opened.format, path.stat().st_size, layers)


def read_features(
    path: Path,
    name: str,
    *,
    layer: str | None = None,
    datum_or_crs: str | None = None,
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
    types: Collection[str] | None = None,
    swap_axes: bool = False,
    repair: Collection[str] = (),
    repair_rows: Collection[int] | None = None,
    limits: Limits = DEFAULT,
) -> Reading:
    """Read a layer: its usable rows in EPSG:4326, and why the others are not.

    Nothing is assumed and nothing repaired unasked: without a datum in the file or in ``datum_or_crs`` the file is
    refused, and a repair that would help is offered (:attr:`Reading.offers`) until ``repair`` asks for it.

    Parameters
    ----------
    path, name
        As :func:`inspect_upload`.
    layer : str, optional
        Of several; needed where there are several.
    datum_or_crs : str, optional
        Name of the coordinates' datum (:mod:`gis.crs`: built-in, a city's grid, a calibration, ``epsg:N``); wins over
        what the file says, because shifted web-map coordinates come labelled as WGS 84.
    encoding : str, optional
        Of the texts of a CSV file or a Shapefile; as declared or guessed when left out.
    columns : mapping of str to str, optional
        Of a table: the columns for ``x`` and ``y`` (and ``z``), or for ``wkt``; guessed when left out.
    types : collection of str, optional
        Geometry types wanted, e.g. ``{"Polygon", "MultiPolygon"}``; others are refused.
    swap_axes : bool
        The file has latitude or northing first.
    repair : collection of str
        Repairs that the user has seen and wants: ``close_ring``, ``make_valid``.
    repair_rows : collection of int, optional
        Only in these rows (by number); in all when left out.

    Raises
    ------
    FormatError
        As :func:`inspect_upload`; also without a datum, or without coordinate columns.
    UnknownDatumError
        No datum of that name.
    """
    with work_folder() as folder:
        opened = open_upload(path, name, folder, limits)
        given = {"layer": layer, "encoding": encoding, "columns": dict(columns or {})}
        answer = run(folder, _job("read", opened, **given), limits)
        found = answer["layers"]
        if len(found) > 1:
            raise FormatError("choose_layer", names="、".join(one["name"] for one in found[:20]))
        if not found:
            raise FormatError("nothing_inside")
        info = _layer_info(found[0])
        if opened.format in ("csv", "xlsx") and not info.geometry_columns:
            raise FormatError("no_coordinates")
        datum = _datum_of(info, datum_or_crs)
        table = _load(folder / "rows-0.arrow")
    reading = RowsReader(table, datum, types, swap_axes).read(frozenset(repair), repair_rows)
    reading.layer, reading.format, reading.notes = info.name, opened.format, info.notes
    return reading


def read_table(path: Path, name: str, *, sheet: str | None = None, limits: Limits = DEFAULT) -> dict[str, list[Any]]:
    """The columns of a CSV or XLSX file by their headings, whatever they hold.

    Parameters
    ----------
    path, name
        As :func:`inspect_upload`.
    sheet : str, optional
        Of a workbook; its first one when left out.

    Raises
    ------
    FormatError
        As :func:`inspect_upload`; also where the file is no table.
    """
    with work_folder() as folder:
        opened = open_upload(path, name, folder, limits)
        if opened.format not in ("csv", "xlsx"):
            raise FormatError("no_table")
        answer = run(folder, _job("read", opened, layer=sheet, first=True), limits)
        if not answer["layers"]:
            raise FormatError("no_table")
        table = _load(folder / "rows-0.arrow")
    return {
        table.schema.field(column).metadata[b"name"].decode(): table.column(column).to_pylist()
        for column in table.column_names[FIXED_COLUMNS:]
    }


def _job(do: str, opened: Opened, **more: Any) -> dict[str, Any]:
    return {"do": do, "format": opened.format, "files": [list(pair) for pair in opened.files], **more}


def _load(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source:
        return pa.ipc.open_file(source).read_all()


def _layer_info(found: dict[str, Any]) -> LayerInfo:
    crs = _file_crs(found)
    notes = [Note(key, note_text(key, detail)) for key, detail in found["notes"]]
    if crs is None:
        notes.append(Note("no_crs", note_text("no_crs", {})))
    elif crs.datum is None:
        notes.append(Note("crs_unknown", note_text("crs_unknown", {"name": crs.name})))
    elif crs.by_standard:
        notes.append(Note("standard_datum", note_text("standard_datum", {})))
    return LayerInfo(
        found["name"],
        found["count"],
        found["vertices"],
        found["types"],
        tuple(Column(c["name"], c["kind"], c["filled"], tuple(c["samples"])) for c in found["columns"]),
        tuple(found["bounds"]) if found["bounds"] else None,
        crs,
        found["encoding"],
        found["encoding_declared"],
        found["geometry_columns"],
        tuple(notes),
        found["problems"],
    )


def _file_crs(found: dict[str, Any]) -> FileCrs | None:
    said = found["crs"]
    if said is None:
        return None
    datum = None
    if name := said["datum"] or (f"epsg:{said['epsg']}" if said["epsg"] else ""):
        with suppress(UnknownDatumError):
            datum = find_datum(name).name
    return FileCrs(said["text"], said["name"], datum, found["crs_by_standard"])


def _datum_of(info: LayerInfo, given: str | None) -> Datum:
    if given:
        return find_datum(given)
    if info.crs is None:
        raise FormatError("datum_missing")
    if info.crs.datum is None:
        raise FormatError("datum_unknown", name=info.crs.name)
    return find_datum(info.crs.datum)
