"""KML (OGC 12-007), streamed through expat: placemarks and their shapes; what points elsewhere is not followed."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

import shapely
from shapely.geometry.base import BaseGeometry

from gis.confined.raw import Job, Problem, RawLayer, Refused, empty_shapes, row_numbers
from gis.confined.shapes import Bad, Builder

MOST_DEPTH = 100
MOST_TEXT = 64 << 20
# Elements whose text counts.
_TEXTS = frozenset({"name", "description", "coordinates", "value", "SimpleData", "coord", "address", "snippet"})
_SHAPES = frozenset({"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track"})


class _Node:
    """A shape being read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.coordinates: Any = None
        self.parts: list[_Node] = []
        self.outer: list[_Node] = []
        self.inner: list[_Node] = []


class KmlReader:
    """Collects placemarks as the parser meets them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.shapes: list[BaseGeometry | None] = []
        self.problems: dict[int, Problem] = {}
        self.columns: dict[str, dict[int, Any]] = {}
        self.links = 0
        self._vertices = 0
        self._path: list[str] = []
        self._folders: list[str] = []
        self._values: dict[str, Any] | None = None
        self._found: list[_Node] = []
        self._open: list[_Node] = []
        self._key = ""
        self._text: list[str] | None = None
        self._text_size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        name = tag.rpartition(":")[2]
        self._path.append(name)
        if len(self._path) > MOST_DEPTH:
            raise Refused("nested_too_deep")
        if name in ("Folder", "Document"):
            self._folders.append("")
        elif name == "Placemark":
            self._values, self._found, self._open = {}, [], []
        elif name in ("NetworkLink", "GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Model"):
            self.links += 1
        elif name in ("Data", "SimpleData"):
            self._key = attributes.get("name", "")
        elif name in _SHAPES and self._values is not None:
            self._shape(_Node(name))
        if name in _TEXTS:
            self._text, self._text_size = [], 0

    def _shape(self, node: _Node) -> None:
        if not self._open:
            self._found.append(node)
        elif "innerBoundaryIs" in self._path[-2:-1]:
            self._open[-1].inner.append(node)
        elif "outerBoundaryIs" in self._path[-2:-1]:
            self._open[-1].outer.append(node)
        else:
            self._open[-1].parts.append(node)
        self._open.append(node)

    def characters(self, text: str) -> None:
        """Text of the element that is open."""
        if self._text is not None:
            self._text.append(text)
            self._text_size += len(text)
            if self._text_size > MOST_TEXT:
                raise Refused("too_large_text")

    def end(self, tag: str) -> None:
        """An element closes."""
        name = self._path.pop()
        parent = self._path[-1] if self._path else ""
        text = "".join(self._text).strip() if self._text is not None and name in _TEXTS else ""
        if name in _TEXTS:
            self._text = None
        if name == "Placemark":
            self._finish()
        elif name in ("Folder", "Document"):
            self._folders.pop()
        elif name == "name" and parent in ("Folder", "Document"):
            self._folders[-1] = text
        elif self._values is not None:
            self._inside(self._values, name, parent, text)

    def _inside(self, values: dict[str, Any], name: str, parent: str, text: str) -> None:
        if name in _SHAPES and self._open:
            self._open.pop()
        elif name == "coordinates" and self._open:
            self._open[-1].coordinates = text
        elif name == "coord" and self._open:
            self._open[-1].coordinates = f"{self._open[-1].coordinates or ''} {','.join(text.split())}"
        elif parent == "Placemark" and name in ("name", "description", "address", "snippet"):
            values[name] = text
        elif (name == "value" and parent == "Data" and self._key) or (name == "SimpleData" and self._key):
            values[self._key] = text

    def _finish(self) -> None:
        at = len(self.shapes)
        self.job.check_rows(at + 1)
        values = self._values or {}
        if folder := "/".join(name for name in self._folders[1:] if name):
            values.setdefault("folder", folder)
        for key, value in values.items():
            self.columns.setdefault(key, {})[at] = value
        self.job.check_columns(len(self.columns))
        builder, shape = Builder(), None
        try:
            made = [self._made(builder, node) for node in self._found]
            shape = made[0] if len(made) == 1 else _collected(made) if made else None
        except Bad as bad:
            self.problems[at] = bad.problem
        if shape is not None and builder.unclosed:
            self.problems[at] = Problem("unclosed_ring", {"rings": builder.unclosed}, shape, ("close_ring",))
            shape = None
        self.shapes.append(shape)
        self._values = None

    def _made(self, builder: Builder, node: _Node) -> BaseGeometry:
        if node.kind == "MultiGeometry":
            return _collected([self._made(builder, part) for part in node.parts])
        if node.kind == "Polygon":
            rings = [self._positions(ring) for ring in (*node.outer[:1], *node.inner)]
            return builder.polygon(rings if node.outer else [])
        points = self._positions(node)
        if node.kind == "Point":
            return builder.point(points[0] if points else [])
        if node.kind == "LinearRing":
            return builder.polygon([points])
        return builder.line(points)

    def _positions(self, node: _Node) -> list[list[float]]:
        try:
            points = [[float(number) for number in one.split(",") if number] for one in _tuples(node.coordinates or "")]
        except ValueError:
            raise Bad("coordinates_unreadable") from None
        self._vertices += len(points)
        self.job.check_vertices(self._vertices)
        return points


def _tuples(text: str) -> list[str]:
    """Single positions; a blank after a comma, which many write, does not part them."""
    return text.replace(", ", ",").replace(" ,", ",").split()


def _collected(shapes: list[BaseGeometry]) -> BaseGeometry:
    """One shape of several: of one kind as that kind's multi-shape."""
    kinds = {shape.geom_type.removeprefix("Multi") for shape in shapes}
    parts = [part for shape in shapes for part in shapely.get_parts(shape)]
    for kind, collect in (
        ("Point", shapely.MultiPoint),
        ("LineString", shapely.MultiLineString),
        ("Polygon", shapely.MultiPolygon),
    ):
        if kinds == {kind}:
            return collect([part for part in parts if not part.is_empty])
    return shapely.GeometryCollection(parts)


def read_kml(job: Job) -> list[RawLayer]:
    """All placemarks as one layer; the folders they lie in become the column ``folder``."""
    layer_name, path = job.files[0]
    reader = KmlReader(job)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise Refused("broken_xml", line=error.lineno) from None
    except (LookupError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("no_encoding") from None
    count = len(reader.shapes)
    shapes = empty_shapes(count)
    shapes[:] = reader.shapes
    layer = RawLayer(
        layer_name,
        shapes,
        {name: [values.get(i) for i in range(count)] for name, values in reader.columns.items()},
        row_numbers(count),
        problems=reader.problems,
        crs="OGC:CRS84",
        crs_by_standard=True,
    )
    if reader.links:
        layer.notes.append(("links_not_followed", {"count": reader.links}))
    return [layer]


def _no_doctype(*_arguments: object) -> None:
    raise Refused("doctype")
