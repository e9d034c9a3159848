"""Tables, and CSV files of them: attributes, then the coordinates of points, or WKT."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely

from gis.confined.raw import Refused
from gis.confined.writers import Features

_COMPUTES = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def lines(features: Features) -> Iterator[list[Any]]:
    """The heading, then a line for each feature."""
    points = all(shape is None or shape.geom_type == "Point" for shape in features.shapes)
    x, y = ("lon", "lat") if features.degrees else ("east", "north")
    heights = points and bool(shapely.has_z(features.shapes).any())
    yield [*features.fields, *([x, y, "z"][: 3 if heights else 2] if points else ["wkt"])]
    for i, shape in enumerate(features.shapes):
        line = [values[i] for values in features.fields.values()]
        if not points:
            line.append(None if shape is None else shapely.to_wkt(shape, rounding_precision=-1, trim=True))
        elif shape is None or shape.is_empty:
            line += [None, None, *([None] if heights else [])]
        else:
            line += [shape.x, shape.y, *([shape.z if shape.has_z else None] if heights else [])]
        yield [_neutral(value) for value in line]


def _neutral(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    if not isinstance(value, str) or not _COMPUTES.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def write_csv(features: Features, folder: Path) -> list[str]:
    """UTF-8 with the mark by which Excel knows it, or another encoding."""
    path = folder / "export.csv"
    encoding = "utf-8-sig" if features.encoding == "utf-8" else features.encoding
    try:
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(lines(features))
    except UnicodeEncodeError as error:
        text = str(error.object[error.start : error.start + 20])
        raise Refused("cannot_write", format="CSV", why="encoding", text=text) from None
    return [path.name]
