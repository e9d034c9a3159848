"""Reads features from the files that people have: GeoJSON, GeoPackage and Shapefile.

A file is read whole or refused whole (:class:`gis.exceptions.VectorFileError`); its rows are looked at one by one, and
those that cannot be used are listed with their place in the file and the reason, never repaired in silence.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from django.contrib.gis.gdal import libgdal
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis.crs import find_datum, to_wgs84
from gis.exceptions import UnknownDatumError, VectorFileError

# Importing pyogrio makes it hear every GDAL message of this thread, those of GeoDjango's own calls included, and turn
# them into warnings. GeoDjango, which logs them, goes back on top; and servers do not import this module.
libgdal.lgdal.CPLPushErrorHandler(libgdal.err_handler)

SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")
DRIVERS = ("GeoJSON", "GPKG", "ESRI Shapefile")
POLYGONS = frozenset({"Polygon", "MultiPolygon"})
LINES = frozenset({"LineString", "MultiLineString"})
MOST_M = 1_000.0
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:m|米|层|层楼)?\s*")


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken: its place in the file, counted from 1, and why."""

    row: int
    reason: str


@dataclass
class FileRows:
    """The usable rows of a file.

    Attributes
    ----------
    row : array of int64, shape (n,)
        Place in the file, from 1.
    geometry : array of shapely geometries, shape (n,)
        EPSG:4326, without heights, valid.
    fields : dict of str to array, shape (n,)
        The file's columns.
    refused : list of Refusal
        The other rows.
    """

    row: NDArray[np.int64]
    geometry: NDArray[np.object_]
    fields: dict[str, NDArray[Any]]
    refused: list[Refusal] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row)

    def column(self, name: str) -> NDArray[Any]:
        """A field by name.

        Raises
        ------
        VectorFileError
            No such field; the message lists those there are.
        """
        if name not in self.fields:
            near = difflib.get_close_matches(name, self.fields, n=1, cutoff=0.4) or list(self.fields)
            raise VectorFileError(
                _("文件中没有字段“%(name)s”，是否指：%(fields)s") % {"name": name, "fields": "、".join(near)}
            )
        return self.fields[name]

    def texts(self, name: str) -> NDArray[np.object_]:
        """A field as texts, empty where there is nothing."""
        return np.array(["" if _nothing(v) else str(v).strip() for v in self.column(name)], dtype=object)

    def numbers(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """A field as numbers; texts such as ``12``, ``12.5 m`` and ``6层`` count.

        Returns
        -------
        values : array of float64, shape (n,)
            NaN where there is nothing, or no number.
        unreadable : array of bool, shape (n,)
            Where there is something that is no number.
        """
        values, unreadable = np.full(len(self), np.nan), np.zeros(len(self), dtype=bool)
        for i, given in enumerate(self.column(name)):
            if _nothing(given) or not str(given).strip():
                continue
            if match := _NUMBER.fullmatch(str(given)):
                values[i] = float(match[1])
            else:
                unreadable[i] = True
        return values, unreadable

    def refuse(self, bad: NDArray[np.bool_], reason: str | Iterable[str]) -> None:
        """Move the rows that ``bad`` marks to the refused ones; one reason for all, or one for each of them."""
        rows = self.row[bad].tolist()
        reasons = [reason] * len(rows) if isinstance(reason, str) else reason
        self.refused.extend(Refusal(row, why) for row, why in zip(rows, reasons, strict=True))
        self.refused.sort(key=lambda refusal: refusal.row)
        self.row, self.geometry = self.row[~bad], self.geometry[~bad]
        self.fields = {name: values[~bad] for name, values in self.fields.items()}


def _nothing(value: Any) -> bool:
    return value is None or value != value


def read_rows(
    path: Path,
    types: frozenset[str],
    *,
    datum: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
) -> FileRows:
    """Read a file.

    Parameters
    ----------
    path : Path
        ``.geojson``, ``.json``, ``.gpkg`` or ``.shp``.
    types : frozenset of str
        Geometry types wanted, e.g. :data:`POLYGONS`; others are refused.
    datum : str, optional
        Name of the coordinates' datum (:mod:`gis.crs`). Needed where the file names none, and wins where it does:
        shifted web-map coordinates come labelled as WGS 84.
    layer : str, optional
        Layer of a GeoPackage; its first one when left out.
    encoding : str, optional
        Of a Shapefile's texts, where its ``.cpg`` is missing: often ``GBK``.

    Raises
    ------
    VectorFileError
        No such file, another format, nothing readable, no datum known.
    UnknownDatumError
        No datum of that name.
    """
    if not path.is_file():
        raise VectorFileError(_("没有文件 %(path)s") % {"path": path})
    if path.suffix.lower() not in SUFFIXES:
        raise VectorFileError(
            _("不支持 %(path)s 的格式，可用：%(suffixes)s") % {"path": path.name, "suffixes": " ".join(SUFFIXES)}
        )
    try:
        with warnings.catch_warnings():
            # The library warns about single odd geometries; they are refused below, with their place.
            warnings.simplefilter("ignore")
            info = pyogrio.read_info(path, layer=layer, encoding=encoding)
            if info["driver"] not in DRIVERS:
                raise VectorFileError(_("%(path)s 的内容不是所标的格式") % {"path": path.name})
            named = _datum_name(datum, info["crs"], path)
            meta, _fids, encoded, columns = pyogrio.raw.read(path, layer=layer, encoding=encoding, force_2d=True)
    except (DataSourceError, DataLayerError, UnicodeError) as error:
        raise VectorFileError(_("无法读取 %(path)s：%(error)s") % {"path": path.name, "error": error}) from error
    count = len(columns[0]) if columns else len(encoded) if encoded is not None else 0
    shapes = np.full(count, None, dtype=object) if encoded is None else shapely.from_wkb(encoded, on_invalid="ignore")
    rows = FileRows(np.arange(1, count + 1), shapes, dict(zip(meta["fields"].tolist(), columns, strict=True)))
    _look_at_geometry(rows, types)
    _convert(rows, named)
    return rows


def _datum_name(given: str | None, declared: str | None, path: Path) -> str:
    if given:
        return find_datum(given).name
    if not declared:
        raise VectorFileError(_("%(path)s 没有注明坐标系，请用 --datum 指明") % {"path": path.name})
    try:
        code = 4326 if declared == "OGC:CRS84" else CRS.from_user_input(declared).to_epsg(min_confidence=60)
        return find_datum(f"epsg:{code}").name
    except (CRSError, UnknownDatumError) as error:
        raise VectorFileError(_("不认识 %(path)s 注明的坐标系，请用 --datum 指明") % {"path": path.name}) from error


def _look_at_geometry(rows: FileRows, types: frozenset[str]) -> None:
    rows.refuse(shapely.is_missing(rows.geometry) | shapely.is_empty(rows.geometry), _("没有图形或图形无法读取"))
    names = [shape.geom_type for shape in rows.geometry]
    wrong = np.array([name not in types for name in names], dtype=bool)
    rows.refuse(wrong, [_("图形类型是 %(type)s") % {"type": name} for name in names if name not in types])
    coordinates, owner = shapely.get_coordinates(rows.geometry, return_index=True)
    bad = np.zeros(len(rows), dtype=bool)
    bad[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    rows.refuse(bad, _("坐标不是有限的数"))
    invalid = ~shapely.is_valid(rows.geometry)
    rows.refuse(
        invalid, [_("图形无效：%(why)s") % {"why": why} for why in shapely.is_valid_reason(rows.geometry[invalid])]
    )


def _convert(rows: FileRows, datum: str) -> None:
    def columns(points: NDArray[np.float64]) -> NDArray[np.float64]:
        # What the datum cannot contain becomes the pole's far side for a moment: found and refused below.
        return np.nan_to_num(np.column_stack(to_wgs84(points[:, 0], points[:, 1], datum, strict=False)), nan=999.0)

    if not len(rows):
        return
    rows.geometry = shapely.transform(rows.geometry, columns)
    west, south, east, north = shapely.bounds(rows.geometry).T
    outside = (west < -180) | (east > 180) | (south < -90) | (north > 90)
    rows.refuse(outside, _("坐标超出坐标系 %(datum)s 的范围") % {"datum": datum})


def heights_m(
    rows: FileRows,
    *,
    height_field: str | None,
    levels_field: str | None,
    floor_m: float,
    default_m: float | None,
    required: bool,
) -> NDArray[np.float64]:
    """Heights of buildings, refusing the rows that have none.

    The height field counts first, then the number of storeys, then the default. A zero, a negative number, more than
    a kilometre or a text that is no number refuses the row: somebody has to look at it.

    Parameters
    ----------
    rows : FileRows
        Loses the refused rows.
    height_field, levels_field : str, optional
        Fields with metres and with numbers of storeys (层数).
    floor_m : float
        Height of a storey.
    default_m : float, optional
        Height of rows that tell none.
    required : bool
        Whether a row without any height is refused; otherwise it gets NaN.

    Returns
    -------
    array of float64, shape (n,)
        For the rows that are left.
    """
    if not height_field and not levels_field and default_m is None and required:
        raise VectorFileError(_("请用 --height-field、--levels-field 或 --default-height 说明高度从何而来"))
    known = np.full(len(rows), np.nan)
    wrong = np.zeros(len(rows), dtype=bool)
    for name, factor in ((height_field, 1.0), (levels_field, floor_m)):
        if name:
            values, unreadable = rows.numbers(name)
            unknown = np.isnan(known) & ~wrong
            wrong |= unknown & unreadable
            known = np.where(unknown, values * factor, known)
    if default_m is not None:
        known = np.where(np.isnan(known), default_m, known)
    steps = (
        (wrong, _("高度或层数不是数字")),
        (known <= 0, _("高度不是正数")),
        (known > MOST_M, _("高度超过 %(most)d 米") % {"most": MOST_M}),
        (np.isnan(known) & required, _("没有高度")),
    )
    gone = np.zeros(len(rows), dtype=bool)
    reasons = np.full(len(rows), "", dtype=object)
    for bad, reason in steps:
        reasons[bad & ~gone] = reason
        gone |= bad
    rows.refuse(gone, reasons[gone].tolist())
    return known[~gone]
