"""Shapes from a table's columns: coordinates in two of them, or WKT (or WKB in hexadecimal) in one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import shapely

from gis.confined.raw import Job, Problem, RawLayer, Refused, empty_shapes
from gis.confined.tables import Table, read_csv

# Headings that are understood, in the order of preference. Surveyors' X points north (纵坐标): a bare X and Y is
# looked at again by its values.
HEADINGS = {
    "x": (
        "lon", "lng", "long", "longitude", "经度", "东坐标", "横坐标", "东", "easting", "east", "x坐标", "坐标x", "x",
        "point_x", "lon_wgs84", "lng_wgs84",
    ),
    "y": (
        "lat", "latitude", "纬度", "北坐标", "纵坐标", "北", "northing", "north", "y坐标", "坐标y", "y",
        "point_y", "lat_wgs84",
    ),
    "z": ("z", "高程", "大地高", "height", "elevation", "alt", "altitude", "h", "z坐标"),
    "wkt": ("wkt", "geometry", "geom", "the_geom", "shape", "wkb", "wkb_geometry", "图形", "geometry_wkt"),
}  # fmt: skip
_BRACKETS = re.compile(r"[\s(（\[].*$|[°（）()\[\]\s]")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|[-+]?\.\d+")
_DEGREES = re.compile(
    r"(?P<front>[NSEWnsew东西南北])?\s*(?P<sign>[-+]?)(?P<deg>\d{1,3})\s*[°度º]\s*(?:(?P<min>\d{1,2}(?:\.\d+)?)\s*['′分]\s*)?"
    r"(?:(?P<sec>\d{1,2}(?:\.\d+)?)\s*(?:[\"″秒]|'')\s*)?(?P<back>[NSEWnsew东西南北])?"
)
_WKT = re.compile(
    r"\s*(?:SRID=(?P<srid>\d+);)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b", re.IGNORECASE
)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{20,}")
_SRID_TYPE = re.compile(r"\s*SRID=(\d+);", re.IGNORECASE)


def read_csv_features(job: Job) -> list[RawLayer]:
    """The rows of a CSV file."""
    return [layer_of(job, table) for table in read_csv(job)]


def layer_of(job: Job, table: Table) -> RawLayer:
    """A table's rows with the shapes that stand in its columns."""
    count = len(table.lines)
    columns = {name: [values[i] for _n, values in table.lines] for i, name in enumerate(table.headings)}
    layer = RawLayer(
        table.name,
        empty_shapes(count),
        {name: _typed(values) for name, values in columns.items()},
        np.array([number for number, _values in table.lines], dtype=np.int64),
        encoding=table.encoding,
    )
    chosen = {role: name for role, name in job.columns.items() if name}
    for name in chosen.values():
        if name not in columns:
            raise Refused("no_column", name=name, columns="、".join(list(columns)[:20]))
    if not chosen:
        chosen = guess_columns(columns)
        if _surveyed(columns, chosen):
            chosen["x"], chosen["y"] = chosen["y"], chosen["x"]
            layer.notes.append(("survey_axes", {"x": chosen["x"], "y": chosen["y"]}))
    layer.geometry_columns = chosen
    if "wkt" in chosen:
        _from_text(job, layer, columns[chosen["wkt"]])
        del layer.fields[chosen["wkt"]]
    elif "x" in chosen and "y" in chosen:
        _from_numbers(layer, columns, chosen)
    else:
        layer.notes.append(("no_coordinate_columns", {}))
    return layer


def guess_columns(columns: dict[str, list[Any]]) -> dict[str, str]:
    """Which columns hold the shapes, by their headings, then by their contents; empty: none seems to."""
    plain = {_BRACKETS.sub("", name.strip().lower()): name for name in reversed(columns)}
    found = {
        role: plain[heading]
        for role, headings in HEADINGS.items()
        for heading in reversed(headings)
        if heading in plain
    }
    if "wkt" in found and _is_text_shape(columns[found["wkt"]]):
        return {"wkt": found["wkt"]}
    for name, values in columns.items():
        if _is_text_shape(values):
            return {"wkt": name}
    if "x" in found and "y" in found:
        return {role: found[role] for role in ("x", "y", "z") if role in found}
    return {}


def _is_text_shape(values: list[Any]) -> bool:
    first = next((value for value in values if value is not None), None)
    return isinstance(first, str) and bool(_WKT.match(first) or _HEX.match(first))


