"""DXF drawings, by ezdxf: the model space, one layer of ours for each layer of the drawing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ezdxf
import numpy as np
import shapely
from ezdxf import path as curves
from ezdxf import recover
from ezdxf.document import Drawing
from ezdxf.entities import DXFEntity
from shapely.geometry.base import BaseGeometry

from gis.confined.raw import Job, Problem, RawLayer, Refused, empty_shapes, row_numbers
from gis.confined.shapes import Bad, Builder

CURVES = frozenset({"LWPOLYLINE", "POLYLINE", "CIRCLE", "ARC", "ELLIPSE", "SPLINE", "LINE"})
TEXTS = frozenset({"TEXT", "MTEXT", "ATTDEF"})
FACES = frozenset({"3DFACE", "SOLID", "TRACE"})
MOST_LAYERS = 500
# A curve becomes straight pieces that leave it by at most this share of its size.
FLATNESS = 1e-4
_METRES = frozenset({0, 6})


def read_dxf(job: Job) -> list[RawLayer]:
    """Layers of the drawing that hold anything, by name."""
    _name, path = job.files[0]
    drawing = _open(str(path))
    by_layer: dict[str, list[DXFEntity]] = {}
    count, unknown = 0, 0
    for entity in drawing.modelspace():
        kind = entity.dxftype()
        if kind not in CURVES | TEXTS | FACES | {"POINT", "HATCH", "INSERT"}:
            unknown += 1
            continue
        count += 1
        job.check_rows(count)
        by_layer.setdefault(str(entity.dxf.get("layer", "0")), []).append(entity)
    if len(by_layer) > MOST_LAYERS:
        raise Refused("too_many_layers", most=MOST_LAYERS)
    crs = _crs(drawing)
    vertices = 0
    layers = []
    for name, entities in sorted(by_layer.items()):
        if job.layer not in (None, name):
            continue
        layer = _layer(name, entities, crs)
        vertices += shapely.count_coordinates(layer.shapes)
        job.check_vertices(vertices)
        layers.append(layer)
    units = int(drawing.header.get("$INSUNITS", 0))
    for layer in layers:
        if unknown:
            layer.notes.append(("unknown_entities", {"count": unknown}))
        if units not in _METRES:
            layer.notes.append(("drawing_units", {"units": ezdxf.units.decode(units)}))
    return layers


def _open(path: str) -> Drawing:
    try:
        try:
            return ezdxf.readfile(path)
        except (ezdxf.DXFError, UnicodeError):
            drawing, _auditor = recover.readfile(path)
            return drawing
    except (
        ezdxf.DXFError,
        OSError,
        UnicodeError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        # The library's own errors do not cover every broken file.
        raise Refused("broken_file", part=".dxf", error=f"{type(error).__name__}") from None


def _crs(drawing: Drawing) -> str | None:
    """The EPSG code of the drawing's GEODATA, if it has one."""
    data = drawing.modelspace().get_geodata()
    if data is None:
        return None
    try:
        code, _axes = data.get_crs()
    except ezdxf.InvalidGeoDataException:
        return None
    return f"EPSG:{code}"


def _layer(name: str, entities: list[DXFEntity], crs: str | None) -> RawLayer:
    count = len(entities)
    layer = RawLayer(name, empty_shapes(count), {}, row_numbers(count), crs=crs)
    columns: dict[str, list[Any]] = {}
    inserts = 0
    for i, entity in enumerate(entities):
        inserts += entity.dxftype() == "INSERT"
        for key, value in _attributes(entity).items():
            columns.setdefault(key, [None] * count)[i] = value
        try:
            layer.shapes[i] = _shape(entity)
        except Bad as bad:
            layer.problems[i] = bad.problem
        except (ezdxf.DXFError, ValueError, TypeError, AttributeError, ZeroDivisionError, OverflowError):
            layer.problems[i] = Problem("broken_geometry")
    layer.fields = dict(columns)
    if inserts:
        layer.notes.append(("blocks_as_points", {"count": inserts}))
    return layer


def _attributes(entity: Any) -> dict[str, Any]:
    kind = entity.dxftype()
    found: dict[str, Any] = {"entity": kind, "handle": str(entity.dxf.handle)}
    if kind == "MTEXT":
        found["text"] = entity.plain_text()
    elif kind in TEXTS:
        found["text"] = str(entity.dxf.get("text", ""))
    elif kind == "INSERT":
        found["block"] = str(entity.dxf.get("name", ""))
        for attribute in list(entity.attribs)[:50]:
            found[f"{str(attribute.dxf.tag)[:40]}"] = str(attribute.dxf.get("text", ""))
    elif kind == "LWPOLYLINE" and (elevation := entity.dxf.get("elevation", 0.0)):
        found["elevation"] = float(elevation)
    return found


def _shape(entity: Any) -> BaseGeometry:
    kind = entity.dxftype()
    builder = Builder()
    if kind == "POINT":
        return builder.point(list(entity.dxf.location))
    if kind in TEXTS or kind == "INSERT":
        return builder.point(list(entity.dxf.insert))
    if kind in FACES:
        corners = [list(corner) for corner in entity.wcs_vertices(close=True)]
        return builder.polygon([corners])
    if kind == "HATCH":
        return _hatch(entity)
    return _curve(_flattened(curves.make_path(entity)), _is_closed(entity))


def _is_closed(entity: Any) -> bool:
    kind = entity.dxftype()
    if kind == "CIRCLE":
        return True
    if kind in ("LWPOLYLINE", "SPLINE"):
        return bool(entity.closed)
    if kind == "POLYLINE":
        return bool(entity.is_closed)
    return False


def _flattened(curve: curves.Path) -> list[list[float]]:
    if not len(curve):
        raise Bad("line_too_short")
    box = np.array([list(point) for point in curve.control_vertices()])
    size = float(np.ptp(box[:, :2], axis=0).max()) if len(box) else 0.0
    return [list(point) for point in curve.flattening(max(size * FLATNESS, 1e-6))]


def _curve(points: list[list[float]], closed: bool) -> BaseGeometry:
    """A polygon where the drawing closes the line or draws it back to its start, else a line."""
    back = len(points) > 3 and points[0][:2] == points[-1][:2]
    builder = Builder()
    flat = points if len({point[2] for point in points}) > 1 else [point[:2] for point in points]
    if (closed or back) and len({tuple(point[:2]) for point in points}) >= 3:
        return builder.polygon([flat])
    return builder.line(flat)


def _hatch(entity: Any) -> BaseGeometry:
    """The hatched area: what lies within an odd number of its boundaries."""
    rings = [_flattened(curve) for curve in curves.from_hatch(entity)]
    parts = [Builder().polygon([[point[:2] for point in ring]]) for ring in rings if len(ring) >= 3]
    return _odd(shapely.make_valid(part, method="structure", keep_collapsed=False) for part in parts)


def _odd(parts: Iterable[BaseGeometry]) -> BaseGeometry:
    area: BaseGeometry = shapely.Polygon()
    for part in parts:
        area = area.symmetric_difference(part)
    return area
