"""Looks at every shape: what can be used, what cannot and why, what could be mended."""

from __future__ import annotations

import re

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.confined.raw import Problem, RawLayer

POLYGONS = frozenset({"Polygon", "MultiPolygon"})
_WHY = re.compile(r"\s*(?P<what>[^\[]+?)\s*(?:\[(?P<x>\S+) (?P<y>\S+).*\])?\s*")
# GEOS's words for what is wrong with a polygon.
_CROSSING = frozenset({"Self-intersection", "Ring Self-intersection"})


def examine(layer: RawLayer) -> None:
    """Add a problem for each row whose shape cannot be used, and notes about what all can know.

    Reasons: ``no_geometry``, ``empty_geometry``, ``not_finite``, ``collection``, ``self_crossing``,
    ``invalid_shape``; the repair of the last two is what GEOS calls the *structure* method, offered where it leaves
    a polygon.
    """
    for i, shape in enumerate(layer.shapes):
        if i in layer.problems:
            continue
        if shape is None:
            layer.problems[i] = Problem("no_geometry")
        elif shape.is_empty:
            layer.problems[i] = Problem("empty_geometry")
        elif shape.geom_type == "GeometryCollection":
            layer.problems[i] = Problem("collection")
    _not_finite(layer)
    _invalid(layer)
    _mended_again(layer)
    _notes(layer)


def _open_rows(layer: RawLayer) -> np.ndarray:
    return np.array([i for i in range(len(layer.shapes)) if i not in layer.problems], dtype=np.int64)


def _not_finite(layer: RawLayer) -> None:
    at = _open_rows(layer)
    points, owner = shapely.get_coordinates(layer.shapes[at], return_index=True)
    for i in np.unique(owner[~np.isfinite(points).all(axis=1)]):
        layer.problems[int(at[i])] = Problem("not_finite")


def _invalid(layer: RawLayer) -> None:
    at = _open_rows(layer)
    for i in at[~shapely.is_valid(layer.shapes[at])]:
        layer.problems[int(i)] = problem_of(layer.shapes[i])


def problem_of(shape: BaseGeometry, before: tuple[str, ...] = ()) -> Problem:
    """What is wrong with an invalid shape; ``before``: repairs it has had already."""
    match = _WHY.fullmatch(shapely.is_valid_reason(shape))
    what, x, y = (match["what"], match["x"], match["y"]) if match else ("", None, None)
    detail: dict[str, object] = {"x": x or "", "y": y or ""}
    fixed = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if fixed.is_empty or fixed.geom_type not in POLYGONS:
        return Problem("self_crossing" if what in _CROSSING else "invalid_shape", detail | {"why": what})
    detail |= {"before_area": float(shapely.area(shape)), "after_area": float(shapely.area(fixed))}
    reason = "self_crossing" if what in _CROSSING else "invalid_shape"
    return Problem(reason, detail | {"why": what}, fixed, (*before, "make_valid"))


def _mended_again(layer: RawLayer) -> None:
    """A closed ring may cross itself, too: then the offer is both repairs, or none."""
    for i, problem in layer.problems.items():
        if problem.fixes != ("close_ring",) or problem.fixed is None:
            continue
        if problem.fixed.is_empty:
            layer.problems[i] = Problem(problem.reason, problem.detail)
        elif not problem.fixed.is_valid:
            both = problem_of(problem.fixed, problem.fixes)
            layer.problems[i] = Problem(problem.reason, problem.detail, both.fixed, both.fixes)


def _notes(layer: RawLayer) -> None:
    at = _open_rows(layer)
    shapes = layer.shapes[at]
    if heights := int(shapely.has_z(shapes).sum()):
        z = shapely.get_coordinates(shapes, include_z=True)[:, 2]
        z = z[np.isfinite(z)]
        if len(z):
            layer.notes.append(("heights", {"count": heights, "low": float(z.min()), "high": float(z.max())}))
    if measures := int(shapely.has_m(shapes).sum()):
        layer.notes.append(("measures", {"count": measures}))
