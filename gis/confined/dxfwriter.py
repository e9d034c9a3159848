"""DXF (R2010) for drawing programs: shapes as outlines, names as texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ezdxf
import numpy as np
import shapely
from ezdxf.layouts import Modelspace
from shapely.geometry.base import BaseGeometry

from gis.confined.writers import Features

_NAMES = ("name", "名称", "Name", "NAME")
_LAYERS = ("layer", "图层", "kind", "类别")
_NOT_IN_LAYER_NAMES = re.compile(r'[<>/\\":;?*|=`\x00-\x1f]')
# Share of the drawing's width that a letter is high.
LETTER = 1 / 400


def write_dxf(features: Features, folder: Path) -> list[str]:
    """One drawing; the layer of each feature from the column called so, else ``sandtable``."""
    path = folder / "export.dxf"
    drawing = ezdxf.new("R2010", setup=False)
    drawing.header["$INSUNITS"] = 0 if features.degrees else 6
    drawing.header["$MEASUREMENT"] = 1
    drawing.encoding = "utf-8"
    space = drawing.modelspace()
    bounds = shapely.total_bounds(features.shapes)
    letter = float(max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1e-6) * LETTER) if np.isfinite(bounds).all() else 1
    names = next((features.fields[name] for name in _NAMES if name in features.fields), None)
    layers = next((features.fields[name] for name in _LAYERS if name in features.fields), None)
    for i, shape in enumerate(features.shapes):
        if shape is None or shape.is_empty:
            continue
        layer = layer_name(layers[i] if layers else None)
        if layer not in drawing.layers:
            drawing.layers.add(layer)
        for part in shapely.get_parts(shape):
            _draw(space, part, layer)
        if names and names[i]:
            at = shape.representative_point()
            text = " ".join(str(names[i]).split())
            space.add_text(text, height=letter, dxfattribs={"layer": layer}).set_placement((at.x, at.y))
    drawing.saveas(path)
    return [path.name]


def layer_name(value: Any) -> str:
    """A name that drawing programs take for a layer."""
    return _NOT_IN_LAYER_NAMES.sub("_", str(value)).strip()[:200] if value else "sandtable"


def _draw(space: Modelspace, shape: BaseGeometry, layer: str) -> None:
    attributes = {"layer": layer}
    if shape.geom_type == "Point":
        space.add_point(_points(shape)[0], dxfattribs=attributes)
    elif shape.geom_type in ("LineString", "LinearRing"):
        _line(space, shape, attributes, closed=shape.geom_type == "LinearRing")
    elif shape.geom_type == "Polygon":
        for ring in (shape.exterior, *shape.interiors):
            _line(space, ring, attributes, closed=True)
    else:
        for part in shapely.get_parts(shape):
            _draw(space, part, layer)


def _line(space: Modelspace, shape: BaseGeometry, attributes: dict[str, str], *, closed: bool) -> None:
    points = _points(shape)
    points = points[:-1] if closed else points
    if shapely.has_z(shape):
        space.add_polyline3d(points, close=closed, dxfattribs=attributes)
    else:
        space.add_lwpolyline(points, close=closed, dxfattribs=attributes)


def _points(shape: BaseGeometry) -> list[tuple[float, ...]]:
    return [tuple(point) for point in shapely.get_coordinates(shape, include_z=bool(shapely.has_z(shape))).tolist()]
