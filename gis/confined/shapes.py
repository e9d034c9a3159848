"""Shapes from lists of positions, told apart from those that only look like one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.confined.raw import Problem

Floats = NDArray[np.float64]


class Bad(ValueError):
    """These positions make no shape.

    Parameters
    ----------
    reason : str
        Key of :mod:`gis.formats.reasons`.
    """

    def __init__(self, reason: str, **detail: object) -> None:
        super().__init__(reason)
        self.problem = Problem(reason, detail)


class Builder:
    """Makes one shape, remembering what had to be mended on the way: ask :attr:`unclosed` afterwards."""

    def __init__(self) -> None:
        self.unclosed = 0

    def point(self, position: Any) -> BaseGeometry:
        """A point of one position; an empty one of none."""
        if isinstance(position, Sequence) and not len(position):
            return shapely.Point()
        return shapely.Point(positions([position])[0])

    def line(self, given: Any) -> BaseGeometry:
        """A line of at least two positions."""
        points = positions(given)
        if not len(points):
            return shapely.LineString()
        if len(points) < 2:
            raise Bad("line_too_short")
        return shapely.LineString(points)

    def ring(self, given: Any) -> Floats:
        """A ring's positions, shape (n, 2 or 3), closed here if it is not."""
        points = positions(given)
        if len(points) and not np.array_equal(points[0, :2], points[-1, :2]):
            self.unclosed += 1
            points = np.vstack([points, points[:1]])
        if 0 < len(points) < 4:
            raise Bad("ring_too_short")
        return points

    def polygon(self, rings: Any) -> BaseGeometry:
        """A polygon of an outer ring and holes; an empty one of no rings."""
        closed = [self.ring(ring) for ring in _listed(rings)]
        if not closed or not len(closed[0]):
            return shapely.Polygon()
        if len({ring.shape[1] for ring in closed}) > 1:
            closed = [ring[:, :2] for ring in closed]
        return shapely.Polygon(closed[0], [ring for ring in closed[1:] if len(ring)])

    def many(self, kind: Callable[[Any], BaseGeometry], collect: type[BaseGeometry], given: Any) -> BaseGeometry:
        """A multi-shape of what ``kind`` makes of each part."""
        return collect([part for part in map(kind, _listed(given)) if not part.is_empty])


def _listed(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise Bad("coordinates_unreadable")
    return value


def positions(given: Any) -> Floats:
    """Positions as an array of shape (n, 2) or (n, 3); a fourth number is left out.

    Raises
    ------
    Bad
        Something is no number, a position has fewer than two, or one is not finite.
    """
    given = _listed(given)
    if not given:
        return np.empty((0, 2))
    try:
        points = np.array(given)
    except ValueError:
        # Positions of two and of three numbers side by side: heights that only some have are not usable.
        try:
            points = np.array([[position[0], position[1]] for position in given])
        except (TypeError, IndexError, KeyError, ValueError):
            raise Bad("coordinates_unreadable") from None
    if points.ndim != 2 or points.shape[1] < 2 or points.dtype.kind not in "iuf":
        raise Bad("coordinates_unreadable")
    points = points[:, :3].astype(np.float64)
    if not np.isfinite(points[:, :2]).all():
        raise Bad("not_finite")
    if points.shape[1] == 3 and not np.isfinite(points[:, 2]).all():
        points = points[:, :2]
    return points
