"""Looks into an upload, and reads it: the two steps of an import."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gis.crs import Datum, find_datum
from gis.exceptions import UnknownDatumError
from gis.formats.archive import Opened, open_upload
from gis.formats.limits import DEFAULT, Limits
from gis.formats.process import run, work_folder
from gis.formats.reasons import FormatError, note_text, row_text, shape_names
from gis.formats.values import Column, FileCrs, Inspection, LayerInfo, Note, Offer, Reading, Refusal

FIXED_COLUMNS = 6
"""Columns of the process's answer before the attributes (:func:`gis.confined.results.write_rows`)."""


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
    reading = _Reader(table, datum, types, swap_axes).read(frozenset(repair), repair_rows)
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


class _Reader:
    """Makes a reading of the rows that the process delivered."""

    def __init__(self, table: pa.Table, datum: Datum, types: Collection[str] | None, swap_axes: bool) -> None:
        self._table, self._datum, self._types, self._swap = table, datum, types, swap_axes
        self._rows = table.column("row").to_numpy()
        self._reasons: list[str | None] = table.column("reason").to_pylist()
        self._details: list[str | None] = table.column("detail").to_pylist()
        self._fixes = [tuple(text.split()) if text else () for text in table.column("fixes").to_pylist()]
        self._shapes = _from_wkb(table.column("shape"))
        self._fixed = _from_wkb(table.column("fixed"))
        self._refused: dict[int, Refusal] = {}

    def read(self, repair: frozenset[str], repair_rows: Collection[int] | None) -> Reading:
        """Refuse, repair as told, convert, and collect."""
        repaired = self._repair(repair, repair_rows)
        for i, reason in enumerate(self._reasons):
            if reason is not None:
                detail = json.loads(self._details[i] or "{}")
                text = row_text(reason, detail, hopeless=not self._fixes[i])
                self._refuse(i, reason, text, self._fixes[i])
        self._check_types()
        at = np.array([i for i in range(len(self._rows)) if i not in self._refused], dtype=np.int64)
        placed = self._convert(at)
        kept = np.array([i for i in at.tolist() if i not in self._refused], dtype=np.int64)
        good = np.isin(at, kept, assume_unique=True)
        fields = {
            self._table.schema.field(column).metadata[b"name"].decode(): _objects(self._table.column(column), kept)
            for column in self._table.column_names[FIXED_COLUMNS:]
        }
        return Reading(
            "",
            "",
            self._datum.name,
            self._rows[kept],
            placed[good],
            self._shapes[kept],
            fields,
            [self._refused[i] for i in sorted(self._refused)],
            self._offers(),
            {int(self._rows[i]): fixes for i, fixes in repaired.items() if i not in self._refused},
        )

    def _repair(self, repair: frozenset[str], repair_rows: Collection[int] | None) -> dict[int, tuple[str, ...]]:
        done = {}
        for i, fixes in enumerate(self._fixes):
            if fixes and repair.issuperset(fixes) and (repair_rows is None or int(self._rows[i]) in repair_rows):
                self._shapes[i], self._reasons[i] = self._fixed[i], None
                done[i] = fixes
        return done

    def _refuse(self, i: int, reason: str, text: str, fixes: tuple[str, ...] = ()) -> None:
        self._refused[i] = Refusal(int(self._rows[i]), reason, text, fixes)

    def _check_types(self) -> None:
        if self._types is None:
            return
        for i, shape in enumerate(self._shapes):
            kind = (
                self._fixed[i].geom_type if shape is None and self._fixed[i] is not None else shape and shape.geom_type
            )
            if kind and kind not in self._types and self._reasons[i] != "collection":
                detail = {"type": shape_names([kind]), "wanted": shape_names(self._types)}
                self._refuse(i, "wrong_type", row_text("wrong_type", detail, hopeless=True))

    def _convert(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        """Shapes of these rows in EPSG:4326; those that the datum cannot contain are refused."""
        placed, bad = to_4326(self._shapes[at], self._datum, self._swap)
        for k, (x, y) in bad.items():
            detail = {"x": f"{x:.10g}", "y": f"{y:.10g}", "datum": self._datum.name}
            swapped = bool(self._datum.contains(np.array([y]), np.array([x]))[0])
            reason = "axes_swapped" if swapped else "out_of_range"
            self._refuse(int(at[k]), reason, row_text(reason, detail, hopeless=True))
        return placed

    def _offers(self) -> list[Offer]:
        at = [i for i, refusal in sorted(self._refused.items()) if refusal.fixes]
        before, outside = to_4326(self._shapes[at], self._datum, self._swap)
        after, beyond = to_4326(self._fixed[at], self._datum, self._swap)
        return [
            Offer(int(self._rows[i]), self._fixes[i], None if k in outside else before[k], after[k])
            for k, i in enumerate(at)
            if k not in beyond
        ]


def to_4326(
    shapes: NDArray[np.object_], datum: Datum, swap_axes: bool = False
) -> tuple[NDArray[np.object_], dict[int, tuple[float, float]]]:
    """Shapes of a datum in EPSG:4326, without heights, and those that it cannot contain.

    Parameters
    ----------
    shapes : array of shapely geometries or None, shape (n,)
    datum : Datum
    swap_axes : bool
        Their second number is the easting or longitude.

    Returns
    -------
    placed : array of shapely geometries, shape (n,)
    bad : dict of int to (x, y)
        By index: the first pair that does not belong into the datum or does not come out of it.
    """
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    if swap_axes:
        points = points[:, ::-1]
    fits = datum.contains(points[:, 0], points[:, 1])
    lon, lat = datum.inverse(np.where(fits, points[:, 0], np.nan), np.where(fits, points[:, 1], np.nan))
    fits &= (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    bad: dict[int, tuple[float, float]] = {}
    for k in np.flatnonzero(~fits)[::-1].tolist():
        bad[int(owner[k])] = (float(points[k, 0]), float(points[k, 1]))
    flat = shapely.force_2d(shapes)
    return shapely.set_coordinates(flat, np.column_stack([np.nan_to_num(lon), np.nan_to_num(lat)])), bad


def _from_wkb(column: pa.ChunkedArray) -> NDArray[np.object_]:
    return np.asarray(shapely.from_wkb(np.array(column.to_pylist(), dtype=object)), dtype=object)


def _objects(column: pa.ChunkedArray, at: NDArray[np.int64]) -> NDArray[np.object_]:
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_pylist()
    return values[at]