def _surveyed(columns: dict[str, list[Any]], chosen: dict[str, str]) -> bool:
    """Whether bare X and Y are surveyors': X a northing of China, Y an easting with or without its zone number."""
    if _BRACKETS.sub("", chosen.get("x", "").strip().lower()) not in ("x", "x坐标", "坐标x"):
        return False
    x = np.array([number(value) for value in columns[chosen["x"]][:1000]], dtype=float)
    y = np.array([number(value) for value in columns[chosen["y"]][:1000]], dtype=float)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return False
    north, east = float(np.median(x[good])), float(np.median(y[good]))
    eastings = (1e5 <= east <= 9e5) or (13e6 <= east <= 46e6)
    return 1.8e6 <= north <= 6.0e6 and eastings


def number(value: Any) -> float:
    """A coordinate: a number, or degrees with minutes and seconds; NaN if it is neither."""
    if isinstance(value, bool) or value is None:
        return np.nan
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if match := _DEGREES.fullmatch(text):
        degrees = float(match["deg"]) + float(match["min"] or 0) / 60 + float(match["sec"] or 0) / 3600
        side = (match["front"] or match["back"] or "").upper()
        return -degrees if match["sign"] == "-" or side in ("S", "W", "南", "西") else degrees
    return np.nan


def _from_numbers(layer: RawLayer, columns: dict[str, list[Any]], chosen: dict[str, str]) -> None:
    given_x, given_y = columns[chosen["x"]], columns[chosen["y"]]
    x = np.array([number(value) for value in given_x], dtype=np.float64)
    y = np.array([number(value) for value in given_y], dtype=np.float64)
    good = np.isfinite(x) & np.isfinite(y)
    if "z" in chosen:
        z = np.array([number(value) for value in columns[chosen["z"]]], dtype=np.float64)
        high = good & np.isfinite(z)
        layer.shapes[high] = shapely.points(x[high], y[high], z[high])
        good &= ~high
    layer.shapes[good] = shapely.points(x[good], y[good])
    for i in np.flatnonzero(~(np.isfinite(x) & np.isfinite(y))).tolist():
        missing = [name for name, values in ((chosen["x"], given_x), (chosen["y"], given_y)) if values[i] is None]
        if missing:
            layer.problems[i] = Problem("coordinate_missing", {"column": "、".join(missing)})
        else:
            shown = f"{given_x[i]}, {given_y[i]}"[:60]
            layer.problems[i] = Problem("coordinate_no_number", {"value": shown})


def _from_text(job: Job, layer: RawLayer, values: list[Any]) -> None:
    srids: set[str] = set()
    vertices = 0
    for i, value in enumerate(values):
        if value is None:
            continue
        text = str(value)
        if match := _SRID_TYPE.match(text):
            srids.add(match[1])
            text = text[match.end() :]
        shape, problem = _parsed(text)
        layer.shapes[i] = shape
        if problem:
            layer.problems[i] = problem
        vertices += int(shapely.count_coordinates(shape))
        job.check_vertices(vertices)
    if len(srids) == 1:
        layer.crs = f"EPSG:{srids.pop()}"
    elif srids:
        raise Refused("mixed_crs", codes="、".join(sorted(srids)[:10]))


def _parsed(text: str) -> tuple[Any, Problem | None]:
    binary = bool(_HEX.match(text))
    read = shapely.from_wkb if binary else shapely.from_wkt
    if not binary and not _WKT.match(text):
        return None, Problem("broken_wkt", {"value": text[:60]})
    shape = read(text, on_invalid="ignore")
    if shape is not None:
        return shapely.set_srid(shape, 0), None
    mended = read(text, on_invalid="fix")
    if mended is None or mended.is_empty:
        return None, Problem("broken_wkt", {"value": text[:60]})
    return None, Problem("unclosed_ring", {"rings": 1}, shapely.set_srid(mended, 0), ("close_ring",))


def _typed(values: list[Any]) -> list[Any]:
    """A column of texts that are all numbers as numbers; codes with leading zeros and long ones stay texts."""
    texts = [value for value in values if value is not None]
    if not texts or not all(isinstance(value, str) for value in texts):
        return values
    if all(re.fullmatch(r"-?(0|[1-9]\d{0,14})", text) for text in texts):
        return [None if value is None else int(value) for value in values]
    if all(re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d+)?", text) for text in texts):
        return [None if value is None else float(value) for value in values]
    return values
