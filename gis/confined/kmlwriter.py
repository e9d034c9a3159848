"""KML 2.2 (OGC 07-147r2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.confined.writers import Features

_NAMES = ("name", "名称", "Name", "NAME")


def write_kml(features: Features, folder: Path) -> list[str]:
    """One placemark for each feature; its name from the column called so, all attributes as data."""
    path = folder / "export.kml"
    named = next((name for name in _NAMES if name in features.fields), None)
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n')
        file.write(f"<name>{_text(features.name)}</name>\n")
        for i, shape in enumerate(features.shapes):
            file.write("<Placemark>")
            if named and features.fields[named][i] is not None:
                file.write(f"<name>{_text(features.fields[named][i])}</name>")
            file.write("<ExtendedData>")
            for name, values in features.fields.items():
                if values[i] is not None:
                    file.write(f"<Data name={quoteattr(_printable(name))}><value>{_text(values[i])}</value></Data>")
            file.write(f"</ExtendedData>{_shape(shape)}</Placemark>\n")
        file.write("</Document></kml>\n")
    return [path.name]


def _printable(value: Any) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c for c in str(value) if c >= " " or c in "\t\n\r")


def _text(value: Any) -> str:
    return escape(_printable(value))


def _shape(shape: BaseGeometry | None) -> str:
    if shape is None or shape.is_empty:
        return ""
    kind = shape.geom_type
    if kind == "Point":
        return f"<Point>{_coordinates(shape)}</Point>"
    if kind == "LineString":
        return f"<LineString>{_coordinates(shape)}</LineString>"
    if kind == "Polygon":
        shape = shapely.orient_polygons(shape)
        inner = "".join(f"<innerBoundaryIs>{_ring(ring)}</innerBoundaryIs>" for ring in shape.interiors)
        return f"<Polygon><outerBoundaryIs>{_ring(shape.exterior)}</outerBoundaryIs>{inner}</Polygon>"
    return f"<MultiGeometry>{''.join(_shape(part) for part in shapely.get_parts(shape))}</MultiGeometry>"


def _ring(ring: BaseGeometry) -> str:
    return f"<LinearRing>{_coordinates(ring)}</LinearRing>"


def _coordinates(shape: BaseGeometry) -> str:
    points = shapely.get_coordinates(shape, include_z=bool(shapely.has_z(shape)))
    points = points[:, :2] if np.isnan(points).any() else points
    return f"<coordinates>{' '.join(','.join(f'{v:.10g}' for v in point) for point in points)}</coordinates>"
