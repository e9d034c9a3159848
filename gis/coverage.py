"""Districts and their like: which one of them holds each of very many points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.cells import OUTSIDE, UNSURE, CellMap
from gis.fences import FenceIndex

DEPTH = 9
"""Of a city of 120 km, cells of 230 m: some three of a hundred points are near a boundary."""


class Coverage:
    """An index of polygons behind a map of cells. It answers as the index does; the more points, the sooner.

    Parameters
    ----------
    index : FenceIndex
        Without height ranges.

    Attributes
    ----------
    cells : CellMap
        Which polygon holds each cell.
    """

    def __init__(self, index: FenceIndex) -> None:
        self._index = index
        self.cells = CellMap.build(index.ids, index.polygons, DEPTH)

    def locate_one(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int64]:
        """As :meth:`gis.fences.FenceIndex.locate_one`: int64[n], -1 where no polygon is."""
        x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        found = self.cells.at(x, y)
        unsure = np.flatnonzero(found == UNSURE)
        if len(unsure):
            found[unsure] = self._index.locate_one(x[unsure], y[unsure])
        found[found == OUTSIDE] = -1
        return found
